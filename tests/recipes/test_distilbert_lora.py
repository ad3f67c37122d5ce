"""The recipe through its command line: what a run leaves, and what it refuses."""

import csv
import json
import re
import shutil
import sys
from collections import Counter
from pathlib import Path

import pytest
from safetensors.numpy import load_file

from harness.checkpoints import write_checkpoint
from harness.texts import write_rows
from kerasft.config import main
from kerasft.evaluation import temperature
from kerasft.folder.manifest import read
from kerasft.predict import Predictor
from kerasft.presets import load_preset
from kerasft.recipes import distilbert_lora


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tiny checkpoint and some rows."""
    folder = tmp_path_factory.mktemp("world")
    write_checkpoint(folder / "distilbert", "distilbert", layers=3)
    write_checkpoint(folder / "bert", "bert", layers=3)
    shutil.copytree(folder / "distilbert", folder / "sentences")
    (folder / "sentences" / "1_Pooling").mkdir()
    (folder / "sentences" / "1_Pooling" / "config.json").write_text('{"pooling_mode": "mean"}')
    write_rows(folder / "rows.csv")
    return folder


@pytest.fixture
def recipe(world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Runs the recipe's command line in this process; returns the output folder."""

    def run(*arguments: str, preset: str = "distilbert", data: str | None = None) -> Path:
        output = tmp_path / "out"
        command = ["recipe", "--preset", str(world / preset), "--output", str(output)]
        command += [
            "--data",
            data or str(world / "rows.csv"),
            "--epochs",
            "1",
            "--max_length",
            "24",
            "--export",
            "none",
            "--few_shot",
            "off",
        ]
        monkeypatch.setattr(sys, "argv", [*command, *arguments])
        main(distilbert_lora.run, distilbert_lora.Config)
        return output

    return run


