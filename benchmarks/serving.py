"""Times a classifier's engines beside transformers' pipeline, and how soon a server is ready.

    python benchmarks/serving.py                                  # a DistilBERT of random weights
    python benchmarks/serving.py --folder saved_models/run        # a classifier that a recipe saved
    python benchmarks/serving.py --preset DIR --rounds 100        # a checkpoint on disk

A process for each side, on the same weights (kerasft's own export for transformers), texts (of the
shipped corpus, at their natural lengths) and threads (OMP_NUM_THREADS); they take turns text by
text: A B C D A B C D ... All of them go from texts to labels with probabilities. Printed are the
median of a call with one text and of a call with 32, the median of the paired ratios pipeline /
engine (above 1: the engine is faster), and peak memory. Then a server of each engine is started
again and again: seconds from the start of the process to its first `/health/ready`, and the memory
that it holds. With random weights nothing can be said of 8 bits' accuracy: that model is made
without its gate here.
"""

from __future__ import annotations

import argparse
import itertools
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path

import paired

ENGINES = ("keras", "onnx", "onnx-int8")
PIPELINE = "pipeline"
BATCH = 32
LENGTH = 64


def texts() -> list[str]:
    """Texts of the shipped corpus, short and long alike."""
    from kerasft.data.readers import read_texts
    from kerasft.data.samples import sample_path
    from kerasft.reporting import spread

    found = read_texts(sample_path("conversations"))["text"]
    return [found[row] for row in sorted(spread(found, BATCH))]


def jobs(predict: Callable[[Sequence[str]], object]) -> dict[str, Callable[[], object]]:
    """The jobs of a side: one text after the other, a call each; or all of them in one."""
    rows = texts()
    following = itertools.cycle(rows)
    return {
        "warm up": lambda: ([predict([text]) for text in rows], predict(rows)),
        "one": lambda: predict([next(following)]),
        "batch": lambda: predict(rows),
    }


def engine_side(folder: Path, engine: str) -> dict[str, Callable[[], object]]:
    """The jobs of one of kerasft's engines."""
    from kerasft.predict import Predictor

    return jobs(Predictor(folder, engine).predict)


def pipeline_side(exported: Path) -> dict[str, Callable[[], object]]:
    """The jobs of transformers' pipeline, on torch."""
    import torch
    import transformers

    transformers.logging.set_verbosity_error()
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    pipeline = transformers.pipeline("text-classification", str(exported), device="cpu", top_k=None)
    return jobs(lambda rows: pipeline(list(rows), batch_size=BATCH, truncation=True))


def save_random(preset: Path, folder: Path) -> None:
    """A saved classifier with the weights of a checkpoint; its labels mean nothing."""
    from kerasft.presets import load_preset
    from kerasft.tasks import save
    from kerasft.tasks.classification.classifier import TextClassifier
    from kerasft.text.labels import LabelMap

    pretrained = load_preset(str(preset))
    model, _ = pretrained.build_classifier(3)
    labels = LabelMap(("comparison", "news", "opinion"))
    save(folder, TextClassifier(model, pretrained.tokenizer, labels, LENGTH))


def add_exports(folder: Path, exported: Path, gate: bool) -> None:
    """Puts both exports into a folder, and writes the one for transformers beside it."""
    from kerasft.exports.command import export
    from kerasft.exports.engines import make_export
    from kerasft.folder.add_export import add_export
    from kerasft.folder.export_files import EXPORT
    from kerasft.folder.manifest import read
    from kerasft.runtimes.registry import RUNTIMES

    export(folder, "huggingface", exported)
    for engine in ENGINES[1:]:
        if engine in read(folder).exports:
            continue
        if engine == "onnx" or gate:
            make_export(folder, engine)
            continue

        def write(place: Path, engine: str = engine) -> dict[str, str]:
            RUNTIMES[engine].write_small(folder / EXPORT / "onnx", lambda: None, place)
            return {"gate": "none, for a benchmark"}

        add_export(folder, engine, write)


