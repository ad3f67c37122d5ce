"""Trains tokenizers, and keeps them on disk for the next run on the same texts."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import tokenizers
from tokenizers import Regex, decoders, models, normalizers, pre_tokenizers, processors, trainers

from kerasft import storage
from kerasft.errors import ConfigError, DataError
from kerasft.text.tokenizer import Tokenizer
from kerasft.text.tokenizer_file import MARKS

UNKNOWN, PADDING, START, END = "[UNK]", "[PAD]", "[SOS]", "[EOS]"
# In id order: [UNK] is 0, [PAD] is 1, [SOS] is 2, [EOS] is 3.
SPECIAL_TOKENS = (UNKNOWN, PADDING, START, END)

Kind = Literal["word", "bpe"]


def train_tokenizer(
    texts: Sequence[str],
    kind: Kind,
    *,
    vocab_size: int,
    min_frequency: int,
    lowercase: bool = False,
) -> Tokenizer:
    """Trains a tokenizer of words or word pieces.

    Every text is encoded as `[SOS] ... [EOS]`. Before that its characters are composed (NFC) and
    each run of whitespace becomes one space.

    - "word": words between whitespace, and each punctuation mark alone. A word that is not
      in the vocabulary is [UNK]. `Tokenizer.decode` puts the text together by rules.
    - "bpe": pieces of words. Whitespace is part of the pieces, as "▁", so decoding gives back the
      very text (but for [UNK], which stands for characters that the texts hardly have).

    Source: Sennrich et al., "Neural Machine Translation of Rare Words with Subword Units" (2016),
    section 3.2; the mark for spaces is that of Kudo and Richardson, "SentencePiece" (2018).

    Args:
        texts: The training texts alone: a word that occurs nowhere in them must be unknown.
        kind: "word" or "bpe".
        vocab_size: Most tokens, the four special ones included.
        min_frequency: How often a word, a pair of pieces or a character must occur to be known.
        lowercase: Whether texts are lower-cased.

    Raises:
        ConfigError: The kind is unknown, or a number is too small.
        DataError: There are no texts, or nothing in them occurs often enough.

    Example:
        >>> tokenizer = train_tokenizer(["L'acqua è fredda.", "L'acqua!"], "word",
        ...                             vocab_size=1000, min_frequency=1)
        >>> tokenizer.tokens(tokenizer.encode(["L'acqua."], 16).token_ids[0])
        ['[SOS]', 'L', "'", 'acqua', '.', '[EOS]']
    """
    _check_settings(kind, vocab_size, min_frequency)
    if not texts:
        raise DataError("there are no texts to train a tokenizer on")
    settings: dict[str, Any] = {
        "vocab_size": vocab_size,
        "min_frequency": min_frequency,
        "special_tokens": list(SPECIAL_TOKENS),
        "show_progress": False,
    }
    trainer: trainers.Trainer
    if kind == "word":
        backend = tokenizers.Tokenizer(models.WordLevel(unk_token=UNKNOWN))
        backend.pre_tokenizer = pre_tokenizers.Sequence(
            [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Punctuation("isolated")]
        )
        backend.normalizer = _normalizer(lowercase)
        trainer = trainers.WordLevelTrainer(**settings)
    else:
        backend = tokenizers.Tokenizer(models.BPE(unk_token=UNKNOWN, fuse_unk=True))
        backend.pre_tokenizer = pre_tokenizers.Sequence(
            [
                pre_tokenizers.Metaspace("▁", prepend_scheme="always"),
                pre_tokenizers.Split(Regex(MARKS), "isolated"),
            ]
        )
        backend.decoder = decoders.Metaspace("▁", prepend_scheme="always")
        backend.normalizer = _normalizer(lowercase)
        characters = _frequent_characters(texts, backend.normalizer, min_frequency)
        trainer = trainers.BpeTrainer(limit_alphabet=characters, **settings)
    backend.train_from_iterator(texts, trainer, length=len(texts))
    if backend.get_vocab_size() <= len(SPECIAL_TOKENS):
        raise DataError(
            f"no word of the {len(texts)} texts occurs {min_frequency} times; lower the minimum "
            "frequency"
        )
    backend.post_processor = processors.TemplateProcessing(
        single=f"{START} $A {END}",
        special_tokens=[(token, backend.token_to_id(token)) for token in (START, END)],
    )
    return Tokenizer(backend, PADDING)


def load_or_train(
    path: str | Path,
    texts: Sequence[str],
    kind: Kind,
    *,
    vocab_size: int,
    min_frequency: int,
    lowercase: bool = False,
) -> tuple[Tokenizer, str]:
    """Loads the tokenizer at `path` if it fits the same texts and settings, else trains one.

    `NAME.made_of.json` beside it records the texts and settings. A tokenizer of other texts or
    settings is replaced; one that this function did not write is left alone.

    Args:
        path: The tokenizer's file, such as "tokenizer_en.json". Its folder is made if missing.
        texts: As for `train_tokenizer`, like the remaining arguments.

    Returns:
        The tokenizer, and one sentence on whether it was reused or trained, and why.

    Raises:
        ConfigError: The file cannot be written, or as for `train_tokenizer`.
        DataError: The file at `path` is another tokenizer, or as for `train_tokenizer`.
    """
    _check_settings(kind, vocab_size, min_frequency)
    path = Path(path)
    sidecar = path.with_name(f"{path.stem}.made_of.json")
    wanted = {
        "texts": _hash_of_texts(texts),
        "kind": kind,
        "vocabulary size": vocab_size,
        "minimum frequency": min_frequency,
        "lowercase": lowercase,
    }
    why = "there was none"
    if path.exists():
        made_of = _read_sidecar(path, sidecar)
        different = [name for name, value in wanted.items() if made_of.get(name) != value]
        if not different:
            tokenizer = Tokenizer.from_file(path)
            return tokenizer, f"re-used {path} of {tokenizer.vocab_size} tokens"
        why = f"the one there was made with other {_listed(different)}"
    tokenizer = train_tokenizer(
        texts,
        kind,
        vocab_size=vocab_size,
        min_frequency=min_frequency,
        lowercase=lowercase,
    )
    _write(tokenizer, path, sidecar, wanted)
    return tokenizer, f"made {path} of {tokenizer.vocab_size} tokens, since {why}"


def load_or_train_pair(
    folder: str | Path,
    sources: Sequence[str],
    targets: Sequence[str],
    kind: Kind,
    *,
    vocab_size: int,
    min_frequency: int,
) -> tuple[Tokenizer, Tokenizer, list[str]]:
    """Loads or trains the tokenizers of a translator: `source.json` and `target.json` in a folder.

    Args:
        folder: Where they are kept; made if missing.
        sources: The training texts of the language that is translated.
        targets: The training texts of the language that it is translated into.
        kind: As for `load_or_train`, like the remaining arguments.

    Returns:
        The tokenizers of source and target, and a sentence on each.

    Raises:
        ConfigError: As for `load_or_train`.
        DataError: Likewise.
    """
    settings: dict[str, Any] = {
        "vocab_size": vocab_size,
        "min_frequency": min_frequency,
    }
    source, of_source = load_or_train(Path(folder, "source.json"), sources, kind, **settings)
    target, of_target = load_or_train(Path(folder, "target.json"), targets, kind, **settings)
    return source, target, [of_source, of_target]


def _check_settings(kind: str, vocab_size: int, min_frequency: int) -> None:
    if kind not in ("word", "bpe"):
        raise ConfigError(f"the kind of tokenizer is {kind!r}, but must be word or bpe")
    if vocab_size <= len(SPECIAL_TOKENS):
        raise ConfigError(
            f"the vocabulary size is {vocab_size}, but {len(SPECIAL_TOKENS)} tokens are "
            f"special; make it {len(SPECIAL_TOKENS) + 1} or more"
        )
    if min_frequency < 1:
        raise ConfigError(f"the minimum frequency is {min_frequency}; make it 1 or more")


def _normalizer(lowercase: bool) -> normalizers.Normalizer:
    steps: list[normalizers.Normalizer] = [normalizers.NFC()]
    if lowercase:
        steps.append(normalizers.Lowercase())
    steps += [normalizers.Replace(Regex(r"\s+"), " "), normalizers.Strip()]
    return normalizers.Sequence(steps)


def _frequent_characters(
    texts: Sequence[str], normalizer: normalizers.Normalizer, min_frequency: int
) -> int:
    """How many distinct characters occur often enough to be known, the mark for spaces included."""
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update("▁" + normalizer.normalize_str(text).replace(" ", "▁"))
    return sum(count >= min_frequency for count in counts.values())


def _hash_of_texts(texts: Sequence[str]) -> str:
    digest = hashlib.sha256()
    for text in texts:
        digest.update(text.encode("utf-8", "surrogatepass") + b"\0")
    return digest.hexdigest()


def _read_sidecar(path: Path, sidecar: Path) -> dict[str, Any]:
    """The texts and settings of the tokenizer at `path`.

    Raises:
        DataError: It was not made here, or has been replaced since.
    """
    if not sidecar.is_file():
        raise DataError(
            f"{path} was not made by this command ({sidecar.name} is missing beside it), so it is "
            "not replaced; delete it or choose another place"
        )
    made_of = storage.read_json(sidecar, DataError)
    if not isinstance(made_of, dict) or made_of.get("sha256") != storage.sha256_file(path):
        raise DataError(
            f"{path} is another tokenizer than {sidecar.name} was written for; delete both to have "
            "it made anew, or choose another place"
        )
    return made_of


def _write(tokenizer: Tokenizer, path: Path, sidecar: Path, made_of: dict[str, Any]) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"cannot make the folder {path.parent}: {error.strerror}") from None
    with storage.write_file(path) as new:
        tokenizer.save(new)
        made_of = {**made_of, "sha256": storage.sha256_file(new)}
        with storage.write_file(sidecar) as new_sidecar:
            storage.write_json(new_sidecar, made_of)


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