def test_a_run_leaves_a_folder_that_predicts(recipe, capsys: pytest.CaptureFixture, monkeypatch):
    monkeypatch.setattr(temperature, "LEAST_ROWS", 12)
    output = recipe(
        "--class_weight", "balanced", "--max_length", "12", "--schedule", "constant",
        "--export", "auto",
    )  # fmt: skip
    said = capsys.readouterr().out
    for words in (
        "backend: ",
        "sample rows: ",
        "rows per class: news: train 16, validation 4, test 4",
        "the head reads the first token, as transformers' own heads do",
        "texts were cut at 12 tokens",
        "adapters: transformer_layer_1/self_attention_layer/query, ",
        "parameters train",
        "chosen on 12 validation rows (log loss ",
        "test probabilities: before calibration: expected calibration error 0.",
        "test texts with a label, by --min_confidence: 0: with a label 100.0%",
        "doubtful rows: examined all rows: a logistic regression over TF-IDF in 5 folds agrees",
        "macro F1",
        "majority class",
        "tf-idf baseline: ",
        "settings the one with the best macro-F1 on the validation rows (",
        f"wrote {output}/export/onnx, which differs from Keras by ",
        f"kerasft predict {output} ",
        f"kerasft serve {output} --port 8000",
    ):
        assert words in said, words
    assert sorted(p.name for p in output.iterdir()) == [
        "README.md",
        "adapter",
        "config.yaml",
        "export",
        "label_map.json",
        "manifest.json",
        "model.safetensors",
        "report",
        "tokenizer.json",
    ]
    report = output / "report"
    metrics = json.loads((report / "metrics.json").read_text())
    assert set(metrics["test"]["per_class"]) == {"news", "opinion", "comparison"}
    assert len(metrics["history"]["losses"]) == 6  # 48 training rows, 8 a step
    assert {
        *("loss.png", "confusion.png", "reliability.png", "coverage.png", "doubtful_rows.csv")
    } <= {p.name for p in report.iterdir()}
    assert metrics["temperature"] == read(output).settings["temperature"] != 1
    with open(report / "validation.csv", newline="") as file:
        kept = Counter(row["label"] for row in csv.DictReader(file))
    assert kept == {"news": 4, "opinion": 4, "comparison": 4}
    with open(report / "predictions.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    predictor = Predictor(output)
    assert predictor.metadata["engine"] == "onnx"
    predictions = predictor.predict([row["text"] for row in rows])
    assert [p.label for p in predictions] == [row["predicted"] for row in rows]
    for row, prediction in zip(rows, predictions, strict=True):
        for name, probability in prediction.probabilities.items():
            assert float(row[name]) == pytest.approx(probability, abs=2e-6)
    card = (output / "README.md").read_text()
    assert "texts were cut at 12 tokens" in card and "parameters train" in card


@pytest.mark.any_backend
def test_only_the_last_two_layers_and_the_head_are_saved_with_the_adapter(recipe):
    names = set(load_file(recipe() / "adapter" / "adapter_model.safetensors"))
    layers = {re.search(r"layer\.(\d+)\.", name)[1] for name in names if "lora" in name}
    assert layers == {"1", "2"}
    assert {n.split(".")[-3] for n in names if "lora_A" in n} == {"q_lin", "v_lin"}
    assert "base_model.model.pre_classifier.weight" in names
    assert "base_model.model.classifier.bias" in names


@pytest.mark.any_backend
def test_options_choose_what_trains(recipe):
    output = recipe(
        "--rank=2", "--alpha=3", "--rank_stabilized", "--last_layers=1", "--targets=key,value",
        "--dropout=0.3", preset="bert",
    )  # fmt: skip
    config = json.loads((output / "adapter" / "adapter_config.json").read_text())
    assert (config["r"], config["lora_alpha"], config["use_rslora"]) == (2, 3, True)
    names = set(load_file(output / "adapter" / "adapter_model.safetensors"))
    adapted = {n.split("encoder.")[1].rsplit(".", 2)[0] for n in names if "lora_A" in n}
    assert adapted == {"layer.2.attention.self.key", "layer.2.attention.self.value"}


@pytest.mark.any_backend
@pytest.mark.parametrize(
    ("method", "count", "ends"),
    [
        ("ia3", 3, {"k_lin.ia3_l", "v_lin.ia3_l", "lin2.ia3_l"}),
        ("bitfit", 8, {"q_lin.bias", "lin1.bias", "sa_layer_norm.bias"}),
    ],
)
def test_other_methods_take_what_is_usual_for_them(recipe, method: str, count: int, ends: set[str]):
    output = recipe("--method", method, "--last_layers", "1")
    config = json.loads((output / "adapter" / "adapter_config.json").read_text())
    assert config["peft_type"] == method.upper() and len(config["target_modules"]) == count
    assert all(".layer.2." in name for name in config["target_modules"])
    names = load_file(output / "adapter" / "adapter_model.safetensors")
    assert ends <= {".".join(name.split(".")[-2:]) for name in names}
    assert Predictor(output).predict(["a year in this place"])[0].label


@pytest.mark.any_backend
@pytest.mark.parametrize(
    ("options", "places"),
    [
        ([], [f"transformer_layer_{n}.{s}" for n in range(3) for s in ("feedforward", "self_att")]),
        (["--style=pfeiffer", "--targets=feedforward_residual"], ["transformer_layer_2.feedfor"]),
    ],
)
def test_adapters_stand_in_all_layers_or_where_they_are_put(recipe, options, places):
    output = recipe("--method", "adapter", "--last_layers", "1", *options)
    config = json.loads((output / "adapter" / "adapter_config.json").read_text())
    assert config["style"] == ("pfeiffer" if options else "houlsby")
    found = sorted(config["target_modules"])
    assert len(found) == len(places) and all(map(str.startswith, found, places))
    assert Predictor(output).predict(["a year in this place"])[0].label


@pytest.mark.any_backend
@pytest.mark.parametrize("whole", ["head", "full"])
def test_head_and_full_have_no_adapter(recipe, whole: str, world: Path):
    output = recipe("--method", whole, "--learning_rate", "0.01", preset="sentences")
    assert json.loads((output / "manifest.json").read_text())["settings"]["pooling"] == "mean"
    assert "pooling: mean" in (output / "config.yaml").read_text()
    assert load_preset(str(output)).pooling == "mean"
    assert not (output / "adapter").exists()
    before = load_file(world / "distilbert" / "model.safetensors")
    after = load_file(output / "model.safetensors")
    name = "transformer.layer.0.ffn.lin1.weight"
    moved = abs(before[name] - after[f"distilbert.{name}"]).max()
    assert (moved > 1e-4) if whole == "full" else (moved == 0)


@pytest.mark.any_backend
def test_early_stopping_takes_the_best_epoch(recipe):
    output = recipe(
        "--epochs", "60", "--early_stopping", "1", "--learning_rate=0.1", "--schedule=constant"
    )
    history = json.loads((output / "report" / "metrics.json").read_text())["history"]
    losses = [epoch["val_loss"] for epoch in history["epochs"]]
    assert len(losses) < 60
    assert losses[-1] > min(losses)


@pytest.mark.any_backend
def test_trackers_write_their_files(recipe, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.chdir(tmp_path)
    output = recipe("--tensorboard", "--wandb")
    assert list(Path(f"{output}.tensorboard").glob("events.out.tfevents.*"))
    assert list((tmp_path / "wandb").glob("offline-run-*/run-*.wandb"))


@pytest.mark.any_backend
def test_its_own_test_file_is_used_and_kept_out_of_training(recipe, world: Path, tmp_path: Path):
    lines = (world / "rows.csv").read_text().splitlines()
    own = tmp_path / "test.csv"
    own.write_text("\n".join([lines[0], *lines[1:10]]) + "\n")
    output = recipe("--test_data", str(own))
    metrics = json.loads((output / "report" / "metrics.json").read_text())
    assert metrics["test"]["rows"] == 9
    assert (
        metrics["rows"]["all classes"]["train"] + metrics["rows"]["all classes"]["validation"] == 63
    )
    assert "(9 of the texts are test texts)" in (output / "README.md").read_text()


BAD_FILES = {
    "missing.csv": (None, "missing.csv"),
    "column.csv": ("body,team\na,b\n", "'body', 'team'"),
    "one_class.csv": ("text,label\na b,x\nc d,x\n", "'x'"),
    "one_row.csv": ("text,label\na b,x\nc d,x\ne f,y\n", "'y'"),
    "empty.csv": ("", "empty.csv"),
    "header.csv": ("text,label\n", "header.csv"),
    "no_label.csv": ("text,label\na b,x\nc d,\n", "line 3"),
    "latin.csv": (b"text,label\ncaf\xe9,x\nb,y\n", "UTF-8"),
    "rows.parquet": ("x", "rows.parquet"),
}


@pytest.mark.any_backend
@pytest.mark.parametrize("name", BAD_FILES)
def test_bad_data_is_one_sentence(recipe, tmp_path: Path, name: str, capsys):
    content, words = BAD_FILES[name]
    if content is not None:
        (tmp_path / name).write_bytes(content.encode() if isinstance(content, str) else content)
    refused(recipe, capsys, words, data=str(tmp_path / name))
    assert not (tmp_path / "out").exists()


@pytest.mark.any_backend
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--rank", "0"], "rank must be a whole number"),
        (["--dropout", "1.5"], "dropout"),
        (["--epochs", "0"], "--epochs"),
        (["--learning_rate", "nan"], "--learning_rate"),
        (["--max_length", "65"], "64 tokens"),
        (["--method", "prompt", "--max_length", "50"], "before a text the model reads 44 tokens"),
        (["--last_layers", "9"], "9"),
        (["--targets", "qury"], "query"),
        (["--validation", "0.6", "--test", "0.5"], "0.6"),
        (["--unknown", "1"], "--unknown"),
        (["--method", "some"], "lora"),
        (["--tune", "ia3", "--rank", "4"], "--rank is not an option of --method ia3; leave it out"),
        (["--method", "full", "--alpha", "4"], "--alpha is not an option of --method full; leave"),
        (["--method", "head", "--targets", "key"], "--targets is not an option of --method head"),
        (["--bias", "some"], "bias"),
        (["--rank", "null"], "--rank has no value"),
        (["--preset", "/nowhere/at/all"], "/nowhere/at/all"),
        (["--data", "hub:"], "hub:"),
    ],
)
def test_bad_options_are_one_sentence(recipe, arguments: list[str], words: str, capsys, tmp_path):
    refused(recipe, capsys, words, *arguments)
    assert not (tmp_path / "out").exists()


