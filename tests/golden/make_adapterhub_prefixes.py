"""Writes `adapterhub_prefixes.safetensors`: what AdapterHub's `adapters` computes with prefixes.

Run in an environment of its own, as `adapters` wants an older transformers:

    python -m venv /tmp/adapterhub && /tmp/adapterhub/bin/pip install adapters torch numpy
    /tmp/adapterhub/bin/python tests/golden/make_adapterhub_prefixes.py

(adapters 1.3.0, transformers 4.57.6, torch 2.13.0.) The file holds, for a small random DistilBERT
and a small random T5: weights/*, inputs/*, the network that makes the prefixes (prefix/*), logits,
and gradients of the sum of logits times direction by prefix/*.

In a T5 of `adapters` a prefix moves the text's keys away from its queries: keys count from the
prefix's first, queries from the text's first, so that with 3 virtual tokens a token reads itself
as one that is 3 ahead. Here queries count behind the prefix, as in transformers' own cache.
"""

from pathlib import Path

import adapters
import torch
import transformers
from safetensors.torch import save_file

TOKENS, HIDDEN = 3, 7


def distilbert() -> torch.nn.Module:
    """A small random classifier."""
    config = transformers.DistilBertConfig(
        vocab_size=40, dim=16, n_layers=2, n_heads=2, hidden_dim=24, max_position_embeddings=32,
        num_labels=3, dropout=0.0, attention_dropout=0.0, seq_classif_dropout=0.0,
        initializer_range=0.3,
    )  # fmt: skip
    # With torch's fused attention, adapters 1.3.0 adds 1 to the scores of a prefix.
    config._attn_implementation = "eager"
    return transformers.DistilBertForSequenceClassification(config)


def t5() -> torch.nn.Module:
    """A small random T5."""
    config = transformers.T5Config(
        vocab_size=40, d_model=16, d_kv=6, d_ff=24, num_layers=2, num_heads=2, dropout_rate=0.0,
        relative_attention_num_buckets=8, relative_attention_max_distance=12, pad_token_id=0,
        eos_token_id=1, decoder_start_token_id=0,
    )  # fmt: skip
    return transformers.T5ForConditionalGeneration(config)


def compute(kind: str, model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """All arrays of one model."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    weights = {name: each.detach().clone() for name, each in model.named_parameters()}
    adapters.init(model)
    model.add_adapter(
        "prefix", adapters.PrefixTuningConfig(prefix_length=TOKENS, bottleneck_size=HIDDEN)
    )
    model.train_adapter("prefix")
    model.eval()
    prefix = {name: each for name, each in model.named_parameters() if "prefix_tunings" in name}
    with torch.no_grad():
        for parameter in prefix.values():
            parameter.normal_(std=0.7)
    ids = torch.randint(2, 40, (4, 9))
    lengths = torch.tensor([9, 4, 6, 2])
    ids = torch.where(torch.arange(9) < lengths[:, None], ids, 0)
    inputs = {"input_ids": ids, "attention_mask": (ids != 0).long()}
    if kind == "t5":
        inputs["decoder_input_ids"] = torch.randint(2, 40, (4, 5))
        for stack in (model.encoder, model.decoder):
            behind_the_prefix(stack.block[0].layer[0].SelfAttention)
    logits = model(**inputs).logits
    direction = torch.randn_like(logits)
    gradients = torch.autograd.grad((logits * direction).sum(), list(prefix.values()))
    names = [name.partition("prefix_tunings.prefix.")[2] for name in prefix]
    return {
        **{f"{kind}/weights/{name}": each for name, each in weights.items()},
        **{f"{kind}/inputs/{name}": each for name, each in inputs.items()},
        **{f"{kind}/prefix/{n}": p.detach() for n, p in zip(names, prefix.values(), strict=True)},
        **{f"{kind}/gradients/{n}": g for n, g in zip(names, gradients, strict=True)},
        f"{kind}/direction": direction,
        f"{kind}/logits": logits.detach(),
    }


def behind_the_prefix(attention: torch.nn.Module) -> None:
    """Lets the queries count on from the prefix."""
    original = attention.compute_bias

    def compute_bias(queries: int, keys: int, device=None, cache_position=None) -> torch.Tensor:
        return original(queries, keys, device=device, cache_position=cache_position + TOKENS)

    attention.compute_bias = compute_bias


if __name__ == "__main__":
    torch.manual_seed(0)
    arrays = {**compute("distilbert", distilbert()), **compute("t5", t5())}
    arrays = {name: each.contiguous().clone() for name, each in arrays.items()}
    save_file(arrays, Path(__file__).with_name("adapterhub_prefixes.safetensors"))
    for name, each in arrays.items():
        print(name, tuple(each.shape))
