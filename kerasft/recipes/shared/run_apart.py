"""Runs a recipe in a separate process, unless its finished folder is there."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

from kerasft import storage
from kerasft.config import parse, to_yaml
from kerasft.errors import ConfigError, KerasftError
from kerasft.evaluation.report_files import METRICS
from kerasft.folder import contents, verify
from kerasft.folder.manifest import read
from kerasft.recipes.shared.fine_tuning import FineTuningOptions
from kerasft.reporting import Run
from kerasft.tasks.labelled.dataset import Dataset
from kerasft.tasks.labelled.text_task import TextTask
from kerasft.tasks.registry import TASKS


def run_apart(recipe: ModuleType, config: FineTuningOptions, dataset: Dataset) -> Path:
    """The saved folder of a recipe's run; what is finished is not done again.

    A process of its own has its own peak memory, and one that is killed ends no other. What it
    prints stands in `<output>.log`. A run that was stopped goes on from its checkpoint.

    Args:
        recipe: The recipe of a classifier.
        config: Its options.
        dataset: The rows that it will read.

    Raises:
        KerasftError: The run failed; the sentence is the run's own.
    """
    folder = Path(config.output)
    if _is_finished(config, dataset):
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    resume = Path(f"{folder}.checkpoint").exists()
    file = Path(f"{folder}.yaml")
    file.write_text(to_yaml(replace(config, resume=resume)), encoding="utf-8")
    with open(f"{folder}.log", "w", encoding="utf-8") as log:
        done = subprocess.run(
            [sys.executable, "-m", recipe.__name__, "--config", str(file)],
            stdout=log, stderr=subprocess.PIPE, text=True, errors="replace",
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )  # fmt: skip
        log.write(done.stderr)
    if done.returncode < 0:
        raise ConfigError(
            f"Its process was ended by signal {-done.returncode}, often for want of memory."
        )
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.strip()]
        sentence = said[-1].removeprefix("error: ") if said else f"See {folder}.log."
        # The recipe that runs it has no such option.
        raise ConfigError(
            sentence.replace("start afresh without --resume", "remove it to start afresh")
        )
    return folder


def share_weights(runs: Sequence[Run]) -> None:
    """Keeps frozen weights that are the same in several folders once on the disk, by hard links.

    A file of a saved folder is replaced and never written into, so none can change another. Where
    there are no such links, each folder keeps its own.

    Args:
        runs: Saved folders beside one another, as `read_runs` returned them.
    """
    first: dict[str, Path] = {}
    for run in runs:
        weights = run.folder / contents.WEIGHTS
        same = first.setdefault(run.manifest.files[contents.WEIGHTS].sha256, weights)
        if same.samefile(weights):
            continue
        link = run.folder.with_name(f"{run.folder.name}.link")
        with contextlib.suppress(OSError):
            link.unlink(missing_ok=True)
            os.link(same, link)
            os.replace(link, weights)


def result(folder: Path) -> str:
    """What a finished run reached, in a few words."""
    report, task = _report(folder), TASKS[read(folder).task]
    assert isinstance(task, TextTask)
    title, value = task.scoring.main_words, report["test"][task.scoring.main]
    return f"{title} {value:.3f} in {report['seconds']:.0f} s"


def _report(folder: Path) -> Any:
    return storage.read_json(folder / contents.REPORT / METRICS, ConfigError)


def _is_finished(config: FineTuningOptions, dataset: Dataset) -> bool:
    """Whether the output is there, whole, of the same options and the same rows."""
    folder = Path(config.output)
    storage.recover(folder)
    try:
        verify(folder)
        report = _report(folder)
        before = parse(type(config), ["--config", str(folder / contents.CONFIG)])
    except KerasftError:
        return False
    wanted = replace(config, pooling=config.pooling or before.pooling)
    same_rows = (
        report.get("test_sha256") == dataset.test_sha256
        and report.get("rows") == dataset.rows_per_class()
    )
    return same_rows and before.fingerprint() == wanted.fingerprint()
