"""Saving a trained translator as one folder, and loading it: everything is checked before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerasft.errors import BundleError, ConfigError
from kerasft.folder import contents
from kerasft.folder.contents import MAX_LANGUAGE, TranslationManifest, are_languages
from kerasft.folder.opened import Opened, as_opened
from kerasft.folder.reading import check_known, read_tokenizer
from kerasft.folder.weights import Tensors
from kerasft.folder.writing import (
    Report,
    check_length,
    check_vocabulary,
    new_folder,
    versions,
    write_weights,
)

if TYPE_CHECKING:
    from kerasft.architectures import Transformer, TransformerArguments
    from kerasft.text.cleaning import Cleaning
    from kerasft.text.tokenizer import Tokenizer

ARCHITECTURE = "transformer"
# Numbers (float32) that may be taken beyond what the file of the weights holds.
SPARE = 2**24


@dataclass(frozen=True)
class TranslatorBundle:
    """A loaded translator.

    Attributes:
        path: The folder.
        manifest: What its `bundle.json` says.
        model: The model.
        source_tokenizer: The tokenizer of the language that is translated.
        target_tokenizer: The tokenizer of the language that comes out.
        cleaning: What is done to texts before the tokenizer.
    """

    path: Path
    manifest: TranslationManifest
    model: Transformer
    source_tokenizer: Tokenizer
    target_tokenizer: Tokenizer
    cleaning: Cleaning


def check_translator(
    *,
    model: Transformer,
    source_tokenizer: Tokenizer,
    target_tokenizer: Tokenizer,
    languages: Mapping[str, str],
    max_length: int,
) -> None:
    """Whether a translator can be saved and loaded again, for a run to know before it trains.

    Args:
        model: As for `save_translator`, like the others; it need not be trained.
        source_tokenizer: See there.
        target_tokenizer: See there.
        languages: See there.
        max_length: See there.

    Raises:
        ConfigError: A number is out of its range, or the parts do not fit each other.

    Example:
        >>> parts = {"model": model, "source_tokenizer": english, "target_tokenizer": italian, ...}
        >>> check_translator(**parts)
    """
    arguments = model.arguments
    if not are_languages(languages):
        raise ConfigError(
            f"the languages are {dict(languages)}, but must name one source and one target, as in "
            "{'source': 'en', 'target': 'it'}: letters and digits, with single - or _ between "
            f"them, {MAX_LANGUAGE} in all"
        )
    check_length(max_length, arguments.src_seq_len)
    for side, tokenizer, rows in (
        ("source", source_tokenizer, arguments.src_vocab_size),
        ("target", target_tokenizer, arguments.tgt_vocab_size),
    ):
        whose = f"the tokenizer of the {side}"
        check_vocabulary(tokenizer.vocab_size, rows, whose)
        wrong = _wrong_ids(tokenizer, arguments)
        if wrong:
            raise ConfigError(f"{whose} {wrong}")
    positions = _positions(arguments)
    if positions > arguments.parameter_count + SPARE:
        raise ConfigError(
            f"the positions of {arguments.src_seq_len} tokens in sources and "
            f"{arguments.tgt_seq_len} in targets take {positions:,} numbers, more than all of the "
            "model; make max_length smaller"
        )


def save_translator(
    destination: str | Path,
    *,
    model: Transformer,
    source_tokenizer: Tokenizer,
    target_tokenizer: Tokenizer,
    languages: Mapping[str, str],
    max_length: int,
    config_yaml: str,
    card: str,
    preprocessing: Mapping[str, Any] | None = None,
    report: Report | None = None,
) -> Path:
    """Writes the saved folder; see `kerasft.folder.contents` for what is in it.

    The weights are named by the paths of their variables ("transformer/encoder/...").

    Args:
        destination: The folder; it may exist if it is empty or a saved folder, which is replaced.
        model: The trained model.
        source_tokenizer: The tokenizer of the language that is translated.
        target_tokenizer: The tokenizer of the language that comes out.
        languages: {"source": "en", "target": "it"}, as the data calls them.
        max_length: Tokens that texts were cut at in training, and are cut at again.
        config_yaml: The resolved config of the run.
        card: The text of README.md, to which versions and the way to predict are added;
            `Facts.card` makes one.
        preprocessing: What `Cleaning.to_dict` gave in training; applied again in predictions.
        report: Called with the folder `report/` to write plots and metrics into it; a failure is
            a sentence of the card. `adding_report` adds one to a folder that is saved already.

    Returns:
        The destination.

    Raises:
        ConfigError: The folder cannot be written, or the parts do not fit each other.

    Example:
        >>> save_translator(
        ...     "saved_models/translate", model=model, source_tokenizer=english,
        ...     target_tokenizer=italian, languages={"source": "en", "target": "it"},
        ...     max_length=60, config_yaml=to_yaml(config), card=facts.card("translate"),
        ... )
    """
    from kerasft.text.cleaning import Cleaning

    check_translator(
        model=model,
        source_tokenizer=source_tokenizer,
        target_tokenizer=target_tokenizer,
        languages=languages,
        max_length=max_length,
    )
    manifest = TranslationManifest(
        architecture=ARCHITECTURE,
        arguments=model.arguments.to_dict(),
        languages=dict(languages),
        max_length=max_length,
        preprocessing=Cleaning.from_dict(preprocessing or {}).to_dict(),
        versions=versions(),
    )
    with new_folder(
        destination, manifest, config_yaml=config_yaml, card=card, report=report
    ) as folder:
        write_weights(_weights(model), folder / contents.WEIGHTS)
        source_tokenizer.save(folder / contents.TOKENIZER_SOURCE)
        target_tokenizer.save(folder / contents.TOKENIZER_TARGET)
    return Path(destination)


def load_translator(path: str | Path | Opened) -> TranslatorBundle:
    """Loads a saved translator on the current backend, with the care of a classifier's `load`.

    Args:
        path: The folder that `save_translator` wrote, or what `open_saved` read of it.

    Raises:
        BundleError: One sentence that names the file that is missing, changed or does not fit; or
            the folder is of another task.

    Example:
        >>> load_translator("saved_models/translate").manifest.languages
        {'source': 'en', 'target': 'it'}
    """
    opened = as_opened(path)
    folder, manifest = opened.path, opened.of(TranslationManifest)

    # Only now, since it takes seconds: a folder that is no good is refused at once.
    from kerasft.architectures import Transformer

    arguments, cleaning = _check_manifest(manifest, folder / contents.MANIFEST)
    source, target = (
        _read_tokenizer(opened, name, manifest, arguments, rows)
        for name, rows in (
            (contents.TOKENIZER_SOURCE, arguments.src_vocab_size),
            (contents.TOKENIZER_TARGET, arguments.tgt_vocab_size),
        )
    )
    tensors = Tensors(folder / contents.WEIGHTS, opened.take(contents.WEIGHTS))
    _check_size(arguments, tensors, folder)
    model = Transformer(arguments)
    _fill(model, tensors, folder / contents.WEIGHTS)
    return TranslatorBundle(folder, manifest, model, source, target, cleaning)


def _weights(model: Transformer) -> dict[str, Any]:
    """The weights by the paths of their variables."""
    from keras import ops

    weights = {weight.path: ops.convert_to_numpy(weight) for weight in model.weights}
    if len(weights) != len(model.weights):
        raise ConfigError("two weights of the model have one path, so it cannot be saved")
    return weights


def _check_manifest(
    manifest: TranslationManifest, file: Path
) -> tuple[TransformerArguments, Cleaning]:
    """What bundle.json says about the model, checked against what we can build."""
    from kerasft.architectures import TransformerArguments
    from kerasft.text.cleaning import Cleaning

    check_known(file, "architecture", manifest.architecture, [ARCHITECTURE])
    try:
        arguments = TransformerArguments.from_dict(manifest.arguments, BundleError)
        cleaning = Cleaning.from_dict(manifest.preprocessing, BundleError)
    except BundleError as error:
        raise BundleError(f"{file}: {error}.") from None
    if manifest.max_length > arguments.src_seq_len:
        raise BundleError(
            f"{file}: max_length is {manifest.max_length}, more than the model's "
            f"{arguments.src_seq_len} positions."
        )
    return arguments, cleaning


def _read_tokenizer(
    opened: Opened,
    name: str,
    manifest: TranslationManifest,
    arguments: TransformerArguments,
    rows: int,
) -> Tokenizer:
    file = opened.path / name
    tokenizer = read_tokenizer(opened.take(name), file, manifest.max_length, rows)
    wrong = _wrong_ids(tokenizer, arguments)
    if wrong:
        raise BundleError(f"{file} {wrong}.")
    return tokenizer


def _wrong_ids(tokenizer: Tokenizer, arguments: TransformerArguments) -> str:
    """What of a tokenizer's special tokens the model cannot work with, or nothing."""
    from kerasft.text.trained import END, START

    if tokenizer.pad_id != arguments.pad_id:
        return f"pads with the token {tokenizer.pad_id}, but the model with {arguments.pad_id}"
    first, *_, last = tokenizer.encode(["a"], 8).token_ids[0].tolist()
    if (first, last) != (tokenizer.token_id(START), tokenizer.token_id(END)):
        return f"does not put {START} before a text and {END} after it"
    return ""


