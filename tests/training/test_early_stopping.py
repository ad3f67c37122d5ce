import math

import numpy as np
import pytest

from harness.small_run import RandomBatches, build
from kerasft import training
from kerasft.errors import ConfigError
from kerasft.training import variables


def run(values, patience, **options):
    """Feeds one value per epoch; the model's head is filled with the epoch's number meanwhile."""
    stopping = training.EarlyStopping(patience, "val_value_of_loss", **options)
    model = build()
    model.stop_training = False
    stopping.set_model(model)
    head = model.get_layer("head").bias
    for epoch, value in enumerate(values):
        head.assign(np.full(3, epoch + 1.0))
        stopping.on_epoch_end(epoch, {"val_value_of_loss": value})
        if model.stop_training:
            break
    return stopping, model, epoch + 1


@pytest.mark.parametrize(
    ("values", "patience", "options", "ends_after", "best_epoch"),
    [
        ([3, 2, 1, 2, 2, 0], 2, {}, 5, 3),
        ([3, 2, 1, 2, 0, 2], 2, {}, 6, 5),
        ([1, 2], 1, {}, 2, 1),
        ([3, 2.95, 2.92, 2.8], 2, {"min_delta": 0.1}, 3, 1),
        ([3, math.nan, math.nan, 1], 2, {}, 3, 1),
        ([math.nan, 3, 4], 2, {}, 3, 2),
    ],
)
def test_stops_after_so_many_worse_epochs(values, patience, options, ends_after, best_epoch):
    stopping, model, ended = run(values, patience, **options)
    assert (ended, stopping.best_epoch) == (ends_after, best_epoch)
    assert model.stop_training == (stopping.waited >= patience)


def test_restores_the_best_weights_and_says_so(capsys):
    stopping, model, _ = run([3, 1, 2], 5)
    stopping.restore(model)
    np.testing.assert_array_equal(variables.read({"b": model.get_layer("head").bias})["b"], [2] * 3)
    assert "Took the weights of epoch 2 (val_value_of_loss 1.0000)." in capsys.readouterr().out


def test_without_restore_the_last_weights_stay(capsys):
    stopping, model, _ = run([3, 1, 2], 5, restore_best=False)
    stopping.restore(model)
    np.testing.assert_array_equal(variables.read({"b": model.get_layer("head").bias})["b"], [3] * 3)
    assert not capsys.readouterr().out
    assert not stopping.get_state()[0]


def test_a_score_is_better_when_higher():
    stopping = training.EarlyStopping(1, "val_accuracy")
    model = build()
    stopping.set_model(model)
    for epoch, value in enumerate([0.1, 0.3, 0.2]):
        stopping.on_epoch_end(epoch, {"val_accuracy": value})
    assert (stopping.best, stopping.best_epoch, model.stop_training) == (0.3, 2, True)


def test_within_fit_restored_weights_give_the_best_loss():
    model = build(rate=0.5)
    validation = RandomBatches(2, fixed=True, noise=True)
    stopping = training.EarlyStopping(2)
    model.fit(
        RandomBatches(), epochs=30, validation_data=validation, verbose=0, callbacks=[stopping]
    )
    stopping.restore(model)
    loss = model.evaluate(validation, verbose=0, return_dict=True)["loss"]
    assert loss == pytest.approx(stopping.best, abs=1e-6)


def test_a_log_that_is_not_there_is_named():
    stopping = training.EarlyStopping(2, "val_f1")
    stopping.set_model(build())
    with pytest.raises(ConfigError, match="'val_f1', but there are only loss, val_loss"):
        stopping.on_epoch_end(0, {"loss": 1.0, "val_loss": 1.0})


def test_a_patience_below_one_is_refused():
    with pytest.raises(ConfigError, match="patience is 0"):
        training.EarlyStopping(0)
