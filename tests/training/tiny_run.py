"""A whole small run, as a recipe makes it: frozen trunk, dropout, shuffled buckets, validation each
epoch, early stopping, a schedule. Imported by the tests, and run as a script to be killed.

    python tiny_run.py FOLDER [--resume] [--kill WHERE]

WHERE is a step ("5": when it is done), "epoch2" (when its validation is done), "writing3" (while
the third checkpoint of this process is written, after its tensors) or "end" (after the last epoch).
FOLDER/result.npz gets the losses and weights of a run that ends.
"""

import argparse
import os
import signal
from pathlib import Path

import keras
import numpy as np

from kerasft import storage, training
from kerasft.data.batches import BucketedBatches
from kerasft.training import variables

ROWS, CLASSES, BATCH_SIZE, WORDS = 52, 3, 8, 40
STEPS = 7
EPOCHS = 4


def batches(rows: int = ROWS, *, shuffle: bool = True, seed: int = 3) -> BucketedBatches:
    rng = np.random.default_rng(rows)
    labels = rng.integers(0, CLASSES, rows)
    texts = [rng.integers(4, WORDS, rng.integers(3, 24)) for _ in range(rows)]
    for text, label in zip(texts, labels, strict=True):
        text[:3] = label + 1  # something to learn
    return BucketedBatches(
        texts,
        labels,
        batch_size=BATCH_SIZE,
        pad_id=0,
        max_length=24,
        shuffle=shuffle,
        seed=seed,
        bucket_count=2,
    )


def build(dropout: float = 0.2, *, peak: float = 2e-2, epochs: int = EPOCHS) -> keras.Model:
    """An embedding, two dense layers with dropout; the embedding and the first are frozen."""
    keras.utils.set_random_seed(0)
    tokens = keras.Input((None,), dtype="int32", name="token_ids")
    mask = keras.Input((None,), dtype="bool", name="padding_mask")
    hidden = keras.layers.Embedding(WORDS, 16, name="embedding")(tokens)
    hidden = keras.layers.Dense(16, activation="relu", name="trunk")(hidden)
    hidden = keras.layers.Dropout(dropout, name="drop_1")(hidden)
    hidden = keras.layers.Dense(16, activation="tanh", name="adapter")(hidden)
    weight = keras.ops.cast(mask, "float32")[:, :, None]
    pooled = keras.ops.sum(hidden * weight, 1) / keras.ops.sum(weight, 1)
    pooled = keras.layers.BatchNormalization(name="norm", momentum=0.9)(pooled)
    pooled = keras.layers.Dropout(dropout, name="drop_2")(pooled)
    logits = keras.layers.Dense(CLASSES, name="head")(pooled)
    model = keras.Model({"token_ids": tokens, "padding_mask": mask}, logits)
    for name in ("embedding", "trunk"):
        for variable in model.get_layer(name).variables:
            variable.trainable = False
    schedule = training.WarmupLinearDecay(peak, total_steps=epochs * STEPS, warmup_steps=4)
    model.compile(
        keras.optimizers.AdamW(schedule, clipnorm=1.0),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        weighted_metrics=[keras.metrics.SparseCategoricalAccuracy(name="accuracy")],
    )
    return model


def run(
    folder: Path,
    *,
    resume: bool = False,
    dropout: float = 0.2,
    peak: float = 2e-2,
    epochs: int = EPOCHS,
    patience: int = 2,
    every_steps: int = 3,
    more_callbacks: tuple = (),
    trackers: tuple = (),
    finish: bool = False,
) -> tuple[keras.Model, training.History, training.EarlyStopping]:
    model, train = build(dropout, peak=peak), batches()
    assert len(train) == STEPS
    validation = batches(20, shuffle=False)
    history = training.History(trackers)
    stopping = training.EarlyStopping(patience)
    resuming = training.Resume(
        model, train, folder / "run.checkpoint", seed=7, every_steps=every_steps, enabled=resume,
        fingerprint={"peak": peak, "sizes": (1, 2)}, stateful=[history, stopping],
    )  # fmt: skip
    for part in resuming.parts(epochs):
        model.fit(
            part.batches, initial_epoch=part.first, epochs=part.last, validation_data=validation,
            callbacks=[resuming.callback, history, stopping, *more_callbacks], verbose=0,
        )  # fmt: skip
    stopping.restore(model)
    history.close()
    if finish:
        resuming.finish()
    return model, history, stopping


def result(model: keras.Model, history: training.History) -> dict[str, np.ndarray]:
    """Everything that must be the same to the last bit: losses, logs, weights, optimizer."""
    logs = {
        f"epoch {epoch['epoch']} {name}": np.array(value)
        for epoch in history.epochs
        for name, value in epoch.items()
    }
    return {
        "losses": np.array(history.losses),
        **logs,
        **{f"weight {i}": np.array(w) for i, w in enumerate(model.get_weights())},
        **variables.read(variables.changing_variables(model)),
        **variables.read(variables.optimizer_variables(model.optimizer)),
    }


class Kill(keras.callbacks.Callback):
    """Ends the process as a power cut would."""

    def __init__(self, where: str, history_steps: int = 0):
        super().__init__()
        self.where = where
        if where.startswith("writing"):
            self._kill_while_writing(int(where.removeprefix("writing")))

    def on_train_batch_end(self, batch, logs=None):
        if str(int(keras.ops.convert_to_numpy(self._steps_done()))) == self.where:
            kill()

    def on_epoch_end(self, epoch, logs=None):
        if self.where == f"epoch{epoch + 1}":
            kill()

    def on_train_end(self, logs=None):
        if self.where == "end":
            kill()

    def _steps_done(self):
        if keras.backend.backend() == "jax":  # the optimizer's variables are empty meanwhile
            return self.model._jax_state["optimizer_variables"][0]
        return self.model.optimizer.iterations

    def _kill_while_writing(self, number: int) -> None:
        write_json, count = storage.write_json, [0]

        def write(path, obj):
            count[0] += 1
            if count[0] == number:
                Path(path).write_text('{"half":')
                kill()
            write_json(path, obj)

        storage.write_json = write


def kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--kill", default="")
    options = parser.parse_args()
    model, history, stopping = run(
        options.folder, resume=options.resume, more_callbacks=(Kill(options.kill),)
    )
    facts = {"best_epoch": np.array(stopping.best_epoch)}
    np.savez(options.folder / "result.npz", **result(model, history), **facts)


if __name__ == "__main__":
    main()
