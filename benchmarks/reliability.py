"""What docs/reliability.md says of kills, damaged folders, fuzzed requests and slow clients.

    python benchmarks/reliability.py
    python benchmarks/reliability.py --kills 8 --folders 30 --requests 200 --clients 20    # a trial

Each part is a process of its own; what it prints stands below its command. First, small folders
are made for them: a classifier with LoRA and its ONNX export, a tagger and a translator. Ends with
1 if a part found something that is not as promised.
"""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import paired
import reliability_kills

FOLDER = Path(__file__).parent
# Folders of a part, whose engine reads them: the sum of the shares is 1.
SHARES = (
    ("distilbert_lora", "keras", 0.4),
    ("distilbert_lora", "onnx", 0.2),
    ("tagger_lora", "keras", 0.2),
    ("translate", "keras", 0.2),
)


def run(words: Sequence[object], place: Path) -> str:
    """Runs a Python command in a folder; returns what it printed.

    Raises:
        SystemExit: It failed.
    """
    done = subprocess.run(
        [sys.executable, *map(str, words)],
        cwd=place, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(FOLDER.parent), *sys.path[1:]])},
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"{shlex.join(map(str, words))}\n{done.stdout}{done.stderr[-3000:]}")
    return done.stdout


def make_folders(place: Path) -> None:
    """The folders that are damaged and served, each made by its recipe in seconds."""
    reliability_kills.write_data(place)
    for recipe in dict.fromkeys(["small_bert", *(name for name, _, _ in SHARES)]):
        words = [*reliability_kills.RUNS[recipe], "--output", recipe, "--threads", "1"]
        run(["-m", f"kerasft.recipes.{recipe}", *words], place)
    run(["-m", "kerasft.export", "distilbert_lora", "--engine", "onnx"], place)


def main() -> None:
    """Prints the sections; ends with 1 if one of them failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=100, help="of whole runs (%(default)s)")
    parser.add_argument("--folders", type=int, default=600, help="tampered ones (%(default)s)")
    parser.add_argument("--forged", type=int, default=300, help="hashes made to fit (%(default)s)")
    parser.add_argument("--requests", type=int, default=10_000, help="fuzzed ones (%(default)s)")
    parser.add_argument("--clients", type=int, default=200, help="slow ones (%(default)s)")
    parser.add_argument("--threads", type=int, default=1, help="of the backend (%(default)s)")
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = str(options.threads)
    print(paired.heading(options.threads, 1), flush=True)
    failed = []
    with tempfile.TemporaryDirectory(prefix="kerasft-reliability-") as name:
        place = Path(name)
        make_folders(place)
        parts: list[tuple[str, list[object]]] = [
            ("Kills", ["reliability_kills.py", "--kills", options.kills]),
            *(
                (
                    f"Damaged and forged folders of {folder}, read by {engine}",
                    ["reliability_folders.py", folder, "--engine", engine,
                     "--tampered", round(options.folders * share),
                     "--forged", round(options.forged * share)],
                )
                for folder, engine, share in SHARES
            ),
            (
                "Fuzzed requests and slow clients",
                ["reliability_serving.py", "distilbert_lora", "--requests", options.requests,
                 "--clients", options.clients],
            ),
        ]  # fmt: skip
        for title, words in parts:
            print(
                f"\n### {title}\n\n    python benchmarks/{shlex.join(map(str, words))}\n",
                flush=True,
            )
            try:
                print(run([FOLDER / str(words[0]), *words[1:]], place).strip(), flush=True)
            except SystemExit as error:
                failed.append(title)
                print(error, flush=True)
    print(f"\nfailed: {', '.join(failed) or 'none'}")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
