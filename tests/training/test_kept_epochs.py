import numpy as np
import pytest
from test_resume import assert_equal, everything

from harness.small_run import STEPS, Run, Stopped
from kerasft import training
from kerasft.errors import ConfigError
from kerasft.training import checkpoint, variables

pytestmark = pytest.mark.any_backend


def kept_run(
    folder, *, last: int = 5, preload: str | None = None, epochs: int = 0, **options
) -> Run:
    """A run that keeps its epochs in `folder/epochs`; `epochs` is part of what it computes."""
    fingerprint = {"rate": 0.05, "epochs": epochs}
    run = Run(folder, fingerprint=fingerprint, **options)
    run.kept = training.KeptEpochs(folder / "epochs", last)
    run.resuming = training.Resume(
        run.model, run.resuming._batches, folder / "checkpoint", seed=1,
        fingerprint=fingerprint, every_steps=2, stateful=run.stateful,
        enabled=options.get("resume", False), kept=run.kept, preload=preload,
    )  # fmt: skip
    return run


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Run:
    return kept_run(tmp_path_factory.mktemp("whole")).fit(3)


def test_keeps_each_epoch_with_optimizer_and_step(whole):
    assert whole.kept.epochs() == [1, 2, 3]
    saved = checkpoint.read(whole.kept.path(2))
    assert (saved.epoch, saved.batch) == (2, 0)
    assert int(saved.group("optimizer")["iteration"]) == 2 * STEPS
    wanted = variables.read(variables.changing_variables(whole.model))
    for name, array in checkpoint.read(whole.kept.path(3)).group("model").items():
        np.testing.assert_array_equal(array, wanted[name], err_msg=name)


@pytest.mark.parametrize("which", ["1", "latest"])
def test_goes_on_from_a_kept_epoch_to_the_same_end(tmp_path, whole, which):
    kept_run(tmp_path).fit(2)
    assert_equal(kept_run(tmp_path, preload=which).fit(3), whole)


# What is written when the first epoch has ended is the third and the fourth.
@pytest.mark.parametrize("written", [2, 3, 4])
def test_a_kill_between_two_checkpoints_loses_no_kept_epoch(tmp_path, whole, written, monkeypatch):
    write, left = checkpoint.write, [written]

    def write_and_die(directory, saved):
        write(directory, saved)
        left[0] -= 1
        if not left[0]:
            raise Stopped

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "write", write_and_die)
        kept_run(tmp_path).fit(3)
    run = kept_run(tmp_path, resume=True).fit(3)
    assert run.kept.epochs() == [1, 2, 3]
    assert_equal(run, whole)


def test_keeps_the_last_ones_only(tmp_path):
    assert kept_run(tmp_path, last=2).fit(4).kept.epochs() == [3, 4]
    assert kept_run(tmp_path / "none", last=0).fit(2).kept.epochs() == []


def test_a_new_run_removes_those_of_an_earlier_one(tmp_path, capsys):
    kept_run(tmp_path).fit(3)
    run = kept_run(tmp_path).fit(1)
    assert run.kept.epochs() == [1]
    assert "Removed 3 epochs of an earlier run" in capsys.readouterr().out


def test_averages_the_weights(tmp_path, whole):
    run = kept_run(tmp_path).fit(3)
    kept = [checkpoint.read(run.kept.path(epoch)).group("model") for epoch in (2, 3)]
    before = everything(run)
    assert run.kept.average(run.model, 1) == "those after epoch 3"
    for name, array in everything(run).items():
        np.testing.assert_array_equal(array, before[name], err_msg=name)
    assert run.kept.average(run.model, 2) == "the mean of those after the epochs 2, 3"
    after = variables.read(variables.changing_variables(run.model))
    np.testing.assert_allclose(
        after["small/head/kernel"],
        (kept[0]["small/head/kernel"] + kept[1]["small/head/kernel"]) / 2,
        atol=1e-7,
    )
    seeds = [name for name in after if "seed" in name]
    assert seeds
    for name in seeds:
        np.testing.assert_array_equal(after[name], everything(whole)[name])


