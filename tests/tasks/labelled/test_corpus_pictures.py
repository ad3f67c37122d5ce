"""The pictures of a corpus: which numbers reach them, and that they are drawn."""

from pathlib import Path

import pytest

from harness.texts import write_rows
from kerasft.tasks.labelled import plots, report
from kerasft.tasks.labelled.labelled_texts import CorpusOptions, load_labelled
from kerasft.tasks.labelled.report import corpus_pictures
from kerasft.text.trained_wordpiece import train_wordpiece

pytestmark = pytest.mark.plain


@pytest.fixture
def corpus(tmp_path: Path):
    """A dataset of merged classes, and the tokens of its texts."""
    write_rows(tmp_path / "rows.csv", header=("narrative", "product"))
    classes = {"facts": ["news", "comparison"], "views": ["opinion"]}
    dataset = load_labelled(
        CorpusOptions(data=str(tmp_path / "rows.csv"), classes=classes, min_words=8)
    )
    tokenizer = train_wordpiece(dataset.train["text"], vocab_size=90, min_frequency=1)
    return dataset, {name: tokenizer.encode(p["text"], 12) for name, p in dataset.parts.items()}


def test_what_is_drawn(corpus, monkeypatch: pytest.MonkeyPatch):
    dataset, encodings = corpus
    drawn = {}
    monkeypatch.setattr(plots, "plot_classes", lambda *given: drawn.update(classes=given))
    monkeypatch.setattr(report, "plot_text_lengths", lambda *given: drawn.update(lengths=given))
    pictures = corpus_pictures(dataset, encodings)
    assert [name for name, _ in pictures] == ["classes.png", "lengths.png"]
    for name, draw in pictures:
        draw(Path(name))
    before, after, path = drawn["classes"]
    assert before == {"news": 24, "opinion": 24, "comparison": 24} and path == Path("classes.png")
    assert set(after) == {"facts", "views"} and sum(after.values()) == len(dataset) < 72
    lengths, max_length, path = drawn["lengths"]
    assert max_length == 12 and path == Path("lengths.png")
    assert len(lengths) == len(dataset) and lengths.max() > 12  # as they were before the cut


def test_they_are_pictures(corpus, tmp_path: Path):
    for name, draw in corpus_pictures(*corpus):
        draw(tmp_path / name)
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG"), name
