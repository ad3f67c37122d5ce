"""How much one server takes on: the bounds of a request, of the queue and of the connections."""

from dataclasses import dataclass, fields

from kerasft.errors import ConfigError


@dataclass(frozen=True)
class Limits:
    """Bounds of the server; every one of them is answered with a clear 4xx or 503.

    Attributes:
        max_body_bytes: Largest request body, counted while it arrives. 413 beyond.
        max_texts: Most texts in one request. 422 beyond.
        max_characters: Longest text, in characters (code points). 422 beyond. What the model itself
            cuts is another matter: it is answered with `"cut": true`.
        max_requests: Most prediction requests at once whose bodies are there: one is computed, the
            others wait. 503 with Retry-After beyond.
        max_uploads: Most bodies that arrive at once. Beyond, the one that began first is answered
            with 503 and Retry-After.
        max_upload_bytes: Most bytes that they may hold together; likewise beyond.
        max_connections: Most connections that are open at once. Beyond, the one for whose client
            the server has waited longest is closed.
        wait_seconds: Longest wait for the model. 503 with Retry-After beyond.
        read_seconds: Longest time that the head of a request, and then its body, may take to
            arrive (408 beyond), and that a client may take to read an answer (closed beyond).

    Raises:
        ConfigError: A bound is not positive, or two of them do not go together.
    """

    max_body_bytes: int = 1_000_000
    max_texts: int = 256
    max_characters: int = 20_000
    max_requests: int = 32
    max_uploads: int = 256
    max_upload_bytes: int = 64_000_000
    max_connections: int = 1_000
    wait_seconds: float = 30.0
    read_seconds: float = 10.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            # `not >` rather than `<=`: NaN is refused as well.
            if not value > 0 or value == float("inf"):
                raise ConfigError(f"--{field.name} must be a positive number, not {value}.")
        if self.max_upload_bytes < self.max_body_bytes:
            raise ConfigError(
                f"--max_upload_bytes {self.max_upload_bytes} has no room for one body of "
                f"--max_body_bytes {self.max_body_bytes}; make it at least as large."
            )
