"""The Predictor predictor, and `kerasft predict` on a folder of several tasks."""

import csv
import json

import pytest

from harness import text_models, translators
from kerasft.errors import ConfigError
from kerasft.generation import TextGenerator
from kerasft.predict import Predictor
from kerasft.tasks import load
from kerasft.tasks.seq2seq import SavedTask
from kerasft.tasks.text_to_text.predictor import asked_task, begins_with
from kerasft.tasks.text_to_text.writer import TextWriter

TEXTS = [*text_models.SOURCES, "sing: la la", "classify: " + "the water " * 20]


@pytest.fixture(scope="module")
def writer() -> Predictor:
    return Predictor(text_models.saved().folder)


@pytest.fixture
def command(writer, command_with):
    return command_with(text_models.saved().folder, writer)


@pytest.mark.parametrize("lora", [False, True])
def test_outputs_are_the_generators(lora):
    folder = text_models.saved(lora).folder
    found = Predictor(folder).predict(TEXTS)
    model = load(folder, TextWriter).model
    generator = TextGenerator(
        *(model, text_models.tokenizer(), text_models.TARGET_LENGTH, 2),
        max_source_length=text_models.MAX_LENGTH,
        early_stopping=True,
    )
    assert [each.output for each in found] == generator.texts(TEXTS)
    assert len({each.output for each in found}) > 1
    assert [each.task for each in found] == [*["topics"] * 2, *["italian"] * 2, "", "topics"]
    assert [each.cut for each in found] == [False] * 5 + [True]
    assert all(each.score < 0 for each in found)


def test_a_prefix_that_the_model_never_saw_is_served_with_a_warning(writer):
    *known, unknown, _ = writer.predict(TEXTS)
    assert not any(each.warning for each in known)
    assert "'classify: ', 'translate English to Italian: '" in unknown.warning
    assert unknown.output == writer.predict(["sing: la la"])[0].output


def test_a_task_puts_its_prefix_before_texts_without_it(writer):
    bare = [text.removeprefix("classify: ") for text in text_models.SOURCES[:2]]
    topics = Predictor(text_models.saved().folder, task="topics")
    expected = writer.predict(text_models.SOURCES[:2])
    assert [each.output for each in topics.predict(bare)] == [each.output for each in expected]
    assert topics.metadata["default_task"] == "topics"
    with pytest.raises(ConfigError, match=r"no task 'cooking'; its tasks are topics, italian"):
        Predictor(text_models.saved().folder, task="cooking")


def test_prefixes():
    assert begins_with("summarize:  \n a text", "summarize: ") and begins_with("x", "")
    assert begins_with("summarize: ", "summarize: ")
    assert not begins_with("summarize:a text", "summarize: ")
    tasks = [SavedTask("any", ""), SavedTask("a", "do: "), SavedTask("b", "do: it: ")]
    asked = [asked_task(text, tasks).name for text in ("do: it: x", "do: x", "x")]
    assert asked == ["b", "a", "any"]
    assert asked_task("x", tasks[1:]) is None


def test_unknown_words_are_named(writer):
    found = writer.predict(["classify: the 水 is cold"])[0]
    assert found.unknown_words == ("水",)


def test_open_folder_knows_the_task():
    folder = text_models.saved().folder
    opened = Predictor(folder, beam_size=1, task="italian")
    assert opened.task.name == "text_to_text" and opened.metadata["beam_size"] == 1
    with pytest.raises(ConfigError, match="beam_size is 0"):
        Predictor(folder, beam_size=0)
    with pytest.raises(ConfigError, match="--task does not apply to"):
        Predictor(translators.saved().folder, task="italian")


def test_the_command_prints_and_writes(command, writer, tmp_path):
    code, out, err = command(*TEXTS)
    assert code == 0
    assert "1 of 6 texts begin with no prefix that the model was trained on" in err
    assert "1 of 6 texts were cut at 32 tokens" in err
    lines = out.splitlines()
    assert lines[0].split() == ["score", "text", "output"] and len(lines) == 7

    path = tmp_path / "found.csv"
    assert command(*TEXTS, "--output", path)[0] == 0
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    for row, text, prediction in zip(rows, TEXTS, writer.predict(TEXTS), strict=True):
        assert (row["text"], row["output"], row["task"]) == (
            *(text, prediction.output, prediction.task),
        )
    code, out, _ = command("la la", "--format", "jsonl", "--task", "topics")
    record = json.loads(out)
    assert (record["text"], record["task"], record["warning"]) == ("la la", "topics", "")
