"""The validation loss of each task at the end of each epoch."""

from collections.abc import Mapping
from typing import Any

import keras

from kerasft import backends
from kerasft.data.adapter import EpochBatches


class TaskLosses(keras.callbacks.Callback):
    """Adds `val_loss` and `val_loss_TASK` to each epoch's logs: means over real tokens.

    It stands in the place of `fit`'s `validation_data`, which knows no tasks. Pass it before the
    callbacks that read the logs (history, early stopping).

    Args:
        batches: Task -> its validation batches, whose epoch 0 has each row once.
        loss: The loss, whose value is the mean over a batch's real tokens.

    Example:
        >>> losses = TaskLosses(model, {"summarize": validation}, loss)
        >>> model.fit(batches, callbacks=[losses, history])
    """

    def __init__(
        self, model: keras.Model, batches: Mapping[str, EpochBatches], loss: keras.losses.Loss
    ) -> None:
        super().__init__()
        self._batches = dict(batches)

        def run(inputs: dict[str, Any]) -> Any:
            texts = {name: inputs[name] for name in ("source_ids", "target_ids")}
            return loss(inputs["labels"], model(texts, training=False), inputs["weights"])

        self._loss = backends.current().compile_function(model, run)

    def measure(self) -> dict[str, float]:
        """The losses by the names of the logs, with the weights as they are."""
        found, total, everything = {}, 0.0, 0.0
        for name, batches in self._batches.items():
            sums = tokens = 0.0
            for index in range(len(batches)):
                inputs, labels, weights = batches.batch(0, index)
                count = float(weights.sum())
                value = self._loss({**inputs, "labels": labels, "weights": weights})
                sums, tokens = sums + float(value) * count, tokens + count
            found[f"val_loss_{name}"] = sums / tokens
            total, everything = total + sums, everything + tokens
        return {"val_loss": total / everything, **found}

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Measures, adds to the logs and prints."""
        backends.current().sync_state(self.model)
        found = self.measure()
        if logs is not None:
            logs.update(found)
        parts = ", ".join(
            f"{name.removeprefix('val_loss_')} {value:.3f}"
            for name, value in found.items()
            if name != "val_loss"
        )
        print(f"\nvalidation loss: {found['val_loss']:.3f} ({parts})")
