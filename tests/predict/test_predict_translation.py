"""The Translator, and `kerasft predict` on a folder that translates texts."""

import csv
import json
import shutil

import numpy as np
import pytest

from harness import classifiers, translators
from kerasft import backends
from kerasft.errors import ConfigError, FolderError
from kerasft.predict import Predictor
from kerasft.tasks import load
from kerasft.tasks.translation.translator import Translator
from kerasft.text.cleaning import Cleaning


@pytest.fixture(scope="module")
def saved() -> translators.Saved:
    return translators.saved()


@pytest.fixture(scope="module")
def translator(saved) -> Translator:
    return Predictor(saved.folder)


@pytest.fixture(scope="module")
def greedy(saved) -> Translator:
    return Predictor(saved.folder, beam_size=1)


@pytest.fixture
def command(saved, translator, command_with):
    return command_with(saved.folder, translator)


def greedy_by_hand(forward, length: int, text: str) -> tuple[str, float, bool]:
    """The likeliest token again and again, each from a whole forward pass."""
    source, target = translators.tokenizers()
    source_ids = source.encode([text], translators.MAX_LENGTH).token_ids[0][None]
    impossible = [target.token_id("[PAD]"), target.token_id("[SOS]")]
    # Padded from the start: what stands after a position cannot change what is said at it.
    ids = np.full((1, length + 1), target.pad_id, "int32")
    ids[0, 0], score = target.token_id("[SOS]"), 0.0
    for position in range(length):
        inputs = {"source_ids": source_ids, "target_ids": ids[:, :length]}
        row = forward(inputs)[0, position].astype(float)
        row[impossible] = -np.inf
        ids[0, position + 1] = row.argmax()
        score += row.max()
        if ids[0, position + 1] == target.token_id("[EOS]"):
            return target.decode(ids[0, 1 : position + 1]), score, False
    return target.decode(ids[0, 1:]), score, True


def test_greedy_translations_are_those_of_the_model(saved, greedy):
    model = load(saved.folder, Translator).model
    forward = backends.compile_forward(model)
    length = model.arguments.tgt_seq_len
    for text, found in zip(translators.TEXTS, greedy.predict(translators.TEXTS), strict=True):
        translation, score, truncated = greedy_by_hand(forward, length, text)
        assert (found.translation, found.truncated) == (translation, truncated)
        assert found.score == pytest.approx(score, abs=1e-3)


def test_translations(translator):
    found = translator.predict(translators.TEXTS)
    assert [t.cut for t in found] == [False, False, False, True]
    assert [t.unknown_words for t in found] == [(), (), ("zebra",), ()]
    assert all(isinstance(t.translation, str) and t.score < 0 for t in found)
    assert len({t.translation for t in found}) > 1


def test_cleaning_is_applied(tmp_path, greedy):
    folder = translators.save(
        tmp_path / "run", translators.build(), cleaning=Cleaning(unicode_form="NFKC")
    ).folder
    wide = "".join(chr(ord(c) + 0xFEE0) for c in "station")  # NFKC makes "station" of it
    clean, plain = Predictor(folder, beam_size=1), greedy
    assert clean.predict([wide])[0].unknown_words == ()
    assert clean.predict([wide])[0].translation == plain.predict(["station"])[0].translation
    assert plain.predict([wide])[0].unknown_words == (wide,)


def test_the_warm_up_has_a_text_of_each_shape(tmp_path, saved):
    folder = translators.save(
        tmp_path / "run", translators.build(src_seq_len=50), max_length=50
    ).folder
    lengths = [16, 32, 50]
    texts = Predictor(folder, beam_size=1).warm_up_texts
    source, _ = translators.tokenizers()
    sizes = source.encode(texts, 50).full_lengths.tolist()
    assert sizes == (lengths[:1] if backends.choose().name == "torch" else lengths)


