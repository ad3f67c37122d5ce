"""LoRA with biases that train beside it, as PEFT trains and saves them."""

import json

import keras
import numpy as np
import peft as hugging_face_peft
import pytest
import safetensors.numpy
import torch

from harness import checkpoints, peft_twins, small
from kerasft.errors import AdapterError
from kerasft.peft import LoRAConfig, apply, load_adapter, parameter_counts, remove, save_adapter
from kerasft.peft.modules import modules_of

PREFIX = "base_model.model."
THEIRS = {"distilbert": ["q_lin", "v_lin"], "bert": ["query", "value"]}


@pytest.fixture(scope="module", params=["distilbert", "bert"])
def checkpoint(request, tmp_path_factory):
    directory = tmp_path_factory.mktemp(request.param)
    checkpoints.write_checkpoint(
        directory, request.param, "ForSequenceClassification",
        **peft_twins.NO_DROPOUT[request.param],
    )  # fmt: skip
    return request.param, directory


def slots_by_path(model) -> dict:
    """Where each variable of a model stands in an adapter's file."""
    found = {}
    for module in modules_of(model).values():
        slots = [*module.own.values()]
        if adapter := getattr(module.layer, "adapter", None):
            slots += adapter.method.slots(module, adapter.settings)
        found |= {slot.variable().path: slot for slot in slots}
    return found


@pytest.mark.parametrize("policy", ["lora_only", "all"])
def test_biases_train_and_are_saved_as_in_peft(checkpoint, tmp_path, policy) -> None:
    kind, directory = checkpoint
    expected = peft_twins.train_theirs(
        directory, tmp_path / "theirs", target_modules=THEIRS[kind], r=4, bias=policy
    )
    model = peft_twins.ours(directory)
    plain = small.logits(model)
    report = load_adapter(model, tmp_path / "theirs")
    np.testing.assert_allclose(small.logits(model), expected, atol=1e-5)
    assert np.abs(expected - plain).max() > 0.05

    # The same train, with the same gradients.
    fresh = peft_twins.ours(directory)
    config = LoRAConfig(("query", "value"), 4, bias=policy, modules_to_save=report.trained_in_full)
    trained = {weight.path for weight in model.trainable_weights}
    assert apply(fresh, config).counts == report.counts == parameter_counts(model)
    assert {weight.path for weight in fresh.trainable_weights} == trained
    theirs = hugging_face_peft.PeftModel.from_pretrained(
        peft_twins.theirs(directory), tmp_path / "theirs", is_trainable=True
    ).eval()
    batch = {"input_ids": peft_twins.IDS, "attention_mask": peft_twins.MASK}
    theirs(**batch, labels=torch.tensor(small.LABELS, dtype=torch.long)).loss.backward()
    wanted = {
        name.removeprefix(PREFIX).replace("modules_to_save.default.", "").replace(".default", ""): p
        for name, p in theirs.named_parameters()
        if p.requires_grad and "original_module" not in name
    }
    slots = slots_by_path(model)
    assert {slots[path].name for path in trained} == set(wanted)
    found = small.gradients(
        model, small.TOKENS, small.LABELS,
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )  # fmt: skip
    for path, gradient in found.items():
        slot = slots[path]
        array = slot.to_file(gradient).reshape(slot.shape)
        np.testing.assert_allclose(array, wanted[slot.name].grad, atol=1e-4, err_msg=path)

    # Files go back.
    changed = small.logits(model)  # after one step
    save_adapter(model, tmp_path / "ours", str(directory))
    again = peft_twins.with_adapter(directory, tmp_path / "ours")
    np.testing.assert_allclose(peft_twins.logits(again), changed, atol=1e-5)
    reloaded = peft_twins.ours(directory)
    load_adapter(reloaded, tmp_path / "ours")
    np.testing.assert_array_equal(small.logits(reloaded), changed)
    remove(reloaded)
    np.testing.assert_allclose(small.logits(reloaded), changed, atol=1e-5)
    head = {f"{layer}/{part}" for layer in report.trained_in_full for part in ("kernel", "bias")}
    assert {weight.path for weight in reloaded.trainable_weights} == head


def test_files_whose_biases_do_not_fit_are_refused(checkpoint, tmp_path) -> None:
    _, directory = checkpoint
    model = peft_twins.ours(directory)
    apply(model, LoRAConfig(("transformer_layer_1/.*/query",), 2, bias="all"))
    save_adapter(model, tmp_path, "base")
    config, weights = tmp_path / "adapter_config.json", tmp_path / "adapter_model.safetensors"
    fields, tensors = json.loads(config.read_text()), safetensors.numpy.load_file(weights)
    own = next(name for name in tensors if name.endswith(".base_layer.bias"))
    other = next(name for name in tensors if name.endswith("LayerNorm.bias"))
    for policy, missing, message in (
        ("all", own, f"lacks '{own}'; the adapter is incomplete"),
        ("all", other, f"lacks '{other}'; the adapter is incomplete"),
        ("none", None, f"holds '{own}', which its adapter_config.json does not ask for"),
        ("some", None, "bias must be 'none' or 'all' or 'lora_only', got 'some'"),
    ):
        config.write_text(json.dumps({**fields, "bias": policy}))
        held = {name: array for name, array in tensors.items() if name != missing}
        safetensors.numpy.save_file(held, weights)
        with pytest.raises(AdapterError, match=message):
            load_adapter(peft_twins.ours(directory), tmp_path)
    alone = {name: array for name, array in tensors.items() if "lora" in name or name == own}
    safetensors.numpy.save_file(alone, weights)
    config.write_text(json.dumps({**fields, "bias": "lora_only"}))
    load_adapter(peft_twins.ours(directory), tmp_path)