def start_server(folder: Path, engine: str) -> tuple[float, float]:
    """Starts a server and stops it: seconds until it is ready, and its resident MiB then."""
    start = time.perf_counter()
    words = ["-m", "kerasft.serve", str(folder), "--port", "0", "--engine", engine]
    with tempfile.NamedTemporaryFile() as log:
        process = subprocess.Popen([sys.executable, *words], stderr=log)
        try:
            while not (found := re.search(rb"http://\S+:(\d+)", Path(log.name).read_bytes())):
                _alive(process)
                time.sleep(0.01)
            address = f"http://127.0.0.1:{int(found[1])}/health/ready"
            while not _is_ready(address):
                _alive(process)
                time.sleep(0.01)
            seconds = time.perf_counter() - start
            status = Path(f"/proc/{process.pid}/status").read_text()
            held = re.search(r"^VmRSS:\s*(\d+) kB", status, re.MULTILINE)
            return seconds, int(held[1]) / 1024 if held else float("nan")
        finally:
            process.terminate()
            process.wait()


def _alive(process: subprocess.Popen) -> None:
    if process.poll() is not None:
        raise SystemExit("a server ended: start it by hand to see why")


def _is_ready(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:
            return answer.status == 200
    except (urllib.error.URLError, ConnectionError):
        return False


def main() -> None:
    """Runs the comparison and prints two Markdown tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, help="a classifier that a recipe saved")
    parser.add_argument("--preset", type=Path, help="a BERT or DistilBERT directory")
    parser.add_argument("--rounds", type=int, default=96, help="calls of one text (%(default)s)")
    parser.add_argument("--starts", type=int, default=5, help="of each server (%(default)s)")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--backend", default="torch", choices=paired.BACKENDS)
    parser.add_argument("--worker", choices=(PIPELINE, *ENGINES), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        folder, side = arguments.folder, arguments.worker
        return paired.serve(
            lambda: pipeline_side(folder) if side == PIPELINE else engine_side(folder, side)
        )

    os.environ["OMP_NUM_THREADS"] = str(arguments.threads)
    os.environ["KERAS_BACKEND"] = arguments.backend
    from classify import random_checkpoint

    with tempfile.TemporaryDirectory() as scratch:
        folder = arguments.folder or Path(scratch, "run")
        if not arguments.folder:
            preset = arguments.preset or random_checkpoint(Path(scratch, "checkpoint"))
            save_random(preset, folder)
        exported = Path(scratch, "exported")
        add_exports(folder, exported, gate=arguments.folder is not None)
        print(f"{paired.machine()}; {arguments.threads} threads, Keras on {arguments.backend}")
        print_calls(folder, exported, arguments.backend, arguments.rounds)
        print_starts(folder, arguments.starts)


def print_calls(folder: Path, exported: Path, backend: str, rounds: int) -> None:
    """Prints the table of the calls."""
    names = (PIPELINE, *ENGINES)
    sides = [
        paired.Worker(
            __file__,
            ["--worker", name, "--folder", exported if name == PIPELINE else folder],
            backend,
        )
        for name in names
    ]
    for side in sides:
        side.do("warm up")
    ones = paired.compare(sides, "one", rounds)
    batches = paired.compare(sides, "batch", max(5, rounds // 8))
    for side in sides:
        side.stop()
    print("\n| | one text, ms | ratio | 32 texts, ms | ratio | peak MiB |")
    print("|---|---|---|---|---|---|")
    for name, one, batch in zip(names, ones, batches, strict=True):
        print(
            f"| {name} | {one.seconds * 1e3:.1f} | {1 / one.ratio:.2f}x "
            f"| {batch.seconds * 1e3:.0f} | {1 / batch.ratio:.2f}x | {batch.mib:.0f} |",
            flush=True,
        )


def print_starts(folder: Path, starts: int) -> None:
    """Prints the table of the servers."""
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in ENGINES}
    for _ in range(starts):
        for name in ENGINES:
            found[name].append(start_server(folder, name))
    print("\n| server | ready after, s | lowest to highest | MiB |")
    print("|---|---|---|---|")
    for name, values in found.items():
        seconds = [each for each, _ in values]
        held = statistics.median(each for _, each in values)
        print(
            f"| {name} | {statistics.median(seconds):.1f} | {min(seconds):.1f} to "
            f"{max(seconds):.1f} | {held:.0f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
