"""`kerasft predict` as a user runs it, on a folder that labels texts."""

import csv
import json
import os
import signal
import sys

import pytest

from harness import classifiers
from harness.full_disk import no_file_above
from kerasft.cli import predict as command_line
from kerasft.predict import Predictor

pytestmark = pytest.mark.any_backend


@pytest.fixture(scope="module")
def saved() -> classifiers.Saved:
    return classifiers.saved_lora()


@pytest.fixture(scope="module")
def predictor(saved: classifiers.Saved) -> Predictor:
    return Predictor(saved.folder)


@pytest.fixture
def command(saved, predictor, command_with):
    return command_with(saved.folder, predictor)


def refused(result: tuple[int, str, str]) -> str:
    """The one sentence that the command printed."""
    code, out, err = result
    assert code == 2 and out == "" and err.startswith("error: ") and err.count("\n") == 1
    return err


def test_a_table_of_the_texts_on_the_command_line(command, predictor):
    code, out, err = command("that cat", "\x1b[31mred\nnext " + "that was with him " * 4)
    lines = out.splitlines()
    assert (code, len(lines)) == (0, 3) and err.startswith("1 of 2 texts were cut at 16 tokens")
    first = predictor.predict(["that cat"])[0]
    assert lines[0].split()[0] == "label" and all(name in lines[0] for name in classifiers.LABELS)
    assert lines[1].startswith(first.label) and lines[1].endswith("that cat")
    assert all(f"{value:.4f}" in lines[1] for value in first.probabilities.values())
    assert lines[2].endswith("?[31mred next that was with him that ...")


def test_one_text_a_line_from_standard_input(command):
    stdin = "\ufeffthe cat\r\nè così\u2028ancora\n".encode()
    code, out, _ = command("--format", "jsonl", stdin=stdin)
    rows = [json.loads(line) for line in out.removesuffix("\n").split("\n")]
    assert code == 0 and [row["text"] for row in rows] == ["the cat", "è così\u2028ancora"]
    assert rows[0].keys() == {"text", "label", "probabilities", "cut"}
    assert abs(sum(rows[0]["probabilities"].values()) - 1) < 1e-9


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl"])
def test_from_file_to_file(command, tmp_path, suffix, predictor):
    texts = ['the "cat", was', "two\nlines", "he was with " * 30]
    source, target = tmp_path / f"in{suffix}", tmp_path / f"out{suffix}"
    if suffix == ".jsonl":
        source.write_text("".join(json.dumps({"body": text}) + "\n" for text in texts))
    else:
        with open(source, "w", newline="") as stream:
            # Quotes mean something in a tsv file only where they stand around the header, too.
            quoting = csv.QUOTE_MINIMAL if suffix == ".csv" else csv.QUOTE_NONNUMERIC
            rows = csv.writer(stream, delimiter="," if suffix == ".csv" else "\t", quoting=quoting)
            rows.writerows([["id", "body"], *([i, text] for i, text in enumerate(texts))])
    code, out, err = command("--input", source, "--text_column", "body", "--output", target)
    assert (code, out) == (0, "")
    assert err == "1 of 3 texts were cut at 16 tokens; what came after was not read.\n"
    expected = predictor.predict(texts)
    if suffix == ".jsonl":
        found = [json.loads(line) for line in target.read_text().splitlines()]
        assert [row["cut"] for row in found] == [False, False, True]
    else:
        with open(target, newline="") as stream:
            found = list(csv.DictReader(stream, delimiter="," if suffix == ".csv" else "\t"))
        assert [row["cut"] for row in found] == ["false", "false", "true"]
        name = classifiers.LABELS[1]
        assert [float(row[f"probability_{name}"]) for row in found] == pytest.approx(
            [prediction.probabilities[name] for prediction in expected], abs=1e-6
        )
    assert [row["text"] for row in found] == texts
    assert [row["label"] for row in found] == [prediction.label for prediction in expected]
    assert sorted(os.listdir(tmp_path)) == sorted([source.name, target.name])