def _check_size(arguments: TransformerArguments, tensors: Tensors, folder: Path) -> None:
    """Refuses a model, or tables of positions, far larger than the file of its weights."""
    held = tensors.count
    if arguments.parameter_count > held + SPARE:
        raise BundleError(
            f"{folder / contents.WEIGHTS} holds {held:,} numbers, but {contents.MANIFEST} asks for "
            f"a model of {arguments.parameter_count:,}."
        )
    positions = _positions(arguments)
    if positions > held + SPARE:
        raise BundleError(
            f"{folder / contents.MANIFEST}: the positions of src_seq_len {arguments.src_seq_len} "
            f"and tgt_seq_len {arguments.tgt_seq_len} take {positions:,} numbers, more than the "
            "whole model."
        )


def _positions(arguments: TransformerArguments) -> int:
    """Numbers in the tables of positions, which are no weights but take memory too."""
    return (arguments.src_seq_len + arguments.tgt_seq_len) * arguments.d_model


def _fill(model: Transformer, tensors: Tensors, file: Path) -> None:
    """Every weight of the model is in the file, in its shape, and nothing else is."""
    for weight in model.weights:
        shape = tensors.shapes.get(weight.path)
        if shape is None:
            raise BundleError(f"{file} has no tensor {weight.path!r}.")
        if shape != tuple(weight.shape):
            raise BundleError(
                f"{file} holds {weight.path!r} in the shape {shape}, but {contents.MANIFEST} asks "
                f"for {tuple(weight.shape)}."
            )
    unknown = tensors.keys() - {weight.path for weight in model.weights}
    if unknown:
        raise BundleError(f"{file} holds {min(unknown)!r}, for which the model has no place.")
    for weight in model.weights:
        weight.assign(tensors[weight.path])
