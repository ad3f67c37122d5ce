"""Exports in saved folders: made once, checked, and said the same with as Keras says."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import bundles
import entity_writers
import text_models
import translators
from kerasft import bundle, storage
from kerasft.bundle import contents
from kerasft.bundle.export_files import export_paths
from kerasft.bundle.load_text_exports import load_exported_translator
from kerasft.engines import ctranslate2_engine, ctranslate2_export, text_gate
from kerasft.engines.ctranslate2_export import make_export
from kerasft.engines.text_writers import (
    entity_text_engine,
    load_writer,
    open_translator,
    text_to_text_engine,
)
from kerasft.errors import BundleError, ConfigError, DataError
from kerasft.text.entities import Sentence

INT8 = "ctranslate2-int8"


def keep_samples(folder: Path, rows: list[dict]) -> None:
    """What a run leaves of its held-out rows."""
    file = folder / contents.REPORT / text_gate.SAMPLES
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def translator_report(report: Path) -> None:
    storage.write_json(report / "metrics.json", {})
    pairs = zip(translators.SOURCES, translators.TARGETS, strict=True)
    keep_samples(report.parent, [{"source": one, "reference": other} for one, other in pairs])


def tasks_report(report: Path) -> None:
    storage.write_json(report / "metrics.json", {})
    names = ["topics", "topics", "italian", "italian"]
    rows = zip(names, text_models.SOURCES, text_models.TARGETS, strict=True)
    keep_samples(report.parent, [dict(zip(("task", "source", "reference"), r, strict=True)) for r in rows])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A translator with both exports."""
    path = tmp_path_factory.mktemp("translator") / "run"
    translators.save(path, translators.build(), report=translator_report)
    make_export(path, "ctranslate2")
    make_export(path, INT8)
    return path
