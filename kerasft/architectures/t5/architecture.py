"""T5 in the files of a Hugging Face directory: its configuration, and the names of its weights."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from kerasft import storage
from kerasft.architectures.architecture import ACTIVATION_NAMES, ACTIVATION_OF
from kerasft.architectures.name_table import Entry, layers_by_path
from kerasft.architectures.seq2seq import Seq2SeqArchitecture
from kerasft.architectures.t5.arguments import T5Arguments, t5_entries
from kerasft.architectures.t5.model import T5
from kerasft.architectures.tensors import LoadReport, check_shapes, finite_tensor, to_tensors
from kerasft.errors import PresetError
from kerasft.text.pretrained import TokenizerKind
from kerasft.text.unigram import sentinels_from

# transformers keeps one table under several names; a file may hold any of them, or all.
_TABLE = ("shared.weight", "encoder.embed_tokens.weight", "decoder.embed_tokens.weight")
_HEAD = "lm_head.weight"
_NAMES = {**ACTIVATION_NAMES, "gelu": "gelu_python"}  # "gated-gelu" means gelu_new


# What transformers' mT5 (Xue et al. 2021, "mT5") and umT5 (Chung et al. 2023, "UniMax") are where a
# configuration does not say it.
_MULTILINGUAL = {
    **{"vocab_size": 250112, "d_ff": 1024, "num_layers": 8, "num_heads": 6},
    "feed_forward_proj": "gated-gelu",
}


class T5Architecture(Seq2SeqArchitecture):
    """T5 here and in transformers; an mT5 is a T5 v1.1 of another vocabulary.

    An mT5 is written as a T5: in transformers it computes and names the same. A umT5, whose blocks
    have relative positions of their own, is written as such.
    """

    name = "t5"
    tokenizers = (
        TokenizerKind(
            sentinels_from, ("T5Tokenizer", "MT5Tokenizer"), ("t5", "mt5"), ("spiece.model",)
        ),
        TokenizerKind(None, (), ("umt5",)),
    )
    model_types = ("mt5", "umt5")
    arguments = T5Arguments

    def build(self, arguments: T5Arguments, initialize: bool = True) -> T5:
        """Makes the model."""
        return T5(arguments, initialize)

    def entries(self, arguments: T5Arguments) -> list[Entry]:
        """The name table of T5ForConditionalGeneration."""
        return t5_entries(arguments)

    def arguments_from_config(
        self, config: Mapping[str, Any], source: str = "config.json"
    ) -> T5Arguments:
        """Reads a Hugging Face configuration; what it leaves out is transformers' default.

        Args:
            config: What `config.json` holds.
            source: The file, for messages.

        Returns:
            The arguments, with the head tied as the configuration says. (Its `tie_word_embeddings`
            means two things: whether the head uses the embedding table, and whether its input is
            scaled. `scale_decoder_outputs`, which transformers 5 writes, says the second alone.
            Where it is false for a umT5, transformers 5 scales all the same; version 4 and the
            published models, which say so, do not.)

        Raises:
            PresetError: It is of a variant that computes something else.
        """
        if config.get("is_encoder_decoder", True) is not True:
            raise PresetError(f"{source} is of a T5 without a decoder, which writes no texts")
        kind = config.get("model_type")
        if kind in self.model_types:
            # Whether the head is the table, its weights say, whatever the configuration says.
            scaled = kind == "umt5" and config.get("tie_word_embeddings") is not False
            own = {"tie_word_embeddings": True, "scale_decoder_outputs": scaled}
            config = {**_MULTILINGUAL, **config, **own}
        activation, gated = _activation(config, source)
        layers = config.get("num_layers", 6)
        decoder_layers = config.get("num_decoder_layers")
        tied = config.get("tie_word_embeddings") is not False
        pad, start = config.get("pad_token_id", 0), config.get("decoder_start_token_id")
        end = config.get("eos_token_id", 1)
        values = {
            "vocab_size": config.get("vocab_size", 32128),
            "d_model": config.get("d_model", 512),
            "d_kv": config.get("d_kv", 64),
            "d_ff": config.get("d_ff", 2048),
            "encoder_layers": layers,
            "decoder_layers": layers if decoder_layers is None else decoder_layers,
            "heads": config.get("num_heads", 8),
            "relative_buckets": config.get("relative_attention_num_buckets", 32),
            "relative_max_distance": config.get("relative_attention_max_distance", 128),
            "activation": activation,
            "gated": gated,
            "tie_embeddings": tied,
            "scale_outputs": config.get("scale_decoder_outputs", tied),
            "dropout": config.get("dropout_rate", 0.1),
            "layer_norm_epsilon": config.get("layer_norm_epsilon", 1e-6),
            "pad_id": pad,
            "end_id": end[0] if isinstance(end, list) and len(end) == 1 else end,
            "start_id": pad if start is None else start,
            "bias_per_block": kind == "umt5",
        }
        try:
            return T5Arguments.from_dict(values, PresetError)
        except PresetError as problem:
            raise PresetError(f"{source}: {problem}") from None

    def config_from_arguments(self, arguments: T5Arguments) -> dict[str, Any]:
        """The inverse of `arguments_from_config`: a `config.json` for transformers."""
        name = _NAMES[arguments.activation]
        if arguments.gated:  # "gated-gelu" means gelu_new, as in the published models
            name = "gated-" + ("gelu" if name == "gelu_new" else name)
        umt5 = arguments.bias_per_block
        config = {
            "architectures": [f"{'UMT5' if umt5 else 'T5'}ForConditionalGeneration"],
            "model_type": "umt5" if umt5 else "t5",
            "is_encoder_decoder": True,
            "vocab_size": arguments.vocab_size,
            "d_model": arguments.d_model,
            "d_kv": arguments.d_kv,
            "d_ff": arguments.d_ff,
            "num_layers": arguments.encoder_layers,
            "num_decoder_layers": arguments.decoder_layers,
            "num_heads": arguments.heads,
            "relative_attention_num_buckets": arguments.relative_buckets,
            "relative_attention_max_distance": arguments.relative_max_distance,
            "feed_forward_proj": name,
            "tie_word_embeddings": arguments.tie_embeddings,
            "dropout_rate": arguments.dropout,
            "layer_norm_epsilon": arguments.layer_norm_epsilon,
            "pad_token_id": arguments.pad_id,
            "eos_token_id": arguments.end_id,
            "decoder_start_token_id": arguments.start_id,
            "use_cache": True,
        }
        if umt5:  # transformers ties its head where it has no values for it
            config["tie_word_embeddings"] = arguments.scale_outputs
        elif arguments.scale_outputs != arguments.tie_embeddings:
            config["scale_decoder_outputs"] = arguments.scale_outputs
        return config

    def load(
        self,
        config: Mapping[str, Any],
        tensors: Mapping[str, np.ndarray],
        shapes: Mapping[str, tuple[int, ...]] | None = None,
        source: str = "the checkpoint",
    ) -> tuple[T5, LoadReport]:
        """See `Seq2SeqArchitecture.load`.

        The head is tied to the table where the checkpoint has no other values for it (as in
        transformers 5, for which alone `tie_word_embeddings` does not decide this). Unread stay the
        table under its other names, the unused table of positions of old cross-attentions, ...
        """
        if shapes is None:
            shapes = {name: tuple(tensors[name].shape) for name in tensors}
        arguments = self.arguments_from_config(config, f"config.json of {source}")
        names = {name: name for name in shapes}
        names["shared.weight"] = _table(arguments, tensors, shapes, source)
        arguments = dataclasses.replace(
            arguments,
            tie_embeddings=_is_tied(arguments, tensors, shapes, names["shared.weight"], source),
        )
        table = t5_entries(arguments)
        # Before the model is built: a wrong configuration must not take memory first.
        check_shapes(table, {ours: shapes[theirs] for ours, theirs in names.items()}, source)
        model = T5(arguments, initialize=False)
        layers = layers_by_path(model)
        report = LoadReport()
        for entry in table:
            for parameter in entry.parameters:
                array = finite_tensor(tensors, names[parameter.name], source)
                variable = getattr(layers[entry.layer], parameter.attribute)
                variable.assign(entry.to_keras(array, tuple(variable.shape)))
                report.loaded.append(parameter.name)
        report.unread = sorted(set(shapes) - {names[name] for name in report.loaded})
        return model, report

    def write(self, model: T5, folder: Path) -> None:
        """See `Seq2SeqArchitecture.write`.

        Example:
            >>> with storage.write_folder("my-t5", is_ours=...) as folder:
            ...     T5Architecture().write(model, folder)
            >>> transformers.T5ForConditionalGeneration.from_pretrained("my-t5")
        """
        config = self.config_from_arguments(model.arguments)
        ids = ("pad_token_id", "eos_token_id", "decoder_start_token_id")
        storage.write_json(folder / "config.json", config)
        storage.write_json(folder / "generation_config.json", {name: config[name] for name in ids})
        storage.write_tensors(to_tensors(model), folder / "model.safetensors")


def _table(
    arguments: T5Arguments,
    tensors: Mapping[str, np.ndarray],
    shapes: Mapping[str, tuple[int, ...]],
    source: str,
) -> str:
    """The name under which the checkpoint has the table of tokens."""
    found = [name for name in _TABLE if name in shapes]
    if not found and arguments.tie_embeddings and _HEAD in shapes:
        return _HEAD
    if not found:
        raise PresetError(
            f"{source} has no tensor 'shared.weight'; its weights do not belong to a T5, or the "
            "download is incomplete"
        )
    for other in found[1:]:
        if not _same(tensors, shapes, found[0], other, source):
            raise PresetError(
                f"the tensors {found[0]!r} and {other!r} of {source} differ, but a T5 has one "
                "table of tokens for both sides"
            )
    return found[0]


def _is_tied(
    arguments: T5Arguments,
    tensors: Mapping[str, np.ndarray],
    shapes: Mapping[str, tuple[int, ...]],
    table: str,
    source: str,
) -> bool:
    """Whether the head is the table: the checkpoint has no values for it, or the same."""
    if _HEAD not in shapes or table == _HEAD or not arguments.tie_embeddings:
        return arguments.tie_embeddings
    return _same(tensors, shapes, table, _HEAD, source)


def _same(
    tensors: Mapping[str, np.ndarray],
    shapes: Mapping[str, tuple[int, ...]],
    first: str,
    second: str,
    source: str,
) -> bool:
    if shapes[first] != shapes[second]:
        return False
    # NaN equals nothing: it must be called by its name before it counts as a difference.
    one, other = (finite_tensor(tensors, name, source) for name in (first, second))
    return np.array_equal(one, other)


def _activation(config: Mapping[str, Any], source: str) -> tuple[str, bool]:
    """Our name of the feed-forward layers' activation, and whether they have a gate."""
    text = config.get("feed_forward_proj", "relu")
    gate, _, name = text.rpartition("-") if isinstance(text, str) else ("", "", None)
    if text == "gated-gelu":
        name = "gelu_new"
    if gate not in ("", "gated") or name not in ACTIVATION_OF:
        raise PresetError(
            f"{source} has the feed_forward_proj {text!r}, which is not supported; it must be one "
            f"of {', '.join(ACTIVATION_OF)}, alone or after 'gated-'"
        )
    return ACTIVATION_OF[name], gate == "gated"
