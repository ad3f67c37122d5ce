"""How often CTranslate2 writes what Keras writes, and what 8 bits cost, on a folder's own rows.

    python benchmarks/engine_agreement.py saved_models/translate
    python benchmarks/engine_agreement.py saved_models/t5_text_to_text --beams 1 4 --data rows.tsv

The rows are the held-out ones that the run kept in its report (at most 1,000, evenly spaced), or
those of `--data`. Each engine writes all of them with each number of beams. Printed are the share
of outputs that are Keras's, letter by letter, the largest difference of a score (a sum of
log-probabilities) among those, the scores against the references, and every row that float32 writes
otherwise. Exports that the folder lacks are made first, in a copy of it: 8 bits behind its gate,
with --data where that is given.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path
from typing import Any

import paired
from kerasft.predict import Predictor

KERAS, CTRANSLATE2, CTRANSLATE2_INT8 = "keras", "ctranslate2", "ctranslate2-int8"


def line(engine: str, beams: int, found: Any, wanted: Any, rows: Any) -> tuple[str, list[str]]:
    """A line of the table, and the rows that differ from Keras's."""
    from kerasft.runtimes import gate as gates

    gate = gates.compare(found, wanted, rows)
    differing, apart = [], 0.0
    for source, one, other in zip(rows.texts, found, wanted, strict=True):
        if rows.said(one) == rows.said(other):
            apart = max(apart, abs(one.score - other.score))
        else:
            differing.append(
                f"- {source}\n  - {KERAS} ({other.score:.4f}): {rows.said(other)}\n"
                f"  - {engine} ({one.score:.4f}): {rows.said(one)}"
            )
    scores = ", ".join(f"{name} {value:.2f}" for name, value in gate.scores.items())
    same = gate.rows - len(differing)
    cells = (engine, beams, f"{same} of {gate.rows}", f"{apart:.2g}", scores)
    return f"| {' | '.join(map(str, cells))} |", differing


def main() -> None:
    """Runs the engines and prints a Markdown table, and what differs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="a translator or a T5 that a recipe saved")
    parser.add_argument("--data", help="FILE.tsv of source TAB reference; else the run's own rows")
    parser.add_argument("--beams", type=int, nargs="+", default=[1, 4])
    arguments = parser.parse_args()

    from kerasft.errors import KerasftError
    from kerasft.exports.engines import COLUMNS, make_export
    from kerasft.tasks import load
    from kerasft.tasks.registry import task_of

    engines, refused = [KERAS, CTRANSLATE2, CTRANSLATE2_INT8], ""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch, "run")
        shutil.copytree(arguments.folder, folder)
        make_export(folder, CTRANSLATE2)
        try:
            make_export(folder, CTRANSLATE2_INT8, data=arguments.data)
        except KerasftError as error:
            refused = str(error)
            engines.remove(CTRANSLATE2_INT8)
        parts = load(folder)
        rows = task_of(parts).gate_rows(folder, parts, arguments.data, COLUMNS).fewer()
        print(f"{paired.machine()}; {rows.source}\n")
        print("| engine | beams | the same as Keras | score apart by at most | scores |")
        print("|---|---|---|---|---|")
        others: list[str] = []
        for beams in arguments.beams:
            said = {
                engine: Predictor(folder, engine=engine, beam_size=beams).predict(rows.texts)
                for engine in engines
            }
            for engine, found in said.items():
                wanted = said[KERAS]
                text, differing = line(engine, beams, found, wanted, rows)
                print(text, flush=True)
                others += differing if engine == CTRANSLATE2 else []
    print(f"\nWritten otherwise in float32: {len(others)}\n" + "\n".join(others))
    if refused:
        print(f"\n8 bits: {refused}")


if __name__ == "__main__":
    main()
