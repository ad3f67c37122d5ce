"""Prefix tuning of what writes texts: a T5 beside PEFT and AdapterHub, and the Transformer."""

import json
from pathlib import Path

import keras
import numpy as np
import peft as hugging_face_peft
import pytest
import safetensors.numpy
import torch
import transformers

from harness import decoding, small, t5_twins
from harness.gradients import value_and_gradients
from kerasft import backends, peft
from kerasft.architectures import (
    T5,
    Classifier,
    EncoderArguments,
    T5Arguments,
    build_transformer,
    load_tensors,
    shift_right,
)
from kerasft.peft import PrefixTuningConfig
from kerasft.peft.modules import modules_of

GOLDEN = Path(__file__).parents[1] / "golden" / "adapterhub_prefixes.safetensors"
BATCH = t5_twins.batch(rows=4)
INPUTS = {"source_ids": BATCH["source_ids"], "target_ids": shift_right(BATCH["labels"])}
TOKENS = 3


def logits(model) -> np.ndarray:
    return backends.compile_forward(model)(INPUTS)


def their_logits(model) -> torch.Tensor:
    return model.eval()(
        **t5_twins.their_inputs(INPUTS["source_ids"]),
        decoder_input_ids=torch.tensor(INPUTS["target_ids"], dtype=torch.long),
    ).logits


@pytest.fixture(scope="module", params=[2, 3])
def base(request, tmp_path_factory) -> Path:
    """T5s of an even and of an odd number of layers, which PEFT treats otherwise."""
    folder = tmp_path_factory.mktemp("t5")
    t5_twins.write(folder, num_layers=request.param, num_decoder_layers=request.param)
    return folder


def theirs_of(base: Path) -> hugging_face_peft.PeftModel:
    config = hugging_face_peft.PrefixTuningConfig(
        task_type="SEQ_2_SEQ_LM", num_virtual_tokens=TOKENS
    )
    model = transformers.T5ForConditionalGeneration.from_pretrained(base)
    torch.manual_seed(0)
    return hugging_face_peft.get_peft_model(model, config)


def test_a_t5s_decoder_computes_what_peft_does(base, tmp_path):
    theirs = theirs_of(base)
    theirs.save_pretrained(tmp_path)
    ours = t5_twins.ours(base)
    plain = logits(ours)
    report = peft.load_adapter(ours, tmp_path)
    assert all("decoder/block_" in path for path in report.adapted)
    expected = their_logits(theirs)
    np.testing.assert_allclose(logits(ours), expected.detach().numpy(), atol=1e-4)
    assert np.abs(logits(ours) - plain).max() > 0.05

    direction = np.random.default_rng(0).standard_normal(expected.shape).astype("float32")
    (expected * torch.tensor(direction)).sum().backward()
    wanted = theirs.prompt_encoder["default"].embedding.weight.grad.numpy()
    _, gradients = value_and_gradients(
        lambda: ours(INPUTS, training=False), [], ours.trainable_variables, direction
    )
    for variable, gradient in zip(ours.trainable_variables, gradients, strict=True):
        variable.assign(gradient)
    found = np.zeros_like(wanted)
    for number, layer in enumerate(ours.cached_attention()):
        for side, variable in enumerate((layer.prefix_keys, layer.prefix_values)):
            place = 2 * (2 * number % len(ours.cached_attention())) + side
            found[:, 16 * place : 16 * (place + 1)] += small.numpy(variable).reshape(TOKENS, 16)
    np.testing.assert_allclose(found, wanted, atol=1e-4 * np.abs(wanted).max())


def test_peft_loads_what_a_t5_trains(base, tmp_path):
    ours = t5_twins.ours(base)
    peft.apply(ours, PrefixTuningConfig(num_virtual_tokens=TOKENS))
    small.randomize(ours.trainable_weights, scale=0.7)
    peft.save_adapter(ours, tmp_path / "adapter", str(base))
    fields = json.loads((tmp_path / "adapter" / "adapter_config.json").read_text())
    assert fields["task_type"] == "SEQ_2_SEQ_LM" and fields["num_layers"] == 3
    theirs = hugging_face_peft.PeftModel.from_pretrained(
        transformers.T5ForConditionalGeneration.from_pretrained(base), tmp_path / "adapter"
    )
    with torch.no_grad():
        expected = their_logits(theirs).numpy()
    np.testing.assert_allclose(logits(ours), expected, atol=1e-4)
    again = t5_twins.ours(base)
    peft.load_adapter(again, tmp_path / "adapter")
    np.testing.assert_array_equal(logits(again), logits(ours))


