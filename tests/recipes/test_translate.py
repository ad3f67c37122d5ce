"""The translator's recipe through its command line: what a run leaves, and what it refuses."""

import json
import re
import shutil
import signal
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from harness import killed_recipe
from kerasft.config import main, parse
from kerasft.data.pair_dataset import load_pairs
from kerasft.data.samples import sample_path
from kerasft.predict import Predictor
from kerasft.recipes import translate

SMALL = (
    "--export=none",
    "--d_model=16", "--num_layers=1", "--num_heads=2", "--d_ff=32", "--max_length=12",
    "--warmup_steps=4", "--tokens_per_batch=128", "--vocab_size=400", "--validation_sentences=8",
    "--learning_rate=0.01",
)  # fmt: skip
KILLED_AT = (3, 9)
RECIPE = (killed_recipe.SCRIPT, "translate")


def write_pairs(path: Path, count: int = 120) -> Path:
    """Short pairs of the sample, with their origins; of two lengths, so that little is compiled."""
    lines = sample_path("translations").read_text("utf-8").splitlines()
    sizes = [
        [len(re.findall(r"\w+|[^\w\s]", side)) for side in line.split("\t")[:2]] for line in lines
    ]
    short = [line for line, size in zip(lines, sizes, strict=True) if size in ([5, 5], [7, 7])]
    step = len(short) // count
    path.write_text("\n".join(short[::step][:count]) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A folder that the recipe saved, and what it printed."""
    import contextlib
    import io

    folder = tmp_path_factory.mktemp("translate")
    data = write_pairs(folder / "pairs.tsv")
    config = parse(
        translate.Config,
        [*SMALL, f"--data={data}", f"--output={folder / 'out'}", "--epochs=3", "--keep_epochs=2",
         "--average_epochs=2", "--schedule=linear"],
    )  # fmt: skip
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        assert translate.run(config) == folder / "out"
    return folder / "out", printed.getvalue()


def test_a_run_says_what_it_does(saved):
    _, said = saved
    for words in (
        "120 pairs from",
        "sample pairs: ",
        "tokenizers: made",
        "longer than 12 tokens",
        "are unknown words",
        "batches per epoch in the shapes",
        "all of them trained",
        "validation: BLEU",
        "    source:    ",
        "    predicted: ",
        "the mean of those after the epochs 2, 3",
        "copy of the source",
        "beam 4",
        "kerasft predict",
    ):
        assert words in said, words
    assert said.count("    target:    ") == 3 * 2  # epochs x num_examples
    assert "\b" not in said and said.count("val_token_accuracy: ") == 3  # a line an epoch


def test_the_folder_translates_as_the_run_did(saved):
    output, _ = saved
    samples = json.loads((output / "report" / "metrics.json").read_text())
    assert {"greedy", "beam 4", "copy of the source"} <= samples["validation"].keys()
    assert all("BLEU" in scores and "chrF" in scores for scores in samples["validation"].values())
    rows = [json.loads(line) for line in (output / "report" / "predictions.jsonl").open()]
    pairs = load_pairs(output.parent / "pairs.tsv").validation
    assert [row["source"] for row in rows] == pairs["source"]
    for name, beam_size in (("greedy", 1), ("beam 4", 4)):
        found = Predictor(output, beam_size=beam_size).predict(pairs["source"])
        assert [f.translation for f in found] == [row["translations"][name] for row in rows]
    assert {"loss.png", "attention.png", "lengths.png", "architecture.png"} <= {
        path.name for path in (output / "report").iterdir()
    }


def test_the_logs_are_means_over_tokens_and_hold_bleu(saved):
    output, _ = saved
    history = json.loads((output / "report" / "metrics.json").read_text())["history"]
    assert [epoch["epoch"] for epoch in history["epochs"]] == [1, 2, 3]
    assert {"val_loss", "val_token_accuracy", "val_bleu", "val_chrf"} <= history["epochs"][0].keys()
    assert history["epochs"][-1]["loss"] < history["epochs"][0]["loss"]


@pytest.mark.any_backend
def test_a_kept_epoch_is_saved_without_training(saved, tmp_path, monkeypatch, capsys):
    output, _ = saved
    for ending in (".epochs", ".tokenizers"):
        shutil.copytree(f"{output}{ending}", tmp_path / f"out{ending}")
    monkeypatch.setattr("keras.Model.fit", lambda *_, **__: pytest.fail("it was trained"))
    config = parse(
        translate.Config,
        [*SMALL, f"--data={output.parent / 'pairs.tsv'}", f"--output={tmp_path / 'out'}",
         "--schedule=linear", "--preload=2", "--epochs=1", "--warmup_steps=4", "--beam_size=1",
         "--average_epochs=5"],
    )  # fmt: skip
    translate.run(config)
    assert "weights: those after epoch 2\n" in capsys.readouterr().out  # epoch 3 has no part in it
    found = load_file(tmp_path / "out" / "model.safetensors").values()
    kept = load_file(tmp_path / "out.epochs" / "epoch_002" / "checkpoint.safetensors")
    kept = {name: array for name, array in kept.items() if name.startswith("model/")}
    assert found and all(any(np.array_equal(a, b) for b in kept.values()) for a in found)
    assert (
        len(json.loads((tmp_path / "out/report/metrics.json").read_text())["history"]["epochs"])
        == 2
    )


@pytest.mark.any_backend
def test_tokenizers_are_used_again(saved, tmp_path, capsys):
    output, _ = saved
    config = parse(
        translate.Config,
        [*SMALL, f"--data={output.parent / 'pairs.tsv'}", f"--output={output}", "--epochs=1",
         "--beam_size=2", "--norm=post", "--tie_embeddings=false", "--schedule=constant"],
    )  # fmt: skip
    translate.run(config)
    said = capsys.readouterr().out
    assert said.count("re-used") == 2
    assert "Removed 2 epochs of an earlier run" in said


@pytest.mark.any_backend
@pytest.mark.timeout(900)  # several processes, each compiles anew
@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_killed_and_resumed_equals_unbroken_and_so_does_a_preloaded_epoch(run_python, tmp_path):
    data = write_pairs(tmp_path / "pairs.tsv", 80)
    unbroken, broken = tmp_path / "unbroken", tmp_path / "broken"
    options = [*SMALL, f"--data={data}", "--epochs=3", "--checkpoint_steps=2", "--dropout=0.2",
               "--beam_size=1"]  # fmt: skip

    def run(kill_at: int, output: Path, *more: str):
        return run_python(*RECIPE, kill_at, *options, f"--output={output}", *more)

    whole = run(-1, unbroken)
    assert whole.returncode == 0, whole.stderr
    for attempt, step in enumerate(KILLED_AT):
        killed = run(step, broken, *(["--resume"] if attempt else []))
        assert killed.returncode == -signal.SIGKILL, killed.stderr
    resumed = run(-1, broken, "--resume")
    assert resumed.returncode == 0, resumed.stderr

    def history(folder: Path) -> dict:
        return json.loads((folder / "report" / "metrics.json").read_text())["history"]

    assert len(history(unbroken)["losses"]) > KILLED_AT[1]
    assert history(broken) == history(unbroken)
    weights = (unbroken / "model.safetensors").read_bytes()
    assert (broken / "model.safetensors").read_bytes() == weights

    preloaded = run(-1, broken, "--preload=2")
    assert preloaded.returncode == 0, preloaded.stderr
    assert (broken / "model.safetensors").read_bytes() == weights


@pytest.mark.any_backend
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--data=nowhere.tsv"], "there is no file nowhere.tsv"),
        (["--data={untabbed}"], "line 2 has no tab"),
        (["--source={long}", "--target={short}"], "has 3 lines and"),
        (["--d_model=10", "--num_heads=4"], "must divide d_model"),
        (["--max_length=3", "--overlong=drop"], "all .* pairs are longer than 3 tokens"),
        (["--overlong=refuse", "--max_length=5"], "longer than 5 tokens"),
        (["--preload=4"], "has no such epoch"),
        (["--label_smoothing=1"], "label_smoothing is 1"),
        (["--epochs=0"], "--epochs is 0"),
        (["--output={foreign}"], "foreign"),
        (["--source={short}"], "need each other"),
        (["--source_lang=English (US)"], "'English .US.', .* must name one source and one target"),
        (["--target_lang="], "must name one source and one target"),
    ],
)
def test_refuses_in_one_sentence(arguments, says, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("keras.Model.fit", lambda *_, **__: pytest.fail("it was trained"))
    files = {
        "untabbed": "a\tb\nno tab here\n",
        "long": "one\ntwo\nthree\n",
        "short": "uno\ndue\n",
    }
    places = {}
    for name, text in files.items():
        places[name] = tmp_path / f"{name}.{'tsv' if name == 'untabbed' else 'txt'}"
        places[name].write_text(text)
    places["foreign"] = tmp_path / "foreign"
    places["foreign"].mkdir()
    (places["foreign"] / "mine.txt").write_text("mine")
    given = [argument.format(**places) for argument in arguments]
    command = [*SMALL, f"--output={tmp_path / 'out'}", *given]
    if not any(word.startswith(("--data", "--source")) for word in given):
        command.append(f"--data={write_pairs(tmp_path / 'pairs.tsv')}")
    monkeypatch.setattr(sys, "argv", ["recipe", *command])
    with pytest.raises(SystemExit) as exit:
        main(translate.run, translate.Config)
    assert exit.value.code == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("error: ") and re.search(says, last), last
    assert not (tmp_path / "out").exists()
