"""BERT's WordPiece tokenizer, built part by part as transformers builds it.

Source: Devlin et al., "BERT" (2019), section 3, and transformers' `BertTokenizer`.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import tokenizers
from tokenizers import AddedToken, decoders, models, normalizers, pre_tokenizers, processors

from kerasft.errors import PresetError

# The roles of BERT's special tokens and the names they have unless a checkpoint says otherwise, in
# the order in which transformers adds them.
SPECIAL_TOKENS: Mapping[str, str] = MappingProxyType(
    {
        "unk_token": "[UNK]",
        "sep_token": "[SEP]",
        "pad_token": "[PAD]",
        "cls_token": "[CLS]",
        "mask_token": "[MASK]",
    }
)


def build_wordpiece(
    vocabulary: Mapping[str, int],
    lowercase: bool = True,
    *,
    strip_accents: bool | None = None,
    split_chinese: bool = True,
    special_tokens: Mapping[str, str] = SPECIAL_TOKENS,
    added_tokens: Sequence[AddedToken] = (),
    extra_special_tokens: Sequence[str] = (),
) -> tokenizers.Tokenizer:
    """Builds BERT's normalizer, pre-tokenizer, WordPiece model and post-processor.

    Special and added tokens are found in the raw text before anything else happens to it. Those
    that the vocabulary lacks get the next free ids: added ones first, then special, then extra.

    Args:
        vocabulary: Word piece -> id.
        lowercase: Whether texts are lower-cased.
        strip_accents: Whether accents go; None: when `lowercase`.
        split_chinese: Whether each CJK ideograph is a word of its own.
        special_tokens: Role (as in `SPECIAL_TOKENS`) -> token.
        added_tokens: Tokens with their own rules of matching.
        extra_special_tokens: Special tokens without a role.

    Raises:
        PresetError: The vocabulary lacks the token for unknown words, starts or ends.
    """
    own = {added.content for added in added_tokens}
    # Without these there is no encoding; a model that never saw [MASK] still works.
    for role in ("unk_token", "cls_token", "sep_token"):
        token = special_tokens.get(role)
        if token not in vocabulary:
            raise PresetError(
                f"the tokenizer's vocabulary of {len(vocabulary)} pieces has no {token} ({role}); "
                "it is not that of a BERT model"
            )
    backend = tokenizers.Tokenizer(
        models.WordPiece(dict(vocabulary), unk_token=special_tokens["unk_token"])
    )
    backend.normalizer = normalizers.BertNormalizer(
        clean_text=True,
        handle_chinese_chars=split_chinese,
        strip_accents=strip_accents,
        lowercase=lowercase,
    )
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    backend.decoder = decoders.WordPiece(prefix="##")
    for added in added_tokens:
        added.special = added.special or added.content in special_tokens.values()
    named = [token for token in special_tokens.values() if token not in own]
    extra = [token for token in extra_special_tokens if token not in own and token not in named]
    backend.add_tokens(
        [*added_tokens, *(AddedToken(token, special=True) for token in (*named, *extra))]
    )
    first, last = special_tokens["cls_token"], special_tokens["sep_token"]
    backend.post_processor = processors.TemplateProcessing(
        single=f"{first}:0 $A:0 {last}:0",
        pair=f"{first}:0 $A:0 {last}:0 $B:1 {last}:1",
        special_tokens=[(token, backend.token_to_id(token)) for token in (first, last)],
    )
    return backend
