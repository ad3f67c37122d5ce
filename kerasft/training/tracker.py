"""What `History` needs of a place that runs are logged to."""

from collections.abc import Mapping
from typing import Any, Protocol


class Tracker(Protocol):
    """A place that scalars are logged to while a model trains.

    `History` calls it, so that every tracker gets the same values at the same steps. The calls are
    `start`, then `scalars` many times, then `close`.
    """

    name: str

    def start(self, step: int) -> None:
        """Opens the log before the first step of this process.

        Args:
            step: Steps done before: 0 for a new run, else where the checkpoint stood.
        """

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Logs values by name, after `step` steps."""

    def close(self) -> None:
        """Ends the log; a second call does nothing."""

    def get_state(self) -> dict[str, Any]:
        """What the checkpoint must keep for a resumed run to go on in the same log (JSON)."""

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Takes the state back, before `start`."""
