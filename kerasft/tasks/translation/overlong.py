"""How long the sides of pairs are in tokens, and what becomes of those too long for the model.

They are dropped, cut or refused, and always counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from kerasft.data.rows import Rows
from kerasft.errors import ConfigError, DataError
from kerasft.text.encodings import Encodings
from kerasft.text.tokenizer import Tokenizer

Policy = Literal["drop", "cut", "refuse"]


@dataclass(frozen=True)
class LengthFacts:
    """Lengths of texts in tokens, special tokens included, before any cut.

    Attributes:
        maximum: Tokens of the longest text.
        percentile_99: Tokens that 99 of 100 texts do not exceed.
        mean: Tokens of a text on average.
        unknown_rate: Share of the tokens between the special ones that are unknown words, 0 to 1.
    """

    texts: int
    maximum: int
    percentile_99: int
    mean: float
    unknown_rate: float

    def describe(self, language: str) -> str:
        """One sentence for the run's output and the model card."""
        return (
            f"{language}: {self.mean:.1f} tokens per text, at most {self.maximum}, 99% have "
            f"{self.percentile_99} or fewer; {self.unknown_rate:.2%} are unknown words"
        )


@dataclass(frozen=True)
class EncodedPairs:
    """Pairs as token ids, none longer than `max_length`.

    Attributes:
        pairs: The pairs that are kept.
        source_ids: One int32 array `[SOS] source [EOS]` a pair, of `max_length` tokens at most.
        target_ids: One int32 array `[SOS] target [EOS]` a pair, of `max_length` + 1 tokens at most:
            the decoder reads all but the last token and must say all but the first.
        source: What the tokenizer made of the sources, those that are not kept included.
        target: Likewise of the targets.
        overlong: How many pairs were too long.
        note: One sentence that says so.
    """

    pairs: Rows
    source_ids: list[np.ndarray]
    target_ids: list[np.ndarray]
    source: Encodings
    target: Encodings
    overlong: int
    note: str

    def describe(self, source_lang: str, target_lang: str) -> list[str]:
        """What was too long, and how long the texts of each language are, a sentence each."""
        return [
            self.note,
            measure(self.source).describe(source_lang),
            measure(self.target).describe(target_lang),
        ]


def encode_sides(
    pairs: Rows,
    source_tokenizer: Tokenizer,
    target_tokenizer: Tokenizer,
    *,
    max_length: int,
    policy: Policy,
) -> EncodedPairs:
    """Encodes pairs and does with the long ones what the policy says.

    A pair is too long if its source has more than `max_length` tokens with [SOS] and [EOS], or its
    target more than `max_length` with one of the two.

    Args:
        source_tokenizer: Makes `[SOS] source [EOS]`.
        target_tokenizer: Makes `[SOS] target [EOS]`.
        max_length: Most tokens that the encoder, and likewise the decoder, takes.
        policy: "drop" leaves long pairs out, "cut" shortens their sides (keeping [EOS]), "refuse"
            raises.

    Raises:
        ConfigError: The policy is unknown, or `max_length` leaves no room for a word.
        DataError: All pairs are too long, or one is and the policy is "refuse".

    Example:
        >>> train = encode_sides(data.train, english, italian, max_length=60, policy="drop")
        >>> train.note
        '12 of 14642 pairs are longer than 60 tokens and left out'
    """
    if policy not in get_args(Policy):
        raise ConfigError(f"overlong is {policy!r}, but must be drop, cut or refuse")
    if max_length < 3:
        raise ConfigError(
            f"max_length is {max_length}, but [SOS] and [EOS] take 2 of these tokens; make it 3 "
            "or more"
        )
    source = source_tokenizer.encode(pairs["source"], max_length)
    target = target_tokenizer.encode(pairs["target"], max_length + 1)
    longer = np.maximum(source.full_lengths, target.full_lengths - 1)
    too_long = longer > max_length
    count = int(too_long.sum())
    note = f"{count or 'none'} of {len(pairs)} pairs {'is' if count <= 1 else 'are'} longer than "
    note += f"{max_length} tokens"
    if count and policy == "refuse":
        first = _shortened(pairs["source"][int(too_long.argmax())])
        raise DataError(
            f"{note}, the longest has {longer.max()} (the first is {first}); raise --max_length, "
            "or set --overlong to drop or cut"
        )
    kept = np.arange(len(pairs))
    if count and policy == "drop":
        kept = np.flatnonzero(~too_long)
        if not len(kept):
            raise DataError(
                f"all {len(pairs)} pairs are longer than {max_length} tokens, the shortest has "
                f"{longer.min()}; raise --max_length or set --overlong to cut"
            )
    if count:
        note += {"drop": " and left out", "cut": " and cut"}[policy]
    return EncodedPairs(
        pairs=pairs.take(kept.tolist()) if len(kept) < len(pairs) else pairs,
        source_ids=[source.token_ids[row] for row in kept],
        target_ids=[target.token_ids[row] for row in kept],
        source=source,
        target=target,
        overlong=count,
        note=note,
    )


def measure(encodings: Encodings, special_tokens: int = 2) -> LengthFacts:
    """Measures the lengths of one language's texts.

    Args:
        encodings: What the tokenizer made of the texts.
        special_tokens: How many special tokens it puts around a text.

    Raises:
        DataError: There are no texts.

    Example:
        >>> measure(tokenizer.encode(texts, 100)).describe("en")
        'en: 8.1 tokens per text, at most 58, 99% have 17 or fewer; 1.20% are unknown words'
    """
    lengths = encodings.full_lengths
    if not len(lengths):
        raise DataError("there are no texts whose lengths could be measured")
    words = encodings.tokens - special_tokens * len(lengths)
    return LengthFacts(
        texts=len(lengths),
        maximum=int(lengths.max()),
        percentile_99=int(np.quantile(lengths, 0.99, method="inverted_cdf")),
        mean=float(lengths.mean()),
        unknown_rate=encodings.unknown / max(words, 1),
    )


def _shortened(text: str, width: int = 60) -> str:
    return repr(text if len(text) <= width else text[: width - 3] + "...")
