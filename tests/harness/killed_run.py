"""A whole small run, as a recipe makes it: LoRA on a frozen backbone, dropout, shuffled buckets,
validation each epoch, early stopping, a schedule. The tests run it as a script, to be killed.

    python killed_run.py FOLDER [--resume] [--kill WHERE] [--dropout RATE] [--keep STEP]

WHERE is a step ("5": when it is done), "epoch2" (when its validation is done), or "writing3" (while
the third checkpoint of this process is written, after its tensors). --keep copies the checkpoint
that is there at the end of STEP to FOLDER/kept. A run that ends writes FOLDER/result.npz.
"""

import argparse
import os
import random
import shutil
import signal
from pathlib import Path

import keras
import numpy as np

from kerasft import peft, storage, training
from kerasft.architectures import Classifier, EncoderArguments
from kerasft.data.batches import BucketedBatches
from kerasft.training import variables

CLASSES, WORDS = 3, 40
EPOCHS, STEPS = 4, 7


def batches(rows: int, *, shuffle: bool, bucket_count: int) -> BucketedBatches:
    rng = np.random.default_rng(rows)
    labels = rng.integers(0, CLASSES, rows)
    texts = [rng.integers(4, WORDS, rng.integers(3, 24)) for _ in range(rows)]
    for text, label in zip(texts, labels, strict=True):
        text[:3] = label + 1  # something to learn
    return BucketedBatches(
        texts, labels, batch_size=8, pad_id=0, max_length=24, shuffle=shuffle, seed=3,
        bucket_count=bucket_count,
    )  # fmt: skip


def build(dropout: float) -> keras.Model:
    """A one-layer DistilBERT with LoRA, the same on every backend."""
    random.seed(0)  # for the seed generators; keras.utils.set_random_seed would import TensorFlow
    arguments = EncoderArguments(
        vocab_size=WORDS, num_layers=1, num_heads=2, hidden_size=16, intermediate_size=32,
        max_length=24, dropout=dropout,
    )  # fmt: skip
    model = Classifier("distilbert", arguments, CLASSES)
    rng = np.random.default_rng(0)
    for weight in model.weights:
        weight.assign(rng.normal(scale=0.2, size=weight.shape))
    if not dropout:
        for layer in model._flatten_layers():
            if isinstance(layer, keras.layers.Dropout):
                layer.rate = 0.0  # the head's own
    lora = peft.LoRAConfig(
        targets=("query", "value"), rank=4, dropout=dropout, modules_to_save=model.head_layers
    )
    peft.apply(model, lora)
    schedule = training.WarmupLinearDecay(2e-2, total_steps=EPOCHS * STEPS, warmup_steps=4)
    model.compile(
        keras.optimizers.AdamW(schedule, clipnorm=1.0),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        weighted_metrics=[keras.metrics.SparseCategoricalAccuracy(name="accuracy")],
    )
    return model


def result(
    model: keras.Model, history: training.History, stopping: training.EarlyStopping
) -> dict[str, np.ndarray]:
    """Everything that must be the same to the last bit: losses, logs, weights, optimizer."""
    logs = {
        f"epoch {epoch['epoch']} {name}": np.array(value)
        for epoch in history.epochs
        for name, value in epoch.items()
    }
    return {
        **logs,
        **variables.read(variables.changing_variables(model)),
        **variables.read(variables.optimizer_variables(model.optimizer)),
        **{f"weight {i}": np.array(weight) for i, weight in enumerate(model.get_weights())},
        "losses": np.array(history.losses),
        "best": np.array([stopping.best, stopping.best_epoch, stopping.waited]),
    }


class Events(keras.callbacks.Callback):
    """Ends the process as a power cut would, or keeps a copy of the checkpoint."""

    def __init__(self, folder: Path, history: training.History, kill: str, keep: int):
        super().__init__()
        self.folder, self.history, self.kill, self.keep = folder, history, kill, keep
        if kill.startswith("writing"):
            _kill_while_writing(int(kill.removeprefix("writing")))

    def on_train_batch_end(self, batch, logs=None):
        step = len(self.history.losses)
        if str(step) == self.kill:
            _kill()
        if step == self.keep:
            shutil.copytree(self.folder / "run.checkpoint", self.folder / "kept")

    def on_epoch_end(self, epoch, logs=None):
        if self.kill == f"epoch{epoch + 1}":
            _kill()


def _kill_while_writing(number: int) -> None:
    write_json, count = storage.write_json, [0]

    def write(path, obj):
        count[0] += 1
        if count[0] == number:
            Path(path).write_text('{"half":')
            _kill()
        write_json(path, obj)

    storage.write_json = write


def _kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--kill", default="")
    parser.add_argument("--dropout", type=float, default=0.1)
    parser.add_argument("--keep", type=int, default=0)
    options = parser.parse_args()

    train = batches(52, shuffle=True, bucket_count=2)
    validation = batches(20, shuffle=False, bucket_count=1)
    assert len(train) == STEPS and len(train.shapes) == 2
    model = build(options.dropout)
    history = training.History()
    stopping = training.EarlyStopping(patience=2)
    events = Events(options.folder, history, options.kill, options.keep)
    run = training.Resume(
        model, train, options.folder / "run.checkpoint", seed=7, fingerprint={"data": "tiny"},
        every_steps=3, enabled=options.resume, stateful=[history, stopping],
    )  # fmt: skip
    for part in run.parts(EPOCHS):
        model.fit(
            part.batches, initial_epoch=part.first, epochs=part.last, validation_data=validation,
            callbacks=[run.callback, history, stopping, events], verbose=0,
        )  # fmt: skip
    stopping.restore(model)
    np.savez(options.folder / "result.npz", **result(model, history, stopping))


if __name__ == "__main__":
    main()
