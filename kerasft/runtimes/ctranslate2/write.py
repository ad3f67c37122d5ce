"""A translator or T5 as CTranslate2 reads it, written weight by weight from its layers.

What CTranslate2 calls a *specification* says which weights a model has and how they are used; here
it is filled from our own layers, so no converter of another framework is involved, and it works
from each backend. The tokens of the vocabularies are written as numbers, since our tokenizers do
that part: the source token 17 is "s17", the target token 17 "17". (Two spellings, because
CTranslate2 takes a source that holds nothing but the target's own special tokens for an empty one,
and does not ask the model about it.)
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kerasft import backends
from kerasft.errors import ConfigError

if TYPE_CHECKING:
    from kerasft.architectures import T5, Transformer

_ACTIVATIONS = {
    "relu": "RELU",
    "gelu": "GELU",
    "gelu_approximate": "GELUTanh",
    "silu": "SWISH",
    "tanh": "Tanh",
}
"""Our names of activations -> CTranslate2's."""


def source_tokens(token_ids: Sequence[int] | np.ndarray) -> list[str]:
    """Ids of a source (tokens,) as the vocabulary of the source has them.

    Example:
        >>> source_tokens([2, 17, 3])
        ['s2', 's17', 's3']
    """
    return [f"s{int(index)}" for index in token_ids]


def target_tokens(token_ids: Sequence[int] | np.ndarray) -> list[str]:
    """Ids of a target (tokens,) as the vocabulary of the target has them.

    Example:
        >>> target_tokens([17, 3])
        ['17', '3']
    """
    return [str(int(index)) for index in token_ids]


def write_ctranslate2(
    model: Transformer | T5, folder: Path, start_id: int, end_id: int, *, int8: bool = False
) -> None:
    """Writes a model, whose adapters are merged, as a directory of CTranslate2.

    Args:
        model: A translator or a T5.
        folder: An empty folder; `export_files.CTRANSLATE2_FILES` will lie in it.
        start_id: The token that every output begins with, [SOS].
        end_id: The token that ends it, [EOS].
        int8: Whether matrices are kept in 8 bits (each row with a scale of its own); the
            inputs of a product are then rounded to 8 bits too, when it is computed.

    Raises:
        ConfigError: The package ctranslate2 is not installed, or the model is none that it knows.

    Example:
        >>> write_ctranslate2(model, Path("exported"), 2, 3)
    """
    from kerasft import peft
    from kerasft.architectures import T5, Transformer

    if title := peft.unmergeable(model):
        raise ConfigError(
            f"a model tuned with {title} cannot be exported to CTranslate2, which has no place for "
            "what cannot be merged into the weights; predict with --engine keras"
        )
    if isinstance(model, Transformer):
        spec = _transformer(model)
        sizes = (model.arguments.src_vocab_size, model.arguments.tgt_vocab_size)
    elif isinstance(model, T5):
        spec = _t5(model)
        sizes = (model.arguments.vocab_size, model.arguments.vocab_size)
    else:
        raise ConfigError(
            f"a {type(model).__name__} cannot be exported to CTranslate2; only translators and T5"
        )
    config = spec.config
    config.unk_token = config.bos_token = config.decoder_start_token = str(start_id)
    config.eos_token = str(end_id)
    spec.register_source_vocabulary(source_tokens(range(sizes[0])))
    spec.register_target_vocabulary(target_tokens(range(sizes[1])))
    spec.validate()
    spec.optimize(quantization="int8" if int8 else None)
    spec.save(str(folder))


def import_ctranslate2() -> Any:
    """The package ctranslate2, without the parts that write models.

    Raises:
        ConfigError: It is not installed.
    """
    try:
        import ctranslate2
    except ImportError:
        raise ConfigError(
            "the engine CTranslate2 needs the package ctranslate2: "
            "`pip install 'kerasft[ctranslate2]'`"
        ) from None
    return ctranslate2


def _specs() -> Any:
    """The module ctranslate2.specs, which would import torch where it is installed."""
    import_ctranslate2()
    with backends.without_torch():
        import ctranslate2.specs
    return ctranslate2.specs


def _transformer(model: Transformer) -> Any:
    """Vaswani et al. 2017: absolute positions, biases everywhere, embeddings are scaled."""
    arguments = model.arguments
    spec = _specs().TransformerSpec.from_config(
        arguments.N, arguments.h, pre_norm=arguments.norm_first
    )
    # The same for every norm of the model.
    spec.config.layer_norm_epsilon = model.encoder.blocks[0].feed_forward_residual.norm.epsilon
    for part, embedding, positions, stack in (
        (spec.encoder, model.source_embedding, model.source_positions, model.encoder),
        (spec.decoder, model.target_embedding, model.target_positions, model.decoder),
    ):
        table = part.embeddings[0] if part is spec.encoder else part.embeddings
        table.weight = _array(embedding.embeddings)
        part.position_encodings.encodings = positions.table.copy()
        _stack(part, stack)
    projection = spec.decoder.projection
    if arguments.tie_embeddings:
        projection.weight = spec.decoder.embeddings.weight
    else:
        projection.weight = _array(model.projection.kernel).T.copy()
    projection.bias = _array(model.projection.bias)
    return spec


