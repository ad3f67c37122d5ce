"""Logging to Weights & Biases, online or offline."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kerasft.errors import ConfigError
from kerasft.training.state_reader import StateReader

INIT_TIMEOUT_S = 20.0


class WandB:
    """Logs a run to Weights & Biases; a resumed run continues under the same id.

    With `WANDB_MODE=offline` (or `mode="offline"`) no account and no network is needed: the run
    lies in `DIRECTORY/wandb/offline-run-...`, and `wandb sync` sends it later. Nobody is ever asked
    for a login; online without one is an error before the training.

    A run that was killed logs the steps after its last checkpoint twice, with the same values. W&B
    keeps the first of them.

    Example:
        >>> history = History(trackers=[WandB(config={"learning_rate": 2e-3}, mode="offline")])
        >>> model.fit(batches, epochs=3, callbacks=[history])
        >>> history.close()
    """

    name = "wandb"

    def __init__(
        self,
        project: str = "kerasft",
        *,
        run_name: str | None = None,
        config: Mapping[str, Any] | None = None,
        directory: str | Path = ".",
        mode: str | None = None,
    ):
        """Checks the package and the login; the run begins with the training.

        Args:
            project: W&B project.
            run_name: The run's name there; W&B makes one up if not given.
            config: Stored with the run.
            directory: Where W&B's own folder `wandb` goes; made if missing.
            mode: "online", "offline" or "disabled"; `WANDB_MODE` and W&B's settings decide if not
                given.

        Raises:
            ConfigError: The `wandb` package is not installed, a variable such as `WANDB_MODE` has a
                value that W&B does not know, or the mode is online and there is no valid login.
        """
        try:
            import wandb
        except ImportError as error:
            raise ConfigError(
                "Weights & Biases needs the wandb package: `pip install 'kerasft[tracking]'`."
            ) from error
        self._wandb = wandb
        try:
            self._mode = mode or wandb.setup().settings.mode
        except Exception as error:  # each setting is checked by a library that W&B may change
            raise ConfigError(
                f"Weights & Biases does not understand its settings ({_reason(error)}); look at "
                "the variables that begin with WANDB_, such as WANDB_MODE."
            ) from error
        self._options: dict[str, Any] = {
            "project": project,
            "name": run_name,
            "config": dict(config or {}),
            "mode": self._mode,
        }
        self._directory = Path(directory)
        self._id: str | None = None
        self._run: Any = None
        if self._mode in ("online", "shared", "run") and not self._has_login():
            raise ConfigError(
                "Weights & Biases has no login: run `wandb login`, set WANDB_API_KEY, or set "
                "WANDB_MODE=offline to log without an account."
            )

    def start(self, step: int) -> None:
        """Begins the run, or goes on with the one whose id the checkpoint kept.

        Raises:
            ConfigError: W&B cannot be reached, or refuses the login or a setting.
        """
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            self._run = self._wandb.init(
                **self._options,
                dir=self._directory,
                id=self._id,
                resume="allow",
                settings=self._wandb.Settings(console="off", init_timeout=INIT_TIMEOUT_S),
            )
        except Exception as error:  # its own, those of its settings, of the network, ...
            raise ConfigError(
                f"Weights & Biases could not start the run ({_reason(error)}); WANDB_MODE=offline "
                "logs without a network."
            ) from error
        self._id = self._run.id

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Logs the values; further values of the same step join them."""
        if self._run:
            self._run.log(dict(values), step=step)

    def close(self) -> None:
        """Ends the run and waits until its files are written (online: sent)."""
        if self._run:
            self._run.finish()
            self._run = None

    def get_state(self) -> dict[str, Any]:
        """The run's id."""
        return {"id": self._id}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Takes the run's id back.

        Raises:
            BrokenState: It is none.
        """
        reader = StateReader(state, self.name)
        self._id = None if reader.is_null("id") else reader.text("id")

    def _has_login(self) -> bool:
        try:
            return bool(self._wandb.login(prompt=False, verify=False))
        except self._wandb.Error as error:
            raise ConfigError(f"Weights & Biases refuses the login: {error}") from error


def _reason(error: Exception) -> str:
    """The first thing that is wrong, on one line. No value of a setting, which may be a key."""
    if hasattr(error, "errors"):  # pydantic's
        wrong = error.errors()[0]
        return f"{'.'.join(map(str, wrong['loc']))}: {wrong['msg']}"
    lines = str(error).strip().splitlines()
    return lines[0][:200] if lines else type(error).__name__
