"""KerasHub presets, written and read by KerasHub itself, without a network."""

import json
import shutil

import keras
import numpy as np
import pytest

from kerasft import backends
from kerasft.errors import PresetError
from kerasft.presets import load_preset

WORDS = ["hello", "world", "cafe", "café", "hell", "##o", "##s", "!", ",", "日", "本"]
VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]
TEXTS = ["Hello, world!", "CAFÉ café cafes", "日本 hello"]


@pytest.fixture(scope="module", params=["bert", "distilbert"])
def name(request):
    return request.param


@pytest.fixture(scope="module")
def preset(name, tmp_path_factory):
    """A directory that KerasHub wrote, its backbone and its tokenizer."""
    models = backends.import_keras_hub().models
    keras.utils.set_random_seed(3)
    sizes = {
        "vocabulary_size": len(VOCABULARY),
        "num_layers": 2,
        "num_heads": 2,
        "hidden_dim": 8,
        "intermediate_dim": 12,
        "max_sequence_length": 16,
        "dropout": 0.2,
    }
    make, tokenize = (
        (models.BertBackbone, models.BertTokenizer)
        if name == "bert"
        else (models.DistilBertBackbone, models.DistilBertTokenizer)
    )
    backbone = make(**sizes)
    for weight in backbone.weights:
        weight.assign(weight + 0.3 * keras.random.normal(weight.shape))
    tokenizer = tokenize(vocabulary=VOCABULARY, lowercase=True)
    directory = tmp_path_factory.mktemp("keras_hub")
    backbone.save_to_preset(str(directory))
    tokenizer.save_to_preset(str(directory))
    return directory, backbone, tokenizer


def hidden_states(backbone, inputs) -> np.ndarray:
    features = {**inputs, "padding_mask": inputs["padding_mask"].astype("int32")}
    if "segment_ids" in backbone.input:
        features["segment_ids"] = np.zeros_like(inputs["token_ids"])
    outputs = backbone(features, training=False)
    outputs = outputs["sequence_output"] if isinstance(outputs, dict) else outputs
    return keras.ops.convert_to_numpy(outputs)


def compare(pretrained, backbone, num_labels: int = 3) -> None:
    model, report = pretrained.build_classifier(num_labels)
    assert report.unread == []
    mask = np.arange(9) < np.array([9, 4])[:, None]
    ids = np.random.default_rng(0).integers(1, len(VOCABULARY), mask.shape) * mask
    inputs = {"token_ids": ids.astype("int32"), "padding_mask": mask}
    found = keras.ops.convert_to_numpy(model.backbone(inputs, training=False))
    np.testing.assert_allclose(found[mask], hidden_states(backbone, inputs)[mask], atol=1e-5)
    if pretrained.architecture == "bert":  # and its pooler, which makes the head's input
        expected = backbone({**inputs, "segment_ids": np.zeros_like(inputs["token_ids"])})
        pooled = model.get_layer("pooled_dense")(found[:, 0])
        np.testing.assert_allclose(
            keras.ops.convert_to_numpy(pooled),
            keras.ops.convert_to_numpy(expected["pooled_output"]),
            atol=1e-5,
        )


def test_a_directory_computes_what_keras_hub_computes(name, preset):
    directory, backbone, _ = preset
    pretrained = load_preset(str(directory))
    assert pretrained.architecture == name
    assert pretrained.arguments.dropout == pretrained.arguments.attention_dropout == 0.2
    expected = "gelu_approximate" if name == "bert" else "gelu"  # KerasHub's own choices
    assert pretrained.arguments.activation == expected
    compare(pretrained, backbone)


def test_texts_get_the_ids_that_keras_hub_gives(preset):
    directory, _, tokenizer = preset
    found = load_preset(str(directory)).tokenizer.encode(TEXTS, 64).token_ids
    with backends.without_tensorflow():
        expected = [list(map(int, tokenizer(text))) for text in TEXTS]
    # KerasHub adds [CLS] and [SEP] later, in its preprocessor.
    assert [row.tolist()[1:-1] for row in found] == expected
    assert all((row[0], row[-1]) == (2, 3) for row in found)