@pytest.mark.parametrize("terminal", [True, False])
def test_long_input_shows_progress_on_a_terminal(command, tmp_path, monkeypatch, terminal):
    source = tmp_path / "in.csv"
    source.write_text("text\n" + "the cat\n" * (command_line.CHUNK + 1))
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    code, out, err = command("--input", source)
    assert code == 0 and len(out.splitlines()) == command_line.CHUNK + 2
    assert (f"{command_line.CHUNK + 1}/{command_line.CHUNK + 1}" in err) == terminal
    assert terminal or not err


def test_nothing_is_overwritten_unasked(command, tmp_path):
    target = tmp_path / "out.csv"
    target.write_text("precious")
    assert "exists; name another file or add --overwrite" in refused(
        command("the cat", "--output", target)
    )
    assert target.read_text() == "precious"
    assert command("the cat", "--output", target, "--overwrite")[0] == 0
    assert target.read_text().startswith("text,label,cut,")
    # An error on the way leaves the old file.
    before = target.read_text()
    refused(command("the cat", "\ud800", "--output", target, "--overwrite"))
    assert target.read_text() == before and os.listdir(tmp_path) == ["out.csv"]


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals and limits")
def test_what_ends_a_run_early_leaves_no_file(command, tmp_path, monkeypatch, predictor):
    source, target = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_text("text\n" + "the cat\n" * (command_line.CHUNK + 1))
    with no_file_above(2000):
        code, out, err = command("--input", source, "--output", target)
    assert (code, out) == (2, "")
    assert f"error: {target} cannot be written: File too large; nothing was changed" in err
    assert os.listdir(tmp_path) == ["in.csv"]

    predict = predictor.predict

    def ended_after_the_first_chunk(texts):
        if len(texts) < command_line.CHUNK:
            assert len(os.listdir(tmp_path)) == 2
            os.kill(os.getpid(), signal.SIGTERM)
        return predict(texts)

    monkeypatch.setattr(predictor, "predict", ended_after_the_first_chunk)
    code, out, err = command("--input", source, "--output", target)
    assert (code, out) == (143, "") and err.endswith("terminated\n")
    assert os.listdir(tmp_path) == ["in.csv"]


def test_wrong_input_is_one_sentence(command, tmp_path, saved):
    source = tmp_path / "in.csv"
    source.write_text("text,more\na,b\n")
    for arguments, stdin, message in [
        ([], b"", "standard input is empty"),
        ([], b"a\n\nb\n", "text in line 2 is empty"),
        ([], b"a\n\xff\n", "standard input is not UTF-8: byte 0xff in line 2"),
        (["a", "  "], b"", "text in argument 2 is empty"),
        (["a", "--input", source], b"", "choose one"),
        (["--input", tmp_path / "none.csv"], b"", "none.csv"),
        (["--input", source, "--text_column", "body"], b"", "no column 'body'"),
        (["a", "--output", tmp_path / "out.xlsx"], b"", "must end in one of .csv"),
        (["a", "--output", tmp_path], b"", "must end in"),
        (["a", "--output", tmp_path / "no" / "out.csv"], b"", "there is no folder"),
        (["--input", source, "--output", source, "--overwrite"], b"", "is the input"),
        (["a", "--frobnicate"], b"", "--frobnicate"),
        (["a", "--format", "xml"], b"", "invalid choice: 'xml'"),
        (["a", "--beam_size", "4"], b"", "--beam_size does not apply to"),
    ]:
        assert message in refused(command(*arguments, stdin=stdin))
    assert "nowhere is not a folder" in refused(command("a", folder="nowhere"))
    assert "has no manifest.json" in refused(command("a", folder=tmp_path))
    assert os.listdir(tmp_path) == ["in.csv"]


def test_the_real_command(saved, run_python, predictor):
    result = run_python("-m", "kerasft.predict", saved.folder, "--format", "jsonl", input="the cat")
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout)
    expected = predictor.predict(["the cat"])[0]
    assert found["label"] == expected.label
    assert found["probabilities"] == pytest.approx(expected.probabilities, abs=1e-5)
    result = run_python("-m", "kerasft.predict", saved.folder / "none", "a")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("error: ") and result.stderr.count("\n") == 1
