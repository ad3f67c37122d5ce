"""Options of the server that not every folder takes, through its command line."""

from pathlib import Path

import pytest

from harness import classifiers, text_models, translators
from harness.servers import Running
from kerasft.predict import Predictor


def test_the_beam_size_is_an_option(tmp_path: Path) -> None:
    folder = translators.saved().folder
    running = Running(tmp_path / "log", folder, "--port", 0, "--beam_size", 2).wait_until_ready()
    answer = running.client.post("/predict", json={"texts": translators.TEXTS}).json()
    assert running.client.get("/metadata").json()["beam_size"] == 2
    assert running.stop() == 0 and "Traceback" not in running.log
    expected = Predictor(folder, beam_size=2).predict(translators.TEXTS)
    found = [each["translation"] for each in answer["predictions"]]
    assert found == [each.translation for each in expected]


@pytest.mark.any_backend
@pytest.mark.parametrize(
    ("saved", "option", "message"),
    [
        (classifiers.saved_lora, ("--beam_size", 4), "--beam_size does not apply to"),
        (translators.saved, ("--beam_size", 0), "beam_size is 0"),
        (translators.saved, ("--min_confidence", 0.5), "--min_confidence does not apply to"),
        (classifiers.saved_lora, ("--min_confidence", 1.5), "--min_confidence is 1.5"),
        (text_models.saved, ("--task", "cooking"), "no task 'cooking'"),
    ],
)
def test_what_has_no_meaning_is_one_sentence(run_python, saved, option, message) -> None:
    done = run_python("-m", "kerasft.serve", saved().folder, "--port", 0, *option)
    assert done.returncode == 2, done.stderr
    last = done.stderr.splitlines()[-1]
    assert last.startswith("error: ") and message in last and "Traceback" not in done.stderr