def test_a_built_in_name_is_loaded_through_kaggle_hub(name, preset, tmp_path, monkeypatch):
    """From Kaggle's own cache on this machine, filled here with a tiny model of that name."""
    from kagglehub.cache import Cache
    from kagglehub.handle import parse_model_handle

    directory, backbone, _ = preset
    built_in = "bert_tiny_en_uncased" if name == "bert" else "distil_bert_base_en_uncased"
    monkeypatch.setenv("KAGGLEHUB_CACHE", str(tmp_path))
    models = backends.import_keras_hub().models
    handle = models.Backbone.presets[built_in]["kaggle_handle"].removeprefix("kaggle://")
    for file in directory.rglob("*"):
        if file.is_file():
            part = file.relative_to(directory).as_posix()
            target = Cache().get_path(parse_model_handle(handle), part)
            (tmp_path / target).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, target)
            Cache().mark_as_complete(parse_model_handle(handle), part)
    pretrained = load_preset(built_in)
    assert (pretrained.source, pretrained.architecture) == (built_in, name)
    compare(pretrained, backbone)


def test_a_name_that_cannot_be_fetched_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setenv("KAGGLEHUB_CACHE", str(tmp_path))
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")  # nobody listens there
    with pytest.raises(PresetError) as caught:
        load_preset("bert_tiny_en_uncased")
    message = str(caught.value)
    assert "its server cannot be reached" in message and "`--preset minilm`" in message


def test_names_of_other_architectures_are_refused_before_any_download():
    with pytest.raises(PresetError, match="'roberta', which is not supported"):
        load_preset("roberta_base_en")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"class_name": "RobertaBackbone"}, "'RobertaBackbone', which is not supported"),
        ({"registered_name": "keras_hub>RobertaBackbone"}, "which is not supported"),
        ({"config": {"vocabulary_size": 3}}, "cannot be loaded"),
    ],
)
def test_directories_of_other_models_are_refused(preset, tmp_path, changes, words):
    directory = shutil.copytree(preset[0], tmp_path / "copy")
    config = json.loads((directory / "config.json").read_text())
    (directory / "config.json").write_text(json.dumps({**config, **changes}))
    with pytest.raises(PresetError, match=words):
        load_preset(str(directory))


def test_a_directory_without_weights_is_one_sentence(preset, tmp_path):
    directory = shutil.copytree(preset[0], tmp_path / "copy")
    (directory / "model.weights.h5").unlink()
    with pytest.raises(PresetError, match="cannot be loaded"):
        load_preset(str(directory))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"num_layers": 100_000}, "num_layers must be between 1 and 200, not 100,000"),
        ({"num_layers": 3}, "asks for a model of"),
        ({"hidden_dim": 1e6}, "hidden_size must be int"),
        ({"hidden_dim": 10**6}, "hidden_size must be between"),
        ({"hidden_dim": 20_000}, "asks for a model of"),
        ({"vocabulary_size": 10**12}, "vocab_size must be between"),
        ({"vocabulary_size": 3_000_000}, "asks for a model of"),
        ({"intermediate_dim": 100_000}, "asks for a model of"),
        ({"max_sequence_length": 1_000_000}, "asks for a model of"),
        ({"num_heads": 0}, "num_heads must be between"),
        ({"num_heads": {"class_name": "Lambda", "module": "os"}}, "num_heads must be a number"),
        ({"dropout": 7}, "dropout must be"),
    ],
)
def test_absurd_numbers_are_refused_before_memory_is_taken(preset, tmp_path, change, words):
    import tracemalloc

    directory = shutil.copytree(preset[0], tmp_path / "copy")
    config = json.loads((directory / "config.json").read_text())
    config["config"].update(change)
    (directory / "config.json").write_text(json.dumps(config))
    tracemalloc.start()
    try:
        with pytest.raises(PresetError, match="config") as caught:
            load_preset(str(directory))
        assert tracemalloc.get_traced_memory()[1] < 30e6
    finally:
        tracemalloc.stop()
    assert words in str(caught.value) and len(str(caught.value)) < 400


def test_weights_that_only_say_that_they_are_many_are_refused(preset, tmp_path):
    import h5py

    directory = shutil.copytree(preset[0], tmp_path / "copy")
    (directory / "model.weights.h5").unlink()
    with h5py.File(directory / "model.weights.h5", "w") as file:
        file.create_dataset("x", (10**9,), "f4", chunks=(10**6,), compression="gzip")
    with pytest.raises(PresetError, match="holds 0; they do not belong together"):
        load_preset(str(directory))
    (directory / "model.weights.h5").write_bytes(b"none")
    with pytest.raises(PresetError, match="is not a whole HDF5 file"):
        load_preset(str(directory))
