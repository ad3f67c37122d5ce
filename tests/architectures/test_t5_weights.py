"""T5's checkpoints and configurations: read, written, refused. (Its parity: `test_t5.py`.)"""

import json
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
import torch
import transformers

from harness import t5_twins
from kerasft import backends, layers
from kerasft.architectures import (
    T5,
    T5Architecture,
    T5Arguments,
    shift_right,
    to_tensors,
)
from kerasft.errors import PresetError

FAMILY = T5Architecture()
BATCH = t5_twins.batch()
INPUTS = {"source_ids": BATCH["source_ids"], "target_ids": shift_right(BATCH["labels"])}


def read(directory: Path) -> tuple[dict, dict[str, np.ndarray]]:
    """The configuration and the tensors of a directory."""
    tensors = safetensors.numpy.load_file(directory / "model.safetensors")
    return json.loads((directory / "config.json").read_text()), tensors


def our_logits(model: T5) -> np.ndarray:
    return backends.compile_forward(model)(INPUTS)


def their_logits(model) -> np.ndarray:
    with torch.no_grad():
        return model(
            **t5_twins.their_inputs(INPUTS["source_ids"]),
            decoder_input_ids=torch.tensor(INPUTS["target_ids"], dtype=torch.long),
        ).logits.numpy()


@pytest.fixture(scope="module", params=["v1.0", "v1.1"])
def checkpoint(request, tmp_path_factory):
    directory = tmp_path_factory.mktemp("t5")
    theirs = t5_twins.write(directory, **t5_twins.CONFIGS[request.param])
    return *read(directory), their_logits(theirs)


@pytest.mark.parametrize("name", t5_twins.PARAMS)
def test_transformers_reads_what_we_write(tmp_path, name):
    theirs = t5_twins.write(tmp_path / "theirs", **t5_twins.CONFIGS[name])
    model = t5_twins.ours(tmp_path / "theirs")
    (tmp_path / "ours").mkdir()
    FAMILY.write(model, tmp_path / "ours")
    again, report = type(theirs).from_pretrained(tmp_path / "ours", output_loading_info=True)
    assert not any(report.values())
    np.testing.assert_allclose(their_logits(again), their_logits(theirs), atol=1e-4)
    assert again.generation_config.decoder_start_token_id == 0
    _, tensors = read(tmp_path / "ours")
    _, expected = read(tmp_path / "theirs")
    assert set(tensors) == set(expected)
    for tensor, array in expected.items():
        np.testing.assert_array_equal(tensors[tensor], array)
    once_more = t5_twins.ours(tmp_path / "ours")
    assert once_more.arguments == model.arguments
    np.testing.assert_array_equal(our_logits(once_more), our_logits(model))


@pytest.mark.any_backend
@pytest.mark.parametrize("untied", [False, True])
def test_an_mt5_is_read_and_written_as_a_t5(tmp_path, untied):
    sizes = {name: value for name, value in t5_twins.SMALL.items() if name != "dropout_rate"}
    torch.manual_seed(0)
    theirs = transformers.MT5ForConditionalGeneration(transformers.MT5Config(**sizes)).eval()
    if untied:  # as in the published models
        theirs.lm_head.weight = torch.nn.Parameter(torch.randn(theirs.shared.weight.shape))
    theirs.save_pretrained(tmp_path / "theirs")
    config, _ = read(tmp_path / "theirs")
    assert config["model_type"] == "mt5"
    model = t5_twins.ours(tmp_path / "theirs")
    np.testing.assert_allclose(our_logits(model), their_logits(theirs), atol=1e-4)
    assert (model.arguments.gated, model.arguments.tie_embeddings) == (True, not untied)
    (tmp_path / "ours").mkdir()
    FAMILY.write(model, tmp_path / "ours")
    again = transformers.T5ForConditionalGeneration.from_pretrained(tmp_path / "ours")
    np.testing.assert_allclose(their_logits(again), their_logits(theirs), atol=1e-4)


@pytest.mark.any_backend
def test_a_umt5_of_version_4_scales_where_it_says_so(tmp_path):
    """Version 5 scales whatever the configuration says."""
    theirs = t5_twins.write(tmp_path, kind="UMT5", untied=True)
    config, tensors = read(tmp_path)
    model, _ = FAMILY.load({**config, "tie_word_embeddings": False}, tensors)
    assert (model.arguments.scale_outputs, model.arguments.tie_embeddings) == (False, False)
    scaled = our_logits(model) * theirs.config.d_model**-0.5
    np.testing.assert_allclose(scaled, their_logits(theirs), atol=1e-4)
    assert FAMILY.config_from_arguments(model.arguments)["tie_word_embeddings"] is False


def with_copies(config, tensors):
    for stack in ("encoder", "decoder"):
        tensors[f"{stack}.embed_tokens.weight"] = tensors["shared.weight"]
    tensors.setdefault("lm_head.weight", tensors["shared.weight"])


def under_another_name(config, tensors):
    tensors["decoder.embed_tokens.weight"] = tensors.pop("shared.weight")


def of_version_4(config, tensors):
    config["tie_word_embeddings"] = config.pop("scale_decoder_outputs")


LEFTOVER = "decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight"


def with_leftovers(config, tensors):
    tensors[LEFTOVER] = np.ones((32, 2), "float32")


