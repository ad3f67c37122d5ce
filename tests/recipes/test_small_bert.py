"""The recipe through its command line: what a run leaves, and what it refuses."""

import csv
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from harness.texts import write_rows
from kerasft.config import main
from kerasft.predict import Predictor
from kerasft.recipes import small_bert

# One layer, no dropout and a short text: XLA compiles a step in seconds instead of minutes.
TINY = [
    "--classes", "none", "--min_words", "1", "--max_length", "16", "--vocab_size", "90",
    "--num_layers", "1", "--hidden_size", "16", "--num_heads", "2", "--intermediate_size", "24",
    "--dropout", "0", "--epochs", "1", "--batch_size", "8",
]  # fmt: skip


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rows")
    return write_rows(folder / "rows.csv", header=("narrative", "product"))


@pytest.fixture
def recipe(rows: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Runs the recipe's command line in this process; returns the output folder."""

    def run(*arguments: str, data: Path = rows) -> Path:
        output = tmp_path / "out"
        command = [
            "recipe",
            *TINY,
            "--export",
            "none",
            "--data",
            str(data),
            "--output",
            str(output),
            *arguments,
        ]
        monkeypatch.setattr(sys, "argv", command)
        main(small_bert.run, small_bert.Config)
        return output

    return run


def test_a_run_leaves_a_folder_that_predicts(recipe, capsys: pytest.CaptureFixture):
    output = recipe("--mlm_epochs", "2", "--tensorboard")
    said = capsys.readouterr().out
    for words in (
        "sample rows: ",
        "rows per class: news: train ",
        "vocabulary: ",
        "texts were cut at 16 tokens",
        "parameters: embeddings: parameters ",
        "parameters: layer 1: parameters ",
        "parameters: head: parameters ",
        "parameters: all parts: parameters ",
        "hidden tokens: ",
        "tokens per epoch are predicted",
        "masked language model: ",
        "hidden tokens of the validation texts ",
        "perplexity",
        "training: ",
        "macro F1",
        "majority class",
        "TF-IDF",
        f"kerasft predict {output} ",
    ):
        assert words in said, words
    assert said.count("val_loss") >= 3  # progress of each epoch
    assert sorted(p.name for p in output.iterdir()) == [
        "README.md",
        "config.yaml",
        "label_map.json",
        "manifest.json",
        "model.safetensors",
        "report",
        "tokenizer.json",
    ]
    assert not list(output.parent.glob("*.checkpoint"))  # of neither phase
    for name in (f"{output}.tensorboard", f"{output}.mlm.tensorboard"):
        assert list(Path(name).glob("events.out.tfevents.*")), name

    metrics = json.loads((output / "report" / "metrics.json").read_text())
    steps = len(metrics["history"]["losses"])
    language = metrics["masked_language_model"]
    assert len(language["history"]["losses"]) == 2 * steps
    assert len(language["history"]["epochs"]) == 2
    assert metrics["seconds"] > language["seconds"] > 0
    assert metrics["parameters"]["frozen"] == 0
    pictures = {p.name for p in (output / "report").iterdir() if p.suffix == ".png"}
    drawn = {"loss", "confusion", "classes", "lengths", "language_model_loss"}
    assert {f"{name}.png" for name in drawn} <= pictures

    assert (output / "report" / "validation.csv").read_text().startswith("text,label\n")
    with open(output / "report" / "predictions.csv", newline="") as file:
        tested = list(csv.DictReader(file))
    predictions = Predictor(output).predict([row["text"] for row in tested])
    for row, prediction in zip(tested, predictions, strict=True):
        for name, probability in prediction.probabilities.items():
            assert float(row[name]) == pytest.approx(probability, abs=2e-6)
    card = (output / "README.md").read_text()
    assert "## Masked language model" in card and "| layer 1 |" in card


@pytest.mark.any_backend
def test_the_vocabulary_knows_the_training_texts_alone(recipe, tmp_path: Path):
    """A character that stands in test texts alone is unknown."""
    own_test = tmp_path / "test.csv"
    write_rows(own_test, 12, header=("narrative", "product"))
    own_test.write_text(own_test.read_text().replace("the ", "ø ").replace("more", "ømore"))
    output = recipe("--test_data", str(own_test))
    pieces = json.loads((output / "tokenizer.json").read_text())["model"]["vocab"]
    assert "ø" not in pieces and "##ø" not in pieces
    assert {"[PAD]", "[MASK]", "the", "more", "opinion"} - set(pieces) == {"opinion"}


@pytest.mark.any_backend
def test_without_the_language_it_learns_as_well(recipe, capsys: pytest.CaptureFixture):
    options = ("--pooling", "first", "--class_weight", "none", "--early_stopping", "5")
    # By steps, as the default is: as many epochs as these need.
    output = recipe(*options, "--epochs", "null", "--steps", "13", "--learning_rate", "0.01")
    assert "hidden tokens" not in capsys.readouterr().out
    metrics = json.loads((output / "report" / "metrics.json").read_text())
    assert "masked_language_model" not in metrics
    losses = metrics["history"]["losses"]
    an_epoch = len(losses) // len(metrics["history"]["epochs"])
    assert 13 <= len(losses) < 13 + an_epoch and 13 % an_epoch
    assert sum(losses[-4:]) < sum(losses[:4])
    assert "bert.pooler.dense.weight" in load_file(output / "model.safetensors")
    assert not (output / "report" / "language_model_loss.png").exists()


@pytest.mark.any_backend
def test_the_language_reaches_the_classifier(recipe):
    """With a learning rate of (nearly) nothing, what the encoder knows comes from the language."""
    frozen = ("--learning_rate", "1e-12", "--seed", "5")
    name = "bert.encoder.layer.0.attention.self.value.weight"
    folder = recipe(*frozen)
    random = load_file(folder / "model.safetensors")
    learned = load_file(recipe(*frozen, "--mlm_epochs", "2") / "model.safetensors")
    assert abs(random[name] - learned[name]).max() > 1e-3
    assert abs(random["classifier.weight"] - learned["classifier.weight"]).max() < 1e-6


@pytest.mark.any_backend
@pytest.mark.parametrize("architecture", ["albert", "mpnet"])
def test_another_family_starts_from_random_weights(recipe, architecture):
    """It learns the language, then the classes; the folder predicts."""
    output = recipe("--architecture", architecture, "--mlm_epochs", "1", "--learning_rate", "0.01")
    manifest = json.loads((output / "manifest.json").read_text())
    assert manifest["architecture"] == architecture
    losses = json.loads((output / "report" / "metrics.json").read_text())["history"]["losses"]
    assert all(np.isfinite(losses))
    found = Predictor(output).predict(["the people of the place"])[0]
    assert sum(found.probabilities.values()) == pytest.approx(1, abs=1e-5)


@pytest.mark.any_backend
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--architecture", "elektra"], "'elektra' is not supported"),
        (["--num_heads", "3"], "--num_heads 3 does not divide --hidden_size 16"),
        (["--num_layers", "0"], "--num_layers is 0"),
        (["--steps", "0"], "--steps is 0"),
        (["--mlm_epochs", "-1"], "--mlm_epochs is -1"),
        (["--learning_rate", "nan"], "--learning_rate"),
        (["--learning_rate", "0"], "--learning_rate is 0"),
        (["--dropout", "1"], "dropout must be at least 0 and less than 1"),
        (["--vocab_size", "12"], "vocabulary size is 12"),
        (["--min_frequency", "0"], "minimum frequency is 0"),
        (["--max_length", "3"], "--max_length is 3"),
        (["--warmup_ratio", "1"], "warmup of"),
        (["--warmup_ratio", "-0.5"], "--warmup_ratio is -0.5"),
        (["--pooling", "max"], "first"),
        (["--unknown", "1"], "--unknown"),
        (["--data", "/nowhere.csv"], "/nowhere.csv"),
    ],
)
def test_bad_options_are_one_sentence(recipe, arguments, words, capsys, tmp_path: Path):
    with pytest.raises(SystemExit) as stop:
        recipe(*arguments)
    complaint = capsys.readouterr().err
    assert stop.value.code == 2
    assert complaint.startswith("error: ") and complaint.count("\n") == 1, complaint
    assert words in complaint
    assert not (tmp_path / "out").exists()


@pytest.mark.any_backend
def test_a_folder_of_someone_else_is_left_alone(recipe, tmp_path: Path, capsys):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("precious")
    with pytest.raises(SystemExit):
        recipe()
    assert "out" in capsys.readouterr().err
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["thesis.txt"]


@pytest.mark.any_backend
def test_help_explains_every_option(capsys, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "argv", ["recipe", "--help"])
    with pytest.raises(SystemExit):
        main(small_bert.run, small_bert.Config)
    said = " ".join(capsys.readouterr().out.split())
    for words in (
        "Largest number of word pieces",  # its own,
        "Remove HTML tags",  # of every corpus,
        "Folder to save into",  # of every recipe
    ):
        assert words in said, words
