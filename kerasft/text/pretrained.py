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
  of tokenizer.json and the table of characters of its normalizer (else those of spiece.model);
  what else the file says of normalizing and splitting does not count.
- Any other tokenizer is tokenizer.json as it stands.
"""

import base64
import binascii
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tokenizers
from tokenizers import AddedToken, models, normalizers

from kerasft import storage
from kerasft.errors import PresetError
from kerasft.text.charsmap import read_charsmap
from kerasft.text.sentencepiece_model import read_sentencepiece
from kerasft.text.tokenizer_file import (
    MAX_FILE_BYTES,
    MAX_TOKEN_LENGTH,
    check_added_token,
    check_model,
    check_tokenizer,
    library_errors,
)
from kerasft.text.unigram import END, ROLES, build_unigram, sentinels
from kerasft.text.wordpiece import SPECIAL_TOKENS, build_wordpiece

BERT_CLASSES = {"BertTokenizer", "DistilBertTokenizer"}
BERT_MODEL_TYPES = {"bert", "distilbert"}
T5_CLASSES, T5_MODEL_TYPES = {"T5Tokenizer"}, {"t5"}
SPIECE = "spiece.model"


def read_tokenizer_json(path: Path, most_tokens: int | None = None) -> tokenizers.Tokenizer:
    """Reads one `tokenizer.json` as it stands.

    Args:
        most_tokens: Rows of the model's embedding table, where they are known.

    Raises:
        PresetError: The file is missing, is not a tokenizer, or is one that no model has.
    """
    return parse_tokenizer_json(_read(path), path, most_tokens)


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
    json_file = directory / "tokenizer.json"
    if not any((directory / name).is_file() for name in ("tokenizer.json", "vocab.txt", SPIECE)):
        raise PresetError(
            f"{directory} has no tokenizer: neither tokenizer.json nor vocab.txt or {SPIECE}"
        )
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
    if is_t5:
        return _read_t5(directory, config)
    if json_file.is_file() and not is_bert:
        padding = config.get("pad_token")
        return read_tokenizer_json(json_file), (
            None if padding is None else _content(directory, padding)
        )
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
        vocabulary = _read_pieces(directory / "vocab.txt")
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
    is_json = path.is_file()
    path = path if is_json else directory / SPIECE
    if not path.is_file():
        raise PresetError(
            f"{directory} has no tokenizer of a T5: neither tokenizer.json nor {SPIECE}"
        )
    saved = _read_object(path) if is_json else read_sentencepiece(path)
    special, added, extra = _special_tokens(directory, config, saved, ROLES)
    if not is_json or not config.get("additional_special_tokens"):
        count = config.get("extra_ids", 100)
        if isinstance(count, bool) or not isinstance(count, int) or not 0 <= count <= 100_000:
            raise PresetError(
                f"{directory / 'tokenizer_config.json'} has {count!r} as extra_ids; it must be a "
                "number of tokens"
            )
        extra = [*extra, *sentinels(count)]
        if not is_json:  # SentencePiece's own file has them not
            saved["model"]["vocab"] += [[token, 0.0] for token in reversed(sentinels(count))]
    with library_errors(PresetError, f"{path} is not a tokenizer that can be read"):
        backend = build_unigram(
            _pieces(path, saved),
            _characters(path, saved.get("normalizer")),
            end_token=special.get("eos_token", END),
            added_tokens=added,
            special_tokens=[*special.values(), *extra],
        )
    return backend, special.get("pad_token")


def _pieces(path: Path, saved: dict[str, Any]) -> list[tuple[str, float]]:
    """The pieces in the content of a tokenizer.json, with their log-probabilities."""
    model = saved.get("model")
    if not isinstance(model, dict) or model.get("type", "Unigram") != "Unigram":
        kind = model.get("type") if isinstance(model, dict) else None
        raise PresetError(f"{path} has a {kind} model where T5 has a Unigram one")
    if not isinstance(model.get("vocab"), list):
        raise PresetError(f"{path} has no vocabulary of the form [[piece, score], ...]")
    _check_model(path, model)
    return [(piece, float(score)) for piece, score in model["vocab"]]


def _check_model(path: Path, model: dict[str, Any]) -> None:
    try:
        check_model(model)
    except PresetError as problem:
        raise PresetError(f"{path} cannot be used: {problem}") from None


def _characters(path: Path, normalizer: object) -> normalizers.Normalizer | None:
    """SentencePiece's table of characters among the steps of a saved normalizer."""
    steps = normalizer.get("normalizers", [normalizer]) if isinstance(normalizer, dict) else []
    for step in steps if isinstance(steps, list) else []:
        if isinstance(step, dict) and step.get("type") == "Precompiled":
            try:
                table = base64.b64decode(step.get("precompiled_charsmap") or "", validate=True)
            except (TypeError, ValueError, binascii.Error):
                raise PresetError(f"{path}: its precompiled_charsmap is not base64") from None
            return read_charsmap(table) if table else None
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
            special[role] = _content(directory, settings[role])
    extra = settings.get("extra_special_tokens") or settings.get("additional_special_tokens") or []
    if isinstance(extra, dict):
        extra = list(extra.values())
    if not isinstance(extra, list):
        raise PresetError(f"the tokenizer of {directory} names special tokens that are no list")
    extra = [_content(directory, token) for token in extra]
    added: dict[int, AddedToken] = {}
    if older:
        named = {*special.values(), *extra}
        for token, index in _read_object(directory / "added_tokens.json").items():
            flags = {"special": token in named, "normalized": token not in named}
            _add(added, directory, index, {"content": token, **flags})
        entries = saved.get("added_tokens") or []
        for entry in entries if isinstance(entries, list) else [entries]:
            _add(added, directory, entry.get("id") if isinstance(entry, dict) else None, entry)
    else:
        decoder = config["added_tokens_decoder"]
        if not isinstance(decoder, dict):
            raise PresetError(
                f"{directory / 'tokenizer_config.json'}: added_tokens_decoder is none"
            )
        for index, entry in decoder.items():
            _add(added, directory, int(index) if index.isdecimal() else index, entry)
    return special, [added[index] for index in sorted(added)], extra


