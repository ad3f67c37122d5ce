"""The validation loss of each task: means over real tokens."""

import keras
import numpy as np
import pytest
from keras import ops

from harness import text_models
from kerasft import training
from kerasft.tasks.text_to_text.losses import TaskLosses
from kerasft.tasks.text_to_text.mixture import MixtureBatches, TaskRows


def batches(rows: slice, batch_size: int = 2) -> MixtureBatches:
    tokenizer = text_models.tokenizer()
    sources = tokenizer.encode(text_models.SOURCES[rows], 48).token_ids
    targets = tokenizer.encode(text_models.TARGETS[rows], 24).token_ids
    task = TaskRows(sources, targets)
    options = {"cap": 9, "pad_id": 0, "start_id": 0, "seed": 0}
    return MixtureBatches({"x": task}, batch_size=batch_size, **options)


def by_hand(model, rows: slice) -> tuple[float, int]:
    """The sum of -log p over real tokens, one text at a time, and their number."""
    total, count = 0.0, 0
    alone = batches(rows, batch_size=1)
    for index in range(len(alone)):
        inputs, labels, weights = alone.batch(0, index)
        logits = ops.convert_to_numpy(model(inputs, training=False)).astype("float64")
        log_probs = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
        picked = np.take_along_axis(log_probs, labels[..., None], -1)[..., 0]
        total, count = total - float((picked * weights).sum()), count + int(weights.sum())
    return total, count


def test_losses_are_means_over_tokens_and_stand_in_the_logs():
    model = text_models.build()
    loss = training.LabelSmoothedCrossEntropy(0.0, from_logits=True)
    model.compile(keras.optimizers.SGD(0.0), loss)
    tasks = {"topics": slice(0, 2), "all": slice(0, 4)}
    losses = TaskLosses(model, {name: batches(r) for name, r in tasks.items()}, loss)
    history = training.History()
    model.fit(batches(slice(0, 4)), epochs=2, verbose=0, callbacks=[losses, history])
    sums = {name: by_hand(model, rows) for name, rows in tasks.items()}
    for epoch in history.epochs:
        for name, (total, count) in sums.items():
            assert epoch[f"val_loss_{name}"] == pytest.approx(total / count, rel=1e-4)
        mean = sum(t for t, _ in sums.values()) / sum(c for _, c in sums.values())
        assert epoch["val_loss"] == pytest.approx(mean, rel=1e-4)


def test_later_weights_are_seen():
    model = text_models.build()
    loss = training.LabelSmoothedCrossEntropy(0.0, from_logits=True)
    losses = TaskLosses(model, {"x": batches(slice(0, 4))}, loss)
    before = losses.measure()["val_loss_x"]
    model.compile(keras.optimizers.Adam(0.01), loss)
    model.fit(batches(slice(0, 4)), epochs=3, verbose=0, callbacks=[losses])
    assert losses.measure()["val_loss_x"] < before
