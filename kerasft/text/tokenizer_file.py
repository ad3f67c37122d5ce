"""Checks an untrusted `tokenizer.json` before the library builds it.

The file is a program: steps that rewrite and split a text, regular expressions among them, which
the `tokenizers` library runs. Some programs never end, make a text longer and longer, or make the
library panic. So only the steps and settings of real models' tokenizers are allowed; their cost
grows linearly with the text.
"""

import base64
import binascii
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from kerasft.errors import KerasftError, PresetError
from kerasft.text.charsmap import check_charsmap

MAX_FILE_BYTES = 2**25
"""Twice the largest that a model of ours could have (a quarter of a million pieces)."""
MAX_TOKENS = 4_000_000
MAX_TOKEN_LENGTH = 1000
MAX_ADDED_TOKENS = 100_000
MAX_PIECE_LENGTH = 64
"""Of Unigram, which tries all lengths at each place of a text; SentencePiece's own are 16."""
MAX_WORD = 100
"""Most letters of a word that WordPiece cuts: its time grows with their square."""
MAX_STEPS, MAX_DEPTH = 16, 8
MAX_GROWTH = 700
"""How many characters the steps may make of one; those of ALBERT and XLNet make up to 648."""
MAX_REPLACED_GROWTH = 8
MAX_SPECIAL = 64

MARKS = r"[^\p{L}\p{M}\p{N}\s▁'’-]+"  # noqa: RUF001
"""What `trained.py` makes tokens of their own; apostrophes and hyphens stay (l'acqua)."""
# Each is known to take linear time.
RUNS_OF_SPACE = r"\s{2,}|[\n\r\t]"
REGEXES = {
    r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",  # GPT-2
    r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+",  # Qwen 2
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+",  # GPT-4, Llama 3
    r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+",  # CLIP
    MARKS,
    RUNS_OF_SPACE,
    *(" {2,}", r"\s", r"\s+", r"\d", r"\d+", r"\p{N}", r"\p{N}+", r"\n", r"\n+", "\n", "[\r\n]"),
}
"""The regular expressions that a file may have."""

Check = Callable[[Any], bool]
Kinds = Mapping[str, Mapping[str, Check]]


def _flag(value: Any) -> bool:
    return isinstance(value, bool)


def _maybe(check: Check) -> Check:
    return lambda value: value is None or check(value)


def _text(most: int, least: int = 0) -> Check:
    return lambda value: isinstance(value, str) and least <= len(value) <= most


def _one_of(*words: str) -> Check:
    return lambda value: value in words


def _whole(low: int, high: int) -> Check:
    return lambda value: type(value) is int and low <= value <= high


def _pattern(value: Any) -> bool:
    if not isinstance(value, dict) or len(value) != 1:
        return False
    ((kind, text),) = value.items()
    return text in REGEXES if kind == "Regex" else kind == "String" and _text(64, 1)(text)


def _pair(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) == 2
        and _text(MAX_TOKEN_LENGTH)(value[0])
        and _whole(0, MAX_TOKENS)(value[1])
    )


_ANY: Check = lambda value: True  # noqa: E731  (looked at elsewhere)
_BEHAVIOR = _one_of("Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous")
_METASPACE = {
    "replacement": _text(1, 1),
    "str_rep": _text(1, 1),
    "add_prefix_space": _flag,
    "prepend_scheme": _one_of("always", "never", "first"),
    "split": _flag,
}
_BYTE_LEVEL = {"add_prefix_space": _flag, "trim_offsets": _flag, "use_regex": _flag}
_REPLACE = {"pattern": _pattern, "content": _text(64)}