@pytest.mark.parametrize(
    "change", [with_copies, under_another_name, of_version_4, with_leftovers],
    ids=lambda change: change.__name__,
)  # fmt: skip
def test_checkpoints_of_all_times_are_read(checkpoint, change):
    config, tensors, expected = checkpoint
    config, tensors = dict(config), dict(tensors)
    untied = "lm_head.weight" in tensors
    change(config, tensors)
    model, report = FAMILY.load(config, tensors)
    np.testing.assert_allclose(our_logits(model), expected, atol=1e-4)
    assert model.arguments.tie_embeddings is not untied
    unread = {
        "with_copies": ["decoder.embed_tokens.weight", "encoder.embed_tokens.weight"]
        + ["lm_head.weight"] * (not untied),
        "with_leftovers": [LEFTOVER],
    }
    assert report.unread == unread.get(change.__name__, [])
    assert set(report.loaded) == set(to_tensors(model)) and not report.new


def test_a_head_alone_is_the_table_too(checkpoint):
    config, tensors, expected = checkpoint
    if "lm_head.weight" in tensors:
        return
    tensors = dict(tensors)
    tensors["lm_head.weight"] = tensors.pop("shared.weight")
    np.testing.assert_allclose(our_logits(FAMILY.load(config, tensors)[0]), expected, atol=1e-4)


QUERY = "encoder.block.1.layer.0.SelfAttention.q.weight"
BROKEN = {
    "missing": (lambda c, t: t.pop(QUERY), f"a has no tensor '{QUERY}'"),
    "misshapen": (
        lambda c, t: t.update({QUERY: np.zeros((16, 15), "float32")}),
        rf"the tensor '{QUERY}' of a has the shape \(16, 15\), but its configuration asks for",
    ),
    "no table": (
        lambda c, t: (t.pop("shared.weight"), t.pop("lm_head.weight", 0)),
        "a has no tensor 'shared.weight'",
    ),
    "two tables": (
        lambda c, t: t.update({"encoder.embed_tokens.weight": t["shared.weight"] + 1}),
        "'shared.weight' and 'encoder.embed_tokens.weight' of a differ",
    ),
    "no head": (
        lambda c, t: (t.pop("lm_head.weight", 0), c.update(tie_word_embeddings=False)),
        "a has no tensor 'lm_head.weight'",
    ),
    "no decoder": (lambda c, t: c.update(is_encoder_decoder=False), "a T5 without a decoder"),
    "another gate": (
        lambda c, t: c.update(feed_forward_proj="glu-relu"),
        "the feed_forward_proj 'glu-relu', which is not supported",
    ),
    "wrong type": (lambda c, t: c.update(d_model="16"), "config.json of a: d_model must be int"),
    "too large": (lambda c, t: c.update(num_layers=201), "encoder_layers must be between 1 and"),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_broken_checkpoints_are_refused(checkpoint, name):
    config, tensors = dict(checkpoint[0]), dict(checkpoint[1])
    change, words = BROKEN[name]
    change(config, tensors)
    with pytest.raises(PresetError, match=words):
        FAMILY.load(config, tensors, source="a")


CONFIGS = {
    "t5-small": {
        "model_type": "t5", "d_ff": 2048, "d_kv": 64, "d_model": 512, "dropout_rate": 0.1,
        "decoder_start_token_id": 0, "eos_token_id": 1, "pad_token_id": 0, "num_heads": 8,
        "layer_norm_epsilon": 1e-06, "num_layers": 6, "relative_attention_num_buckets": 32,
        "vocab_size": 32128, "n_positions": 512, "task_specific_params": {"summarization": {}},
    },
    "flan-t5-small": {
        "model_type": "t5", "d_ff": 1024, "d_kv": 64, "d_model": 512, "num_heads": 6,
        "num_layers": 8, "num_decoder_layers": 8, "feed_forward_proj": "gated-gelu",
        "tie_word_embeddings": False, "relative_attention_max_distance": 128,
    },
}  # fmt: skip
PARAMETERS = {"t5-small": 60_506_624, "flan-t5-small": 76_961_152}


@pytest.mark.parametrize("name", CONFIGS)
def test_the_published_configurations(name):
    """As the Hub has them, with what they leave out."""
    arguments = FAMILY.arguments_from_config(CONFIGS[name])
    assert arguments.parameter_count == PARAMETERS[name]
    assert arguments.tie_embeddings == arguments.scale_outputs == (name == "t5-small")
    assert arguments.activation == ("relu" if name == "t5-small" else "gelu_approximate")


@pytest.mark.parametrize("activation", layers.ACTIVATIONS)
@pytest.mark.parametrize("gated", [True, False])
@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("scaled", [True, False])
def test_configurations_survive_the_way_there_and_back(activation, gated, tied, scaled):
    arguments = T5Arguments(
        100, d_model=16, d_kv=5, d_ff=24, encoder_layers=3, decoder_layers=1, heads=3,
        relative_buckets=8, relative_max_distance=20, activation=activation, gated=gated,
        tie_embeddings=tied, scale_outputs=scaled, dropout=0.2, layer_norm_epsilon=1e-5, pad_id=3,
        end_id=4, start_id=5,
    )  # fmt: skip
    config = json.loads(json.dumps(FAMILY.config_from_arguments(arguments)))
    assert FAMILY.arguments_from_config(config) == arguments
    theirs = transformers.T5Config(**config)
    assert theirs.is_gated_act == gated and theirs.scale_decoder_outputs == scaled
    assert theirs.num_decoder_layers == 1 and theirs.decoder_start_token_id == 5
