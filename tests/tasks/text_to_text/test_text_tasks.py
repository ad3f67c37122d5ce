"""Tasks: their files, their splits, and what is refused."""

import pytest

from kerasft.data.splits import normalize
from kerasft.errors import ConfigError, DataError
from kerasft.tasks.text_to_text.sources import PrefixedTask, load_tasks, shared_prefixes

pytestmark = pytest.mark.plain

ITALIAN = PrefixedTask("italian", "sample:translations", "to Italian: ", metric="bleu")
TOPICS = PrefixedTask("topics", "sample:conversations", "classify: ", "text", "label")


def load(*tasks: PrefixedTask, **options):
    return load_tasks(tasks, **{"validation": 0.2, "seed": 0, **options})


def test_the_samples():
    loaded = load(ITALIAN, TOPICS, PrefixedTask("short", "sample:summaries", "summarize: "))
    assert [len(each.pairs) > 90 for each in loaded] == [True] * 3
    for each in loaded:
        parts = each.pairs.parts
        train, held = ({normalize(s) for s in parts[name]["source"]} for name in parts)
        assert train and held and not train & held
        assert each.prefixed(parts["train"])[0] == each.task.prefix + parts["train"]["source"][0]
        assert all(line.startswith(f"{each.task.name}: ") for line in each.describe())
    assert len(set(loaded[1].pairs.train["target"])) < 10


def test_tasks_of_one_prefix_are_said():
    tasks = [
        ITALIAN,
        TOPICS,
        PrefixedTask("b", "b.tsv", "to  Italian:"),
        PrefixedTask("c", "c.tsv", "to Italian"),
    ]
    assert shared_prefixes(tasks) == [
        "the tasks 'italian' and 'b' have the same prefix 'to Italian:', so to the model they are "
        "one task"
    ]
    assert shared_prefixes(tasks[:2]) == []


def test_a_source_of_two_tasks_is_on_one_side(tmp_path):
    rows = [f"sentence number {i}" for i in range(60)]
    (tmp_path / "a.tsv").write_text("".join(f"{row}\tx{i}\n" for i, row in enumerate(rows)))
    lines = ["topic,say", *(f"y{i},{row.upper()}" for i, row in enumerate(rows[::-1]))]
    (tmp_path / "b.csv").write_text("\n".join(lines))
    first, second = load(
        PrefixedTask("a", str(tmp_path / "a.tsv"), "a: "),
        PrefixedTask("b", str(tmp_path / "b.csv"), "b: ", input="say", target="topic"),
    )
    sides = [{normalize(s) for s in each.pairs.validation["source"]} for each in (first, second)]
    assert sides[0] == sides[1] and 3 < len(sides[0]) < 30
    pairs = dict(zip(second.pairs.train["source"], second.pairs.train["target"], strict=True))
    assert all(source == rows[59 - int(label[1:])].upper() for source, label in pairs.items())


@pytest.mark.parametrize(
    ("tasks", "error", "words"),
    [
        ([], ConfigError, "there is no task"),
        ([ITALIAN, ITALIAN], ConfigError, "unique name"),
        ([PrefixedTask(" ", "x.tsv", "")], ConfigError, "unique name"),
        ([PrefixedTask("a", "x.tsv", "", weight=0)], ConfigError, "weight 0"),
        ([PrefixedTask("a", "x.tsv", "", weight=float("nan"))], ConfigError, "weight nan"),
        ([PrefixedTask("a", "x.csv", "", input="text")], ConfigError, "name both"),
        ([PrefixedTask("a", "nowhere.tsv", "")], DataError, "the task 'a': .*nowhere.tsv"),
        ([PrefixedTask("a", "x.doc", "")], DataError, "the task 'a': x.doc is neither"),
        ([PrefixedTask("a", "sample:none", "")], DataError, "there is no sample 'none'"),
        (
            [PrefixedTask("a", "sample:conversations", "", "words", "label")],
            DataError,
            "no column 'words'.*name it in 'input'",
        ),
    ],
)
def test_what_cannot_be_used_is_refused(tasks, error, words):
    with pytest.raises(error, match=words):
        load(*tasks)


def test_an_impossible_share():
    for share in (0, 1, float("nan")):
        with pytest.raises(ConfigError, match="validation is"):
            load(ITALIAN, validation=share)
