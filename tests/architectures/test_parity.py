"""Hidden states and logits against transformers, on the same random weights."""

import json

import keras
import numpy as np
import pytest
import torch

from harness.checkpoints import VOCABULARY, write_checkpoint
from kerasft.architectures import (
    Classifier,
    arguments_to_config,
    config_to_arguments,
    load_tensors,
    to_tensors,
)
from kerasft.presets import TensorFiles

LENGTHS = [9, 4, 1, 7]
TOLERANCE = 1e-4


def texts() -> tuple[np.ndarray, np.ndarray]:
    """token_ids and padding_mask (4, 9), with padding in all rows but the first."""
    mask = np.arange(9) < np.array(LENGTHS)[:, None]
    ids = np.random.default_rng(0).integers(5, len(VOCABULARY), mask.shape)
    return (ids * mask).astype("int32"), mask


def theirs(model: torch.nn.Module) -> tuple[np.ndarray, np.ndarray | None]:
    """Last hidden states (4, 9, width), and the logits where the model has any."""
    ids, mask = texts()
    with torch.no_grad():
        outputs = model(
            input_ids=torch.tensor(ids, dtype=torch.long),
            attention_mask=torch.tensor(mask, dtype=torch.long),
            output_hidden_states=True,
        )
    logits = getattr(outputs, "logits", None)
    return outputs.hidden_states[-1].numpy(), None if logits is None else logits.numpy()


def load(directory, num_labels: int = 3, pooling: str = "first"):
    config = json.loads((directory / "config.json").read_text())
    architecture, arguments = config_to_arguments(config)
    model = Classifier(architecture, arguments, num_labels, pooling, initialize=False)
    return model, load_tensors(model, TensorFiles([directory / "model.safetensors"]))


def compare(model: Classifier, reference: torch.nn.Module, logits: bool) -> None:
    ids, mask = texts()
    inputs = {"token_ids": ids, "padding_mask": mask}
    hidden, scores = theirs(reference)
    found = keras.ops.convert_to_numpy(model.backbone(inputs, training=False))
    # Hidden states of padding are nobody's business: they differ with the attention kernel.
    np.testing.assert_allclose(found[mask], hidden[mask], atol=TOLERANCE)
    if logits:
        found = keras.ops.convert_to_numpy(model(inputs, training=False))
        np.testing.assert_allclose(found, scores, atol=TOLERANCE)


ACTIVATIONS = ["gelu", "relu", "gelu_new", "gelu_pytorch_tanh", "silu", "tanh"]


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("name", ["bert", "distilbert"])
def test_trained_classifiers_agree(name, activation, tmp_path):
    setting = {("hidden_act" if name == "bert" else "activation"): activation}
    reference = write_checkpoint(tmp_path, name, "ForSequenceClassification", **setting)
    model, report = load(tmp_path)
    assert (report.new, report.unread) == ([], [])
    compare(model, reference, logits=True)


@pytest.mark.parametrize(
    ("name", "head", "new", "unread"),
    [
        ("bert", "", {"classifier"}, set()),
        ("bert", "ForMaskedLM", {"bert.pooler.dense", "classifier"}, {"cls"}),
        ("bert", "ForPreTraining", {"classifier"}, {"cls"}),
        ("bert", "ForNextSentencePrediction", {"classifier"}, {"cls"}),
        ("distilbert", "", {"pre_classifier", "classifier"}, set()),
        (
            "distilbert",
            "ForMaskedLM",
            {"pre_classifier", "classifier"},
            {"vocab_transform", "vocab_layer_norm", "vocab_projector"},
        ),
        ("distilbert", "ForQuestionAnswering", {"pre_classifier", "classifier"}, {"qa_outputs"}),
    ],
)
def test_encoders_of_other_heads_agree(name, head, new, unread, tmp_path):
    reference = write_checkpoint(tmp_path, name, head, num_labels=2)  # as answering needs
    model, report = load(tmp_path)
    assert {parameter.rpartition(".")[0] for parameter in report.new} == new
    assert {parameter.split(".")[0] for parameter in report.unread} == unread
    compare(model, reference, logits=False)


def test_a_bert_without_pooler_loads_with_mean_pooling(tmp_path):
    """Masked-language models have none; with pooling "mean" none is wanted either."""
    reference = write_checkpoint(tmp_path, "bert", "ForMaskedLM")
    model, report = load(tmp_path, pooling="mean")
    assert report.new == ["classifier.weight", "classifier.bias"]
    compare(model, reference, logits=False)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("bert", {"layer_norm_eps": 1e-3, "type_vocab_size": 1}),
        ("bert", {"layer_norm_eps": 0.1, "layers": 1, "heads": 1, "num_labels": 7}),
        ("distilbert", {"layers": 1, "heads": 8, "num_labels": 2, "sinusoidal_pos_embds": True}),
    ],
)
def test_other_sizes_agree(name, settings, tmp_path):
    reference = write_checkpoint(tmp_path, name, "ForSequenceClassification", **settings)
    model, _ = load(tmp_path, num_labels=settings.get("num_labels", 3))
    compare(model, reference, logits=True)


@pytest.mark.parametrize("name", ["bert", "distilbert"])
def test_transformers_reads_what_we_write(name, tmp_path):
    """Out again through the same table: equal tensors, names, config, and logits."""
    import transformers
    from safetensors.numpy import save_file

    reference = (
        write_checkpoint(tmp_path / "theirs", name, "ForSequenceClassification", dropout=0.25)
        if name == "distilbert"
        else write_checkpoint(
            tmp_path / "theirs", name, "ForSequenceClassification", classifier_dropout=0.25
        )
    )
    model, _ = load(tmp_path / "theirs")
    tensors = to_tensors(model)
    original = {key: value.numpy() for key, value in reference.state_dict().items()}
    assert set(tensors) == {key for key in original if "position_ids" not in key}
    for key, value in tensors.items():
        np.testing.assert_array_equal(value, original[key], err_msg=key)

    (tmp_path / "ours").mkdir()
    save_file(tensors, tmp_path / "ours" / "model.safetensors", metadata={"format": "pt"})
    config = arguments_to_config(model, ["no", "perhaps", "yes"])
    (tmp_path / "ours" / "config.json").write_text(json.dumps(config))
    again = transformers.AutoModelForSequenceClassification.from_pretrained(
        tmp_path / "ours"
    ).eval()
    np.testing.assert_array_equal(theirs(again)[1], theirs(reference)[1])
    assert again.config.id2label == {0: "no", 1: "perhaps", 2: "yes"}
    assert config_to_arguments(config) == (name, model.arguments)
