"""A translator's folder: what it holds, and what is not saved."""

import dataclasses
import json
import pickle
import types

import numpy as np
import pytest
from safetensors.numpy import load_file

from harness import translators
from kerasft.errors import ConfigError, FolderError, PresetError
from kerasft.exports.command import export
from kerasft.folder import is_ours, verify
from kerasft.tasks import check_parts, load
from kerasft.tasks.classification.classifier import TextClassifier
from kerasft.tasks.registry import TASKS
from kerasft.tasks.translation.translator import Translator


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> dict[str, translators.Saved]:
    tied = translators.build(tie_embeddings=True, norm_first=False, N=1)
    folder = tmp_path_factory.mktemp("saved") / "tied"
    return {"tiny": translators.saved(), "tied": translators.save(folder, tied)}


def test_the_folder_is_what_was_given(saved):
    folder = saved["tiny"].folder
    loaded = load(folder, Translator)
    manifest = verify(saved["tiny"].folder)
    assert manifest.task == "translation" and manifest.architecture == "transformer"
    assert loaded.languages == translators.LANGUAGES
    assert loaded.max_length == translators.MAX_LENGTH
    assert loaded.model.arguments == translators.build().arguments
    for tokenizer, expected in zip(
        (loaded.source_tokenizer, loaded.target_tokenizer), translators.tokenizers(), strict=True
    ):
        for text in (*translators.SOURCES, *translators.TARGETS):
            ids = tokenizer.encode([text], 50).token_ids[0]
            assert ids.tolist() == expected.encode([text], 50).token_ids[0].tolist()
            assert tokenizer.decode(ids) == expected.decode(ids)
    assert (folder / "config.yaml").read_text() == "seed: 0\n"
    card = (folder / "README.md").read_text()
    assert card.startswith("# A tiny translator\n") and "kerasft predict FOLDER" in card
    assert json.loads((folder / "report/metrics.json").read_text()) == {"accuracy": 0.5}
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert names == {"manifest.json", "report/metrics.json", *TASKS["translation"].all_files}


def test_weights_are_named_by_their_paths(saved):
    tensors = load_file(saved["tiny"].folder / "model.safetensors")
    assert "transformer/encoder/block_0/self_attention/query/kernel" in tensors
    model = translators.build()
    assert set(tensors) == {weight.path for weight in model.weights}
    assert sum(each.size for each in tensors.values()) == model.arguments.parameter_count
    tied = load_file(saved["tied"].folder / "model.safetensors")
    assert "transformer/projection/kernel" not in tied  # each weight is in the file once


def test_of_a_compiled_model_the_weights_alone_are_saved(tmp_path):
    import keras

    model = translators.build(N=1, dropout=0.1)
    model.compile(keras.optimizers.Adam(0.01), loss="sparse_categorical_crossentropy")
    model.optimizer.build(model.trainable_variables)
    saved = translators.save(tmp_path / "run", model)
    assert set(load_file(saved.folder / "model.safetensors")) == {w.path for w in model.weights}
    loaded = load(saved.folder, Translator).model
    assert np.abs(translators.log_probabilities(loaded) - saved.log_probabilities).max() < 1e-5


def test_a_loaded_translator_can_be_saved_again(saved, tmp_path):
    loaded = load(saved["tiny"].folder, Translator)
    again = translators.save(tmp_path / "again", loaded.model)
    assert np.abs(again.log_probabilities - saved["tiny"].log_probabilities).max() < 1e-6
    assert is_ours(again.folder)


def test_what_does_not_fit_is_not_saved(tmp_path):
    model = translators.build()
    source, _ = translators.tokenizers()
    plain = pickle.loads(pickle.dumps(source))
    plain._backend.post_processor = _template("[SOS] $A")
    other = pickle.loads(pickle.dumps(source))
    other.pad_id = 0
    small = translators.build(src_vocab_size=source.vocab_size - 1)
    for options, message in [
        ({"max_length": 21}, "max_length is 21, but the model takes 1 to 20"),
        ({"max_length": 0}, "max_length is 0"),
        ({"model": small}, "the tokenizer of the source has 25 tokens, but the model only 24"),
        ({"target_tokenizer": source}, "the tokenizer of the target has 25 tokens"),
        ({"source_tokenizer": plain}, r"does not put \[SOS\] before a text and \[EOS\] after it"),
        ({"source_tokenizer": other}, "pads with the token 0, but the model with 1"),
        ({"languages": {"source": "en"}}, "the languages are {'source': 'en'}"),
        ({"languages": {"source": "en", "target": "../it"}}, "must name one source and one target"),
        ({"languages": {"source": "English (US)", "target": "it"}}, "letters and digits, with"),
    ]:
        with pytest.raises(ConfigError, match=message):
            translators.save(tmp_path / "run", **{"model": model, **options})
    model.weights[3].assign(model.weights[3] * float("nan"))
    with pytest.raises(ConfigError, match="hold NaN or infinity"):
        translators.save(tmp_path / "run", model)
    assert list(tmp_path.iterdir()) == []


def test_a_model_that_could_not_be_loaded_again_is_refused():
    source, target = translators.tokenizers()
    arguments = dataclasses.replace(
        translators.build().arguments, src_seq_len=90_000, tgt_seq_len=90_000, d_model=128
    )
    with pytest.raises(ConfigError, match=r"23,040,000 numbers.*make max_length smaller"):
        check_parts(
            Translator(
                model=types.SimpleNamespace(arguments=arguments),
                source_tokenizer=source,
                target_tokenizer=target,
                languages=translators.LANGUAGES,
                max_length=16,
            )
        )


def _template(single: str):
    from tokenizers import processors

    return processors.TemplateProcessing(single=single, special_tokens=[("[SOS]", 2)])


def test_a_folder_of_another_task_is_said_to_be_one(saved, tmp_path):
    from harness import classifiers
    from kerasft.presets import load_preset

    folder = saved["tiny"].folder
    with pytest.raises(FolderError, match="a model for translation, but one for classification"):
        load(folder, TextClassifier)
    with pytest.raises(FolderError, match="a model for classification, but one for translation"):
        load(classifiers.saved_lora().folder, Translator)
    with pytest.raises(PresetError, match="holds a model for translation, which is no encoder"):
        load_preset(str(folder))
    with pytest.raises(ConfigError, match=r"translation, .*'onnx'; use --engine ctranslate2 or"):
        export(folder, "onnx", tmp_path / "x.onnx")
    assert list(tmp_path.iterdir()) == []
