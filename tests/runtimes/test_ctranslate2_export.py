"""Exports in saved folders: made once, judged, and saying what Keras says."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from harness import text_models, translators
from harness.folders import task_engine
from kerasft import storage
from kerasft.errors import ConfigError, DataError, FolderError
from kerasft.exports.engines import make_export
from kerasft.folder import is_ours, verify
from kerasft.folder.export_files import export_paths
from kerasft.runtimes.gate import Gate
from kerasft.runtimes.registry import RUNTIMES
from kerasft.tasks import load
from kerasft.tasks.gate_rows import PREDICTIONS
from kerasft.tasks.text_to_text.gate import gate_rows
from kerasft.tasks.text_to_text.writer import TextWriter
from kerasft.tasks.translation.gate import gate_rows as translated_rows
from kerasft.tasks.translation.translator import Translator

pytestmark = pytest.mark.any_backend

INT8 = "ctranslate2-int8"


def with_rows(name: str, rows: list[dict]):
    """A report that keeps held-out rows, as a run leaves them."""

    def write(report: Path) -> None:
        storage.write_json(report / "metrics.json", {})
        (report / name).write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")

    return write


PAIRS = [
    {"source": source, "reference": target}
    for source, target in zip(translators.SOURCES, translators.TARGETS, strict=True)
]
TASKS = [
    {"task": "topics" if row < 2 else "italian", "source": source, "reference": target}
    for row, (source, target) in enumerate(
        zip(text_models.SOURCES, text_models.TARGETS, strict=True)
    )
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A translator with both exports."""
    path = tmp_path_factory.mktemp("translator") / "run"
    report = with_rows(PREDICTIONS, PAIRS)
    # So sure of what it says that 8 bits change nothing.
    translators.save(path, translators.biased(0, -30, -30, 0, 30), report=report)
    make_export(path, INT8)
    return path


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A translator that puts out many words, and, as a trained one, no padding; in float32."""
    path = shutil.copytree(translators.fluent().folder, tmp_path_factory.mktemp("plain") / "run")
    make_export(path, "ctranslate2")
    return path


def test_what_is_in_the_folder(folder):
    manifest = verify(folder)
    assert {*export_paths(["ctranslate2", INT8])} < set(manifest.files)
    facts = manifest.exports
    assert facts["ctranslate2"]["largest_difference_to_keras"] < 1e-3
    gate = facts[INT8]
    assert gate["rows"] == 4 and gate["source"] == "held-out rows of the run"
    assert set(gate["scores"]) == set(gate["scores_float32"]) == {"BLEU", "chrF"}
    assert gate["beam_size"] == 4 and 0 <= gate["same_outputs"] <= 1
    card = (folder / "README.md").read_text("utf-8")
    assert "## Export ctranslate2\n" in card and f"## Export {INT8}\n" in card
    assert is_ours(folder)
    # The rest is as it was.
    assert load(folder, Translator).languages == translators.LANGUAGES
    assert verify(translators.saved().folder).exports == {}


@pytest.mark.parametrize("beam_size", [1, 4])
def test_a_translator_says_what_it_says_with_keras(plain, beam_size):
    ours = task_engine(plain, "keras", beam_size=beam_size).write(translators.TEXTS)
    theirs = task_engine(plain, "ctranslate2", beam_size=beam_size).write(translators.TEXTS)
    for wanted, found in zip(ours, theirs, strict=True):
        assert found.score == pytest.approx(wanted.score, abs=1e-3)
        assert found._replace(score=0.0) == wanted._replace(score=0.0)
    assert [found.cut for found in theirs] == [False, False, False, True]
    assert [found.unknown_words for found in theirs] == [(), (), ("zebra",), ()]


def test_8_bits_of_a_sure_model_say_the_same(folder):
    ours = task_engine(folder, "ctranslate2").write(translators.TEXTS)
    theirs = task_engine(folder, INT8).write(translators.TEXTS)
    assert [one.text for one in ours] == [one.text for one in theirs]
    assert [one.score for one in ours] != [one.score for one in theirs]


@pytest.mark.parametrize("bias_per_block", [False, True], ids=["T5", "umT5"])
def test_a_t5_writes_what_it_writes_with_keras(tmp_path, bias_per_block):
    folder = tmp_path / "run"
    model = text_models.build(lora=True, decoder_layers=2, bias_per_block=bias_per_block)
    # One padded length, so that little is compiled.
    text_models.save(folder, model, max_length=16, report=with_rows(PREDICTIONS, TASKS))
    make_export(folder, "ctranslate2")
    texts = [*text_models.SOURCES, "classify: " + "shares fell again " * 20, "classify: ☃"]
    ours, theirs = (
        task_engine(folder, engine, beam_size=3).write(texts) for engine in ("keras", "ctranslate2")
    )
    for wanted, found in zip(ours, theirs, strict=True):
        assert found.score == pytest.approx(wanted.score, rel=1e-4, abs=1e-3)
        assert found._replace(score=0.0) == wanted._replace(score=0.0)
    assert theirs[-2].cut and theirs[-1].unknown_words == ("☃",)


def test_8_bits_that_lose_are_refused(plain, tmp_path, monkeypatch):
    folder = shutil.copytree(plain, tmp_path / "run")
    data = tmp_path / "rows.tsv"
    right = [each.text for each in task_engine(folder, "ctranslate2").write(translators.SOURCES)]
    rows = zip(translators.SOURCES, right, strict=True)
    data.write_text("".join(f"{one}\t{other}\n" for one, other in rows if other), "utf-8")

    def write_worse(exact, model, place):
        worse = model()
        bias = worse.model.projection.bias
        bias.assign(np.array(bias) + 90.0 * (np.arange(bias.shape[0]) == 3))  # the end at once
        RUNTIMES[INT8].write(worse, place)

    monkeypatch.setattr(RUNTIMES[INT8], "write_small", write_worse)
    with pytest.raises(ConfigError, match="loses more than half a point") as caught:
        make_export(folder, INT8, data=str(data))
    message = str(caught.value)
    assert (
        "BLEU 0.00 (" in message
        and "chrF 0.00 (float32 100.00)" in message
        and " rows of" in message
    )
    assert "the same output for 0.0% of" in message
    assert message.endswith("use --engine ctranslate2.")
    # What it was made of is still there.
    assert set(verify(folder).exports) == {"ctranslate2"}


def test_half_a_point_is_the_bound():
    def gate(scores: dict[str, float], exact: dict[str, float]) -> Gate:
        return Gate(9, "rows", scores, exact, 0.5)

    assert gate({"BLEU": 30.0}, {"BLEU": 30.5}).passed
    assert not gate({"BLEU": 29.9}, {"BLEU": 30.5}).passed
    assert gate({"BLEU": 31.0}, {"BLEU": 30.5}).passed
    assert not gate({"BLEU": 31.0, "chrF": 40.0}, {"BLEU": 30.5, "chrF": 41.0}).passed
    said = "BLEU 30.00 (float32 30.50), the same output for 50.0% of 9 rows"
    assert str(gate({"BLEU": 30.0}, {"BLEU": 30.5})) == said


def test_rows_to_judge_by(tmp_path):
    tasks = tmp_path / "tasks"
    text_models.save(tasks, text_models.build(), report=with_rows(PREDICTIONS, TASKS))
    known = load(tasks, TextWriter).tasks
    kept = gate_rows(tasks, known, None)
    assert [task.name for _, task in kept.wanted] == ["topics", "topics", "italian", "italian"]
    right = [reference for reference, _ in kept.wanted]
    scores = kept.score(kept.wanted, right)
    assert scores["topics accuracy"] == 100 and scores["italian chrF"] == pytest.approx(100)
    assert kept.score(kept.wanted, right[::-1])["topics accuracy"] == 0
    data = tmp_path / "more.tsv"
    data.write_text("translate English to Italian: cold\tfreddo\n" * 3, "utf-8")
    given = gate_rows(tasks, known, str(data))
    assert [task.name for _, task in given.wanted] == ["italian"] * 3
    data.write_text("cold\tfreddo\n", "utf-8")
    with pytest.raises(DataError, match="begins with no prefix of the model"):
        gate_rows(tasks, known, str(data))
    with pytest.raises(DataError, match="there is no file"):
        gate_rows(tasks, known, str(tmp_path / "nowhere.tsv"))
    many = [{"source": f"{row}", "reference": "x"} for row in range(1500)]
    long = tmp_path / "long"
    translators.save(long, translators.build(), report=with_rows(PREDICTIONS, many))
    rows = translated_rows(long, None).fewer()
    assert len(rows.texts) == 1000 and (rows.texts[0], rows.texts[-1]) == ("0", "1498")


@pytest.mark.parametrize(
    "row",
    [[], {}, {"source": "a"}, {"source": 3, "reference": "a"}, {"source": "a", "reference": 3}],
)
def test_rows_that_are_none(row, tmp_path):
    folder = tmp_path / "run"
    translators.save(folder, translators.build(), report=with_rows(PREDICTIONS, [row]))
    with pytest.raises(FolderError, match=r"predictions\.jsonl does not hold rows as a run leaves"):
        translated_rows(folder, None)


def test_a_folder_without_rows_asks_for_some(plain):
    with pytest.raises(ConfigError, match=r"keeps no rows .* --gate_data FILE"):
        make_export(plain, INT8)