NORMALIZERS: Kinds = {
    "BertNormalizer": {
        "clean_text": _flag,
        "handle_chinese_chars": _flag,
        "strip_accents": _maybe(_flag),
        "lowercase": _flag,
    },
    **{name: {} for name in ("NFC", "NFD", "NFKC", "NFKD", "Nmt", "Lowercase", "StripAccents")},
    "ByteLevel": {},
    "Strip": {"strip_left": _flag, "strip_right": _flag},
    "Prepend": {"prepend": _text(16)},
    "Replace": _REPLACE,
    "Precompiled": {"precompiled_charsmap": _ANY},
}
PRE_TOKENIZERS: Kinds = {
    **{name: {} for name in ("BertPreTokenizer", "Whitespace", "WhitespaceSplit")},
    "UnicodeScripts": {},
    "ByteLevel": _BYTE_LEVEL,
    "Metaspace": _METASPACE,
    "Punctuation": {"behavior": _BEHAVIOR},
    "Digits": {"individual_digits": _flag},
    "CharDelimiterSplit": {"delimiter": _text(1, 1)},
    "Split": {"pattern": _pattern, "behavior": _BEHAVIOR, "invert": _flag},
}
DECODERS: Kinds = {
    **{name: {} for name in ("ByteFallback", "Fuse")},
    "ByteLevel": _BYTE_LEVEL,
    "WordPiece": {"prefix": _text(16), "cleanup": _flag},
    "Metaspace": _METASPACE,
    "BPEDecoder": {"suffix": _text(16)},
    "Strip": {"content": _text(1, 1), "start": _whole(0, 1000), "stop": _whole(0, 1000)},
    "Replace": _REPLACE,
}
PROCESSORS: Kinds = {
    "BertProcessing": {"sep": _pair, "cls": _pair},
    "RobertaProcessing": {
        "sep": _pair,
        "cls": _pair,
        "trim_offsets": _flag,
        "add_prefix_space": _flag,
    },
    "ByteLevel": _BYTE_LEVEL,
    "TemplateProcessing": {"single": _ANY, "pair": _ANY, "special_tokens": _ANY},
}
MODEL: Mapping[str, Check] = {
    "type": _one_of("WordPiece", "Unigram", "BPE", "WordLevel"),
    "unk_token": _maybe(_text(MAX_TOKEN_LENGTH)),
    "continuing_subword_prefix": _maybe(_text(16)),
    "end_of_word_suffix": _maybe(_text(16)),
    "max_input_chars_per_word": _whole(1, MAX_WORD),
    "dropout": lambda value: value in (None, 0),  # else each reading of a text is another one
    "fuse_unk": _flag,
    "byte_fallback": _flag,
    "ignore_merges": _flag,
    "unk_id": _maybe(_whole(0, MAX_TOKENS)),
    "vocab": _ANY,
    "merges": lambda value: isinstance(value, list),
}
# Most characters that each makes of one: Unicode Standard Annex 15, section 7, for the first four.
_GROWTH = {"NFC": 3, "NFD": 4, "NFKC": 18, "NFKD": 18, "Lowercase": 2, "BertNormalizer": 4}
_GROWTH |= {"ByteLevel": 5}


@contextmanager
def library_errors(error: type[KerasftError], what: str) -> Iterator[None]:
    """Turns errors of the `tokenizers` library into one of ours; every call stands in this.

    A panic in Rust reaches Python as a class that has no base but BaseException.

    Args:
        what: The beginning of the sentence.
    """
    try:
        yield
    except (KeyboardInterrupt, SystemExit, GeneratorExit, MemoryError, KerasftError):
        raise
    except BaseException as problem:
        raise error(f"{what}: {' '.join(str(problem).split())[:200]}") from None


def check_tokenizer(content: Any, where: str, most_tokens: int | None = None) -> None:
    """Refuses a tokenizer that no real model has.

    Args:
        content: What the `tokenizer.json` holds.
        where: The file, for messages.
        most_tokens: Rows of the model's embedding table, where they are known.

    Raises:
        PresetError: The sentence names the part of the file.
    """
    if not isinstance(content, dict):
        raise PresetError(f"{where} is not a JSON object")
    try:
        check_model(content.get("model"), most_tokens)
        _check_added(content.get("added_tokens"), most_tokens)
        growth, replaced, composed = 1.0, 1.0, 0
        for part, inner, kinds in (
            ("normalizer", "normalizers", NORMALIZERS),
            ("pre_tokenizer", "pretokenizers", PRE_TOKENIZERS),
        ):
            for step in _steps(content.get(part), part, inner, kinds):
                growth *= _growth(step)
                replaced *= _growth(step) if step["type"] == "Replace" else 1
                composed += step["type"] in ("NFKC", "NFKD")
        if composed > 1:
            raise PresetError("its normalizer has the step NFKC or NFKD twice")
        if replaced > MAX_REPLACED_GROWTH or growth > MAX_GROWTH:
            raise PresetError(
                f"its normalizer makes {growth:.3g} characters of one; that of ALBERT makes 648, "
                f"and of these its Replace steps may make {MAX_REPLACED_GROWTH}"
            )
        growth = math.prod(
            map(_growth, _steps(content.get("decoder"), "decoder", "decoders", DECODERS))
        )
        if growth > MAX_REPLACED_GROWTH:
            raise PresetError(f"its decoder makes {growth:.3g} characters of one")
        for step in _steps(
            content.get("post_processor"), "post_processor", "processors", PROCESSORS
        ):
            _check_processor(step, most_tokens)
    except PresetError as problem:
        raise PresetError(f"{where} cannot be used: {problem}") from None


