import json

import keras
import numpy as np
import pytest
from safetensors.numpy import load_file

from harness.small_run import STEPS, RandomBatches, Run
from kerasft.errors import ConfigError
from kerasft.training import variables


def everything(run: Run) -> dict[str, np.ndarray]:
    return {
        **variables.read(variables.changing_variables(run.model)),
        **variables.read(variables.optimizer_variables(run.model.optimizer)),
        "losses": np.array(run.history.losses),
    }


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory) -> Run:
    return Run(tmp_path_factory.mktemp("unbroken")).fit()


def assert_equal(run: Run, wanted: Run) -> None:
    theirs = everything(wanted)
    assert everything(run).keys() == theirs.keys()
    for name, array in everything(run).items():
        np.testing.assert_array_equal(array, theirs[name], err_msg=name)
    assert run.history.to_dict() == wanted.history.to_dict()


# Before the first checkpoint, after it, at an epoch's last step, at the next one's first, later.
@pytest.mark.parametrize("step", [1, 3, STEPS, STEPS + 1, 2 * STEPS + 3])
def test_goes_on_to_the_same_losses_and_weights(tmp_path, unbroken, step):
    Run(tmp_path).fit(stop_at=step)
    assert_equal(Run(tmp_path, resume=True).fit(), unbroken)


def test_each_batch_is_computed_in_its_own_shape(tmp_path):
    """Not by a graph that depends on which batch a process began with."""
    unbroken = Run(tmp_path / "unbroken", rows=(8, 6)).fit()
    Run(tmp_path, rows=(8, 6)).fit(stop_at=3)
    run, shapes = Run(tmp_path, rows=(8, 6), resume=True), {}
    for name in ("train_step", "test_step"):
        step = getattr(run.model, name)

        def watched(*args, name=name, step=step):  # JAX's has the state in front of the batch
            shapes.setdefault(name, set()).add(tuple(args[-1][0].shape))
            return step(*args)

        setattr(run.model, name, watched)
    assert_equal(run.fit(), unbroken)
    assert shapes == {name: {(8, 4), (6, 4)} for name in ("train_step", "test_step")}


def test_without_checkpoints_within_epochs(tmp_path, unbroken):
    Run(tmp_path, every_steps=0).fit(stop_at=2 * STEPS - 1)
    facts = json.loads((tmp_path / "checkpoint" / "checkpoint.json").read_text())
    assert (facts["epoch"], facts["batch"]) == (1, 0)
    assert_equal(Run(tmp_path, resume=True, every_steps=0).fit(), unbroken)


def test_parts_are_the_rest_of_the_epoch_and_the_whole_ones(tmp_path):
    Run(tmp_path).fit(stop_at=STEPS + 4)
    run = Run(tmp_path, resume=True)
    parts = []
    for part in run.resuming.parts(4):
        parts.append((part.first, part.last, part.batches.epoch, part.batches.num_batches))
    assert parts == [(1, 2, 1, STEPS - 3), (2, 4, 2, STEPS)]


def test_more_epochs_later(tmp_path, unbroken, capsys):
    Run(tmp_path).fit(2)
    run = Run(tmp_path, resume=True).fit(3)
    assert f"Resuming after step {2 * STEPS} (epoch 3, 0 of {STEPS} steps done)" in (
        capsys.readouterr().out
    )
    assert_equal(run, unbroken)


def test_a_run_that_had_ended_trains_no_more(tmp_path, unbroken, capsys):
    Run(tmp_path).fit()
    run = Run(tmp_path, resume=True).fit()
    assert "The training had already ended." in capsys.readouterr().out
    assert_equal(run, unbroken)


def test_early_stopping_within_a_resumed_part_ends_the_run(tmp_path, tmp_path_factory, capsys):
    # Labels that mean nothing: validation gets worse soon.
    def noisy(folder, **options):
        validation = RandomBatches(2, fixed=True, noise=True)
        return Run(folder, rate=0.5, patience=2, validation=validation, **options)

    unbroken = noisy(tmp_path_factory.mktemp("unbroken")).fit(30)
    stopped_after = len(unbroken.history.epochs)
    assert 2 < stopped_after < 30
    assert unbroken.stopping.best_epoch == stopped_after - 2

    # Broken off in the very epoch that ends the run, so the resumed part is its rest.
    noisy(tmp_path).fit(30, stop_at=stopped_after * STEPS - 1)
    run = noisy(tmp_path, resume=True).fit(30)
    assert_equal(run, unbroken)
    assert run.stopping.get_state()[1] == unbroken.stopping.get_state()[1]

    again = noisy(tmp_path, resume=True).fit(30)
    assert "already ended" in capsys.readouterr().out
    for each in (unbroken, run, again):
        each.stopping.restore(each.model)
    assert_equal(again, unbroken)
    best = unbroken.model.evaluate(unbroken.validation, verbose=0, return_dict=True)["loss"]
    assert best == pytest.approx(unbroken.stopping.best, abs=1e-6)


