"""When a backbone runs once per text, what is said of it, and what is left behind."""

import shutil

import keras
import numpy as np
import pytest

from harness import frozen_backbones
from kerasft import peft
from kerasft.errors import ConfigError
from kerasft.training import frozen_backbone as frozen_backbone
from kerasft.training.frozen_backbone import AboveBackbone, CacheSettings, above_backbone


@pytest.fixture(scope="module")
def model() -> keras.Model:
    return frozen_backbones.encoder()


@pytest.fixture
def decide(model, tmp_path):
    """Asks for a decision; returns it."""

    def ask(where: str, *, epochs: int = 2, dropout: bool = False, of=model, **settings):
        return above_backbone(
            of, of.frozen_backbone(), frozen_backbones.batches(),
            frozen_backbones.batches(8, shuffle=False, seed=9),
            CacheSettings(where, **{"beside": tmp_path / "run.features", **settings}),
            epochs=epochs, frozen_dropout=dropout,
        )  # fmt: skip

    return ask


def fill(above: AboveBackbone) -> None:
    for batches in (above.train, above.validation):
        for index in range(len(batches)):
            batches.batch(0, index)


def test_auto_keeps_beside_the_run_and_cleans_up(decide, model, tmp_path):
    above = decide("auto")
    assert above.model is not model and list(above.train.batch(0, 0)[0]) == [
        "hidden", "padding_mask",
    ]  # fmt: skip
    tokens = sum(
        len(ids) for seed, n in ((0, 20), (9, 8)) for ids in frozen_backbones.texts(n, seed)[0]
    )
    size = f"{tokens * 8 * 2 / 1e6:.3g} MB of float16 for 28 texts"
    where = tmp_path / "run.features"
    assert above.note == (
        f"embeddings and 2 of 3 layers run once per text: {size} in {where}, 0 of them from before"
    )
    assert above.facts == {"backbone": "embeddings and 2 of 3 layers in float16"}
    fill(above)
    assert frozen_backbone.size_of_stores(tmp_path / "run.features") == tokens * 8 * 2
    # A resumed run finds them, a new one begins anew.
    assert "28 of them from before" in decide("auto", resume=True).note
    assert ", 0 of them from before" in decide("auto").note
    above.finish()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("where", "options", "reason"),
    [
        ("off", {}, "--cache_backbone is off"),
        ("auto", {"epochs": 1}, "there is one epoch alone"),
        ("auto", {"dropout": True}, "--frozen_dropout draws anew each time"),
        ("on", {"gigabytes": 1e-6}, "run.features may hold 0.001 MB (--cache_gb) and has 0 MB"),
    ],
)
def test_reasons_to_run_it_at_every_step(decide, model, tmp_path, where, options, reason):
    above = decide(where, **options)
    assert above.model is model and "token_ids" in above.train.batch(0, 0)[0]
    assert above.facts == {"backbone": "none"}
    assert above.note.startswith("embeddings and 2 of 3 layers run at every step: ")
    assert above.note.endswith(reason)
    above.finish()
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_a_reason_too(decide, model, monkeypatch):
    usage = shutil.disk_usage("/")._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    above = decide("auto")
    assert above.model is model and above.note.endswith("0.001 MB are free")


def test_nothing_frozen_nothing_kept(decide):
    everything = frozen_backbones.encoder()
    peft.unfreeze(everything)
    above = decide("on", of=everything)
    assert above.model is everything
    assert (
        above.note == "nothing runs once per text: no layer is frozen below the first that trains"
    )


def test_features_of_whole_texts_are_the_means_of_what_is_kept(decide):
    above = decide("on")
    shuffled = frozen_backbones.batches()
    others = frozen_backbones.batches(8, shuffle=False, seed=9)
    name, found = above.features([shuffled, others])
    assert name == "the frozen embeddings and 2 of 3 layers" and found.shape == (28, 8)
    for start, batches in ((0, shuffled), (20, others)):
        inputs = batches.batch(0, 1)[0]
        row, kept = batches.rows(0, 1)[0], inputs["padding_mask"][:1]
        hidden = above.kept.of(inputs)[0][kept[0]]
        np.testing.assert_allclose(found[start + row], hidden.mean(axis=0), rtol=1e-6)
    assert decide("off").features([shuffled]) is None