def check_model(model: Any, most_tokens: int | None = None) -> None:
    """Refuses the `model` of a `tokenizer.json` that no real tokenizer has.

    Old files do not state its type, so all fields are checked in all of them.

    Args:
        most_tokens: As for `check_tokenizer`.

    Raises:
        PresetError: The sentence names the setting or the token.
    """
    if not isinstance(model, dict):
        raise PresetError("it has no model")
    _check_fields(model, "model", MODEL)
    vocabulary = model.get("vocab")
    if isinstance(vocabulary, dict):
        if not all(type(index) is int and index >= 0 for index in vocabulary.values()):
            raise PresetError("its vocabulary must give each token a number")
        size = 1 + max(vocabulary.values(), default=-1)
    elif isinstance(vocabulary, list) and all(map(_is_piece, vocabulary)):
        size = len(vocabulary)
    else:
        raise PresetError("its vocabulary must be {token: number}, or [[token, score], ...]")
    _check_size(size, most_tokens)
    unknown = model.get("unk_token")
    if isinstance(vocabulary, dict) and unknown is not None and unknown not in vocabulary:
        raise PresetError(f"its vocabulary has no {unknown[:60]!r} for unknown words")
    if isinstance(vocabulary, list) and (model.get("unk_id") or 0) >= size:
        raise PresetError(f"its vocabulary has no token {model['unk_id']} for unknown characters")


def check_added_token(entry: Any, most_tokens: int | None = None) -> None:
    """Refuses an entry of `added_tokens` that is not one.

    Raises:
        PresetError: The sentence shows it.
    """
    flags = ("single_word", "lstrip", "rstrip", "normalized", "special")
    if (
        not isinstance(entry, Mapping)
        or not _text(MAX_TOKEN_LENGTH)(entry.get("content"))
        or not _whole(0, 2**31)(entry.get("id"))
        or not all(_flag(entry.get(name, False)) for name in flags)
    ):
        raise PresetError(f"it has the added token {_short(entry)}, which cannot be one")
    if not entry["content"].strip() and any(map(entry.get, ("single_word", "lstrip", "rstrip"))):
        # In a run of spaces, each would look through all others.
        raise PresetError(f"it has the added token {entry['content']!r} with whitespace around it")
    _check_size(1 + entry["id"], most_tokens)


def _check_added(added: Any, most_tokens: int | None) -> None:
    if added is None:
        return
    if not isinstance(added, list) or len(added) > MAX_ADDED_TOKENS:
        raise PresetError(f"its added_tokens must be a list of {MAX_ADDED_TOKENS} at most")
    for entry in added:
        check_added_token(entry, most_tokens)


def _check_size(size: int, most: int | None) -> None:
    if size > (MAX_TOKENS if most is None else most):
        whose = f"more than {MAX_TOKENS}" if most is None else f"but the model only {most}"
        raise PresetError(f"it has {size} tokens, {whose}")


def _is_piece(entry: Any) -> bool:
    return (
        isinstance(entry, list)
        and len(entry) == 2
        and _text(MAX_PIECE_LENGTH)(entry[0])
        and type(entry[1]) in (int, float)
        and math.isfinite(entry[1])
    )


