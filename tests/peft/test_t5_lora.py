"""LoRA on a T5: on the layers that are named and no others; its files are PEFT's."""

import json

import keras
import numpy as np
import peft as hugging_face_peft
import pytest
import safetensors.numpy
import torch
import transformers

from harness import small, t5_twins
from kerasft import backends
from kerasft.architectures import shift_right
from kerasft.errors import AdapterError
from kerasft.peft import LoRAConfig, apply, load_adapter, merge, remove, save_adapter, unmerge

TARGETS = ("encoder/block_[12]/self_attention/(q|v)",)
THEIRS = r"encoder\.block\.[12]\.layer\.0\.SelfAttention\.(q|v)"
BATCH = t5_twins.batch(rows=8)
INPUTS = {"source_ids": BATCH["source_ids"], "target_ids": shift_right(BATCH["labels"])}
WEIGHTS = (BATCH["labels"] != 0).astype("float32")


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    path = tmp_path_factory.mktemp("t5")
    t5_twins.write(path, num_layers=3, num_decoder_layers=3)
    return path


def logits(model) -> np.ndarray:
    return backends.compile_forward(model)(INPUTS)


def their_logits(model) -> np.ndarray:
    with torch.no_grad():
        return model(
            **t5_twins.their_inputs(INPUTS["source_ids"]),
            decoder_input_ids=torch.tensor(INPUTS["target_ids"], dtype=torch.long),
        ).logits.numpy()


def train(model, epochs: int = 3) -> set[str]:
    """Trains for a few steps and returns the paths of the weights that moved."""
    loss = keras.losses.SparseCategoricalCrossentropy(True, reduction="mean_with_sample_weight")
    model.compile(keras.optimizers.Adam(0.02), loss)
    before = small.snapshot(model.weights)
    model.fit(INPUTS, BATCH["labels"], 4, epochs=epochs, sample_weight=WEIGHTS, verbose=0)
    return small.moved(before, small.snapshot(model.weights))


def test_exactly_the_eight_matrices_train(directory):
    model = t5_twins.ours(directory)
    apply(model, LoRAConfig(TARGETS, rank=4))
    names = {
        f"t5/encoder/block_{block}/self_attention/{layer}/lora_{matrix}"
        for block in (1, 2)
        for layer in ("q", "v")
        for matrix in ("a", "b")
    }
    assert {weight.path for weight in model.trainable_weights} == names and len(names) == 8
    assert train(model) == names


def test_merging_changes_nothing_and_can_be_undone(directory):
    model = t5_twins.ours(directory)
    plain = logits(model)
    apply(model, LoRAConfig(TARGETS, rank=4))
    np.testing.assert_array_equal(logits(model), plain)
    train(model)
    adapted = logits(model)
    assert np.abs(adapted - plain).max() > 0.05
    merge(model)
    np.testing.assert_allclose(logits(model), adapted, atol=1e-4)
    unmerge(model)
    np.testing.assert_allclose(logits(model), adapted, atol=1e-6)
    remove(model)
    np.testing.assert_allclose(logits(model), adapted, atol=1e-4)


@pytest.mark.parametrize("kind", ["T5", "UMT5"])
def test_peft_loads_what_we_train(kind, tmp_path):
    directory = tmp_path / "base"
    t5_twins.write(directory, kind=kind, num_layers=3, num_decoder_layers=3)
    model = t5_twins.ours(directory)
    apply(model, LoRAConfig(TARGETS, rank=4, alpha=6.0))
    train(model)
    save_adapter(model, tmp_path / "adapter", str(directory))
    tensors = safetensors.numpy.load_file(tmp_path / "adapter" / "adapter_model.safetensors")
    assert set(tensors) == {
        f"base_model.model.encoder.block.{block}.layer.0.SelfAttention.{layer}.lora_{matrix}.weight"
        for block in (1, 2)
        for layer in ("q", "v")
        for matrix in ("A", "B")
    }
    config = json.loads((tmp_path / "adapter" / "adapter_config.json").read_text())
    assert config["task_type"] == "SEQ_2_SEQ_LM"
    theirs = hugging_face_peft.PeftModel.from_pretrained(
        transformers.AutoModelForSeq2SeqLM.from_pretrained(directory), tmp_path / "adapter"
    ).eval()
    np.testing.assert_allclose(their_logits(theirs), logits(model), atol=1e-4)
    again = t5_twins.ours(directory)
    load_adapter(again, tmp_path / "adapter")
    np.testing.assert_array_equal(logits(again), logits(model))


@pytest.mark.parametrize(
    ("targets", "kind"), [(THEIRS, "T5"), (["q", "wo"], "UMT5"), ("all-linear", "T5")], ids=str
)
def test_we_load_what_peft_trains(tmp_path, targets, kind):
    t5_twins.write(tmp_path / "base", kind=kind, num_layers=3, untied=True)
    base = transformers.AutoModelForSeq2SeqLM.from_pretrained(tmp_path / "base")
    settings = hugging_face_peft.LoraConfig(
        task_type="SEQ_2_SEQ_LM", r=3, lora_alpha=9, target_modules=targets
    )
    theirs = hugging_face_peft.get_peft_model(base, settings).eval()
    with torch.no_grad():
        for name, parameter in theirs.named_parameters():
            if "lora_B" in name:
                parameter.normal_(std=0.2)
    theirs.save_pretrained(tmp_path / "adapter")
    model = t5_twins.ours(tmp_path / "base")
    plain = logits(model)
    report = load_adapter(model, tmp_path / "adapter")
    assert np.abs(logits(model) - plain).max() > 0.05
    np.testing.assert_allclose(logits(model), their_logits(theirs), atol=2e-4)
    assert report.from_base == ()
    assert sum("lora_a" in weight.path for weight in model.weights) == len(report.adapted) >= 4


def test_an_adapter_of_another_task_is_refused(directory, tmp_path):
    model = t5_twins.ours(directory)
    apply(model, LoRAConfig(TARGETS, rank=2))
    save_adapter(model, tmp_path / "adapter", "base")
    file = tmp_path / "adapter" / "adapter_config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "task_type": "SEQ_CLS"}))
    with pytest.raises(AdapterError, match=r"'SEQ_CLS', but this model is one for 'SEQ_2_SEQ_LM'"):
        load_adapter(t5_twins.ours(directory), tmp_path / "adapter")


def test_near_names_of_a_target_that_is_not_there(directory):
    with pytest.raises(AdapterError, match=r"near names are .*self_attention/q"):
        apply(t5_twins.ours(directory), LoRAConfig(("encoder/block_9/self_attention/q",)))
