"""The recipe through its command line: what a run leaves, and what it refuses."""

import json
import random
import sys
from pathlib import Path

import pytest
from safetensors.numpy import load_file

from harness.checkpoints import write_checkpoint
from kerasft.config import main
from kerasft.predict import Predictor
from kerasft.recipes import tagger_lora

PEOPLE = ["jon", "sumit"]
PLACES = ["land", "world", "home"]
FILLER = ["the", "of", "to", "and", "it", "was", "for", "with"]


def rows(count: int, seed: int = 0) -> str:
    """Sentences of a tiny language: who is where."""
    rng = random.Random(seed)
    lines = []
    for _ in range(count):
        who, place = rng.choice(PEOPLE), rng.choice(PLACES)
        filler = [rng.choice(FILLER) for _ in range(4)]
        words = [(w, "O") for w in filler[: rng.randint(0, 4)]]
        words += [(who, "B-PER"), ("sound", "I-PER")] if rng.random() < 0.5 else [(who, "B-PER")]
        words += [("at", "O"), (place, "B-LOC"), (".", "O")]
        lines.append("\n".join(f"{word} {tag}" for word, tag in words))
    return "\n\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("world")
    write_checkpoint(folder / "distilbert", "distilbert", layers=2)
    write_checkpoint(folder / "bert", "bert", layers=2)
    (folder / "rows.conll").write_text(rows(120), encoding="utf-8")
    return folder


