"""The tokenizer of a Hugging Face checkpoint, read as transformers' `AutoTokenizer` does.

The rules (transformers 5):

- A checkpoint has a tokenizer of the class that `tokenizer_class` in tokenizer_config.json (else in
  config.json) says or, where neither says anything, of the class of its model type.
- The classes in `KINDS` are built anew from the vocabulary: that of tokenizer.json, else of the
  files that older repositories hold. What tokenizer.json says of normalizing and splitting does not
  count, but for SentencePiece's table of characters. So whether a BERT tokenizer lower-cases is up
  to `do_lower_case` in tokenizer_config.json alone and true by default. (A cased checkpoint without
  tokenizer_config.json is lower-cased, for better or worse; a warning says so.)
- Any other tokenizer is tokenizer.json as it stands.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import tokenizers

from kerasft import storage
from kerasft.errors import PresetError
from kerasft.text.albert import albert_from
from kerasft.text.byte_level import byte_level_from
from kerasft.text.deberta_v2 import deberta_from
from kerasft.text.fairseq import camembert_from, xlm_r_from
from kerasft.text.mpnet import mpnet_from
from kerasft.text.tokenizer_file import MAX_FILE_BYTES, check_tokenizer, library_errors
from kerasft.text.tokenizer_files import SETTINGS, TOKENIZER, TokenizerFiles
from kerasft.text.unigram import sentinels_from
from kerasft.text.wordpiece import wordpiece_from


@dataclass(frozen=True)
class Kind:
    """Tokenizers that transformers builds of a vocabulary alone.

    Attributes:
        build: Makes one of a directory's files.
        classes: transformers' names of its classes, without a "Fast" behind them.
        model_types: The `model_type`s of models that have it.
        older: What older repositories hold in the place of tokenizer.json; the vocabulary first.
        padding: What fills batches, unless a file says otherwise.
    """

    build: Callable[[TokenizerFiles], tokenizers.Tokenizer]
    classes: tuple[str, ...]
    model_types: tuple[str, ...]
    older: tuple[str, ...]
    padding: str = "<pad>"


SENTENCEPIECE = "sentencepiece.bpe.model"
BERT = Kind(
    wordpiece_from,
    ("BertTokenizer", "DistilBertTokenizer", "ElectraTokenizer"),
    ("bert", "distilbert", "electra"),
    ("vocab.txt",),
    "[PAD]",
)
KINDS = (
    BERT,
    Kind(mpnet_from, ("MPNetTokenizer",), ("mpnet",), ("vocab.txt",)),
    Kind(albert_from, ("AlbertTokenizer",), ("albert",), ("spiece.model",)),
    Kind(deberta_from, ("DebertaV2Tokenizer",), ("deberta-v2",), ("spm.model",), "[PAD]"),
    Kind(sentinels_from, ("T5Tokenizer", "MT5Tokenizer"), ("t5", "mt5"), ("spiece.model",)),
    Kind(byte_level_from, ("RobertaTokenizer",), ("roberta",), ("vocab.json", "merges.txt")),
    Kind(xlm_r_from, ("XLMRobertaTokenizer",), ("xlm-roberta",), (SENTENCEPIECE,)),
    Kind(camembert_from, ("CamembertTokenizer",), ("camembert",), (SENTENCEPIECE,)),
)
"""A further one is a function that builds it and a line here."""
AS_IT_STANDS = ("modernbert",)
"""Model types whose tokenizer.json is read as it stands, whatever class a file names."""

OLDER_FILES = tuple(dict.fromkeys(name for kind in KINDS for name in kind.older))
"""All that a directory without tokenizer.json may have instead."""


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


def read_directory(directory: Path) -> tuple[tokenizers.Tokenizer, str | None]:
    """Reads the tokenizer of a checkpoint directory.

    Returns:
        The tokenizer, and its padding token if a file names it.

    Raises:
        PresetError: There is none, or it cannot be read.
    """
    if not directory.is_dir():
        raise PresetError(f"there is no directory {directory}")
    if not any((directory / name).is_file() for name in (TOKENIZER, *OLDER_FILES)):
        raise PresetError(
            f"{directory} has no tokenizer: neither {TOKENIZER} nor {', '.join(OLDER_FILES)}"
        )
    files = TokenizerFiles(directory)
    for setting, value in (("truncation_side", "left"), ("split_special_tokens", True)):
        if files.config.get(setting) == value:
            raise PresetError(
                f"{directory / SETTINGS[0]} sets {setting} to {value!r}, which is not supported"
            )
    name = files.config.get("tokenizer_class") or files.model_config.get("tokenizer_class")
    kind = _kind(name, files.model_config.get("model_type"))
    if kind is None and files.is_json:
        padding = files.config.get("pad_token")
        return read_tokenizer_json(files.path), None if padding is None else files.content(padding)
    if kind is None and name is not None:
        raise PresetError(
            f"{directory} has a {name}, which is not supported without a {TOKENIZER}; save it with "
            "transformers' save_pretrained first"
        )
    kind = kind or BERT
    files = TokenizerFiles(directory, kind.older)
    files.check()
    padding = files.special({"pad_token": kind.padding}).name("pad_token")
    with library_errors(PresetError, f"{files.path} is not a tokenizer that can be read"):
        return kind.build(files), padding


def _kind(name: object, model_type: object) -> Kind | None:
    """The kind of tokenizers of a class, or where none is named of a model type."""
    if model_type in AS_IT_STANDS:
        return None
    if name is not None:
        short = str(name).removesuffix("Fast")
        return next((kind for kind in KINDS if short in kind.classes), None)
    return next((kind for kind in KINDS if model_type in kind.model_types), None)
