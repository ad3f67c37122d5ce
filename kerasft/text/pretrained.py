"""The tokenizer files of a Hugging Face checkpoint, read as transformers' `AutoTokenizer` does.

The rules (transformers 5, `BertTokenizer` and `TokenizersBackend`):

- A checkpoint has a BERT tokenizer if `tokenizer_class` in tokenizer_config.json (else in
  config.json) says so or, where neither says anything, if config.json has the model type "bert" or
  "distilbert".
- A BERT tokenizer is built anew from the word pieces: those of tokenizer.json, else vocab.txt.
  Whether it lower-cases is up to `do_lower_case` in tokenizer_config.json alone and true by
  default; the normalizer in tokenizer.json does not count. (So a cased checkpoint without
  tokenizer_config.json is lower-cased, for better or worse; a warning says so.)
- A checkpoint has a T5 tokenizer likewise (model type "t5"). It too is built anew, from the pieces
  of tokenizer.json and the table of characters of its normalizer; what else the file says of
  normalizing and splitting does not count.
- Any other tokenizer is tokenizer.json as it stands.
"""

import base64
import binascii
import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tokenizers
from tokenizers import AddedToken, models, normalizers

from kerasft.errors import PresetError
from kerasft.text.unigram import END, ROLES, build_unigram, sentinels
from kerasft.text.wordpiece import SPECIAL_TOKENS, build_wordpiece

BERT_CLASSES = {"BertTokenizer", "DistilBertTokenizer"}
BERT_MODEL_TYPES = {"bert", "distilbert"}
T5_CLASSES, T5_MODEL_TYPES = {"T5Tokenizer"}, {"t5"}


def read_tokenizer_json(path: Path) -> tokenizers.Tokenizer:
    """Reads one `tokenizer.json` as it stands.

    Raises:
        PresetError: The file is missing or is not a tokenizer.
    """
    text = _read(path)
    try:
        return tokenizers.Tokenizer.from_str(text)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # a panic in Rust is no Exception
        raise PresetError(f"{path} is not a tokenizer that can be read: {error}") from None


def read_directory(directory: Path) -> tuple[tokenizers.Tokenizer, str | None]:
    """Reads the tokenizer of a checkpoint directory.

    Returns:
        The tokenizer, and its padding token if a file names it.

    Raises:
        PresetError: There is none, or it cannot be read.
    """
    if not directory.is_dir():
        raise PresetError(f"there is no directory {directory}")
    json_file, pieces_file = directory / "tokenizer.json", directory / "vocab.txt"
    if not json_file.is_file() and not pieces_file.is_file():
        raise PresetError(f"{directory} has no tokenizer: neither tokenizer.json nor vocab.txt")
    config = _read_object(directory / "tokenizer_config.json")
    model_config = _read_object(directory / "config.json")
    for setting, value in (("truncation_side", "left"), ("split_special_tokens", True)):
        if config.get(setting) == value:
            raise PresetError(
                f"{directory / 'tokenizer_config.json'} sets {setting} to {value!r}, which is not "
                "supported"
            )
    name = config.get("tokenizer_class") or model_config.get("tokenizer_class")
    if name is not None:
        short = str(name).removesuffix("Fast")
        is_bert, is_t5 = short in BERT_CLASSES, short in T5_CLASSES
    else:
        kind = model_config.get("model_type")
        is_bert, is_t5 = kind in BERT_MODEL_TYPES, kind in T5_MODEL_TYPES
    if json_file.is_file() and is_t5:
        return _read_t5(directory, config)
    if json_file.is_file() and not is_bert:
        padding = config.get("pad_token")
        return read_tokenizer_json(json_file), None if padding is None else _content(padding)
    if name is not None and not is_bert:
        raise PresetError(
            f"{directory} has a {name}, which is not supported without a tokenizer.json; save it "
            "with transformers' save_pretrained first"
        )
    return _read_bert(directory, config)