@pytest.mark.parametrize("kind", ["distilbert", "t5"])
def test_prefixes_compute_what_adapterhub_does(kind):
    """All layers of a DistilBERT; encoder, decoder and the attention between them of a T5."""
    arrays = safetensors.numpy.load_file(GOLDEN)
    arrays = {n.removeprefix(f"{kind}/"): a for n, a in arrays.items() if n.startswith(f"{kind}/")}

    def of(part: str) -> dict[str, np.ndarray]:
        return {
            n.removeprefix(f"{part}/"): a for n, a in arrays.items() if n.startswith(f"{part}/")
        }

    if kind == "t5":
        model = T5(
            T5Arguments(
                40, d_model=16, d_kv=6, d_ff=24, encoder_layers=2, decoder_layers=2, heads=2,
                dropout=0.0, relative_buckets=8, relative_max_distance=12,
            )
        )  # fmt: skip
        groups = {
            "encoder_prefix": "encoder/.*/self_attention",
            "self_prefix": "decoder/.*/self_attention",
            "cross_prefix": "decoder/.*/cross_attention",
        }
        inputs = {
            "source_ids": arrays["inputs/input_ids"].astype("int32"),
            "target_ids": arrays["inputs/decoder_input_ids"].astype("int32"),
        }
    else:
        model = Classifier(
            "distilbert",
            EncoderArguments(
                vocab_size=40, num_layers=2, num_heads=2, hidden_size=16, intermediate_size=24,
                max_length=32, dropout=0.0, attention_dropout=0.0, head_dropout=0.0,
            ),
            3,
        )  # fmt: skip
        groups = {"self": ".*self_attention_layer"}
        inputs = {
            "token_ids": arrays["inputs/input_ids"].astype("int32"),
            "padding_mask": arrays["inputs/attention_mask"] > 0,
        }
    load_tensors(model, of("weights"))
    # One network makes the prefixes of all layers here, but of each group there: what it made.
    peft.apply(model, PrefixTuningConfig(tuple(groups.values()), num_virtual_tokens=TOKENS))
    prefix = of("prefix")
    layers = {layer.path: layer for layer in peft.adapted_layers(model)}
    made = {}
    for group, pattern in groups.items():
        e, w1, b1, w2, b2 = (
            prefix[f"{group}.{part}"]
            for part in (
                "wte.weight", "control_trans.0.weight", "control_trans.0.bias",
                "control_trans.2.weight", "control_trans.2.bias",
            )
        )  # fmt: skip
        inner = np.tanh(e @ w1.T + b1)
        chosen = [layer for path, layer in layers.items() if peft.targets.matches(pattern, path)]
        made[group] = inner, chosen
        parts = np.split(inner @ w2.T + b2, 2 * len(chosen), axis=1)
        for number, layer in enumerate(chosen):
            layer.prefix_keys.assign(parts[2 * number].reshape(layer.prefix_keys.shape))
            layer.prefix_values.assign(parts[2 * number + 1].reshape(layer.prefix_keys.shape))
    variables = model.trainable_variables
    found, gradients = value_and_gradients(
        lambda: model(inputs, training=False), [], variables, arrays["direction"]
    )
    most = max(1.0, np.abs(arrays["logits"]).max())
    np.testing.assert_allclose(found, arrays["logits"], atol=1e-5 * most)
    by_path = {v.path: g for v, g in zip(variables, gradients, strict=True)}
    for group, (inner, chosen) in made.items():
        columns = [
            by_path[variable.path].reshape(TOKENS, -1)
            for layer in chosen
            for variable in (layer.prefix_keys, layer.prefix_values)
        ]
        gradient = np.concatenate(columns, axis=1).T @ inner  # by the last matrix of the network
        wanted = arrays[f"gradients/{group}.control_trans.2.weight"]
        np.testing.assert_allclose(gradient, wanted, atol=1e-4 * max(1.0, np.abs(wanted).max()))


