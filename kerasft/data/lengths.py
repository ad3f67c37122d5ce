"""How long the texts of a language are in tokens, and how many of their words are unknown."""

from dataclasses import dataclass

import numpy as np

from kerasft.errors import DataError
from kerasft.text.tokenizer import Encodings


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
            f"{language}: {self.mean:.1f} tokens a text, at most {self.maximum}, 99% have "
            f"{self.percentile_99} or fewer; {self.unknown_rate:.2%} are unknown words"
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
        'en: 8.1 tokens a text, at most 58, 99% have 17 or fewer; 1.20% are unknown words'
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
