"""The tagger: transformers' token classifiers on the same weights, its paths, its batches."""

import json

import keras
import numpy as np
import pytest
import torch
import transformers
from safetensors.numpy import save_file

from harness.checkpoints import VOCABULARY, write_checkpoint
from kerasft import peft
from kerasft.architectures import (
    EncoderArguments,
    Tagger,
    arguments_to_config,
    config_to_arguments,
    to_tensors,
)
from kerasft.errors import ConfigError
from kerasft.presets import load_preset

TAGS = ["O", "B-PER", "I-PER"]
LENGTHS = [9, 4, 1, 7]


def write(directory, kind: str, names: list[str] = TAGS, **settings) -> torch.nn.Module:
    model = write_checkpoint(directory, kind, "ForTokenClassification", **settings)
    model.config.id2label = dict(enumerate(names))
    model.config.label2id = {name: number for number, name in enumerate(names)}
    model.save_pretrained(directory)
    return model


def texts() -> dict[str, np.ndarray]:
    mask = np.arange(9) < np.array(LENGTHS)[:, None]
    ids = np.random.default_rng(0).integers(5, len(VOCABULARY), mask.shape)
    return {"token_ids": (ids * mask).astype("int32"), "padding_mask": mask}


def theirs(model: torch.nn.Module) -> np.ndarray:
    """Logits (4, 9, tags)."""
    inputs = texts()
    with torch.no_grad():
        return model(
            input_ids=torch.tensor(inputs["token_ids"], dtype=torch.long),
            attention_mask=torch.tensor(inputs["padding_mask"], dtype=torch.long),
        ).logits.numpy()


def ours(model: keras.Model) -> np.ndarray:
    return keras.ops.convert_to_numpy(model(texts(), training=False))


@pytest.mark.parametrize("kind", ["bert", "distilbert"])
def test_trained_token_heads_load_and_agree(kind, tmp_path):
    reference = write(tmp_path, kind)
    model, report = load_preset(str(tmp_path)).build_tagger(TAGS)
    assert (report.new, report.unread) == ([], [])
    mask = texts()["padding_mask"]
    np.testing.assert_allclose(ours(model)[mask], theirs(reference)[mask], atol=1e-4)
    # In another order of the tags, by their names.
    model, _ = load_preset(str(tmp_path)).build_tagger(["I-PER", "O", "B-PER"])
    np.testing.assert_allclose(ours(model)[mask], theirs(reference)[mask][:, [2, 0, 1]], atol=1e-4)


@pytest.mark.parametrize("kind", ["bert", "distilbert"])
@pytest.mark.parametrize(
    ("names", "wanted"),
    [
        (TAGS, ["O", "B-LOC", "I-LOC"]),
        (TAGS, ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]),
        (["LABEL_0", "LABEL_1", "LABEL_2"], TAGS),
    ],
    ids=["other types", "more types", "no names"],
)
def test_a_head_of_other_tags_is_new(kind, names, wanted, tmp_path):
    write(tmp_path, kind, names)
    model, report = load_preset(str(tmp_path)).build_tagger(wanted)
    assert report.new == ["classifier.weight", "classifier.bias"]
    assert report.unread == ["classifier.bias", "classifier.weight"]
    assert ours(model).shape == (4, 9, len(wanted))


@pytest.mark.parametrize("kind", ["bert", "distilbert"])
@pytest.mark.parametrize("head", ["", "ForMaskedLM", "ForSequenceClassification"])
def test_other_checkpoints_give_the_encoder_alone(kind, head, tmp_path):
    reference = write_checkpoint(tmp_path, kind, head)
    model, report = load_preset(str(tmp_path)).build_tagger(TAGS)
    assert report.new == ["classifier.weight", "classifier.bias"]
    inputs = texts()
    with torch.no_grad():
        hidden = reference(
            input_ids=torch.tensor(inputs["token_ids"], dtype=torch.long),
            attention_mask=torch.tensor(inputs["padding_mask"], dtype=torch.long),
            output_hidden_states=True,
        ).hidden_states[-1]
    found = keras.ops.convert_to_numpy(model.backbone(inputs, training=False))
    mask = inputs["padding_mask"]
    np.testing.assert_allclose(found[mask], hidden.numpy()[mask], atol=1e-4)


