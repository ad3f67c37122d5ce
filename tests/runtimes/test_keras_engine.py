from pathlib import Path

import numpy as np
import pytest

from harness import classifiers
from kerasft.errors import DataError, FolderError
from kerasft.tasks import load
from kerasft.tasks.labelled.engine import HeadEngine


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("saved")
    return classifiers.save(
        root / "run", classifiers.build(), max_length=40
    ).folder  # lengths 16, 32, 40


@pytest.fixture(scope="module")
def engine(folder: Path) -> HeadEngine:
    return classifiers.engine(folder)


def test_logits_are_the_models(folder, engine):
    texts = [text for text in classifiers.TEXTS if len(text) < 100]  # those that no folder cuts
    expected = classifiers.logits(load(folder).model, texts)
    found = engine.logits(texts)
    assert found.dtype == np.float32 and found.shape == (len(texts), len(classifiers.LABELS))
    assert np.abs(found - expected).max() < 1e-5


def test_order_is_kept_and_neighbours_do_not_matter(engine):
    rng = np.random.default_rng(0)
    words = ["the", "cat", "was", "zebra", "with", "him", "that"]
    texts = [" ".join(rng.choice(words, rng.integers(1, 30))) for _ in range(70)]
    together = engine.logits(texts)
    for row in (0, 1, 33, 69):
        assert np.abs(engine.logits([texts[row]])[0] - together[row]).max() < 1e-6
    order = rng.permutation(70)
    assert np.abs(engine.logits([texts[row] for row in order]) - together[order]).max() < 1e-6
    assert np.abs(together[0] - together[1]).max() > 1e-3  # they do differ


def test_nothing_in_nothing_out(engine):
    assert engine.logits([]).shape == (0, len(classifiers.LABELS))


def test_odd_texts_have_logits_too(engine):
    odd = ["☃", "\u0000", "a" * 100_000, "مرحبا", "!!!", "\u200b", "[PAD] [MASK]", "日本"]
    assert np.isfinite(engine.logits(odd)).all()


def test_what_is_no_text_is_refused_by_its_place(engine):
    for text in (3, None, b"bytes", "\ud800"):
        with pytest.raises(DataError, match="text 1"):
            engine.logits(["good", text])


def test_a_model_that_computes_nan_is_refused(folder):
    loaded = load(folder)
    bias = loaded.model.get_layer("classifier").bias
    bias.assign(bias * 0 + float("inf"))
    with pytest.raises(FolderError, match="weights are broken"):
        classifiers.engine_of(loaded).logits(["a"])