def test_another_end_from_a_kept_epoch(tmp_path, capsys):
    kept_run(tmp_path, epochs=4).fit(4, stop_at=4 * STEPS - 1)
    with pytest.raises(ConfigError, match=r"epochs \(4 there, 3 here\).*without --resume"):
        kept_run(tmp_path, epochs=3, resume=True)
    shorter = kept_run(tmp_path, epochs=3, preload="2").fit(3)
    said = capsys.readouterr().out
    assert "Removed 1 epochs of an earlier run" in said and "Removed the checkpoint" in said
    assert shorter.kept.epochs() == [1, 2, 3]
    assert "after epoch 2 it went on as a run of 3 epochs, from one of 4" in (
        shorter.history.summary()
    )
    assert_equal(shorter, kept_run(tmp_path / "other", epochs=3).fit(3))
    # Killed and resumed it still says so.
    kept_run(tmp_path, epochs=5, preload="2").fit(5, stop_at=3 * STEPS)
    resumed = kept_run(tmp_path, epochs=5, resume=True).fit(3)
    assert "after epoch 2 it went on as a run of 5 epochs, from one of 4" in (
        resumed.history.summary()
    )


def test_a_kept_epoch_or_a_mean_without_training_leaves_all_as_it_was(tmp_path, capsys):
    kept_run(tmp_path, epochs=4).fit(4, stop_at=4 * STEPS - 1)
    first = kept_run(tmp_path / "short", epochs=2).fit(2)
    capsys.readouterr()
    run = kept_run(tmp_path, epochs=2, preload="2").fit(2)
    assert "Nothing is left to train: 2 of 2 epochs are done." in capsys.readouterr().out
    assert_equal(run, first)
    assert run.kept.average(run.model, 5) == "the mean of those after the epochs 1, 2"
    kept = [checkpoint.read(run.kept.path(epoch)).group("model") for epoch in (1, 2)]
    np.testing.assert_allclose(
        everything(run)["small/head/kernel"],
        (kept[0]["small/head/kernel"] + kept[1]["small/head/kernel"]) / 2,
        atol=1e-7,
    )
    run.resuming.finish()
    assert run.kept.epochs() == [1, 2, 3]
    # The long run can still be gone on with.
    resumed = kept_run(tmp_path, epochs=4, resume=True).fit(4)
    assert_equal(resumed, kept_run(tmp_path / "whole", epochs=4).fit(4))


def test_a_mean_that_cannot_be_taken_ends_no_run(tmp_path):
    run = kept_run(tmp_path).fit(3)
    before = everything(run)
    (run.kept.path(2) / "checkpoint.safetensors").write_bytes(b"half")
    said = run.kept.average(run.model, 2)
    assert (
        said.startswith("those after epoch 3; there is no mean") and "epoch_002 is broken" in said
    )
    for name, array in everything(run).items():
        np.testing.assert_array_equal(array, before[name], err_msg=name)


def test_says_what_cannot_be_done(tmp_path):
    with pytest.raises(ConfigError, match=r"has no such epoch \(there: none\)"):
        kept_run(tmp_path, preload="latest")
    kept_run(tmp_path).fit(2)
    with pytest.raises(ConfigError, match=r"--preload 7: .*there: 1, 2\)"):
        kept_run(tmp_path, preload="7")
    with pytest.raises(ConfigError, match=r"\(5 there, 4 here\); .*afresh without --preload 2"):
        kept_run(tmp_path, preload="2", steps=4)
    (tmp_path / "epochs" / "epoch_002" / "checkpoint.safetensors").write_bytes(b"half")
    with pytest.raises(ConfigError, match=r"is broken .*; start afresh without --preload 2"):
        kept_run(tmp_path, preload="2").fit(3)
    with pytest.raises(ConfigError, match="exclude each other"):
        kept_run(tmp_path, preload="1", resume=True)
    with pytest.raises(ConfigError, match="-1 epochs cannot be kept"):
        training.KeptEpochs(tmp_path, -1)
