"""LoRA+: B learns at another rate than A, as PEFT's optimizer has it."""

import importlib
import inspect

import keras
import numpy as np
import peft as hugging_face_peft
import pytest
import torch
from peft.optimizers import create_loraplus_optimizer

from harness import checkpoints, peft_twins, small
from kerasft import training
from kerasft.config import parse
from kerasft.errors import ConfigError
from kerasft.peft import LoRAConfig, adapted_layers, apply, load_adapter
from kerasft.peft.methods import METHODS

CONFIG = LoRAConfig(("query", "value"), 4, 6.0, dropout=0.0, lora_plus_ratio=8)


def test_steps_are_those_of_peft(tmp_path) -> None:
    directory = tmp_path / "base"
    checkpoints.write_checkpoint(
        directory, "distilbert", "ForSequenceClassification",
        **peft_twins.NO_DROPOUT["distilbert"],
    )  # fmt: skip
    torch.manual_seed(0)
    settings = hugging_face_peft.LoraConfig(r=4, lora_alpha=6, target_modules=["q_lin", "v_lin"])
    theirs = hugging_face_peft.get_peft_model(peft_twins.theirs(directory), settings)
    theirs.save_pretrained(tmp_path / "start")
    ours = peft_twins.ours(directory)
    load_adapter(ours, tmp_path / "start")
    optimizer = create_loraplus_optimizer(theirs, torch.optim.Adam, lr=1e-3, loraplus_lr_ratio=8)
    labels = torch.tensor(small.LABELS, dtype=torch.long)
    batch = {"input_ids": peft_twins.IDS, "attention_mask": peft_twins.MASK, "labels": labels}
    small.compile_classifier(ours, training.adam(1e-3, CONFIG.rate_ratios, epsilon=1e-8))
    before = small.snapshot(ours.trainable_weights)
    for _ in range(3):
        theirs(**batch).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        ours.train_on_batch(small.TOKENS, small.LABELS)
    after = small.snapshot(ours.trainable_weights)
    steps = {path: np.abs(after[path] - before[path]).max() for path in after}
    assert all((step > 0.015) == path.endswith("lora_b") for path, step in steps.items())
    parameters = dict(theirs.named_parameters())
    slots = [
        slot
        for layer in adapted_layers(ours)
        for slot in METHODS["lora"].slots(_module(ours, layer), layer.adapter.settings)
    ]
    assert len(slots) == len(after)
    for slot in slots:
        name = f"base_model.model.{slot.name}".replace(".weight", ".default.weight")
        # The sign of a gradient near 0 is chance, and a step of Adam's hardly depends on its size.
        far = np.abs(slot.read() - parameters[name].detach().numpy())
        assert far.mean() < 2e-4 and np.median(far) < 5e-5, slot.name


def _module(model, layer):
    from kerasft.peft.modules import modules_of

    return next(module for module in modules_of(model).values() if module.layer is layer)


def test_rates_go_with_a_schedule_with_apply_and_through_a_file() -> None:
    model = small.dense_model()
    rate = keras.optimizers.schedules.PolynomialDecay(0.1, 10)
    optimizer = training.adam(rate, {"lora_b": 4.0}, beta_2=0.9)
    again = keras.optimizers.deserialize(keras.optimizers.serialize(optimizer))
    assert again.ratios == {"lora_b": 4.0} and again.beta_2 == 0.9
    model.compile(optimizer, loss="mse")
    apply(model, LoRAConfig(("first", "second"), 2, dropout=0.0))  # compiles again
    assert model.optimizer.ratios == {"lora_b": 4.0}
    before = small.snapshot(model.trainable_weights)
    x = np.random.default_rng(0).standard_normal((5, 4)).astype("float32")
    model.fit(x, np.ones((5, 2)), verbose=0)
    after = small.snapshot(model.trainable_weights)
    for path, array in after.items():
        if path.endswith("lora_b"):  # A has no gradient while B is zero
            np.testing.assert_allclose(np.abs(array - before[path]).max(), 0.4, rtol=1e-3)


@pytest.mark.any_backend
@pytest.mark.parametrize("name", ["distilbert_lora", "tagger_lora", "t5_ner_lora"])
def test_recipes_take_the_ratio_and_train_with_it(name) -> None:
    recipe = importlib.import_module(f"kerasft.recipes.{name}")
    assert parse(recipe.Config, ["--lora_plus_ratio", "16"]).rate_ratios == {"lora_b": 16}
    assert parse(recipe.Config, []).rate_ratios == {}
    assert "config.rate_ratios" in inspect.getsource(recipe)


@pytest.mark.parametrize("value", [0, -1, float("nan"), "16", True])
def test_odd_ratios_are_refused(value) -> None:
    with pytest.raises(ConfigError, match="lora_plus_ratio must be a number above 0, got"):
        LoRAConfig(("query",), lora_plus_ratio=value)
    assert LoRAConfig(("query",)).rate_ratios == {}
    assert not hasattr(training.adam(0.1, {}), "ratios")
