"""The tokenizer of a Hugging Face checkpoint, read as transformers' `AutoTokenizer` does.

The rules (transformers 5):

- A checkpoint has a tokenizer of the class that `tokenizer_class` in tokenizer_config.json (else in
  config.json) says or, where neither says anything, of the class of its model type.
- The classes that a family's `TokenizerKind` names are built anew from the vocabulary: that of
  tokenizer.json, else of the files that older repositories hold. What tokenizer.json says of
  normalizing and splitting does not count, but for SentencePiece's table of characters. So whether
  a BERT tokenizer lower-cases is up to `do_lower_case` in tokenizer_config.json alone and true by
  default. (A cased checkpoint without tokenizer_config.json is lower-cased, for better or worse; a
  warning says so.)
- Any other tokenizer is tokenizer.json as it stands.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import tokenizers

from kerasft import storage
from kerasft.errors import PresetError
from kerasft.text.tokenizer_file import MAX_FILE_BYTES, check_tokenizer, library_errors
from kerasft.text.tokenizer_files import SETTINGS, TOKENIZER, TokenizerFiles


@dataclass(frozen=True)
class TokenizerKind:
    """A kind of tokenizers, as a family of models has them.

    Attributes:
        build: Makes one of a directory's vocabulary alone. None reads tokenizer.json as it stands,
            whatever class a file names.
        classes: transformers' names of its classes, without a "Fast" behind them.
        model_types: The `model_type`s of models that have it.
        older: What older repositories hold in the place of tokenizer.json; the vocabulary first.
        padding: What fills batches, unless a file says otherwise.
    """

    build: Callable[[TokenizerFiles], tokenizers.Tokenizer] | None
    classes: tuple[str, ...]
    model_types: tuple[str, ...]
    older: tuple[str, ...] = ()
    padding: str = "<pad>"


def read_tokenizer_json(path: Path, most_tokens: int | None = None) -> tokenizers.Tokenizer:
    """Reads one `tokenizer.json` as it stands.

    Args:
        most_tokens: Rows of the model's embedding table, where they are known.

    Raises:
        PresetError: The file is missing, is not a tokenizer, or is one that no model has.
    """
    if not path.exists():
        raise PresetError(f"there is no tokenizer file {path}")
    raw = storage.read_bytes(path, PresetError, max_bytes=MAX_FILE_BYTES)
    return parse_tokenizer_json(raw, path, most_tokens)


def parse_tokenizer_json(
    raw: bytes, path: Path, most_tokens: int | None = None
) -> tokenizers.Tokenizer:
    """`read_tokenizer_json` for bytes that are here; `path` is for the messages."""
    check_tokenizer(storage.parse_json(raw, path, PresetError), str(path), most_tokens)
    with library_errors(PresetError, f"{path} is not a tokenizer that can be read"):
        return tokenizers.Tokenizer.from_str(raw.decode("utf-8"))


def read_directory(
    directory: Path, kinds: Sequence[TokenizerKind], model_type: str | None = None
) -> tuple[tokenizers.Tokenizer, str | None]:
    """Reads the tokenizer of a checkpoint directory.

    Args:
        directory: Of a checkpoint.
        kinds: The kinds that it may be of.
        model_type: That of the model, where config.json has none.

    Returns:
        The tokenizer, and its padding token if a file names it.

    Raises:
        PresetError: There is none, or it cannot be read.
    """
    if not directory.is_dir():
        raise PresetError(f"there is no directory {directory}")
    older = older_files(kinds)
    if not any((directory / name).is_file() for name in (TOKENIZER, *older)):
        raise PresetError(
            f"{directory} has no tokenizer: neither {TOKENIZER} nor one of {', '.join(older)}"
        )
    files = TokenizerFiles(directory)
    for setting, value in (("truncation_side", "left"), ("split_special_tokens", True)):
        if files.config.get(setting) == value:
            raise PresetError(
                f"{directory / SETTINGS[0]} sets {setting} to {value!r}, which is not supported"
            )
    name = files.config.get("tokenizer_class") or files.model_config.get("tokenizer_class")
    model_type = files.model_config.get("model_type", model_type)
    kind = _kind(kinds, name, model_type)
    if kind is None or kind.build is None:
        if files.is_json:
            padding = files.config.get("pad_token")
            named = None if padding is None else files.content(padding)
            return read_tokenizer_json(files.path), named
        if name is None and model_type is None:
            raise PresetError(
                f"nothing in {directory} says whose tokenizer its files are; config.json has no "
                "model_type"
            )
        of = f"a {name}" if kind is None and name else f"the tokenizer of a {model_type}"
        raise PresetError(f"{directory} has no {TOKENIZER}, without which {of} is not read")
    files = TokenizerFiles(directory, kind.older)
    files.check()
    padding = files.special({"pad_token": kind.padding}).name("pad_token")
    with library_errors(PresetError, f"{files.path} is not a tokenizer that can be read"):
        return kind.build(files), padding


def older_files(kinds: Sequence[TokenizerKind]) -> tuple[str, ...]:
    """All that a directory without tokenizer.json may have instead."""
    return tuple(dict.fromkeys(name for kind in kinds for name in kind.older))


def _kind(kinds: Sequence[TokenizerKind], name: object, model_type: object) -> TokenizerKind | None:
    """The kind of tokenizers of a class, or where none is named of a model type."""
    own = next((kind for kind in kinds if model_type in kind.model_types), None)
    if name is None or (own is not None and own.build is None):
        return own
    short = str(name).removesuffix("Fast")
    return next((kind for kind in kinds if short in kind.classes), None)
