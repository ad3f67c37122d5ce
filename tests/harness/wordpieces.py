"""BERT's tokenizer of a few word pieces."""

from collections.abc import Sequence

from kerasft.text.tokenizer import Tokenizer
from kerasft.text.wordpiece import build_wordpiece


def tokenizer(pieces: Sequence[str], lowercase: bool = True) -> Tokenizer:
    """The tokenizer of these pieces, in id order; [PAD], [UNK], [CLS] and [SEP] among them."""
    return Tokenizer(build_wordpiece({piece: i for i, piece in enumerate(pieces)}, lowercase))