def test_another_config_is_refused_by_name(tmp_path):
    fingerprint = {"rate": 0.05, "data": "a" * 64, "targets": ("query", "value"), "rank": 8}
    Run(tmp_path, fingerprint=fingerprint).fit(1)
    Run(tmp_path, resume=True, fingerprint=fingerprint)
    changed = {**fingerprint, "data": "b" * 64, "targets": ("query",), "alpha": 16}
    del changed["rank"]
    with pytest.raises(ConfigError) as caught:
        Run(tmp_path, resume=True, fingerprint=changed, seed=2, steps=4)
    message = str(caught.value)
    assert "\n" not in message and "without --resume" in message
    assert 'targets (["query", "value"] there, ["query"] here)' in message
    assert f"data ({'a' * 24}... there, {'b' * 24}... here)" in message
    assert "alpha (absent there, 16 here)" in message
    assert "rank (8 there, absent here)" in message
    assert "seed (1 there, 2 here)" in message
    assert "steps in an epoch (5 there, 4 here)" in message
    assert "rate (" not in message


def test_resume_without_a_checkpoint_says_so_and_begins(tmp_path, unbroken, capsys):
    run = Run(tmp_path, resume=True).fit()
    assert "There is no checkpoint at" in capsys.readouterr().out
    assert_equal(run, unbroken)


def test_without_resume_an_old_checkpoint_goes(tmp_path, unbroken, capsys):
    Run(tmp_path, rate=0.1).fit(1)
    run = Run(tmp_path)
    assert (tmp_path / "checkpoint").exists()  # until the training begins
    run.fit()
    assert "Removed the checkpoint" in capsys.readouterr().out
    assert_equal(run, unbroken)


def test_finish_removes_the_checkpoint(tmp_path):
    run = Run(tmp_path).fit(1)
    assert (tmp_path / "checkpoint").is_dir()
    run.resuming.finish()
    assert not list(tmp_path.iterdir())
    run.resuming.finish()  # nothing is left to do


@pytest.mark.parametrize("resume", [False, True])
def test_a_folder_of_someone_else_is_refused_and_stays(tmp_path, resume):
    (tmp_path / "checkpoint").mkdir()
    (tmp_path / "checkpoint" / "thesis.txt").write_text("mine")
    with pytest.raises(ConfigError, match="would not write"):
        Run(tmp_path, resume=resume)
    assert (tmp_path / "checkpoint" / "thesis.txt").read_text() == "mine"


def test_a_checkpoint_that_does_not_fit_the_model_is_refused(tmp_path):
    Run(tmp_path).fit(1)
    run = Run(tmp_path, resume=True)
    for variable in run.model.get_layer("backbone").variables:
        variable.trainable = True
    with pytest.raises(ConfigError, match="lacks 'small/backbone/kernel'"):
        run.fit()


def test_holds_what_changes_and_nothing_else(tmp_path):
    Run(tmp_path).fit(1, stop_at=4)
    names = set(load_file(tmp_path / "checkpoint" / "checkpoint.safetensors"))
    model = {name.removeprefix("model/") for name in names if name.startswith("model/")}
    of_norm = {f"small/norm/{name}" for name in ("gamma", "beta", "moving_mean", "moving_variance")}
    assert model == {*of_norm, "small/head/kernel", "small/head/bias", "seed_generator/0"}
    assert "optimizer/small_head_kernel_momentum" in names
    assert "metrics/accuracy/total" in names
    assert not any("backbone" in name for name in names)


def test_options_that_cannot_work(tmp_path):
    with pytest.raises(ConfigError, match="-1 steps between"):
        Run(tmp_path, every_steps=-1)
    run = Run(tmp_path)
    run.model.compile(keras.optimizers.Adam(0.1, use_ema=True), "mse")
    with pytest.raises(ConfigError, match="use_ema"):
        type(run.resuming)(run.model, RandomBatches(), tmp_path / "c", seed=0, fingerprint={})