def _read_bert(directory: Path, config: dict[str, Any]) -> tuple[tokenizers.Tokenizer, str | None]:
    """Builds the BERT tokenizer of a directory; returns it with its padding token."""
    json_file = directory / "tokenizer.json"
    saved = _read_object(json_file)
    if json_file.is_file():
        vocabulary = _vocabulary(json_file, saved)
    else:
        try:
            vocabulary = models.WordPiece.read_file(str(directory / "vocab.txt"))
        except Exception as error:
            raise PresetError(f"cannot read {directory / 'vocab.txt'}: {error}") from None
    for setting in ("do_lower_case", "tokenize_chinese_chars", "strip_accents"):
        value = config.get(setting)
        if value is not None and not isinstance(value, bool):
            raise PresetError(
                f"{directory / 'tokenizer_config.json'} has {value!r} as {setting}; it must be "
                "true or false"
            )
    lowercase = config.get("do_lower_case", True)
    _warn_of_case(directory, lowercase, saved.get("normalizer"))
    special, added, extra = _special_tokens(directory, config, saved, SPECIAL_TOKENS)
    return build_wordpiece(
        vocabulary,
        lowercase=lowercase,
        strip_accents=config.get("strip_accents"),
        split_chinese=config.get("tokenize_chinese_chars", True),
        special_tokens=special,
        added_tokens=added,
        extra_special_tokens=extra,
    ), special.get("pad_token")


def _read_t5(directory: Path, config: dict[str, Any]) -> tuple[tokenizers.Tokenizer, str | None]:
    """Builds the T5 tokenizer of a directory; returns it with its padding token."""
    path = directory / "tokenizer.json"
    saved = _read_object(path)
    special, added, extra = _special_tokens(directory, config, saved, ROLES)
    if not config.get("additional_special_tokens"):
        count = config.get("extra_ids", 100)
        if isinstance(count, bool) or not isinstance(count, int) or not 0 <= count <= 100_000:
            raise PresetError(
                f"{directory / 'tokenizer_config.json'} has {count!r} as extra_ids; it must be a "
                "number of tokens"
            )
        extra = [*extra, *sentinels(count)]
    try:
        backend = build_unigram(
            _pieces(path, saved),
            _characters(saved.get("normalizer")),
            end_token=special.get("eos_token", END),
            added_tokens=added,
            special_tokens=[*special.values(), *extra],
        )
    except (KeyboardInterrupt, SystemExit, PresetError):
        raise
    except BaseException as error:  # a panic in Rust is no Exception
        raise PresetError(f"{path} is not a tokenizer that can be read: {error}") from None
    return backend, special.get("pad_token")


def _pieces(path: Path, saved: dict[str, Any]) -> list[tuple[str, float]]:
    """The pieces in the content of a tokenizer.json, with their log-probabilities."""
    model = saved.get("model")
    if not isinstance(model, dict) or model.get("type", "Unigram") != "Unigram":
        kind = model.get("type") if isinstance(model, dict) else None
        raise PresetError(f"{path} has a {kind} model where T5 has a Unigram one")
    try:
        return [(str(piece), float(score)) for piece, score in model["vocab"]]
    except (KeyError, TypeError, ValueError):
        raise PresetError(f"{path} has no vocabulary of the form [[piece, score], ...]") from None


def _characters(normalizer: object) -> normalizers.Normalizer | None:
    """SentencePiece's table of characters among the steps of a saved normalizer."""
    steps = normalizer.get("normalizers", [normalizer]) if isinstance(normalizer, dict) else []
    for step in steps if isinstance(steps, list) else []:
        if isinstance(step, dict) and step.get("type") == "Precompiled":
            try:
                table = base64.b64decode(step.get("precompiled_charsmap") or "", validate=True)
            except (TypeError, ValueError, binascii.Error):
                raise PresetError("the tokenizer's precompiled_charsmap is not base64") from None
            return normalizers.Precompiled(table) if table else None
    return None


