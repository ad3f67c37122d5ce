"""`--engine ctranslate2`: the same predictions, from a folder that gets its export by itself."""

import json
import shutil
from pathlib import Path

import pytest

from harness import folders, text_models, translators
from kerasft.errors import ConfigError
from kerasft.exports.engines import make_export
from kerasft.folder import is_ours, verify
from kerasft.predict import Predictor

pytestmark = pytest.mark.any_backend

ENGINE = "ctranslate2"


@pytest.fixture(scope="module")
def tasks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A text-to-text model with its export."""
    folder = tmp_path_factory.mktemp("tasks") / "run"
    text_models.save(folder, text_models.build())
    make_export(folder, ENGINE)
    return folder


def test_the_command_makes_what_is_missing_once(tmp_path, run_python):
    """With 8 bits there is nothing to judge by; what they are made of is good, and is kept."""
    folder = shutil.copytree(translators.saved().folder, tmp_path / "run")
    words = ("-m", "kerasft.predict", folder, *translators.TEXTS)
    words += ("--beam_size", 1, "--format", "jsonl", "--engine")
    refused = run_python(*words, "ctranslate2-int8")
    assert refused.returncode == 2 and "Traceback" not in refused.stderr
    assert "making it, this once" in refused.stderr
    last = refused.stderr.splitlines()[-1]
    assert last.startswith("error: ") and "keeps no rows" in last and "--gate_data" in last
    assert set(verify(folder).exports) == {ENGINE} and is_ours(folder)

    done = run_python(*words, ENGINE)
    assert done.returncode == 0, done.stderr
    assert "making" not in done.stderr and "1 of 4 texts were cut at 16 tokens" in done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    expected = Predictor(folder, beam_size=1).predict(translators.TEXTS)
    for row, wanted in zip(rows, expected, strict=True):
        assert row.pop("score") == pytest.approx(wanted.score, abs=1e-3)
        assert list(row) == ["text", "translation", "unknown_words", "cut", "truncated"]
        assert (row["translation"], row["cut"]) == (wanted.translation, wanted.cut)
        assert tuple(row["unknown_words"]) == wanted.unknown_words
        assert row["truncated"] == wanted.truncated


def test_tasks_by_prefix(tasks):
    ours, theirs = (Predictor(tasks, task="italian", engine=name) for name in ("keras", ENGINE))
    assert theirs.metadata == {**ours.metadata, "engine": ENGINE}
    cold, _ = theirs.predict(["the water is cold", "good morning"])
    assert (cold.task, cold.warning) == ("italian", "")
    text = "translate English to Italian: the water is cold"
    (same,) = Predictor(tasks, engine=ENGINE).predict([text])
    assert same.output == cold.output and same.score == pytest.approx(cold.score, abs=1e-4)
    assert len(theirs.warm_up_texts) == 1  # nothing is compiled
    with pytest.raises(ConfigError, match="has no task 'poems'"):
        Predictor(tasks, task="poems", engine=ENGINE)


def test_engines_that_a_folder_cannot_have(tasks, tmp_path):
    folder = folders.write(tmp_path / "run")
    with pytest.raises(ConfigError, match=r"--engine ctranslate2 cannot run .* classification"):
        Predictor(folder, engine=ENGINE)
    for name in ("onnx", "warp"):
        with pytest.raises(ConfigError, match=f"--engine {name} cannot run"):
            Predictor(tasks, engine=name)
    assert Predictor(tasks, engine="keras").metadata["engine"] == "keras"
