"""Saved folders that were damaged, or forged with hashes made to fit: none may end but in order.

    python benchmarks/reliability_folders.py saved_models/run --engine onnx
    python benchmarks/reliability_folders.py saved_models/run --tampered 600 --forged 300

Tampered: something was done to one of the files, or to the list of files, as disks, copies and
people do it. Each folder must be refused in one sentence, or predict exactly as before.

Forged: a file was changed and every hash made to fit again, as only somebody of ill will does it.
That can be another model, whose predictions are another's; but no folder may end in anything but a
sentence or predictions, or take long.

Folders are opened in this process, one after the other; a crash or a hang ends the measurement.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kerasft import storage
from kerasft.errors import KerasftError
from kerasft.folder import contents
from kerasft.predict import Predictor

TEXTS = ["The cat sat on it.", "Größe über alles \U0001f600 你好", "a\x00b\ttext", "word " * 300]
VALUES: list[Any] = [None, True, 0, -1, 2**31, 10**12, 1e300, "", "x", "é" * 500, [], {}, [[]]]
SENTENCE = 600  # characters


@dataclass
class Tally:
    """What became of the folders of one kind.

    Attributes:
        folders: How many there were.
        refused: Refused in one sentence.
        same: Predicted exactly as before.
        others: Predicted otherwise.
        wrong: What ended in no order, or (of the tampered) predicted otherwise: how it was made.
        slowest: Seconds of the folder that took the longest.
    """

    folders: int = 0
    refused: int = 0
    same: int = 0
    others: int = 0
    wrong: list[str] = field(default_factory=list)
    slowest: float = 0.0

    def __str__(self) -> str:
        return (
            f"{self.folders} folders: {self.refused} refused in one sentence, {self.same} predict "
            f"as before, {self.others} otherwise, {len(self.wrong)} wrong; the slowest took "
            f"{self.slowest:.1f} s"
        )


def tampered_folders(folder: Path, count: int, engine: str = "keras", seed: int = 0) -> Tally:
    """Damages a folder in so many ways, all of its files in turn.

    Args:
        folder: A saved folder.
        count: How many.
        engine: What predicts with it; its export must be there.
        seed: Of the damages.
    """
    tally = _measure(folder, count, engine, seed, _tamper)
    if tally.others:
        tally.wrong.append(f"{tally.others} predict otherwise")
    return tally


def forged_folders(folder: Path, count: int, engine: str = "keras", seed: int = 0) -> Tally:
    """Changes a folder in so many ways and makes all hashes fit; arguments as above."""

    def forge(rng: random.Random, copy: Path, number: int) -> str:
        files = [name for name in _files(copy) if name not in (contents.MANIFEST, contents.CARD)]
        name = files[number % len(files)]
        path = copy / name
        json_file = path.suffix == ".json" and rng.random() < 0.9
        path.write_bytes(_mutated_json(rng, path) if json_file else _damaged(rng, path))
        manifest = json.loads((copy / contents.MANIFEST).read_text("utf-8"))
        if rng.random() < 0.2:
            _mutate(rng, manifest["arguments"])
        for each, entry in manifest["files"].items():
            entry["bytes"] = (copy / each).stat().st_size
            entry["sha256"] = storage.sha256_file(copy / each)
        manifest.pop("sha256")
        manifest["sha256"] = contents.hash_of(manifest)
        storage.write_json(copy / contents.MANIFEST, manifest)
        return name

    return _measure(folder, count, engine, seed, forge)


def _measure(
    folder: Path,
    count: int,
    engine: str,
    seed: int,
    change: Callable[[random.Random, Path, int], str],
) -> Tally:
    rng, tally = random.Random(seed), Tally()
    options = {} if engine == "keras" else {"engine": engine}
    wanted = Predictor(folder, **options).predict(TEXTS)
    with tempfile.TemporaryDirectory() as scratch:
        for number in range(count):
            copy = Path(shutil.copytree(folder, Path(scratch, str(number), "run")))
            how = change(rng, copy, number)
            start = time.perf_counter()
            try:
                found = Predictor(copy, **options).predict(TEXTS)
            except KerasftError as error:
                tally.refused += 1
                if "\n" in str(error) or len(str(error)) > SENTENCE:
                    tally.wrong.append(f"{how}: no sentence: {error!s:.300}")
            except BaseException as error:
                if isinstance(error, KeyboardInterrupt):
                    raise
                tally.wrong.append(f"{how}: {type(error).__name__}: {error!s:.300}")
            else:
                tally.same += found == wanted
                tally.others += found != wanted
            tally.slowest = max(tally.slowest, time.perf_counter() - start)
            tally.folders += 1
            shutil.rmtree(copy.parent)
    return tally


def _files(folder: Path) -> list[str]:
    found = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
    return sorted(found)


def _tamper(rng: random.Random, copy: Path, number: int) -> str:
    """Does something to a file, or to the list of files; returns what."""
    files = _files(copy)
    name, other = files[number % len(files)], rng.choice(files)
    path = copy / name
    kind = rng.choice(["damage"] * 6 + ["json"] * 2 + ["gone", "link", "swap", "more", "pipe"])
    if kind == "json" and path.suffix == ".json":
        path.write_bytes(_mutated_json(rng, path))
    elif kind == "gone":
        path.unlink()
    elif kind == "link":
        path.rename(copy.parent / "away")
        path.symlink_to(copy.parent / "away")
    elif kind == "swap":
        first, second = path.read_bytes(), (copy / other).read_bytes()
        path.write_bytes(second)
        (copy / other).write_bytes(first)
    elif kind == "more":
        shutil.copyfile(path, copy / f"more{rng.randrange(9)}{path.suffix}")
    elif kind == "pipe" and hasattr(os, "mkfifo"):
        path.unlink()
        os.mkfifo(path)
    else:
        path.write_bytes(_damaged(rng, path))
    return f"{kind} {name}"


def _damaged(rng: random.Random, path: Path) -> bytes:
    data = bytearray(path.read_bytes())
    if not data:
        return b"x"
    kind = rng.choice(["bit", "bit", "cut", "zeros", "swap", "twice", "lost", "longer"])
    place, other, size = rng.randrange(len(data)), rng.randrange(len(data)), rng.randrange(1, 64)
    piece = data[other : other + size]
    if kind == "bit":
        data[place] ^= 1 << rng.randrange(8)
    elif kind == "cut":
        del data[place:]
    elif kind == "zeros":
        data[place : place + size] = bytes(len(data[place : place + size]))
    elif kind == "swap":
        data[other : other + size], data[place : place + size] = data[place : place + size], piece
    elif kind == "twice":
        data[place:place] = piece
    elif kind == "lost":
        del data[place : place + size]
    else:
        data += piece
    return bytes(data)


def _mutated_json(rng: random.Random, path: Path) -> bytes:
    content = json.loads(path.read_bytes())
    _mutate(rng, content)
    return json.dumps(content, ensure_ascii=False).encode()


def _mutate(rng: random.Random, content: Any) -> None:
    """Puts something else in the place of a value, wherever it stands."""
    places: list[tuple[Any, Any]] = []
    pending = [content]
    while pending:
        each = pending.pop()
        for key in list(each) if isinstance(each, dict) else range(len(each)):
            places.append((each, key))
            if isinstance(each[key], dict | list):
                pending.append(each[key])
    if places:
        # A vocabulary has thousands of places; the few others are as likely as they.
        few = [place for place in places if len(place[0]) < 50]
        where, key = rng.choice(few if few and rng.random() < 0.8 else places)
        where[key] = rng.choice(VALUES)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--engine", default="keras")
    parser.add_argument("--tampered", type=int, default=600)
    parser.add_argument("--forged", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    wrong = 0
    for name, measure, count in (
        ("tampered", tampered_folders, options.tampered),
        ("forged", forged_folders, options.forged),
    ):
        tally = measure(options.folder, count, options.engine, options.seed)
        print(f"- {name}: {tally}")
        for each in tally.wrong:
            print(f"  - {each}")
        wrong += len(tally.wrong)
    raise SystemExit(wrong > 0)


if __name__ == "__main__":
    main()
