"""The translators that `translate.py` times, all of one size.

3 + 3 layers of width 256 with 8 heads and a feed-forward width of 1024, vocabularies of 15,000
tokens, the target embedding tied to the projection (MarianMT shares it with the source too).
"""

from __future__ import annotations

from typing import Any

LAYERS, WIDTH, HEADS, INNER, VOCABULARY, POSITIONS = 3, 256, 8, 1024, 15_000, 64
UNKNOWN, PAD, START, END = range(4)


def kerasft_model(threads: int, dropout: float) -> Any:
    """A `kerasft.architectures.Transformer` on the backend that KERAS_BACKEND names."""
    from kerasft import backends

    backends.current().set_threads(threads)
    from kerasft.architectures import build_transformer

    backends.seed_everything(0)
    return build_transformer(
        *(VOCABULARY, VOCABULARY, POSITIONS, POSITIONS, WIDTH, LAYERS, HEADS, dropout, INNER),
        tie_embeddings=True,
    )


def torch_model(threads: int, dropout: float, **options: Any) -> tuple[Any, Any]:
    """`torch.nn.Transformer` as `torch_translator.py` has it, and its config."""
    import torch

    from kerasft.recipes.translate import Config
    from torch_translator import TorchTranslator

    torch.set_num_threads(threads)
    config = Config(
        d_model=WIDTH, num_layers=LAYERS, num_heads=HEADS, d_ff=INNER, dropout=dropout,
        max_length=POSITIONS, **options,
    )  # fmt: skip
    return TorchTranslator(config, VOCABULARY, VOCABULARY), config


def marian_model(threads: int, dropout: float) -> Any:
    """A `transformers.MarianMTModel`."""
    import torch
    import transformers

    torch.set_num_threads(threads)
    transformers.logging.set_verbosity_error()
    config = transformers.MarianConfig(
        vocab_size=VOCABULARY, d_model=WIDTH, encoder_layers=LAYERS, decoder_layers=LAYERS,
        encoder_attention_heads=HEADS, decoder_attention_heads=HEADS, encoder_ffn_dim=INNER,
        decoder_ffn_dim=INNER, activation_function="relu", max_position_embeddings=POSITIONS,
        dropout=dropout, pad_token_id=PAD, eos_token_id=END, decoder_start_token_id=START,
        forced_eos_token_id=None,
    )  # fmt: skip
    return transformers.MarianMTModel(config)