@pytest.mark.any_backend
def test_a_folder_of_someone_else_is_left_alone(recipe, tmp_path: Path, capsys):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("precious")
    refused(recipe, capsys, "out")
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["thesis.txt"]


@pytest.mark.any_backend
def test_a_directory_without_a_checkpoint(recipe, tmp_path: Path, capsys):
    (tmp_path / "nothing").mkdir()
    refused(recipe, capsys, "nothing", "--preset", str(tmp_path / "nothing"))


def refused(recipe, capsys, words: str, *arguments: str, **options: str) -> None:
    """Asserts that a run ends with exit code 2 and one sentence that holds the words."""
    with pytest.raises(SystemExit) as stop:
        recipe(*arguments, **options)
    complaint = capsys.readouterr().err
    assert stop.value.code == 2
    assert complaint.startswith("error: ") and complaint.count("\n") == 1, complaint
    assert words in complaint


@pytest.mark.any_backend
def test_an_unknown_backend_is_one_sentence(run_python):
    result = run_python("-m", "kerasft.recipes.distilbert_lora", backend="caffe")
    assert result.returncode == 2
    assert result.stderr.startswith("error: ") and result.stderr.count("\n") == 1
    assert "caffe" in result.stderr and "torch" in result.stderr


@pytest.mark.any_backend
def test_an_unreachable_hub_names_the_offline_choices(run_python, tmp_path: Path):
    env = {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_HOME": str(tmp_path / "hf")}
    result = run_python(
        "-m", "kerasft.recipes.distilbert_lora", "--output", tmp_path / "o", env=env
    )
    assert result.returncode == 2
    complaint = result.stderr.splitlines()[-1]
    assert complaint.startswith("error: ") and "--preset minilm" in complaint
    assert not (tmp_path / "o").exists()
