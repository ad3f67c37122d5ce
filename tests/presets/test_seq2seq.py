"""Where a T5 comes from."""

import json
import shutil
import tracemalloc

import numpy as np
import pytest
from keras import ops

from harness import t5_twins, text_models, translators
from harness.checkpoints import write_checkpoint
from kerasft import backends, peft
from kerasft.errors import PresetError
from kerasft.presets import load_seq2seq
from kerasft.text.trained_unigram import train_unigram

TEXTS = ["the house is wonderful", "a garden"]


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    path = tmp_path_factory.mktemp("t5") / "model"
    tokenizer = train_unigram(TEXTS, 60, extra_ids=4)
    t5_twins.write(path, vocab_size=tokenizer.vocab_size + 7)
    tokenizer.save_directory(path, max_length=64)
    return path


@pytest.fixture
def copy(directory, tmp_path):
    return shutil.copytree(directory, tmp_path / "copy")


def test_a_directory(directory):
    found = load_seq2seq(str(directory))
    assert found.source == str(directory) and found.license is None
    assert found.tokenizer.decode(found.tokenizer.encode(TEXTS, 64).token_ids[0]) == TEXTS[0]
    same = t5_twins.ours(directory)
    batch = {"source_ids": np.array([[5, 6, 1]]), "target_ids": np.array([[0, 7]])}
    forward = backends.compile_forward
    np.testing.assert_array_equal(forward(found.model)(batch), forward(same)(batch))
    assert len(found.sha256) == 64 and not found.report.unread


def test_a_sentencepiece_model_for_a_tokenizer(tmp_path):
    trainer = pytest.importorskip("sentencepiece").SentencePieceTrainer
    (tmp_path / "texts").write_text("\n".join(TEXTS * 3), encoding="utf-8")
    t5_twins.write(tmp_path, vocab_size=160)
    (tmp_path / "vocab.txt").write_text("a")
    with pytest.raises(PresetError, match=r"neither tokenizer\.json nor spiece\.model"):
        load_seq2seq(str(tmp_path))
    trainer.train(
        input=str(tmp_path / "texts"), model_prefix=str(tmp_path / "spiece"), vocab_size=40,
        pad_id=0, eos_id=1, unk_id=2, bos_id=-1, hard_vocab_limit=False, minloglevel=2,
    )  # fmt: skip
    found = load_seq2seq(str(tmp_path))
    assert found.tokenizer.decode(found.tokenizer.encode(TEXTS, 64).token_ids[0]) == TEXTS[0]


def test_a_t5_inside_another_module(directory, copy):
    from safetensors.numpy import load_file, save_file

    tensors = load_file(copy / "model.safetensors")
    wrapped = {f"module.model.{name}": array for name, array in tensors.items()}
    save_file(wrapped, copy / "model.safetensors")
    found = load_seq2seq(str(copy))
    assert "'model.' and 'module.' taken off the tensors' names" in found.report.describe()
    for a, b in zip(found.model.weights, load_seq2seq(str(directory)).model.weights, strict=True):
        np.testing.assert_array_equal(ops.convert_to_numpy(a), ops.convert_to_numpy(b))


def test_a_t5_that_holds_no_numbers_is_refused_by_name(copy):
    from safetensors.numpy import load_file, save_file

    tensors = load_file(copy / "model.safetensors")
    tensors["shared.weight"][1, 1] = np.nan
    tensors["encoder.embed_tokens.weight"] = tensors["shared.weight"].copy()
    save_file(tensors, copy / "model.safetensors")
    with pytest.raises(PresetError, match=r"'shared.weight' of .* holds NaN or infinity"):
        load_seq2seq(str(copy))


