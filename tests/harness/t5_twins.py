"""Random T5s of transformers and the same ones here, as tests' ground truth."""

from pathlib import Path

import numpy as np
import pytest
import torch
import transformers

from kerasft.architectures import T5, T5Architecture
from kerasft.presets.directory import read_config_json
from kerasft.presets.tensor_files import TensorFiles

VOCABULARY = 40
SMALL = {
    "vocab_size": VOCABULARY, "d_model": 16, "d_kv": 8, "d_ff": 24, "num_layers": 2, "num_heads": 2,
    "dropout_rate": 0.0, "pad_token_id": 0, "eos_token_id": 1, "decoder_start_token_id": 0,
}  # fmt: skip
# "untied" is not a field of transformers' configuration: see `write`.
CONFIGS: dict[str, dict] = {
    "v1.0": {},
    "v1.1": {"feed_forward_proj": "gated-gelu", "untied": True},
    "more encoder blocks": {"num_layers": 3, "num_decoder_layers": 1},
    "more decoder blocks, silu gate": {
        "num_layers": 1, "num_decoder_layers": 3, "feed_forward_proj": "gated-silu",
    },
    "few buckets": {"relative_attention_num_buckets": 7, "relative_attention_max_distance": 9},
    "many buckets, odd heads": {
        "relative_attention_num_buckets": 48, "relative_attention_max_distance": 60,
        "d_kv": 5, "num_heads": 3, "untied": True,
    },
    "one head, exact gelu": {"num_heads": 1, "d_kv": 3, "feed_forward_proj": "gelu"},
    "v1.1 of one table": {"feed_forward_proj": "gated-gelu", "tie_word_embeddings": False},
    "umT5": {"kind": "UMT5", "num_layers": 3, "relative_attention_max_distance": 20},
    "umT5 with a head": {"kind": "UMT5", "untied": True},
}  # fmt: skip

ON_EACH = ("v1.0", "umT5 with a head")
PARAMS = [
    pytest.param(name, marks=[] if name in ON_EACH else pytest.mark.any_backend) for name in CONFIGS
]
"""Their names; a few are compared on each backend, all on one."""


def random_twin(seed: int = 0, kind: str = "T5", **changes: object) -> torch.nn.Module:
    """A random T5 of transformers, in eval mode.

    Args:
        seed: Of the weights.
        kind: "T5" or "UMT5", with which transformers' names begin.
        **changes: Changes of `SMALL`; `untied=True` for a head of its own, unscaled in a T5.
    """
    untied = bool(changes.pop("untied", False))
    config = getattr(transformers, f"{kind}Config")(
        **{**SMALL, **changes, **({"tie_word_embeddings": False} if untied else {})}
    )
    config._attn_implementation = "eager"
    torch.manual_seed(seed)
    model = getattr(transformers, f"{kind}ForConditionalGeneration")(config).eval()
    with torch.no_grad():
        if untied:  # transformers 5 ties every new model
            model.lm_head.weight = torch.nn.Parameter(0.3 * torch.randn(model.shared.weight.shape))
        for name, parameter in model.named_parameters():
            # Norms start at 1 and positions near 0, which would hide swapped tensors.
            if parameter.ndim == 1 or "relative" in name:
                parameter.add_(0.3 * torch.randn_like(parameter))
    return model


def write(directory: Path, seed: int = 0, **changes: object):
    """Writes a random T5 as transformers does, and returns it."""
    model = random_twin(seed, **changes)
    model.save_pretrained(directory)
    return model


def ours(directory: Path) -> T5:
    """The T5 of a Hugging Face directory."""
    tensors = TensorFiles([directory / "model.safetensors"])
    return T5Architecture().load(
        read_config_json(directory), tensors, tensors.shapes, str(directory)
    )[0]


def batch(rows: int = 5, source: int = 11, target: int = 9, seed: int = 0) -> dict:
    """Padded sources, labels (-1 at padding) and the decoder's inputs, each (rows, length)."""
    rng = np.random.default_rng(seed)

    def padded(longest: int) -> np.ndarray:
        lengths = rng.integers(2, longest + 1, rows)
        lengths[0] = longest
        ids = rng.integers(2, VOCABULARY, (rows, longest))
        ids[np.arange(rows), lengths - 1] = 1
        return np.where(np.arange(longest) < lengths[:, None], ids, 0).astype("int32")

    return {"source_ids": padded(source), "labels": padded(target)}


def their_inputs(source_ids: np.ndarray) -> dict[str, torch.Tensor]:
    """What transformers wants of sources, (rows, length)."""
    ids = torch.tensor(source_ids, dtype=torch.long)
    return {"input_ids": ids, "attention_mask": (ids != 0).long()}
