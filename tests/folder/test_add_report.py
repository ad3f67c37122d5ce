"""Reports that are added to saved folders of arbitrary bytes: no model is needed here."""

import pytest

from harness import folders
from kerasft.errors import DataError, attempt
from kerasft.evaluation.report_files import write_files
from kerasft.folder import Facts, adding_report
from kerasft.folder import contents as c
from kerasft.folder import manifest as m
from kerasft.folder.writing import new_folder

pytestmark = pytest.mark.plain
WEIGHTS = (c.WEIGHTS, c.TOKENIZER, "label_map.json", *c.ADAPTER)


class PanicException(BaseException):
    pass


@pytest.fixture
def folder(tmp_path):
    return folders.write(tmp_path / "run")


def weights(folder):
    return {name: (folder / name).read_bytes() for name in WEIGHTS}


def broken(error):
    def write(path):
        path.write_text("half")
        raise error

    return write


def test_what_fails_is_a_sentence_and_the_rest_is_there(folder, capsys):
    before, facts = weights(folder), Facts("python -m x --data r\udce9sum.csv")
    parts = [
        ("metrics.json", lambda path: path.write_text("{}")),
        ("confusion.png", broken(MemoryError())),
        ("loss.png", broken(PanicException("of a library"))),
        ("samples.md", lambda path: path.write_text("# Samples")),
    ]
    with adding_report(folder, facts) as reports:
        reports.append(lambda place: write_files(place, parts))
        reports.append(lambda place: 1 / 0)
        raise DataError("No word is known.")
    found = m.verify(folder)
    assert weights(folder) == before
    assert {n for n in found.files if n.startswith("report/")} == {
        "report/metrics.json", "report/samples.md",
    }  # fmt: skip
    card, said = (folder / c.CARD).read_text("utf-8"), capsys.readouterr().err
    assert len(facts.failures) == 4 and r"r\udce9sum.csv" in card
    for start in (
        "The evaluation failed, and the run continues without it: No word is known.",
        "The report's confusion.png failed, and the run continues without it: MemoryError",
        "The report's loss.png failed, and the run continues without it: PanicException: of a",
        "The report failed, and the run continues without it: ZeroDivisionError",
    ):
        assert start in said and start in card


def test_a_report_that_cannot_be_added_leaves_the_folder(folder, capsys):
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    facts = Facts("x")
    with adding_report(folder, facts) as reports:
        reports.append(lambda place: (place / "weights.pkl").write_bytes(b"not ours") and None)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    assert "Adding the report failed" in capsys.readouterr().err


def test_an_interrupt_ends_the_evaluation_and_leaves_the_folder(folder):
    with pytest.raises(KeyboardInterrupt), adding_report(folder, Facts("x")):
        raise KeyboardInterrupt
    assert m.verify(folder)


def test_a_failing_report_costs_no_save(tmp_path):
    files = set(folders.FILES) - {c.CARD, c.CONFIG}
    with new_folder(
        tmp_path / "run", folders.FACTS, config_yaml="a: 1\n", card="# A", report=broken
    ) as new:
        for name in (name for name in files if not name.startswith("report/")):
            (new / name).parent.mkdir(exist_ok=True)
            (new / name).write_bytes(b"x")
    m.verify(tmp_path / "run")


def test_attempts_collect_their_failures():
    failures: list[str] = []
    with attempt("Nothing", failures):
        pass
    with attempt("A picture", failures):
        raise ValueError("too\n large.")
    assert len(failures) == 1
    assert failures[0].startswith(
        "A picture failed, and the run continues without it: ValueError: too large (test_add_report"
    )
