"""The corpora that ship."""

import pytest

from kerasft.data.readers import check_classes, read_table
from kerasft.data.samples import sample_path
from kerasft.data.splits import split_by_hash
from kerasft.errors import DataError


def test_the_sample_is_ready_to_train_on():
    table = read_table(sample_path())
    check_classes(table.labels)
    split = split_by_hash(table.texts, table.labels)
    assert min(len(split.train), len(split.validation), len(split.test)) > 10
    assert split.conflicts == 0


def test_unknown_sample():
    with pytest.raises(DataError, match=r"the samples are .*conversations"):
        sample_path("poems")


def test_the_checks_of_the_corpus_prompt_page_pass(run_python, tmp_path):
    """The page's own script runs as printed, and the corpus meets what the page asks for."""
    page = (Path(__file__).parents[2] / "docs" / "corpus_prompt.md").read_text(encoding="utf-8")
    script = page.split("```python\n")[1].split("```")[0]
    corpus = resources.files("kerasft") / "data" / "samples" / "conversations.csv"
    (tmp_path / "check.py").write_text(script.replace("my.csv", str(corpus)), encoding="utf-8")
    result = run_python(tmp_path / "check.py")
    assert result.returncode == 0, result.stderr
    assert "339 rows" in result.stdout and "duplicates: 0" in result.stdout
    assert "too alike" not in result.stdout
