"""Batches in `fit`, `evaluate` and `predict`, against the same steps done by hand."""

from collections.abc import Callable, Iterator

import keras
import numpy as np
import pytest

from harness.by_hand import ByHand, StepLosses, make_batches, make_model, make_rows
from kerasft.data.batches import BucketedBatches
from kerasft.errors import ConfigError


class Recorded(BucketedBatches):
    """Batches that write down which of them were made."""

    def __init__(self, *args: object, **options: object):
        super().__init__(*args, **options)
        self.made: list[tuple[int, int]] = []

    def batch(self, epoch: int, index: int) -> tuple:
        self.made.append((epoch, index))
        return super().batch(epoch, index)


class StopAt(keras.callbacks.Callback):
    """Ends `fit` after some steps."""

    def __init__(self, steps: int, by: type[Exception] | None = None):
        super().__init__()
        self.steps, self.by = steps, by

    def on_train_batch_end(self, batch, logs=None):
        self.steps -= 1
        if self.steps == 0:
            if self.by is not None:
                raise self.by
            self.model.stop_training = True


def fit(model: keras.Model, batches: BucketedBatches, epochs: int, *more, **options) -> list[float]:
    """Trains and returns the loss of each step."""
    losses = StepLosses()
    model.fit(batches, epochs=epochs, callbacks=[losses, *more], verbose=0, **options)
    return losses.losses


# Training


@pytest.mark.parametrize("rows", [45, 5], ids="{} rows".format)
def test_fit_equals_a_loop_by_hand(rows):
    _, _, weights = make_rows(rows)
    batches = make_batches(rows, sample_weight=weights)
    hand = ByHand()
    expected = [hand.step(batches.batch(e, i)) for e in range(3) for i in range(len(batches))]
    model = make_model()
    np.testing.assert_allclose(fit(model, batches, 3), expected, rtol=2e-4)
    for ours, theirs in zip(
        model.get_weights(), (hand.embedding, hand.kernel, hand.bias), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, atol=2e-5)
    assert (batches.epoch, batches.first_batch) == (3, 0)


def test_validation_loss_is_the_mean_over_the_rows():
    token_ids, labels, _ = make_rows(45)
    validation = make_batches(45, shuffle=False)
    model, hand = make_model(), ByHand()
    history = model.fit(make_batches(20), epochs=3, validation_data=validation, verbose=0).history
    hand.embedding, hand.kernel, hand.bias = model.get_weights()
    losses, right = [], []
    for ids, label in zip(token_ids, labels, strict=True):
        mask = np.ones((1, len(ids)), bool)
        row = ({"token_ids": ids[None], "padding_mask": mask}, np.array([label]), np.ones(1))
        losses.append(hand.loss(row))
        right.append(hand.forward(row)[1].argmax() == label)
    assert len(history["val_loss"]) == 3
    assert history["val_loss"][-1] == pytest.approx(np.mean(losses), rel=1e-5)
    assert history["val_accuracy"][-1] == pytest.approx(np.mean(right))
    evaluated = model.evaluate(validation, verbose=0, return_dict=True)
    assert evaluated["loss"] == pytest.approx(np.mean(losses), rel=1e-5)


def test_predict_and_unsort():
    token_ids, _, _ = make_rows(45)
    batches = BucketedBatches(
        token_ids, None, batch_size=8, pad_id=0, max_length=40, shuffle=False, seed=0
    )
    model = make_model()
    for _ in range(2):
        logits = batches.unsort(model.predict(batches, verbose=0))
        assert logits.shape == (45, 3)
        for row in (0, 44):
            ids = token_ids[row][None]
            alone = model({"token_ids": ids, "padding_mask": np.ones(ids.shape, bool)})
            np.testing.assert_allclose(logits[row], keras.ops.convert_to_numpy(alone)[0], atol=1e-5)


def test_first_batches_of_one_length_then_others():
    """What breaks a PyDataset on TensorFlow: it learns the shape from the first two batches."""
    batches = make_batches(64, shuffle=False, bucket_count=2)
    lengths = [batch[0]["token_ids"].shape[1] for batch in batches]
    assert lengths[0] == lengths[1] < lengths[-1]
    assert len(fit(make_model(), batches, 2)) == 2 * len(batches)


@pytest.mark.skipif(keras.backend.backend() == "torch", reason="torch does not trace")
def test_nothing_is_traced_again_and_again():
    traces = []
    model = make_model(on_call=lambda: traces.append(None))
    batches, validation = make_batches(64), make_batches(45, shuffle=False)
    fit(model, batches, 2, validation_data=validation)
    after_two = len(traces)
    fit(model, batches, 4, validation_data=validation, initial_epoch=2)
    fit(model, batches, 5, validation_data=validation, initial_epoch=4)
    assert len(traces) == after_two
    # The shapes of both, for training and for validation, and what it takes to build the model.
    assert after_two <= 2 * len(batches.shapes) + 8


def test_on_tensorflow_nothing_goes_through_tf_data():
    batches = make_batches(10)
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        given = batches.get_tf_dataset()
        strategy = tf.distribute.get_strategy()
        assert strategy.experimental_distribute_dataset(given) is given
    for get in ("get_numpy_iterator", "get_tf_dataset", "get_jax_iterator", "get_torch_dataloader"):
        inputs, labels, weights = next(iter(getattr(batches, get)()))
        assert {type(a) for a in (*inputs.values(), labels, weights)} == {np.ndarray}


# Epochs


