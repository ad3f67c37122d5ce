import keras
import numpy as np
import pytest

from harness.small_run import RandomBatches, build
from kerasft import training
from kerasft.errors import ConfigError


@pytest.mark.parametrize(("total", "warmup"), [(20, 0), (20, 5), (7, 6), (1, 0)])
def test_is_the_schedule_of_transformers(total, warmup):
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.3)
    theirs = transformers.get_linear_schedule_with_warmup(optimizer, warmup, total)
    ours = training.WarmupLinearDecay(0.3, total, warmup)
    for step in range(total + 3):
        assert float(ours(step)) == pytest.approx(theirs.get_last_lr()[0], abs=1e-7), step
        optimizer.step()
        theirs.step()


def test_drives_an_optimizer_and_is_saved_with_it():
    schedule = training.WarmupLinearDecay(0.1, total_steps=10, warmup_steps=2)
    optimizer = keras.optimizers.Adam(schedule)
    model = build()
    model.compile(optimizer, model.loss)
    model.fit(RandomBatches(), epochs=1, verbose=0)
    assert float(optimizer.learning_rate) == pytest.approx(float(schedule(5)))
    config = keras.saving.serialize_keras_object(optimizer)
    again = keras.saving.deserialize_keras_object(config)
    again.iterations.assign(5)
    assert float(again.learning_rate) == float(optimizer.learning_rate)


def test_the_first_update_of_a_warmup_changes_nothing_and_the_last_step_is_reached():
    schedule = training.WarmupLinearDecay(1.0, total_steps=8, warmup_steps=4)
    rates = [float(schedule(step)) for step in range(9)]
    np.testing.assert_allclose(rates, [0, 0.25, 0.5, 0.75, 1, 0.75, 0.5, 0.25, 0], atol=1e-7)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((0.0, 10, 0), "learning rate is 0"),
        ((float("nan"), 10, 0), "learning rate is nan"),
        ((0.1, 10, 10), "warmup of 10 steps"),
        ((0.1, 10, -1), "warmup of -1 steps"),
        ((0.1, 0, 0), "run of 0 steps"),
    ],
)
def test_refuses_what_cannot_work(arguments, says):
    with pytest.raises(ConfigError, match=says):
        training.WarmupLinearDecay(*arguments)


def test_the_inverse_square_root_is_that_of_the_paper():
    d_model, warmup = 512, 40
    schedule = training.InverseSquareRoot((d_model * warmup) ** -0.5, warmup)
    for update in range(1, 200):  # the paper counts updates from 1
        paper = d_model**-0.5 * min(update**-0.5, update * warmup**-1.5)
        assert float(schedule(update - 1)) == pytest.approx(paper, rel=1e-6), update
    again = training.InverseSquareRoot.from_config(schedule.get_config())
    assert float(again(7)) == float(schedule(7))


@pytest.mark.parametrize(
    ("arguments", "says"), [((0.0, 10), "learning rate is 0"), ((0.1, 0), "warmup_steps is 0")]
)
def test_the_inverse_square_root_refuses_what_cannot_work(arguments, says):
    with pytest.raises(ConfigError, match=says):
        training.InverseSquareRoot(*arguments)