def test_shards(directory, copy):
    from safetensors.numpy import load_file, save_file

    tensors = load_file(copy / "model.safetensors")
    (copy / "model.safetensors").unlink()
    places = {name: f"model-{index % 2}.safetensors" for index, name in enumerate(tensors)}
    for file in set(places.values()):
        part = {name: array for name, array in tensors.items() if places[name] == file}
        save_file(part, copy / file, metadata={"format": "pt"})
    (copy / "model.safetensors.index.json").write_text(json.dumps({"weight_map": places}))
    whole, parts = load_seq2seq(str(directory)), load_seq2seq(str(copy))
    for a, b in zip(whole.model.weights, parts.model.weights, strict=True):
        np.testing.assert_array_equal(ops.convert_to_numpy(a), ops.convert_to_numpy(b))
    assert whole.sha256 != parts.sha256


def test_what_writes_no_texts_is_refused(tmp_path, copy):
    write_checkpoint(tmp_path / "bert", "bert", layers=1)
    with pytest.raises(PresetError, match="'bert', which is not supported where texts are"):
        load_seq2seq(str(tmp_path / "bert"))
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps({**config, "model_type": "longt5"}))
    with pytest.raises(PresetError, match=r"'longt5', which .* of the type t5, mt5, umt5"):
        load_seq2seq(str(copy))
    with pytest.raises(PresetError, match="minilm is an encoder, which writes no texts"):
        load_seq2seq("minilm")
    with pytest.raises(PresetError, match=r"no directory '\./nowhere'; use `--preset` with"):
        load_seq2seq("./nowhere")
    with pytest.raises(PresetError, match="is a file; give the directory"):
        load_seq2seq(str(copy / "config.json"))
    (copy / "manifest.json").write_text("{}")
    with pytest.raises(PresetError, match="cannot be loaded"):
        load_seq2seq(str(copy))
    with pytest.raises(PresetError, match="was saved by kerasft, but holds no pretrained model"):
        load_seq2seq(str(translators.saved().folder))


@pytest.mark.parametrize("lora", [False, True])
def test_a_saved_folder(lora, tmp_path):
    model = text_models.build(lora=lora)
    saved = text_models.save(tmp_path / "run", model)
    found = load_seq2seq(str(saved.folder))
    assert found.source == str(saved.folder)
    assert not peft.adapted_layers(found.model) and found.model.trainable_weights
    assert len(found.model.trainable_weights) == len(found.model.weights)
    np.testing.assert_allclose(text_models.logits(found.model), saved.logits, atol=1e-4)


def test_a_directory_that_lacks_something_is_refused(copy):
    train_unigram(TEXTS, 70, extra_ids=40).save(copy / "tokenizer.json")
    with pytest.raises(PresetError, match="tokens, but its embedding table only"):
        load_seq2seq(str(copy))
    (copy / "tokenizer.json").unlink()
    with pytest.raises(PresetError, match=r"has no tokenizer: neither tokenizer\.json nor"):
        load_seq2seq(str(copy))
    (copy / "model.safetensors").unlink()
    (copy / "tokenizer.json").write_text("{}")
    with pytest.raises(PresetError):
        load_seq2seq(str(copy))


def test_a_hub_that_cannot_be_reached_is_one_sentence(monkeypatch, tmp_path):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(PresetError) as caught:
        load_seq2seq("nobody/has-this-t5")
    message = str(caught.value)
    assert "'nobody/has-this-t5' cannot be fetched" in message
    assert "use `--preset` with a local directory" in message and "t5_text_to_text" in message
    assert "minilm" not in message


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("num_layers", 100_000),
        ("num_layers", 200),
        ("num_decoder_layers", 199),
        ("d_model", 10**6),
        ("d_model", 20_000),
        ("d_ff", 200_000),
        ("d_kv", 20_000),
        ("num_heads", 1_000),
        ("vocab_size", 10**12),
        ("vocab_size", 3_999_999),
        ("relative_attention_num_buckets", 10**9),
    ],
)
def test_absurd_numbers_are_refused_before_memory_is_taken(copy, key, value):
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps({**config, key: value}))
    tracemalloc.start()
    try:
        with pytest.raises(PresetError) as caught:
            load_seq2seq(str(copy))
        assert tracemalloc.get_traced_memory()[1] < 60e6
    finally:
        tracemalloc.stop()
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 500