@pytest.mark.parametrize("rows", [8, 16, 24, 45], ids="{} rows".format)
def test_epochs_advance_by_themselves(rows):
    """One batch an epoch is the hard case: Keras may draw one before the first epoch."""
    batches = make_batches(rows, kind=Recorded)
    model = make_model(eager=True)
    validation = make_batches(8, shuffle=False)
    fit(model, batches, 2, validation_data=validation)
    assert batches.epoch == 2
    fit(model, batches, 3, initial_epoch=2)
    assert batches.epoch == 3
    expected = [(e, i) for e in range(3) for i in range(len(batches))]
    built_first = batches.made[0] == (0, 0) and batches.made[:2] != expected[:2]
    assert batches.made[built_first:] == expected


@pytest.mark.parametrize(("rows", "stop"), [(16, 1), (45, 1), (45, 2), (45, 5)])
def test_a_broken_epoch_goes_on_where_it_was(rows, stop):
    whole = make_batches(rows)
    model = make_model(eager=True)
    expected = fit(model, whole, 3)
    expected_weights = model.get_weights()

    # Some steps of the second epoch, then all objects anew, as after the end of a process.
    steps = len(whole)
    first, model = make_batches(rows), make_model(eager=True)
    losses = fit(model, first, 3, StopAt(steps + stop))
    weights = model.get_weights()

    second, model = make_batches(rows, kind=Recorded), make_model(eager=True)
    model.set_weights(weights)
    second.start_epoch(1, first_batch=stop)
    assert (second.epoch, second.first_batch, second.num_batches) == (1, stop, steps - stop)
    losses += fit(model, second, 2, initial_epoch=1)
    assert (second.epoch, second.first_batch, second.num_batches) == (2, 0, steps)
    losses += fit(model, second, 3, initial_epoch=2)

    np.testing.assert_allclose(losses, expected, rtol=1e-4, atol=1e-5)
    for ours, theirs in zip(model.get_weights(), expected_weights, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)
    assert not [index for epoch, index in second.made if epoch == 1 and index < stop]


def test_an_epoch_that_is_broken_off_is_begun_again():
    batches = make_batches(45, kind=Recorded)
    model = make_model(eager=True)
    with pytest.raises(KeyError):
        fit(model, batches, 2, StopAt(len(batches) + 2, by=KeyError))
    assert (batches.epoch, batches.first_batch) == (1, 0)
    batches.made.clear()
    fit(model, batches, 2, initial_epoch=1)
    assert batches.made == [(1, i) for i in range(len(batches))]


def test_stopping_at_the_very_end_of_an_epoch():
    batches = make_batches(45, kind=Recorded)
    model = make_model(eager=True)
    fit(model, batches, 5, StopAt(2 * len(batches)))
    batches.made.clear()
    fit(model, batches, 3, initial_epoch=2)
    assert batches.made == [(2, i) for i in range(len(batches))]


def test_iterating_changes_nothing():
    batches = make_batches(45, kind=Recorded)
    batches.start_epoch(2, first_batch=1)
    for _ in range(2):
        assert len(list(batches)) == len(batches) - 1
    assert (batches.epoch, batches.first_batch) == (2, 1)

    class Peek(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            list(batches)

    fit(make_model(eager=True), batches, 1, Peek())
    assert (batches.epoch, batches.first_batch) == (3, 0)


@pytest.mark.parametrize(("epoch", "first_batch"), [(-1, 0), (0, -1), (0, 6), (3, 100)], ids=str)
def test_impossible_starts(epoch, first_batch):
    batches = make_batches(45)
    with pytest.raises(ConfigError, match="batches 0 to 5"):
        batches.start_epoch(epoch, first_batch)
    assert (batches.epoch, batches.first_batch) == (0, 0)


def one_batch_ahead(iterator: Iterator) -> Iterator:
    """How Keras draws batches on JAX with an accelerator: the next one before it is needed."""
    following = None
    for batch in iterator:
        if following is not None:
            yield following
        following = batch
    yield following


def late(get: Callable[[], Iterator]) -> Iterator:
    """How Keras asks for batches on JAX with a distribution: not before the first is needed."""
    yield from get()


@pytest.mark.parametrize(
    "draw",
    [
        lambda batches: iter(batches.get_jax_iterator()),
        lambda batches: one_batch_ahead(iter(batches.get_jax_iterator())),
    ],
    ids=["as needed", "one batch ahead"],
)
@pytest.mark.parametrize("rows", [8, 16, 24, 80])
def test_all_ways_in_which_keras_draws(draw, rows):
    """The calls of `keras.src.trainers.epoch_iterator.EpochIterator`, in their order."""
    batches = make_batches(rows)
    run_as_fit_does(batches, draw, build=True, epochs=3)
    assert batches.epoch == 3
    batches.start_epoch(5, first_batch=len(batches) - 1)
    run_as_fit_does(batches, draw, build=True, epochs=1)
    assert (batches.epoch, batches.first_batch) == (6, 0)


def test_drawing_late_needs_three_batches_an_epoch():
    batches = make_batches(24)
    run_as_fit_does(batches, lambda b: late(b.get_jax_iterator), build=True, epochs=3)
    assert batches.epoch == 3


def run_as_fit_does(batches, draw, *, build: bool, epochs: int) -> None:
    count = batches.num_batches
    if build:
        batches.on_epoch_begin()
        next(draw(batches))
    count = batches.num_batches
    batches.on_epoch_end()
    for _ in range(epochs):
        batches.on_epoch_begin()
        iterator = draw(batches)
        for _ in range(count):
            next(iterator)
        draw(batches)
        batches.on_epoch_end()
