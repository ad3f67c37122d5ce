"""T5's Unigram tokenizer, built part by part as transformers builds it.

Source: Raffel et al., "Exploring the Limits of Transfer Learning" (2020), section 2.2.1; Kudo and
Richardson, "SentencePiece" (2018); and transformers' `T5Tokenizer`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

import tokenizers
from tokenizers import AddedToken, decoders, models, normalizers, pre_tokenizers, processors

from kerasft.errors import PresetError
from kerasft.text.special_tokens import SpecialTokens
from kerasft.text.tokenizer_files import TokenizerFiles

PADDING, END, UNKNOWN = "<pad>", "</s>", "<unk>"
# In id order: <pad> is 0, </s> is 1, <unk> is 2.
SPECIAL_TOKENS = (PADDING, END, UNKNOWN)
ROLES: Mapping[str, str] = MappingProxyType(
    {"eos_token": END, "unk_token": UNKNOWN, "pad_token": PADDING}
)
"""The roles of T5's special tokens and the names they have unless a checkpoint says otherwise."""
UNKNOWN_ID = 2
TOKENS = SpecialTokens.of(ROLES)
SPACE = "▁"


def sentinels(count: int) -> list[str]:
    """The tokens that stand for gaps in a text: <extra_id_0>, <extra_id_1>, ...

    A vocabulary ends with them, the last one first, so that <extra_id_0> has the highest id.
    """
    return [f"<extra_id_{number}>" for number in range(count)]


def build_unigram(
    pieces: Sequence[tuple[str, float]],
    normalizer: normalizers.Normalizer | None = None,
    *,
    unknown_id: int = UNKNOWN_ID,
    single: Sequence[str] = ("$A", END),
    pair: Sequence[str] = ("$A", END, "$B", END),
    prefix_space: bool = True,
    special: SpecialTokens = TOKENS,
) -> tokenizers.Tokenizer:
    """Builds the normalizer, pre-tokenizer, Unigram model and post-processor.

    Whitespace separates words and is part of them, as "▁" before each; so runs of it count as
    one, and decoding gives the text back. Special and added tokens are found in the raw text before
    anything else happens to it; those that the vocabulary lacks get the next free ids.

    Args:
        pieces: The pieces in id order, each with its log-probability.
        normalizer: What happens to characters first.
        unknown_id: The id of the piece for unknown characters.
        single: What a text, "$A", becomes.
        pair: What two texts become; ":1" stands behind what is of the second, where that counts
            (and ":0" may behind what is of the first).
        prefix_space: Whether there is a "▁" before the first word as well.
        special: The special and added tokens.

    Raises:
        PresetError: The vocabulary lacks a token that goes around texts, or the one for unknown
            characters.
    """
    if not 0 <= unknown_id < len(pieces):
        raise PresetError(
            f"the tokenizer's vocabulary of {len(pieces)} pieces has no piece {unknown_id} for "
            "unknown characters; it is not that of such a model"
        )
    backend = tokenizers.Tokenizer(models.Unigram(list(pieces), unknown_id, byte_fallback=False))
    if normalizer is not None:
        backend.normalizer = normalizer
    scheme = "always" if prefix_space else "never"
    backend.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.WhitespaceSplit(),
            pre_tokenizers.Metaspace(SPACE, prepend_scheme=scheme, split=True),
        ]
    )
    backend.decoder = decoders.Metaspace(SPACE, prepend_scheme=scheme, split=True)
    special.add_to(backend)
    names = dict.fromkeys(re.sub(":[01]$", "", token) for token in (*single, *pair))
    around = [token for token in names if token not in ("$A", "$B")]
    ids = [(token, backend.token_to_id(token)) for token in around]
    if missing := [token for token, index in ids if index is None]:
        raise PresetError(
            f"the tokenizer's vocabulary of {len(pieces)} pieces has no {missing[0]}, which goes "
            "around texts; it is not that of such a model"
        )
    backend.post_processor = processors.TemplateProcessing(
        single=list(single), pair=list(pair), special_tokens=ids
    )
    return backend


def sentinels_from(files: TokenizerFiles) -> tokenizers.Tokenizer:
    """Builds the tokenizer of a T5, which ends with sentinels, from its files."""
    pieces, normalizer = files.unigram()
    special = files.special(ROLES)
    if not files.is_json and (unknown := files.saved["model"]["unk_id"]) != UNKNOWN_ID:
        raise PresetError(
            f"{files.path} is not a T5's SentencePiece model: its piece for unknown characters is "
            f"number {unknown}, not {UNKNOWN_ID}"
        )
    if not files.is_json or not files.config.get("additional_special_tokens"):
        count = files.config.get("extra_ids", 100)
        if isinstance(count, bool) or not isinstance(count, int) or not 0 <= count <= 100_000:
            raise PresetError(
                f"{files.directory} has {count!r} as extra_ids in its tokenizer_config.json; it "
                "must be a number of tokens"
            )
        more = [AddedToken(token, special=True) for token in sentinels(count)]
        special = replace(special, extra=(*special.extra, *more))
        if not files.is_json:  # SentencePiece's own file has them not
            pieces += [(token, 0.0) for token in reversed(sentinels(count))]
    end = special.name("eos_token") or END
    return build_unigram(
        pieces, normalizer, single=("$A", end), pair=("$A", end, "$B", end), special=special
    )