def _add(added: dict[int, AddedToken], directory: Path, index: Any, entry: Any) -> None:
    """Puts an added token of a file to the others, if it is one."""
    fields = {"id": index} | dict(entry) | {"id": index} if isinstance(entry, Mapping) else entry
    try:
        check_added_token(fields)
    except PresetError as problem:
        raise PresetError(f"the tokenizer of {directory} cannot be used: {problem}") from None
    added[index] = _added_token(fields)


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
    if not isinstance(vocabulary, dict):
        raise PresetError(f"{path} has no vocabulary of the form {{word piece: id}}")
    _check_model(path, {name: value for name, value in model.items() if name != "unk_token"})
    return vocabulary


def _read_pieces(path: Path) -> dict[str, int]:
    """The word pieces of a vocab.txt, one a line."""
    if path.stat().st_size > MAX_FILE_BYTES:
        raise PresetError(f"{path} is larger than {MAX_FILE_BYTES} bytes, so it was not read")
    with library_errors(PresetError, f"cannot read {path}"):
        return models.WordPiece.read_file(str(path))


def _content(directory: Path, token: object) -> str:
    """The text of a special token, which stands as a string or as {"content": string, ...}."""
    content = token.get("content") if isinstance(token, Mapping) else token
    if not isinstance(content, str) or len(content) > MAX_TOKEN_LENGTH:
        raise PresetError(
            f"the tokenizer of {directory} names a special token {content!a:.60}, which cannot be "
            "one"
        )
    return content


def _added_token(entry: Mapping[str, Any]) -> AddedToken:
    names = ("single_word", "lstrip", "rstrip", "special")
    chosen = {name: bool(entry.get(name, False)) for name in names}
    normalized = bool(entry.get("normalized", not chosen["special"]))
    return AddedToken(entry["content"], normalized=normalized, **chosen)


def _read_object(path: Path) -> dict[str, Any]:
    """Reads a JSON object; {} if there is no such file."""
    if not path.is_file():
        return {}
    content = storage.parse_json(_read(path), path, PresetError)
    if not isinstance(content, dict):
        raise PresetError(f"{path} is not a JSON object")
    return content


def _read(path: Path) -> bytes:
    if not path.exists():
        raise PresetError(f"there is no tokenizer file {path}")
    return storage.read_bytes(path, PresetError, max_bytes=MAX_FILE_BYTES)
