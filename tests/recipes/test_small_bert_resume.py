"""Broken off in either phase and resumed, a run ends in the very same bits."""

import json
from pathlib import Path

import keras
import pytest

from harness.texts import write_rows
from kerasft import training
from kerasft.errors import ConfigError
from kerasft.recipes import small_bert

STEPS = 6  # an epoch has: 48 training rows, 8 a step
LANGUAGE, CLASSES = "MaskedLanguageModel", "Classifier"


class Broken(Exception):
    """Stands for a kill."""


class World:
    """Runs the recipe, notes which model each step trained, and can break a run off."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch):
        self.folder = folder
        self.trained: list[str] = []
        self.break_at: tuple[str, int] | None = None
        original = training.History.on_train_batch_end

        def on_train_batch_end(history, batch, logs=None):
            original(history, batch, logs)
            self.trained.append(type(history.model).__name__)
            if self.break_at == (type(history.model).__name__, len(history.losses)):
                raise Broken

        monkeypatch.setattr(training.History, "on_train_batch_end", on_train_batch_end)

    def run(self, name: str, *, break_at: tuple[str, int] | None = None, **options) -> list[str]:
        """Returns the model of each step."""
        self.trained, self.break_at = [], break_at
        settings = {
            "data": str(self.folder / "rows.csv"),
            "output": str(self.folder / name),
            "classes": "none",
            "min_words": 1,
            "max_length": 8,
            "vocab_size": 90,
            "num_layers": 1,
            "hidden_size": 16,
            "num_heads": 2,
            "intermediate_size": 24,
            # XLA compiles a step with dropout in minutes; what resume does about dropout is
            # tested in tests/training.
            "dropout": 0.0 if keras.backend.backend() == "jax" else 0.1,
            "batch_size": 8,
            "mlm_epochs": 2,
            "epochs": 2,
            "early_stopping": 2,
            "checkpoint_steps": 2,
            "export": "none",
            **options,
        }
        try:
            small_bert.run(small_bert.Config(**settings))
        except Broken:
            assert break_at and not (self.folder / name).exists()
        else:
            assert not break_at
        return self.trained

    def metrics(self, name: str) -> dict:
        return json.loads((self.folder / name / "report" / "metrics.json").read_text())


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    write_rows(tmp_path / "rows.csv", header=("narrative", "product"))
    return World(tmp_path, monkeypatch)


@pytest.mark.timeout(900)  # several processes, each compiles anew
def test_broken_off_in_both_phases_it_equals_an_unbroken_run(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture
):
    world.run("whole", break_at=(CLASSES, 3))
    # A new run, not a resumed one, does without what is left of that.
    assert world.run("whole") == [LANGUAGE] * 2 * STEPS + [CLASSES] * 2 * STEPS
    assert capsys.readouterr().out.count("Removed the checkpoint") == 2

    world.run("broken", break_at=(LANGUAGE, 5))
    # From step 4 on, where the last checkpoint was written.
    again = world.run("broken", resume=True, break_at=(LANGUAGE, STEPS + 3))
    assert again == [LANGUAGE] * (STEPS + 3 - 4)
    rest = world.run("broken", resume=True, break_at=(CLASSES, 4))
    assert rest.count(LANGUAGE) <= STEPS and rest.count(CLASSES) == 4
    # The language is not learned again.
    assert set(world.run("broken", resume=True)) == {CLASSES}

    whole, broken = world.metrics("whole"), world.metrics("broken")
    assert len(whole["history"]["losses"]) == 2 * STEPS
    assert broken["history"] == whole["history"]
    assert broken["masked_language_model"]["history"] == whole["masked_language_model"]["history"]
    assert broken["test"] == whole["test"]
    weights = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("whole", "broken")]
    assert weights[0] == weights[1]
    tokenizers = [(tmp_path / name / "tokenizer.json").read_bytes() for name in ("whole", "broken")]
    assert tokenizers[0] == tokenizers[1]
    assert not list(tmp_path.glob("*.checkpoint"))


@pytest.mark.any_backend
def test_a_learned_language_serves_other_classifiers_but_no_other_encoder(
    world: World, tmp_path: Path
):
    world.run("out", break_at=(CLASSES, 1))
    assert (tmp_path / "out.mlm.checkpoint").is_dir()
    with pytest.raises(ConfigError, match=r"out\.mlm\.checkpoint .* another intermediate_size"):
        world.run("out", resume=True, intermediate_size=32)
    # Nothing of the classifier had been written yet, so that it may be another one.
    steps = world.run("out", resume=True, learning_rate=0.01, epochs=1, class_weight="none")
    assert steps == [CLASSES] * STEPS
    assert not list(tmp_path.glob("*.checkpoint"))