def _steps(part: Any, name: str, inner: str, kinds: Kinds) -> list[dict[str, Any]]:
    """The steps of a part of the file in order, each checked."""
    found: list[dict[str, Any]] = []
    pending = [(part, 0)] if part is not None else []
    while pending:
        step, depth = pending.pop()
        kind = step.get("type") if isinstance(step, dict) else None
        if kind == "Sequence" and isinstance(step.get(inner), list) and depth < MAX_DEPTH:
            pending += [(each, depth + 1) for each in reversed(step[inner])]
        elif not isinstance(kind, str) or kind not in kinds:
            raise PresetError(
                f"its {name} has the step {_short(kind or step)}, which is not supported"
            )
        else:
            _check_fields(step, f"{name} {kind}", {"type": _ANY, **kinds[kind]})
            found.append(step)
        if len(found) + len(pending) > MAX_STEPS:
            raise PresetError(f"its {name} has more than {MAX_STEPS} steps")
    if sum(step["type"] == "Metaspace" for step in found) > 1:  # two would split each other's marks
        raise PresetError(f"its {name} has the step Metaspace twice")
    return found


def _check_fields(step: Mapping[str, Any], name: str, known: Mapping[str, Check]) -> None:
    for key, value in step.items():
        if key not in known:
            raise PresetError(f"its {name} has the setting {_short(key)}, which is not supported")
        if not known[key](value):
            raise PresetError(f"its {name} has {_short(value)} as {key}, which is not supported")


def _growth(step: Mapping[str, Any]) -> float:
    """Most characters that a step makes of one."""
    if step["type"] == "Precompiled":
        try:
            table = base64.b64decode(step.get("precompiled_charsmap") or "", validate=True)
        except (TypeError, ValueError, binascii.Error):
            raise PresetError("its precompiled_charsmap is not base64") from None
        return check_charsmap(table)
    if step["type"] == "Replace" and {"pattern", "content"} <= step.keys():
        replaced = step["pattern"].get("String", " ")  # a regular expression takes one or more
        return max(1.0, len(step["content"]) / len(replaced))
    return _GROWTH.get(step["type"], 1)


def _check_processor(step: Mapping[str, Any], most_tokens: int | None) -> None:
    """Refuses special tokens around a text that are unknown to the model, or too many."""
    ids = [step[name][1] for name in ("sep", "cls") if name in step]
    if step["type"] == "TemplateProcessing":
        special = step.get("special_tokens")
        if not isinstance(special, dict) or not all(map(_is_special, special.values())):
            raise PresetError("its post_processor has special_tokens that are none")
        ids += [index for each in special.values() for index in each["ids"]]
        for name, texts in (("single", ["A"]), ("pair", ["A", "B"])):
            pieces = step.get(name)
            if not isinstance(pieces, list) or len(pieces) > MAX_SPECIAL:
                raise PresetError(f"its post_processor has no {name} that can be used")
            named = [_named(piece, special) for piece in pieces]
            if sorted(name for kind, name in named if kind == "Sequence") != texts:
                raise PresetError(f"its post_processor must put {name} texts in once each")
    _check_size(1 + max(ids, default=-1), most_tokens)


def _is_special(entry: Any) -> bool:
    ids = entry.get("ids") if isinstance(entry, dict) else None
    return (
        isinstance(ids, list)
        and 1 <= len(ids) <= MAX_SPECIAL
        and all(map(_whole(0, 2**32), ids))
        and isinstance(entry.get("tokens"), list)
        and len(entry["tokens"]) == len(ids)
    )


def _named(piece: Any, special: Mapping[str, Any]) -> tuple[str, str]:
    """What a piece of a template is: a special token or a text, and its name."""
    if isinstance(piece, dict) and len(piece) == 1:
        ((kind, value),) = piece.items()
        if isinstance(value, dict) and _whole(0, 255)(value.get("type_id", 0)):
            name = value.get("id")
            if kind == "Sequence" and name in ("A", "B"):
                return kind, name
            if kind == "SpecialToken" and isinstance(name, str) and name in special:
                return kind, name
    raise PresetError(f"its post_processor has the piece {_short(piece)}, which cannot be used")


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