@pytest.fixture
def recipe(world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Runs the recipe's command line in this process; returns the output folder."""

    def run(*arguments: str, preset: str = "distilbert", data: str | None = None) -> Path:
        output = tmp_path / "out"
        command = ["recipe", "--preset", str(world / preset), "--output", str(output)]
        command += ["--data", data or str(world / "rows.conll"), "--epochs", "1"]
        command += ["--max_length", "24", "--last_layers", "1"]
        command += ["--export", "none"]
        monkeypatch.setattr(sys, "argv", [*command, *arguments])
        main(tagger_lora.run, tagger_lora.Config)
        return output

    return run


def test_a_run_learns_and_leaves_a_folder_that_finds_the_same(recipe, capsys):
    output = recipe(
        "--epochs", "10", "--learning_rate=0.02", "--last_layers", "2", "--max_length", "10"
    )
    said = capsys.readouterr().out
    assert "nothing was found" not in said
    for words in (
        "backend: ",
        "data: 120 sentences",
        "sample sentences: ",
        "entities per type: LOC: train ",
        "new, so untrained: classifier.weight, classifier.bias",
        " longer than 10 tokens and read in windows cut between entities",
        "adapters: transformer_layer_0/self_attention_layer/query, ",
        "parameters train",
        "mean of the types (macro)",
        "names seen in training",
        f"kerasft predict {output} ",
        f"kerasft serve {output} --port 8000",
    ):
        assert words in said, words
    report = output / "report"
    assert sorted(path.name for path in report.iterdir()) == [
        "confusion.png", "entities.png", "loss.png", "metrics.json", "predictions.jsonl",
        "samples.md",
    ]  # fmt: skip
    metrics = json.loads((report / "metrics.json").read_text())
    assert metrics["test"]["f1"] > 0.9
    assert metrics["history"]["losses"][-1] < metrics["history"]["losses"][0] / 2
    assert (
        metrics["entities"]["sentences"]["train"]
        + metrics["entities"]["sentences"]["validation"]
        + metrics["test"]["sentences"]
        == 120
    )

    lines = (report / "predictions.jsonl").read_text().splitlines()
    records = [json.loads(line) for line in lines]
    found = Predictor(output).predict([record["text"] for record in records])
    for record, prediction in zip(records, found, strict=True):
        assert [(e["start"], e["end"], e["type"]) for e in record["found"]] == [
            (e.start, e.end, e.type) for e in prediction.entities
        ]
        assert [e["score"] for e in record["found"]] == pytest.approx(
            [e.score for e in prediction.entities], abs=1e-4
        )
    card = (output / "README.md").read_text()
    assert "names seen in training" in card and "parameters train" in card
    names = set(load_file(output / "adapter" / "adapter_model.safetensors"))
    assert "base_model.model.classifier.weight" in names


@pytest.mark.any_backend
@pytest.mark.parametrize("whole", ["head", "full"])
def test_head_and_full_have_no_adapter(recipe, whole, world):
    output = recipe("--method", whole, "--learning_rate", "0.01", preset="bert")
    assert not (output / "adapter").exists()
    before = load_file(world / "bert" / "model.safetensors")
    after = load_file(output / "model.safetensors")
    name = "encoder.layer.0.output.dense.weight"
    moved = abs(before[name] - after[f"bert.{name}"]).max()
    assert (moved > 1e-4) if whole == "full" else (moved == 0)


@pytest.mark.any_backend
def test_a_run_that_is_stopped_goes_on_to_the_same(
    recipe, monkeypatch, tmp_path, tmp_path_factory, capsys
):
    from kerasft import training

    test = tmp_path_factory.mktemp("data") / "test.conll"
    test.write_text(rows(20, seed=1), encoding="utf-8")
    options = ("--epochs", "2", "--test_data", str(test))
    whole = json.loads((recipe(*options) / "report" / "metrics.json").read_text())
    for path in tmp_path.iterdir():
        path.rename(path.with_name("whole"))

    class Stop(Exception):
        pass

    def stop(self, batch, logs=None):
        if len(self.losses) == 14:
            raise Stop
        return original(self, batch, logs)

    original = training.History.on_train_batch_end
    monkeypatch.setattr(training.History, "on_train_batch_end", stop)
    with pytest.raises(Stop):
        recipe(*options, "--checkpoint_steps", "5")
    monkeypatch.setattr(training.History, "on_train_batch_end", original)
    content = test.read_text(encoding="utf-8")
    test.write_text(rows(20, seed=2), encoding="utf-8")
    capsys.readouterr()
    refused(recipe, capsys, "made with another test_data (", *options, "--resume")
    test.write_text(content, encoding="utf-8")
    output = recipe(*options, "--checkpoint_steps", "5", "--resume")
    again = json.loads((output / "report" / "metrics.json").read_text())
    assert again["history"]["losses"] == whole["history"]["losses"]
    assert again["test"] == whole["test"]


@pytest.mark.any_backend
def test_a_warm_up_rises_before_it_falls(recipe):
    output = recipe("--epochs", "3", "--warmup_ratio", "0.5", "--learning_rate", "0.01")
    epochs = json.loads((output / "report" / "metrics.json").read_text())["history"]["epochs"]
    steps = epochs[-1]["step"]
    rising = steps // 2
    for epoch in epochs:
        step = epoch["step"] - 1
        share = step / rising if step < rising else (steps - step) / (steps - rising)
        assert epoch["learning_rate"] == pytest.approx(0.01 * share, rel=1e-5)


@pytest.mark.any_backend
def test_a_tagger_that_finds_nothing_says_so(recipe, tmp_path, capsys):
    rng = random.Random(0)
    lines = []
    for number in range(120):  # names that nothing tells from other words, and few of them
        words = [f"{rng.choice(FILLER)} O" for _ in range(8)]
        if number % 4 == 0:
            words[rng.randrange(8)] = f"{rng.choice(FILLER)} B-PER"
        lines.append("\n".join(words))
    (tmp_path / "rare.conll").write_text("\n\n".join(lines) + "\n", encoding="utf-8")
    output = recipe("--epochs", "3", "--learning_rate", "0.01", data=str(tmp_path / "rare.conll"))
    words = "nothing was found: the model finds no entity in any test sentence."
    assert words in capsys.readouterr().out
    assert words.removeprefix("nothing was found: ") in (output / "README.md").read_text()


def refused(recipe, capsys, words: str, *arguments: str, **options: str) -> None:
    with pytest.raises(SystemExit) as stop:
        recipe(*arguments, **options)
    complaint = capsys.readouterr().err
    assert stop.value.code == 2
    assert complaint.startswith("error: ") and complaint.count("\n") == 1, complaint
    assert words in complaint


BAD_FILES = {
    "missing.conll": (None, "missing.conll"),
    "broken.conll": ("Ann B-PER\nleft\n\nBob O\nx O\n", "line 2"),
    "scheme.conll": ("Ann X-PER\nleft O\n", "line 1"),
    "mixed.conll": ("Ann I-PER\nleft O\n\nleft O\nBob B-PER\n", "line 1"),
    "nothing.conll": ("\n".join(f"w{i} O\n" for i in range(60)), "no entities"),
    "empty.conll": ("", "empty"),
    "latin.conll": (b"caf\xe9 O\nx O\n", "UTF-8"),
    "one.conll": ("Ann B-PER\nleft O\n", "no sentence is left"),
}


@pytest.mark.any_backend
@pytest.mark.parametrize("name", BAD_FILES)
def test_bad_data_is_one_sentence(recipe, tmp_path, name, capsys):
    content, words = BAD_FILES[name]
    if content is not None:
        (tmp_path / name).write_bytes(content.encode() if isinstance(content, str) else content)
    refused(recipe, capsys, words, data=str(tmp_path / name))
    assert not (tmp_path / "out").exists()


@pytest.mark.any_backend
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--tag_scheme", "BMES"], "'BMES'"),
        (["--tag_scheme", "BIOES"], "break the scheme BIOES"),
        (["--tag_column", "5"], "--tag_column 5"),
        (["--rank", "0"], "rank must be a whole number"),
        (["--max_length", "65"], "64 tokens"),
        (["--last_layers", "9"], "9"),
        (["--warmup_ratio", "1"], "A warmup of"),
        (["--warmup_ratio", "-0.1"], "--warmup_ratio is -0.1"),
        (["--validation", "0.6", "--test", "0.5"], "0.6"),
        (["--pooling", "mean"], "--pooling"),
        (["--preset", "/nowhere/at/all"], "/nowhere/at/all"),
    ],
)
def test_bad_options_are_one_sentence(recipe, arguments, words, capsys, tmp_path):
    refused(recipe, capsys, words, *arguments)
    assert not (tmp_path / "out").exists()
