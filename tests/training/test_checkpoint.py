"""A checkpoint is read as it was written, or refused in one sentence."""

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.small_run import STEPS, Run
from kerasft import storage, training
from kerasft.errors import ConfigError
from kerasft.training import checkpoint

FACTS, TENSORS = checkpoint.FACTS, checkpoint.TENSORS


def changed(folder: Path, change: Callable[[dict], Any], *, seal: bool = True) -> None:
    """Changes the facts of a checkpoint, with the hash that fits unless `seal` is false."""
    facts = json.loads((folder / FACTS).read_text())
    change(facts)
    if seal:
        facts["sha256"] = checkpoint._hash({k: v for k, v in facts.items() if k != "sha256"})
    (folder / FACTS).write_text(json.dumps(facts))


def run(folder: Path, **options) -> Run:
    return Run(folder, patience=2, **options)


@pytest.fixture(scope="module")
def good(tmp_path_factory) -> Path:
    """A folder with the checkpoint of a run that was broken off in its second epoch."""
    folder = tmp_path_factory.mktemp("good")
    run(folder).fit(3, stop_at=STEPS + 3)
    return folder


@pytest.fixture
def copy(good, tmp_path) -> Path:
    shutil.copytree(good / "checkpoint", tmp_path / "checkpoint")
    return tmp_path


def refused(folder: Path) -> str:
    """The sentence that refuses to resume; it says the checkpoint's name and what to do."""
    with pytest.raises(ConfigError) as caught:
        next(run(folder, resume=True).resuming.parts(3))
    message = str(caught.value)
    assert "\n" not in message and str(folder / "checkpoint") in message
    assert message.endswith("start afresh without --resume.")
    return message


def test_one_flipped_bit_of_the_weights_is_refused(copy):
    file = copy / "checkpoint" / TENSORS
    content = bytearray(file.read_bytes())
    content[-3] ^= 4
    file.write_bytes(content)
    assert f"{TENSORS} was changed after it was written" in refused(copy)


def test_one_flipped_bit_of_the_facts_is_refused(good):
    """Whichever: of a number, a name, a hash, a bracket."""
    file = good / "checkpoint" / FACTS
    whole = file.read_bytes()
    chance = random.Random(0)
    try:
        for _ in range(60):
            content = bytearray(whole)
            content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
            if content == whole or content.split() == whole.split():
                continue
            file.write_bytes(content)
            with pytest.raises(ConfigError) as caught:
                checkpoint.read(good / "checkpoint")
            assert "\n" not in str(caught.value)
    finally:
        file.write_bytes(whole)


def history(key: str, value: object) -> Callable[[dict], Any]:
    return lambda facts: facts["states"]["history"].update({key: value})