def small_t5() -> keras.Model:
    return T5(
        T5Arguments(
            40, d_model=16, d_kv=5, d_ff=24, encoder_layers=2, decoder_layers=2, heads=2,
            relative_buckets=6, relative_max_distance=8, dropout=0.0,
        )
    )  # fmt: skip


def small_transformer() -> keras.Model:
    return build_transformer(40, 40, 24, 24, d_model=16, N=2, h=2, dropout=0.0, d_ff=24, pad_id=0)


MODELS = {
    "t5": (small_t5, (".*attention",), 6),
    "t5, last layers": (small_t5, ("block_1/self_attention",), 2),
    "transformer": (small_transformer, (), 6),
}


@pytest.mark.parametrize("name", MODELS)
def test_decoding_step_by_step_equals_the_whole(name, tmp_path):
    """Compiled, inside a loop: as a search does it. And the file of all attention layers."""
    build, targets, count = MODELS[name]
    keras.utils.set_random_seed(0)
    model = build()
    # No padding among the targets, which a Transformer would hide.
    target_ids = np.random.default_rng(0).integers(2, 40, INPUTS["target_ids"].shape)
    batch = {**INPUTS, "target_ids": target_ids.astype("int32")}

    def logits(model) -> np.ndarray:
        return backends.compile_forward(model)(batch)

    plain = logits(model)
    peft.apply(model, PrefixTuningConfig(targets, num_virtual_tokens=TOKENS))
    whole = logits(model)
    assert np.abs(whole - plain).max() > 0.01
    whole = whole - np.log(np.exp(whole).sum(-1, keepdims=True))

    found = decoding.step_by_step(model, batch, 40)
    np.testing.assert_allclose(found, whole, atol=1e-4)

    peft.save_adapter(model, tmp_path / "adapter", "base")
    keras.utils.set_random_seed(0)
    again = build()
    report = peft.load_adapter(again, tmp_path / "adapter")
    assert len(report.adapted) == count
    np.testing.assert_array_equal(logits(again), logits(model))


def test_a_frozen_encoder_below_a_prefix_runs_once_a_text():
    keras.utils.set_random_seed(0)
    model = small_t5()
    peft.apply(model, PrefixTuningConfig(num_virtual_tokens=TOKENS))
    parts = model.frozen_backbone()
    assert parts.description == "embeddings and all 2 layers of the encoder"
    hidden = small.numpy(parts.lower(parts.below(INPUTS)))
    found = small.numpy(parts.upper(parts.above(INPUTS, hidden)))
    np.testing.assert_allclose(found, logits(model), atol=1e-5)
    model = small_t5()
    peft.apply(model, PrefixTuningConfig(("encoder/block_1/self_attention",)))
    parts = model.frozen_backbone()
    assert parts.description == "embeddings and 1 of 2 layers of the encoder"
    hidden = small.numpy(parts.lower(parts.below(INPUTS)))
    found = small.numpy(parts.upper(parts.above(INPUTS, hidden)))
    np.testing.assert_allclose(found, logits(model), atol=1e-5)


def test_a_prefix_on_a_part_of_a_t5_is_in_a_file_of_our_own(base, tmp_path):
    """PEFT would put it into the decoder."""
    ours = t5_twins.ours(base)
    peft.apply(ours, PrefixTuningConfig(("encoder/.*/self_attention",), num_virtual_tokens=TOKENS))
    peft.save_adapter(ours, tmp_path / "adapter", str(base))
    with pytest.raises(KeyError, match="prompt_embeddings"):
        hugging_face_peft.PeftModel.from_pretrained(
            transformers.T5ForConditionalGeneration.from_pretrained(base), tmp_path / "adapter"
        )
    again = t5_twins.ours(base)
    report = peft.load_adapter(again, tmp_path / "adapter")
    assert all("encoder/block" in path for path in report.adapted)
    assert len(modules_of(again, PrefixTuningConfig.fits)) > len(modules_of(again))
    np.testing.assert_array_equal(logits(again), logits(ours))
