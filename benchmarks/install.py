"""What each extra puts on the disk, in fresh environments: megabytes, packages, frameworks.

    python benchmarks/install.py
    python benchmarks/install.py --extras serve --folder saved_models/distilbert_lora

With a folder that has an export for ONNX Runtime, the environment without Keras also predicts with
it and serves it.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

ROOT = Path(__file__).parent.parent
EXTRAS = ("serve", "torch", "jax", "tensorflow")
FRAMEWORKS = ("torch", "jax", "tensorflow", "keras", "keras-hub", "scikit-learn", "matplotlib")
MOST_MEGABYTES = {"serve": 300}
# What an environment may hold of FRAMEWORKS.
TRAINING = {"keras", "scikit-learn", "matplotlib"}
ALLOWED = {"serve": set(), **{name: {name, *TRAINING} for name in EXTRAS[1:]}}
TEXT = "Jon: It shipped today."


def install(extra: str, source: Path, place: Path, flags: list[str]) -> Path:
    """Makes an environment with one extra of the package, and returns its folder of programs."""
    subprocess.run([sys.executable, "-m", "venv", place], check=True)
    programs = place / "bin"
    words = ["install", "--quiet", *flags, "--constraint", str(ROOT / "constraints.txt")]
    subprocess.run([programs / "pip", *words, f"{source}[{extra}]"], check=True)
    return programs


def copy_package(source: Path) -> None:
    """Copies what a wheel is built of, so that nothing which was built before gets into it."""
    shutil.copytree(ROOT / "kerasft", source / "kerasft")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)


def megabytes(place: Path) -> float:
    """What the files below a folder hold."""
    return sum(path.lstat().st_size for path in place.rglob("*") if path.is_file()) / 1e6


def packages(programs: Path) -> set[str]:
    """The names of the installed packages."""
    listed = subprocess.run(
        [programs / "pip", "list", "--format", "json"], capture_output=True, check=True
    )
    return {each["name"].lower().replace("_", "-") for each in json.loads(listed.stdout)}


def use(programs: Path, folder: Path) -> str:
    """Predicts with a folder and serves it, without Keras; returns what was predicted."""
    kerasft = str(programs / "kerasft")
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "KERAS_BACKEND")}
    words = [kerasft, "predict", str(folder), TEXT, "--format", "jsonl", "--engine", "onnx"]
    predicted = subprocess.run(words, capture_output=True, text=True, env=environment, check=True)
    server = subprocess.Popen(
        [kerasft, "serve", str(folder), "--port", "0", "--engine", "onnx"],
        stderr=subprocess.PIPE, text=True, env=environment,
    )  # fmt: skip
    try:
        assert server.stderr is not None
        address = ""
        for line in server.stderr:
            address = address or "".join(re.findall(r"http://\S+:\d+", line))
            if "ready after" in line:
                break
        body = json.dumps({"texts": [TEXT]}).encode()
        headers = {"content-type": "application/json"}
        request = urllib.request.Request(f"{address}/predict", body, headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            served = json.load(answer)["predictions"][0]
    finally:
        server.terminate()
        server.wait()
    own = json.loads(predicted.stdout)
    assert own["label"] == served["label"], (own, served)
    return own["label"]


def main() -> None:
    """Prints a Markdown table; exits with 1 where an environment holds more than it should."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--extras", nargs="+", choices=EXTRAS, default=EXTRAS)
    parser.add_argument("--folder", type=Path, help="a saved folder with an export for onnx")
    parser.add_argument("--pip", nargs="*", default=[], help="more words for pip install")
    arguments = parser.parse_args()
    wrong = []
    print("| extra | MB | packages | frameworks |\n|---|---|---|---|")
    for extra in arguments.extras:
        with tempfile.TemporaryDirectory() as scratch:
            source, place = Path(scratch, "source"), Path(scratch, "environment")
            copy_package(source)
            programs = install(extra, source, place, arguments.pip)
            size, names = megabytes(place), packages(programs)
            held = {name for name in FRAMEWORKS if name in names}
            listed = ", ".join(sorted(held)) or "none"
            print(f"| `{extra}` | {size:.0f} | {len(names)} | {listed} |", flush=True)
            if extra in MOST_MEGABYTES and size > MOST_MEGABYTES[extra]:
                wrong.append(f"{extra}: {size:.0f} MB, of at most {MOST_MEGABYTES[extra]}")
            if held - ALLOWED[extra]:
                wrong.append(f"{extra} holds {', '.join(sorted(held - ALLOWED[extra]))}")
            if extra == "serve" and arguments.folder:
                found = use(programs, arguments.folder)
                print(f"(predicted and served with `{extra}` alone: {found})")
    if wrong:
        sys.exit("; ".join(wrong))


if __name__ == "__main__":
    main()
