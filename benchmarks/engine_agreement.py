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
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import paired
from kerasft.predict import Predictor
from kerasft.runtimes.ctranslate2.engine import CTRANSLATE2, CTRANSLATE2_INT8

KERAS = "keras"


def written(folder: Path, engine: str, beams: int, tasks: Sequence[Any]) -> list[list[Any]]:
    """What an engine writes: for each task and row the output and its score."""
    model: Any = Predictor(folder, engine=engine, beam_size=beams)
    found = [model.predict(task.sources) for task in tasks]
    field = "translation" if hasattr(found[0][0], "translation") else "output"
    return [[(getattr(each, field), each.score) for each in rows] for rows in found]


def line(engine: str, beams: int, found: Any, wanted: Any, rows: Any) -> tuple[str, list[str]]:
    """A line of the table, and the rows that differ from Keras's."""
    from kerasft.runtimes.ctranslate2 import text_gate

    texts, exact = ([[text for text, _ in task] for task in each] for each in (found, wanted))
    gate = text_gate.compare(texts, exact, rows, beams)
    differing, apart = [], 0.0
    for task, mine, keras in zip(rows.tasks, found, wanted, strict=True):
        for source, one, other in zip(task.sources, mine, keras, strict=True):
            if one[0] == other[0]:
                apart = max(apart, abs(one[1] - other[1]))
            else:
                differing.append(
                    f"- {source}\n  - {KERAS} ({other[1]:.4f}): {other[0]}\n"
                    f"  - {engine} ({one[1]:.4f}): {one[0]}"
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
    from kerasft.folder.manifest import read
    from kerasft.runtimes.ctranslate2.export import make_export
    from kerasft.runtimes.ctranslate2.text_gate import gate_rows

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
        rows = gate_rows(folder, read(folder), arguments.data)
        print(f"{paired.machine()}; {rows.source}\n")
        print("| engine | beams | the same as Keras | score apart by at most | scores |")
        print("|---|---|---|---|---|")
        others: list[str] = []
        for beams in arguments.beams:
            wanted = written(folder, KERAS, beams, rows.tasks)
            for engine in engines:
                found = wanted if engine == KERAS else written(folder, engine, beams, rows.tasks)
                text, differing = line(engine, beams, found, wanted, rows)
                print(text, flush=True)
                others += differing if engine == CTRANSLATE2 else []
    print(f"\nWritten otherwise in float32: {len(others)}\n" + "\n".join(others))
    if refused:
        print(f"\n8 bits: {refused}")


if __name__ == "__main__":
    main()