def _special_tokens(
    directory: Path, config: dict[str, Any], saved: dict[str, Any], defaults: Mapping[str, str]
) -> tuple[dict[str, str], list[AddedToken], list[str]]:
    """The special tokens by their role, the added tokens in id order, and those without a role."""
    # The older files with special tokens count only where the newer key is missing.
    older = "added_tokens_decoder" not in config
    special = dict(defaults)
    settings = {**config, **(_read_object(directory / "special_tokens_map.json") if older else {})}
    for role in defaults:
        if role in settings and settings[role] is None:
            del special[role]  # the checkpoint says that it has none
        elif role in settings:
            special[role] = _content(settings[role])
    extra = settings.get("extra_special_tokens") or settings.get("additional_special_tokens") or []
    if isinstance(extra, dict):
        extra = list(extra.values())
    added: dict[int, AddedToken] = {}
    if older:
        pieces = _read_object(directory / "added_tokens.json")
        for token, index in pieces.items():
            is_special = token in {*special.values(), *map(_content, extra)}
            added[int(index)] = AddedToken(token, special=is_special, normalized=not is_special)
        for entry in saved.get("added_tokens") or []:
            added[int(entry["id"])] = _added_token(entry)
    else:
        for index, entry in config["added_tokens_decoder"].items():
            added[int(index)] = _added_token(entry)
    tokens = [added[index] for index in sorted(added)]
    return special, tokens, [_content(token) for token in extra]


def _warn_of_case(directory: Path, lowercase: bool, normalizer: object) -> None:
    """Says so where tokenizer.json was written for another case than transformers reads it with."""
    written = normalizer.get("lowercase") if isinstance(normalizer, dict) else None
    if isinstance(written, bool) and written != lowercase:
        names = {True: "lower-cases", False: "keeps capitals"}
        warnings.warn(
            f"the tokenizer of {directory} {names[lowercase]}, as transformers reads it, though "
            f"its tokenizer.json {names[written]}; set do_lower_case in tokenizer_config.json to "
            f"{str(written).lower()} if that is wrong",
            stacklevel=5,
        )


def _vocabulary(path: Path, saved: dict[str, Any]) -> dict[str, int]:
    """The word pieces in the content of a tokenizer.json."""
    model = saved.get("model")
    if not isinstance(model, dict) or model.get("type", "WordPiece") != "WordPiece":
        kind = model.get("type") if isinstance(model, dict) else None
        raise PresetError(f"{path} has a {kind} model where BERT has a WordPiece one")
    vocabulary = model.get("vocab")
    if not isinstance(vocabulary, dict) or not all(
        isinstance(index, int) and 0 <= index < 2**31 for index in vocabulary.values()
    ):
        raise PresetError(f"{path} has no vocabulary of the form {{word piece: id}}")
    return vocabulary


def _content(token: object) -> str:
    """The text of a special token, which stands as a string or as {"content": string, ...}."""
    content = token.get("content") if isinstance(token, Mapping) else token
    if not isinstance(content, str):
        raise PresetError(f"the tokenizer's files name a special token {token!r}, not a string")
    return content


def _added_token(entry: object) -> AddedToken:
    content = _content(entry)
    flags = entry if isinstance(entry, Mapping) else {}
    names = ("single_word", "lstrip", "rstrip", "special")
    chosen = {name: bool(flags.get(name, False)) for name in names}
    normalized = bool(flags.get("normalized", not chosen["special"]))
    return AddedToken(content, normalized=normalized, **chosen)


def _read_object(path: Path) -> dict[str, Any]:
    """Reads a JSON object; {} if there is no such file."""
    if not path.is_file():
        return {}
    try:
        content = json.loads(_read(path))
    except (ValueError, RecursionError):
        raise PresetError(f"{path} is not a JSON file") from None
    if not isinstance(content, dict):
        raise PresetError(f"{path} is not a JSON object")
    return content


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise PresetError(f"there is no tokenizer file {path}") from None
    except OSError as error:
        raise PresetError(f"cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise PresetError(f"{path} is not UTF-8") from None