def test_one_epoch_is_kept_where_it_was_asked_for(decide, model):
    assert decide("on", epochs=1).model is not model


def test_a_directory_is_shared_and_stays(decide, tmp_path):
    directory = tmp_path / "shared" / "cache"
    above = decide(str(directory), epochs=1)
    fill(above)
    above.finish()
    size = frozen_backbone.size_of_stores(directory)
    again = decide(str(directory))
    assert size and "28 of them from before" in again.note
    assert not (tmp_path / "run.features").exists()
    # Another type, or a backbone with other weights, has a store of its own in it.
    assert ", 0 of them from before" in decide(str(directory), dtype="float32").note
    other = frozen_backbones.encoder()
    other.backbone.get_layer("transformer_layer_0").weights[0].assign_add(
        np.full(other.backbone.get_layer("transformer_layer_0").weights[0].shape, 1e-3)
    )
    assert ", 0 of them from before" in decide(str(directory), of=other).note
    assert len(list(directory.iterdir())) == 3
    # All of them count against the limit; what is kept by now needs no room.
    assert "28 of them" in decide(str(directory), gigabytes=size / 1e9).note
    full = decide(str(directory), gigabytes=size / 1e9, of=other)
    assert "may hold" in full.note and full.facts == {"backbone": "none"}


def test_what_someone_else_put_there_stays(decide, model, tmp_path):
    (tmp_path / "run.features").mkdir()
    (tmp_path / "run.features" / "thesis.txt").write_text("precious")
    with pytest.raises(ConfigError, match="it holds something else"):
        decide("auto")
    assert decide("off").model is model
    assert (tmp_path / "run.features" / "thesis.txt").exists()


@pytest.mark.parametrize(
    ("where", "options", "words"),
    [
        ("on", {"dropout": True}, "excludes --frozen_dropout"),
        ("here", {"dropout": True}, "excludes --frozen_dropout"),
        ("auto", {"gigabytes": 0}, "--cache_gb is 0"),
        ("auto", {"gigabytes": float("nan")}, "--cache_gb is nan"),
        ("", {}, "--cache_backbone is empty"),
    ],
)
def test_options_that_cannot_be_are_one_sentence(decide, where, options, words):
    with pytest.raises(ConfigError, match=words) as caught:
        decide(where, **options)
    assert "\n" not in str(caught.value)


def test_a_file_in_place_of_the_directory_is_one_sentence(decide, tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(ConfigError, match="cannot be used"):
        decide(str(tmp_path / "file"))


def test_the_features_of_a_pair_depend_on_its_segments(tmp_path):
    """The same tokens, once all of the first text and once half of the second."""
    model = frozen_backbones.encoder("bert")
    ids, _ = frozen_backbones.texts(4)
    segments = [(np.arange(len(row)) > len(row) // 2).astype("int32") for row in ids]
    none = [np.zeros_like(each) for each in segments]
    train, validation = (
        frozen_backbones.batches(4, shuffle=False, segment_ids=each) for each in (segments, none)
    )
    settings = CacheSettings("on", tmp_path / "features", dtype="float32")
    above = above_backbone(model, model.frozen_backbone(), train, validation, settings, epochs=2)
    assert " for 8 texts in " in above.note
    logits = []
    for batches, whole in ((above.train, train), (above.validation, validation)):
        found = keras.ops.convert_to_numpy(above.model(batches.batch(0, 0)[0], training=False))
        wanted = keras.ops.convert_to_numpy(model(whole.batch(0, 0)[0], training=False))
        np.testing.assert_allclose(found, wanted, atol=1e-5)
        logits.append(found)
    assert np.abs(logits[0] - logits[1]).max() > 1e-3
