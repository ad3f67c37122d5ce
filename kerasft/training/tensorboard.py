"""TensorBoard's event files, written without TensorFlow."""

import errno
import io
import os
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from kerasft.errors import ConfigError


class TensorBoard:
    """Logs a run to event files that TensorBoard shows: `tensorboard --logdir DIRECTORY`.

    Each process writes a file of its own. One that starts at step s, in a directory that has files
    already, tells TensorBoard to forget what they say of steps after s: so a resumed run shows each
    step once, and a run that starts anew replaces the one before. All steps count training steps,
    those of the epochs' metrics too.

    The `tensorboard` package is needed, and TensorFlow is never imported: the package's own writer
    would, where it is installed.

    Example:
        >>> history = History(trackers=[TensorBoard("run.tensorboard", {"learning_rate": 2e-3})])
        >>> model.fit(batches, epochs=3, callbacks=[history])
        >>> history.close()
    """

    name = "tensorboard"

    def __init__(self, directory: str | Path, hyperparameters: Mapping[str, Any] | None = None):
        """Checks that the package is there; nothing is written yet.

        Args:
            directory: Where the event files go; made if missing.
            hyperparameters: Shown as a table under "Text".

        Raises:
            ConfigError: The `tensorboard` package is not installed.
        """
        try:
            from tensorboard.compat.proto import event_pb2, summary_pb2, tensor_pb2, types_pb2
            from tensorboard.summary.writer.record_writer import RecordWriter
        except ImportError as error:
            raise ConfigError(
                "TensorBoard's event files need the tensorboard package: "
                "`pip install 'kerasft[tracking]'`."
            ) from error
        self._event, self._summary = event_pb2, summary_pb2
        self._tensor, self._types, self._record_writer = tensor_pb2, types_pb2, RecordWriter
        self._directory = Path(directory)
        self._hyperparameters = dict(hyperparameters or {})
        self._file: io.FileIO | None = None
        self._whole = 0  # bytes of whole records in the file

    def start(self, step: int) -> None:
        """Opens a new event file; see `Tracker.start`.

        Raises:
            ConfigError: The directory cannot be written.
        """
        # TensorBoard reads the files of a directory in the order of their names.
        now = time.time_ns()
        name = f"events.out.tfevents.{now // 10**9:010d}.{now % 10**9:09d}.{socket.gethostname()}"
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            self._file = open(self._directory / name, "wb", buffering=0)  # noqa: SIM115
        except OSError as error:
            raise ConfigError(f"{self._directory} cannot be written: {error.strerror}.") from error
        self._whole = 0
        self._write(file_version="brain.Event:2")
        session = self._event.SessionLog(status=self._event.SessionLog.START)
        self._write(step=step + 1 if step else 0, session_log=session)
        if self._hyperparameters and step == 0:
            self._write(summary=self._summary.Summary(value=[self._text()]))

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Writes the values through to the system, so that a kill loses none of them.

        Raises:
            OSError: They cannot be written; the file ends with the last whole ones.
        """
        value = self._summary.Summary.Value
        summary = self._summary.Summary(
            value=[value(tag=tag, simple_value=number) for tag, number in values.items()]
        )
        self._write(step=step, summary=summary)

    def close(self) -> None:
        """Closes the file; later values are dropped."""
        if self._file:
            self._file.close()
            self._file = None

    def get_state(self) -> dict[str, Any]:
        """Nothing: the directory says it all."""
        return {}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Nothing to take."""

    def _write(self, **fields: Any) -> None:
        if not self._file:
            return
        event = self._event.Event(wall_time=time.time(), **fields)
        record = io.BytesIO()
        self._record_writer(record).write(event.SerializeToString())
        try:
            # One write a record, so that a kill leaves whole ones.
            written = self._file.write(record.getvalue())
            self._file.flush()
            if written < len(record.getvalue()):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError:
            with suppress(OSError):
                self._file.truncate(self._whole)
            raise
        self._whole += written

    def _text(self) -> Any:
        """The hyperparameters as a Markdown table, in the form that the text plugin reads."""
        rows = [f"| {name} | {value} |" for name, value in self._hyperparameters.items()]
        markdown = "\n".join(["| option | value |", "|---|---|", *rows])
        plugin = self._summary.SummaryMetadata.PluginData(plugin_name="text")
        return self._summary.Summary.Value(
            tag="hyperparameters",
            metadata=self._summary.SummaryMetadata(plugin_data=plugin),
            tensor=self._tensor.TensorProto(
                dtype=self._types.DT_STRING, string_val=[markdown.encode()]
            ),
        )
