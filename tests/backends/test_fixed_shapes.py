"""The step that `fit` and `evaluate` run: one for each shape of batch, whatever came before."""

import logging

import keras
import numpy as np
import pytest

from kerasft import backends
from kerasft.data.adapter import EpochBatches

LENGTHS = (5, 7)


class Batches(EpochBatches):
    """A batch (rows, length) for each of the given lengths, in the given order."""

    def __init__(self, lengths: tuple[int, ...], rows: int = 4):
        super().__init__()
        self.lengths, self.rows = lengths, rows

    def __len__(self) -> int:
        return len(self.lengths)

    def batch(self, epoch, index):
        rng = np.random.default_rng(self.lengths[index])
        x = rng.integers(0, 20, (self.rows, self.lengths[index])).astype("int32")
        return x, x % 3, np.ones(x.shape, "float32")


class Losses(keras.callbacks.Callback):
    """The running mean of the loss after each step."""

    def __init__(self):
        super().__init__()
        self.seen: list[float] = []

    def on_train_batch_end(self, batch, logs=None):
        self.seen.append(float(logs["loss"]))


@pytest.fixture
def build():
    def built(*, fix: bool, **options) -> tuple[keras.Model, list[tuple[int | None, ...]]]:
        """A model, and the shapes in which its steps are traced (or run, on torch)."""
        keras.utils.set_random_seed(0)
        model = keras.Sequential(
            [keras.Input((None,), dtype="int32"), keras.layers.Embedding(20, 6),
             keras.layers.Dense(3)]
        )  # fmt: skip
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(keras.optimizers.SGD(0.1), loss, **options)
        shapes = []
        for name in ("train_step", "test_step"):
            step = getattr(model, name)

            def watched(*args, step=step):  # JAX's has the state in front of the batch
                shapes.append(tuple(args[-1][0].shape))
                return step(*args)

            setattr(model, name, watched)
        if fix:
            backends.current().fix_shapes(model)
        return model, shapes

    return built


def test_each_batch_is_computed_in_its_own_shape(build):
    for lengths in (LENGTHS, LENGTHS[::-1]):
        model, shapes = build(fix=True)
        model.fit(Batches(lengths), epochs=2, validation_data=Batches(lengths), verbose=0)
        model.evaluate(Batches(lengths), verbose=0)
        assert set(shapes) == {(4, length) for length in LENGTHS}
        if keras.backend.backend() == "tensorflow":  # training and validation, once each
            assert len(shapes) == 4


def test_the_steps_are_kerass_own(build):
    found = []
    for fix in (False, True):
        model, losses = build(fix=fix)[0], Losses()
        model.fit(Batches((*LENGTHS, *LENGTHS)), epochs=2, callbacks=[losses], verbose=0)
        held_out = model.evaluate(Batches(LENGTHS), verbose=0, return_dict=True)
        found.append([*losses.seen, *held_out.values()])
    np.testing.assert_allclose(found[1], found[0], rtol=1e-6)


@pytest.mark.skipif(keras.backend.backend() == "torch", reason="Keras on torch takes single steps")
def test_several_steps_at_once_and_other_data(build):
    model, losses = build(fix=True, steps_per_execution=2)[0], Losses()
    model.fit(Batches((5, 7, 5)), callbacks=[losses], verbose=0)
    assert len(losses.seen) == 2
    assert int(model.optimizer.iterations) == 3
    x, labels, _ = Batches((5,)).batch(0, 0)
    assert np.isfinite(model.evaluate(x, labels, batch_size=3, verbose=0))


def test_many_shapes_are_no_cause_for_warnings(build, caplog):
    model, _ = build(fix=True)
    with caplog.at_level(logging.WARNING):
        model.fit(Batches(tuple(range(3, 10))), verbose=0)
    assert not caplog.records, caplog.text