def _t5(model: T5) -> Any:
    """Raffel et al. 2020: relative positions, no biases, neither scores nor embeddings scaled.

    The positions of a umT5's blocks differ, which CTranslate2 computes too.
    """
    arguments = model.arguments
    specs = _specs()
    spec = specs.TransformerSpec.from_config(
        (arguments.encoder_layers, arguments.decoder_layers),
        arguments.heads,
        pre_norm=True,
        activation=specs.Activation[_ACTIVATIONS[arguments.activation]],
        ffn_glu=arguments.gated,
        relative_attention_bias=True,
        rms_norm=True,
    )
    spec.config.layer_norm_epsilon = arguments.layer_norm_epsilon
    shared = _array(model.shared.embeddings)
    for part, stack in ((spec.encoder, model.encoder), (spec.decoder, model.decoder)):
        table = part.embeddings[0] if part is spec.encoder else part.embeddings
        table.weight = shared
        part.scale_embeddings = False
        _stack(part, stack)
        bias = None if stack.positions is None else _array(stack.positions.embeddings)
        for layer, block in zip(part.layer, stack.blocks, strict=True):
            own = _array(block.positions.embeddings) if bias is None else bias
            layer.self_attention.relative_attention_bias = own  # (buckets, heads)
            layer.self_attention.relative_attention_max_distance = np.int32(
                arguments.relative_max_distance
            )
            for attention in (layer.self_attention, getattr(layer, "attention", None)):
                if attention is not None:
                    attention.queries_scale = 1.0
    if arguments.scale_outputs:
        spec.decoder.scale_outputs = float(arguments.d_model**-0.5)
    head = model.lm_head
    spec.decoder.projection.weight = shared if head is None else _array(head.kernel).T.copy()
    return spec


def _stack(spec: Any, stack: Any) -> None:
    """The blocks of an encoder or a decoder, and the norm at its end if it has one."""
    for part, block in zip(spec.layer, stack.blocks, strict=True):
        _self_attention(part.self_attention, block.self_attention)
        _norm(part.self_attention.layer_norm, block.self_attention_residual.norm)
        if hasattr(part, "attention"):
            _cross_attention(part.attention, block.cross_attention)
            _norm(part.attention.layer_norm, block.cross_attention_residual.norm)
        _feed_forward(part.ffn, block.feed_forward)
        _norm(part.ffn.layer_norm, block.feed_forward_residual.norm)
    if stack.norm is not None:
        _norm(spec.layer_norm, stack.norm)


def _self_attention(spec: Any, attention: Any) -> None:
    _dense(spec.linear[0], attention.query, attention.key, attention.value)
    _dense(spec.linear[1], attention.merge)


def _cross_attention(spec: Any, attention: Any) -> None:
    _dense(spec.linear[0], attention.query)
    _dense(spec.linear[1], attention.key, attention.value)
    _dense(spec.linear[2], attention.merge)


def _feed_forward(spec: Any, layer: Any) -> None:
    inner = layer.inner if isinstance(layer.inner, list) else [layer.inner]
    _dense(spec.linear_0, inner[0])  # the one with the activation
    if len(inner) > 1:
        _dense(spec.linear_0_noact, inner[1])
    _dense(spec.linear_1, layer.outer)


def _dense(spec: Any, *layers: Any) -> None:
    """Linear maps that read the same vectors, their outputs side by side."""
    # Keras keeps a kernel as (in, out), CTranslate2 as (out, in).
    spec.weight = np.concatenate([_array(layer.kernel).T for layer in layers])
    if layers[0].use_bias:
        spec.bias = np.concatenate([_array(layer.bias) for layer in layers])


def _norm(spec: Any, norm: Any) -> None:
    """A `LayerNormalization`, or T5's `RootMeanSquareNormalization`, which has no shift."""
    if hasattr(norm, "scale"):
        spec.gamma = _array(norm.scale)
    else:
        spec.gamma, spec.beta = _array(norm.alpha), _array(norm.bias)


def _array(weight: Any) -> np.ndarray:
    """A copy of a weight: CTranslate2 rounds in place, and on torch an array shares its memory."""
    from keras import ops

    return np.array(ops.convert_to_numpy(weight), dtype=np.float32)
