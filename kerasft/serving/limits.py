"""The limits of a server: of a request, of the queue and of the connections."""

from dataclasses import dataclass, field, fields
from typing import Any

from kerasft.errors import ConfigError


def _bound(default: float, description: str) -> Any:
    return field(default=default, metadata={"description": description})


@dataclass(frozen=True)
class Limits:
    """The limits of the server; beyond each, the answer is a clear 4xx or 503.

    Raises:
        ConfigError: A bound is not positive, or two of them do not go together.
    """

    max_body_bytes: int = _bound(1_000_000, "Largest request body in bytes, else 413.")
    max_texts: int = _bound(256, "Most texts in one request, else 422.")
    max_characters: int = _bound(20_000, "Longest text in characters, else 422.")
    max_requests: int = _bound(
        32,
        "Most prediction requests at once: one is computed, the others wait; else 503.",
    )
    max_uploads: int = _bound(
        256, "Most request bodies being received at once; beyond, the oldest gets 503."
    )
    max_upload_bytes: int = _bound(64_000_000, "Most bytes of these bodies together; likewise.")
    max_connections: int = _bound(
        1_000, "Most connections at once; beyond, the longest idle one is closed."
    )
    wait_seconds: float = _bound(30.0, "Longest wait for the model, else 503.")
    read_seconds: float = _bound(
        10.0, "Longest time to receive a request, else 408; or to send an answer."
    )

    def __post_init__(self) -> None:
        for bound in fields(self):
            value = getattr(self, bound.name)
            # `not >` rather than `<=`: NaN is refused as well.
            if not value > 0 or value == float("inf"):
                raise ConfigError(f"--{bound.name} must be a positive number, not {value}.")
        if self.max_upload_bytes < self.max_body_bytes:
            raise ConfigError(
                f"--max_upload_bytes {self.max_upload_bytes} has no room for one body of "
                f"--max_body_bytes {self.max_body_bytes}; make it at least as large."
            )
