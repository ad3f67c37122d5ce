"""What `History` needs of a place that runs are logged to."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from kerasft import storage


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


def trackers(output: Path, options: Mapping[str, Any]) -> list[Tracker]:
    """The trackers that a recipe's options ask for; nothing is written yet.

    Args:
        output: The folder that the run saves; event files go to `<output>.tensorboard`.
        options: The recipe's options, `tensorboard` and `wandb` among them; logged with the run.

    Raises:
        ConfigError: A package is missing, or W&B has no login.
    """
    from kerasft.training.tensorboard import TensorBoard
    from kerasft.training.wandb import WandB

    # Trackers write UTF-8, but paths need not be.
    options = {
        name: storage.utf8(value) if isinstance(value, str) else value
        for name, value in options.items()
    }
    chosen: list[Tracker] = []
    if options["tensorboard"]:
        chosen.append(TensorBoard(f"{output}.tensorboard", options))
    if options["wandb"]:
        chosen.append(WandB(run_name=storage.utf8(output.name), config=options))
    return chosen