def test_a_token_head_is_no_classifiers_head(tmp_path):
    write(tmp_path, "distilbert")
    _, report = load_preset(str(tmp_path)).build_classifier(3)
    assert "classifier.weight" in report.new


@pytest.mark.parametrize("kind", ["bert", "distilbert"])
def test_transformers_reads_what_we_write(kind, tmp_path):
    reference = write(tmp_path / "theirs", kind)
    model, _ = load_preset(str(tmp_path / "theirs")).build_tagger(TAGS)
    tensors = to_tensors(model)
    original = {name: value.numpy() for name, value in reference.state_dict().items()}
    assert set(tensors) == {name for name in original if "position_ids" not in name}
    (tmp_path / "ours").mkdir()
    save_file(tensors, tmp_path / "ours" / "model.safetensors", metadata={"format": "pt"})
    config = arguments_to_config(model, TAGS)
    (tmp_path / "ours" / "config.json").write_text(json.dumps(config))
    again = transformers.AutoModelForTokenClassification.from_pretrained(tmp_path / "ours").eval()
    np.testing.assert_array_equal(theirs(again), theirs(reference))
    assert again.config.id2label == dict(enumerate(TAGS))
    assert config_to_arguments(config) == (kind, model.arguments)


@pytest.mark.parametrize("kind", ["bert", "distilbert"])
def test_adapters_are_named_as_in_the_twin(kind, tmp_path):
    """PEFT itself loads the adapter and computes the same."""
    from peft import PeftModel

    write(tmp_path / "base", kind)
    model, _ = load_preset(str(tmp_path / "base")).build_tagger(["O", "B-X", "I-X"])
    keras.utils.set_random_seed(0)
    config = peft.LoRAConfig(
        targets=peft.last_layers(model, 2), rank=2, modules_to_save=model.head_layers
    )
    peft.apply(model, config)
    for layer in peft.adapted_layers(model):
        layer.lora_b.assign(np.random.default_rng(1).normal(size=layer.lora_b.shape) * 0.1)
    peft.save_adapter(model, tmp_path / "adapter", "base")
    content = json.loads((tmp_path / "adapter" / "adapter_config.json").read_text())
    assert content["task_type"] == "TOKEN_CLS" and content["modules_to_save"] == ["classifier"]

    base = transformers.AutoModelForTokenClassification.from_pretrained(tmp_path / "base")
    reference = PeftModel.from_pretrained(base, tmp_path / "adapter").eval()
    mask = texts()["padding_mask"]
    np.testing.assert_allclose(ours(model)[mask], theirs(reference)[mask], atol=1e-4)

    fresh, _ = load_preset(str(tmp_path / "base")).build_tagger(["O", "B-X", "I-X"])
    peft.load_adapter(fresh, tmp_path / "adapter")
    np.testing.assert_allclose(ours(fresh)[mask], ours(model)[mask], atol=1e-6)


TINY = EncoderArguments(
    vocab_size=50, num_layers=2, num_heads=2, hidden_size=8, intermediate_size=12,
    max_length=16, dropout=0.3, head_dropout=0.2,
)  # fmt: skip


def test_its_paths_and_its_dropout():
    model = Tagger("distilbert", TINY, 5)
    paths = [weight.path for weight in model.weights]
    assert paths[-2:] == ["classifier/kernel", "classifier/bias"]
    assert "transformer_layer_1/self_attention_layer/query/kernel" in paths
    assert not any("pre_classifier" in path or "pooled" in path for path in paths)
    # transformers drops out before this head as in DistilBERT's layers, not as for classifiers.
    assert model.get_layer("head_dropout").rate == 0.3
    inputs = {"token_ids": np.ones((2, 7), "int32"), "padding_mask": np.ones((2, 7), bool)}
    assert model(inputs).shape == (2, 7, 5)


@pytest.mark.parametrize("count", [1, 0, True, 2.5])
def test_too_few_tags_are_refused(count):
    with pytest.raises(ConfigError, match="num_labels"):
        Tagger("distilbert", TINY, count)