def test_a_folder_is_opened_by_its_task(saved, tmp_path):
    assert Predictor(saved.folder, beam_size=2).metadata["beam_size"] == 2
    assert Predictor(saved.folder, beam_size=None).metadata["beam_size"] == 4
    classifier = classifiers.saved_lora().folder
    assert Predictor(classifier).metadata["task"] == "classification"
    with pytest.raises(ConfigError, match="--beam_size does not apply to"):
        Predictor(classifier, beam_size=2)
    folder = shutil.copytree(saved.folder, tmp_path / "copy")
    (folder / "tokenizer_target.json").unlink()
    with pytest.raises(FolderError, match=r"tokenizer_target\.json is missing"):
        Predictor(folder)


def test_a_table_of_the_texts_on_the_command_line(command, translator):
    long = "I would like the station and the coffee, " * 3
    code, out, err = command("a zebra is cold", "\x1b[31mred\nnext", long)
    lines = out.splitlines()
    assert (code, len(lines)) == (0, 4)
    assert lines[0].split() == ["score", "text", "translation"]
    first = translator.predict(["a zebra is cold"])[0]
    assert lines[1].split()[0] == f"{first.score:.3f}" and lines[1].endswith(first.translation)
    assert "?[31mred next" in lines[2]
    assert "1 of 3 texts were cut at 16 tokens; what came after was not read." in err
    assert "2 of 3 texts have words that the model does not know." in err


def test_one_text_a_line_from_standard_input(command, translator):
    code, out, _ = command("--format", "jsonl", stdin=b"the station\na zebra\n")
    rows = [json.loads(line) for line in out.splitlines()]
    assert code == 0 and [row["text"] for row in rows] == ["the station", "a zebra"]
    assert list(rows[0]) == ["text", "translation", "score", "unknown_words", "cut", "truncated"]
    assert [row["unknown_words"] for row in rows] == [[], ["zebra"]]
    expected = translator.predict(["the station", "a zebra"])
    assert [row["translation"] for row in rows] == [t.translation for t in expected]


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl"])
def test_from_file_to_file(command, tmp_path, suffix, translator):
    texts = ['the "station", please', "a zebra is\na gnu", "I would like " * 12]
    source, target = tmp_path / f"in{suffix}", tmp_path / f"out{suffix}"
    delimiter = "," if suffix == ".csv" else "\t"
    if suffix == ".jsonl":
        source.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    else:
        with open(source, "w", newline="") as stream:
            rows = csv.writer(stream, delimiter=delimiter, quoting=csv.QUOTE_ALL)
            rows.writerows([["text"], *([text] for text in texts)])
    assert command("--input", source, "--output", target)[:2] == (0, "")
    expected = translator.predict(texts)
    if suffix == ".jsonl":
        found = [json.loads(line) for line in target.read_text().splitlines()]
        assert [row["cut"] for row in found] == [False, False, True]
        assert found[1]["unknown_words"] == ["zebra", "gnu"]
    else:
        with open(target, newline="") as stream:
            found = list(csv.DictReader(stream, delimiter=delimiter))
        assert [row["cut"] for row in found] == ["false", "false", "true"]
        assert found[1]["unknown_words"] == "zebra gnu"
        assert {row["truncated"] for row in found} <= {"true", "false"}
        scores = [float(row["score"]) for row in found]
        assert scores == pytest.approx([t.score for t in expected], abs=1e-3)
    assert [row["text"] for row in found] == texts
    assert [row["translation"] for row in found] == [t.translation for t in expected]


def test_the_beam_size_is_an_option(command, greedy):
    code, out, _ = command("the station", "--beam_size", 1, "--format", "jsonl")
    assert code == 0
    assert json.loads(out)["translation"] == greedy.predict(["the station"])[0].translation
    for value, message in [("0", "beam_size is 0"), ("-2", "beam_size"), ("four", "--beam_size")]:
        code, out, err = command("the station", f"--beam_size={value}")
        assert (code, out) == (2, "") and message in err and err.count("\n") == 1


def test_the_real_command(saved, run_python, translator):
    result = run_python("-m", "kerasft.predict", saved.folder, translators.TEXTS[0])
    assert result.returncode == 0, result.stderr
    expected = translator.predict(translators.TEXTS[:1])[0]
    assert result.stdout.splitlines()[1].endswith(expected.translation)
