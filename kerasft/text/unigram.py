"""T5's Unigram tokenizer, built part by part as transformers builds it.

Source: Raffel et al., "Exploring the Limits of Transfer Learning" (2020), section 2.2.1; Kudo and
Richardson, "SentencePiece" (2018); and transformers' `T5Tokenizer`.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import tokenizers
from tokenizers import AddedToken, decoders, models, normalizers, pre_tokenizers, processors

from kerasft.errors import PresetError

PADDING, END, UNKNOWN = "<pad>", "</s>", "<unk>"
# In id order: <pad> is 0, </s> is 1, <unk> is 2.
SPECIAL_TOKENS = (PADDING, END, UNKNOWN)
ROLES: Mapping[str, str] = MappingProxyType(
    {"eos_token": END, "unk_token": UNKNOWN, "pad_token": PADDING}
)
"""The roles of T5's special tokens and the names they have unless a checkpoint says otherwise."""
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
    unknown_id: int = 2,
    end_token: str = END,
    added_tokens: Sequence[AddedToken] = (),
    special_tokens: Sequence[str] = SPECIAL_TOKENS,
) -> tokenizers.Tokenizer:
    """Builds T5's normalizer, pre-tokenizer, Unigram model and post-processor.

    Whitespace separates words and is part of them, as "▁" before each; so runs of it count as
    one, and decoding gives the text back. Every text is encoded as `... </s>`. Special and added
    tokens are found in the raw text before anything else happens to it; those that the vocabulary
    lacks get the next free ids.

    Args:
        pieces: The pieces in id order, each with its log-probability.
        normalizer: What happens to characters first.
        unknown_id: The id of the piece for unknown characters.
        end_token: What closes a text.
        added_tokens: Tokens with their own rules of matching.
        special_tokens: Further special tokens.

    Raises:
        PresetError: The vocabulary lacks the token that ends texts, or the one for unknown
            characters.
    """
    if not 0 <= unknown_id < len(pieces):
        raise PresetError(
            f"the tokenizer's vocabulary of {len(pieces)} pieces has no piece {unknown_id} for "
            "unknown characters; it is not that of a T5 model"
        )
    backend = tokenizers.Tokenizer(models.Unigram(list(pieces), unknown_id, byte_fallback=False))
    if normalizer is not None:
        backend.normalizer = normalizer
    backend.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.WhitespaceSplit(),
            pre_tokenizers.Metaspace(SPACE, prepend_scheme="always", split=True),
        ]
    )
    backend.decoder = decoders.Metaspace(SPACE, prepend_scheme="always", split=True)
    own = {added.content for added in added_tokens}
    for added in added_tokens:
        added.special = added.special or added.content in special_tokens
    special = [token for token in dict.fromkeys(special_tokens) if token not in own]
    backend.add_tokens([*added_tokens, *(AddedToken(token, special=True) for token in special)])
    end_id = backend.token_to_id(end_token)
    if end_id is None:
        raise PresetError(
            f"the tokenizer's vocabulary of {len(pieces)} pieces has no {end_token}, which ends "
            "texts; it is not that of a T5 model"
        )
    backend.post_processor = processors.TemplateProcessing(
        single=f"$A {end_token}",
        pair=f"$A {end_token} $B {end_token}",
        special_tokens=[(end_token, end_id)],
    )
    return backend
