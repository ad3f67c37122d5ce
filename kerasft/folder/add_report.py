"""Adds what comes after the training to a folder that is saved already: it can cost no model."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kerasft.errors import attempt
from kerasft.folder import contents
from kerasft.folder.card import Facts
from kerasft.folder.manifest import read, seal
from kerasft.folder.writing import Report, changed_folder, write_card, write_reports


@contextmanager
def adding_report(path: str | Path, facts: Facts) -> Iterator[list[Report]]:
    """For the evaluation of a model that was just saved: then its report and its card are added.

    Whatever fails in the block, and each part of a report that fails, becomes one sentence on
    stderr and in the card, and the run goes on. The folder is swapped for the one with the report
    (`writing.changed_folder`): after a kill, at any moment, it is one of the two.

    Args:
        path: The saved folder.
        facts: The facts of the run, of which the card is made anew.

    Yields:
        A list that gets the reports, each called with the folder `report/`.

    Example:
        >>> save(output, classifier, card=facts.card("run"))
        >>> with adding_report(output, facts) as reports:
        ...     scores = evaluation.score(...)
        ...     reports.append(text_report(target, scores, ...))
    """
    print(f"saved {path}; evaluating it")
    reports: list[Report] = []
    with attempt("The evaluation", facts.failures):
        yield reports
    with attempt("Adding the report", facts.failures):
        folder = Path(path)
        before = read(folder)
        old = {name for name in before.files if name.startswith(f"{contents.REPORT}/")}
        with changed_folder(folder, before, without={contents.CARD, *old}) as new:
            facts.failures += write_reports(new, reports)
            write_card(new, facts.card(folder.name), before)
            seal(new, before)