def stopping(**values: object) -> Callable[[dict], Any]:
    return lambda facts: facts["states"]["early_stopping"].update(values)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda facts: facts.update(batch="x"), 'batch is "x", but must be a whole number'),
        (lambda facts: facts.update(batch=-1), "batch is -1"),
        (lambda facts: facts.update(batch=True), "batch is true"),
        (lambda facts: facts.update(batch=STEPS - 1), "not that of 9 steps"),
        (lambda facts: facts.update(epoch=2**40), "not that of"),
        (lambda facts: facts.update(stopped=0), "stopped is 0, but must be true or false"),
        (lambda facts: facts.update(states=[]), r"states is \[\], but must be an object"),
        (lambda facts: facts["states"].update(history=3), "history: 3 is no object"),
        (lambda facts: facts["states"].clear(), "made without history"),
        (lambda facts: facts.pop("states"), "states is missing"),
        (lambda facts: facts.update(more=1), '"more" is unknown'),
        (lambda facts: facts.update(fingerprint=None), "fingerprint is null"),
        (lambda facts: facts["fingerprint"].update(seed=True), r"seed \(true there, 1 here\)"),
        (lambda facts: facts.update(tensors_sha256="0" * 63), "tensors_sha256 is no sha256"),
        (lambda facts: facts.update(format_version=1), "the format version 1, but"),
        (lambda facts: facts.update(format_version=True), "the format version true, but"),
        (lambda facts: facts.update(kind="thesis"), "is not a checkpoint of kerasft"),
        (history("mean", "1"), 'history: mean is "1", but must be a number'),
        (history("seen", 99), "history: seen is 99, but must be a whole number, 0 to 6"),
        (history("seen", 0), "not that of 6 steps"),
        (history("trained", -1.0), "history: trained is -1.0, but must be 0 or more"),
        (history("training_seconds", []), "has not one number per epoch"),
        (history("epochs", [{"epoch": 1, "step": 5}]), "learning_rate is missing"),
        (history("epochs", [["loss"]]), "epochs is"),
        (history("epochs", []), "has not one number per epoch"),
        (history("notes", [1]), "notes is"),
        (history("environment", {"threads": 2}), "environment is"),
        (history("trackers", {"tensorboard": 3}), "trackers: tensorboard is 3"),
        (stopping(best="x"), 'early_stopping: best is "x"'),
        (stopping(best=None), "contradict each other"),
        (stopping(best=None, best_epoch=0), "weights are missing"),
        (stopping(waited=None), "early_stopping: waited is null"),
    ],
)
def test_a_value_that_no_run_has_written_is_named(copy, change, says):
    """Even where the hash was made to fit."""
    changed(copy / "checkpoint", change)
    board = training.TensorBoard(copy / "logs")
    with pytest.raises(ConfigError, match=says) as caught:
        next(run(copy, resume=True, trackers=(board,)).resuming.parts(3))
    assert "\n" not in str(caught.value) and "without --resume." in str(caught.value)


def test_what_json_has_no_words_for_is_refused(copy):
    file = copy / "checkpoint" / FACTS
    whole = file.read_text()
    for there, instead in [
        ('"mean": ', '"mean": 1e999, "x": '),
        ('"device": "', '"device": "\\ud800'),
        ("{", ""),
    ]:
        assert there in whole
        file.write_text(whole.replace(there, instead, 1))
        refused(copy)


@pytest.mark.parametrize("content", [None, b"", b"\xff" * 40])
def test_weights_that_are_not_there_or_broken(copy, content):
    file = copy / "checkpoint" / TENSORS
    file.unlink() if content is None else file.write_bytes(content)
    assert "No such file" in refused(copy) if content is None else "was changed" in refused(copy)
    # A whole file that is no safetensors, or holds other tensors.
    if content is not None:
        digest = storage.sha256_file(file)
        changed(copy / "checkpoint", lambda facts: facts.update(tensors_sha256=digest))
        assert "is broken" in refused(copy)


def test_a_damaged_checkpoint_can_be_started_afresh_from(copy, capsys):
    (copy / "checkpoint" / FACTS).write_text("{")
    assert "not valid JSON" in refused(copy)
    run(copy).fit(1)
    assert "Removed the checkpoint" in capsys.readouterr().out


def test_what_a_run_goes_on_with_is_compared_said_once_and_kept(tmp_path, capsys, monkeypatch):
    first = Run(tmp_path).fit(2, stop_at=3)
    assert first.history.notes == []
    threads = int(first.history.environment["threads"])
    assert first.history.environment.keys() >= {"backend", "Keras", "threads", "device"}
    from kerasft import backends

    monkeypatch.setattr(backends.current(), "threads", lambda: threads + 1)
    second = Run(tmp_path, resume=True).fit(2, stop_at=STEPS + 3)
    changed_to = f"threads ({threads} before, {threads + 1} now)"
    assert capsys.readouterr().out.count(changed_to) == 1
    third = Run(tmp_path, resume=True).fit(2)
    assert changed_to not in capsys.readouterr().out  # said, and kept
    assert third.history.notes == second.history.notes
    (note,) = third.history.notes
    assert note.startswith(f"after step 2 it went on with other {changed_to}: it agrees with an")
    assert note in third.history.summary() and "dropout" not in note
