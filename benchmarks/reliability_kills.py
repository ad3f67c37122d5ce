"""Kills runs of the recipes at random moments and goes on with them: a part of reliability.py.

    python benchmarks/reliability_kills.py
    python benchmarks/reliability_kills.py --kills 30 --recipes translate

Each run is a process of its own with the recipe's own command line; it is forked from one that has
imported everything and computed nothing, which saves the seconds of imports. Half of the kills come
at a random time, half within two milliseconds of a random touch of a file of the run: while it
writes a checkpoint, swaps folders, removes what it no longer needs. A run is killed up to four
times, goes on with `--resume` each time, and in the end is compared with one that nobody stopped.
An older folder lies at the output from the beginning: after every kill there must be that one or
the new one, whole, with its report or before that was added.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

KILLS_A_RUN = 4
# Within the time that the writing of a small file takes.
LATE = 0.002
TOUCHES = {"open", "os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.listdir", "os.scandir"}
# How long things took and how much memory.
MEASURED = ("seconds", "training_seconds", "ms_per_text", "peak_memory_bytes")

CLASSIFIER = ("--max_length", "16", "--epochs", "2", "--checkpoint_steps", "2")
RUNS: Mapping[str, tuple[str, ...]] = {
    "small_bert": (
        "--data", "rows.csv", "--text_column", "text", "--label_column", "label",
        "--classes", "none", "--min_words", "1", "--mlm_epochs", "1", "--num_layers", "1",
        "--hidden_size", "16", "--num_heads", "2", "--intermediate_size", "32",
        "--vocab_size", "200", "--batch_size", "8", *CLASSIFIER,
    ),
    "distilbert_lora": (
        "--data", "rows.csv", "--preset", "small_bert", "--last_layers", "1", "--dropout", "0.1",
        "--early_stopping", "1", *CLASSIFIER,
    ),
    "tagger_lora": (
        "--data", "rows.conll", "--preset", "small_bert", "--last_layers", "1", *CLASSIFIER,
    ),
    "translate": (
        "--data", "pairs.tsv", "--d_model", "16", "--num_layers", "1", "--num_heads", "2",
        "--d_ff", "32", "--max_length", "12", "--tokens_per_batch", "128", "--vocab_size", "300",
        "--warmup_steps", "4", "--validation_sentences", "4", "--beam_size", "2", "--epochs", "3",
        "--keep_epochs", "2", "--average_epochs", "2", "--checkpoint_steps", "3",
    ),
}  # fmt: skip


@dataclass
class Outcome:
    """What became of a recipe's runs.

    Attributes:
        recipe: Its name.
        seconds: How long a run takes that nobody stops.
        touches: How often it touches files of its own.
        kills: How often runs were killed at a random time, and at a touch.
        ended: Runs that were gone on with to their end.
        equal: Those whose folder equals that of the run nobody stopped.
        whole: Kills after which the output was the whole old folder, the whole new one, or that
            without the report, which is added at the end.
        wrong: What was not as promised, a sentence each.
    """

    recipe: str
    seconds: float = 0.0
    touches: int = 0
    kills: dict[str, int] = field(default_factory=lambda: {"time": 0, "touch": 0})
    ended: int = 0
    equal: int = 0
    whole: dict[str, int] = field(default_factory=lambda: {"old": 0, "new": 0, "without report": 0})
    wrong: list[str] = field(default_factory=list)


def write_data(folder: Path) -> None:
    """A few rows of the shipped samples."""
    from kerasft.data.samples import sample_path

    lines = {
        name: sample_path(name).read_text("utf-8").splitlines()
        for name in ("conversations", "translations")
    }
    rows = lines["conversations"]
    (folder / "rows.csv").write_text("\n".join([rows[0], *rows[1::5]]) + "\n", "utf-8")
    short = [line for line in lines["translations"] if len(line.split("\t")[0].split()) < 6]
    (folder / "pairs.tsv").write_text("\n".join(short[::20]) + "\n", "utf-8")
    sentences = sample_path("entities").read_text("utf-8").strip().split("\n\n")
    (folder / "rows.conll").write_text("\n\n".join(sentences[::8]) + "\n", "utf-8")


def import_everything() -> None:
    """All that a run imports, and nothing that computes: threads do not outlive a fork.

    On torch: the other backends have threads from the beginning.
    """
    os.environ["KERAS_BACKEND"] = "torch"
    import keras  # noqa: F401
    import matplotlib.pyplot  # noqa: F401
    import sacrebleu  # noqa: F401
    import tokenizers  # noqa: F401

    from kerasft.presets import load_preset  # noqa: F401


def start(recipe: str, words: Sequence[str], log: Path, folder: Path, kill_at: int = 0) -> int:
    """Forks a run.

    Args:
        recipe: The recipe's name.
        words: Its command line.
        log: What it prints goes there.
        folder: Where it works.
        kill_at: At which of its touches of files below `folder` it is killed; 0 for none.

    Returns:
        The process's id.
    """
    if pid := os.fork():
        return pid
    code = 1
    try:
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.chdir(folder)
        sys.argv = [recipe, *words]
        touches = _watch(folder, kill_at)
        module = importlib.import_module(f"kerasft.recipes.{recipe}")
        from kerasft.config import main

        main(module.run, module.Config)
        code = 0
        (log.parent / "touches").write_text(str(touches[0]))
    except SystemExit as stop:
        code = int(stop.code or 0)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(code)


def _watch(folder: Path, kill_at: int) -> list[int]:
    """Counts the touches; at one of them the clock is set that ends the process."""
    touches, places = [0], (str(folder), "saved")

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event not in TOUCHES or not isinstance(arguments[0], str | os.PathLike):
            return
        in_a_folder = arguments[1] != -1 if event in ("os.remove", "os.rmdir") else False
        if in_a_folder or os.fspath(arguments[0]).startswith(places):
            touches[0] += 1
            if touches[0] == kill_at:
                # Nobody handles SIGALRM: the process ends at once, whatever runs.
                signal.setitimer(signal.ITIMER_REAL, random.Random(kill_at).uniform(1e-6, LATE))

    sys.addaudithook(hook)
    return touches


def kill_runs(
    kills: int = 100, recipes: Sequence[str] = tuple(RUNS), seed: int = 0
) -> list[Outcome]:
    """Kills so many runs, in turns of the recipes, and compares what they end as.

    Args:
        kills: How many, over all recipes.
        recipes: Names out of `RUNS`; `small_bert` comes first, since others begin with its folder.
        seed: Chooses the moments.
    """
    import_everything()
    chance = random.Random(seed)
    outcomes = []
    with tempfile.TemporaryDirectory(prefix="kerasft-kills-") as place:
        base = Path(place).resolve()
        write_data(base)
        for recipe in dict.fromkeys(["small_bert", *recipes]):
            outcomes.append(Outcome(recipe))
            _unbroken(base, outcomes[-1])
        outcomes = [outcome for outcome in outcomes if outcome.recipe in recipes]
        while sum(sum(outcome.kills.values()) for outcome in outcomes) < kills:
            for outcome in outcomes:
                _kill_and_go_on(base, outcome, chance)
                print(outcome, file=sys.stderr, flush=True)
    return outcomes


def _words(recipe: str, output: str, *more: str) -> list[str]:
    return [*RUNS[recipe], "--output", output, "--threads", "1", *more]


def _unbroken(base: Path, outcome: Outcome) -> None:
    """The run that all others of a recipe must equal, and an older one for their outputs."""
    for seed in (1, 0):
        started = time.perf_counter()
        log = base / f"{outcome.recipe}.log"
        words = _words(outcome.recipe, f"saved/{outcome.recipe}", "--seed", str(seed))
        _, status = os.waitpid(start(outcome.recipe, words, log, base), 0)
        if status:
            raise SystemExit(f"{outcome.recipe} failed:\n{log.read_text()}")
        outcome.seconds = time.perf_counter() - started
        outcome.touches = int((base / "touches").read_text())
        target = base / (outcome.recipe if seed == 0 else f"{outcome.recipe}.older")
        (base / "saved" / outcome.recipe).rename(target)
        shutil.rmtree(base / "saved")


def _kill_and_go_on(base: Path, outcome: Outcome, chance: random.Random) -> None:
    recipe = outcome.recipe
    output, log = base / "saved" / recipe, base / "saved.log"
    log.unlink(missing_ok=True)
    shutil.copytree(base / f"{recipe}.older", output)
    for attempt in range(KILLS_A_RUN + 1):
        words = _words(recipe, f"saved/{recipe}", *(["--resume"] if attempt else []))
        by_time = attempt < KILLS_A_RUN and chance.random() < 0.5
        share = 0.5 if attempt else 1.0  # what is gone on with is shorter
        kill_at = 0
        if not by_time and attempt < KILLS_A_RUN:
            kill_at = chance.randint(1, round(share * outcome.touches))
        process = start(recipe, words, log, base, kill_at)
        if by_time:
            _wait(process, chance.uniform(0, share * outcome.seconds))
        _, status = os.waitpid(process, 0)
        if not os.WIFSIGNALED(status):
            break
        outcome.kills["time" if by_time else "touch"] += 1
        _look(base, outcome)
    if status:
        outcome.wrong.append(f"{recipe} ended with {status}: {log.read_text()[-2000:]}")
    else:
        outcome.ended += 1
        differing = [*_differing(base / recipe, output), *_left(output)]
        outcome.equal += not differing
        outcome.wrong += [f"{recipe}: {name}" for name in differing]
    shutil.rmtree(base / "saved")


def _wait(process: int, seconds: float) -> None:
    """Kills a process after so long, unless it has ended by then."""
    deadline = time.perf_counter() + seconds
    while time.perf_counter() < deadline:
        if os.waitid(os.P_PID, process, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            return
        time.sleep(0.005)
    os.kill(process, signal.SIGKILL)


def _look(base: Path, outcome: Outcome) -> None:
    """Counts which whole folder the output is after a kill, or says that it is none."""
    from kerasft.errors import KerasftError
    from kerasft.folder import verify

    output = base / "saved" / outcome.recipe
    older = base / f"{outcome.recipe}.older"
    report = (output / "report").exists()
    try:
        verify(output)
    except KerasftError as error:
        outcome.wrong.append(f"{outcome.recipe}, after a kill: {error}")
        return
    if (output / "manifest.json").read_bytes() == (older / "manifest.json").read_bytes():
        outcome.whole["old"] += 1
    elif differing := _differing(base / outcome.recipe, output, report=report):
        outcome.wrong.append(f"{outcome.recipe}, after a kill: {', '.join(differing)}")
    else:
        outcome.whole["new" if report else "without report"] += 1


def _differing(wanted: Path, found: Path, *, report: bool = True) -> list[str]:
    """The files that are not equal, but for what they say of times; pictures are left out."""
    names = [
        sorted(
            path.relative_to(folder).as_posix()
            for path in folder.rglob("*")
            if path.is_file()
            and path.suffix != ".png"
            and path.name != "README.md"
            and (report or path.relative_to(folder).parts[0] != "report")
        )
        for folder in (wanted, found)
    ]
    if names[0] != names[1]:
        return [f"other files: {sorted(set(names[0]) ^ set(names[1]))}"]
    return [
        f"{name} differs"
        for name in names[0]
        if name != "manifest.json" and _content(wanted / name) != _content(found / name)
    ]


def _content(path: Path) -> Any:
    if path.name == "metrics.json":
        return _unmeasured(json.loads(path.read_text("utf-8")))
    if path.name == "config.yaml":
        return [line for line in path.read_text("utf-8").splitlines() if "resume:" not in line]
    return path.read_bytes()


def _unmeasured(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _unmeasured(v) for k, v in value.items() if k not in MEASURED}
    return [_unmeasured(each) for each in value] if isinstance(value, list) else value


def _left(output: Path) -> list[str]:
    """What a run that ended should not have left beside its folder."""
    allowed = {output.name, *(f"{output.name}.{ending}" for ending in ("epochs", "tokenizers"))}
    return [f"{path.name} was left" for path in output.parent.iterdir() if path.name not in allowed]


def table(outcomes: Sequence[Outcome]) -> str:
    """The outcomes as a Markdown table, and what was wrong below it."""
    lines = [
        "| recipe | a run, s | kills at a random time | at a touch of a file | found whole: old "
        "folder | new, without report | new | runs gone on with to the end | equal to the "
        "unbroken run |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for each in outcomes:
        whole = each.whole
        lines.append(
            f"| {each.recipe} | {each.seconds:.1f} | {each.kills['time']} | {each.kills['touch']} "
            f"| {whole['old']} | {whole['without report']} | {whole['new']} | {each.ended} "
            f"| {each.equal} |"
        )
    return "\n".join([*lines, *(f"\nwrong: {text}" for each in outcomes for text in each.wrong)])


def main() -> None:
    """Prints the table; ends with 1 if something was not as promised."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--recipes", nargs="+", choices=RUNS, default=list(RUNS))
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    outcomes = kill_runs(options.kills, options.recipes, options.seed)
    print(table(outcomes))
    sys.exit(any(each.wrong for each in outcomes))


if __name__ == "__main__":
    main()
