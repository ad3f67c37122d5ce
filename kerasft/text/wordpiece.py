"""BERT's WordPiece tokenizer, built part by part as transformers builds it.

Source: Devlin et al., "BERT" (2019), section 3, and transformers' `BertTokenizer`.
"""

from collections.abc import Mapping, Sequence

import tokenizers
from tokenizers import AddedToken, decoders, models, normalizers, pre_tokenizers, processors

from kerasft.errors import PresetError

# The roles of BERT's special tokens and the names they have unless a checkpoint says otherwise, in
# the order in which transformers adds them.
SPECIAL_TOKENS = {
    "unk_token": "[UNK]",
    "sep_token": "[SEP]",
    "pad_token": "[PAD]",
    "cls_token": "[CLS]",
    "mask_token": "[MASK]",
}


def build_wordpiece(
    vocabulary: Mapping[str, int],
    lowercase: bool = True,
    *,
    strip_accents: bool | None = None,
    split_chinese: bool = True,
    special_tokens: Mapping[str, str] = SPECIAL_TOKENS,
    added_tokens: Sequence[AddedToken] = (),
) -> tokenizers.Tokenizer:
    """Builds BERT's normalizer, pre-tokenizer, WordPiece model and post-processor.

    Args:
        vocabulary: Word piece -> id.
        lowercase: Whether texts are lower-cased.
        strip_accents: Whether accents go; None: when `lowercase`.
        split_chinese: Whether each CJK ideograph is a word of its own.
        special_tokens: Role (as in `SPECIAL_TOKENS`) -> token.
        added_tokens: Tokens matched in the raw text, added before the special ones. Those that the
            vocabulary lacks get the next free ids, in this order.

    Raises:
        PresetError: A special token other than the mask is missing from the vocabulary.
    """
    for role, token in special_tokens.items():
        known = token in vocabulary or token in {added.content for added in added_tokens}
        if role != "mask_token" and not known:
            raise PresetError(
                f"the tokenizer's vocabulary of {len(vocabulary)} pieces has no {token} ({role}); "
                "it is not a BERT vocabulary"
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
    backend.add_tokens(list(added_tokens))
    contents = {added.content for added in added_tokens}
    backend.add_special_tokens(
        [
            AddedToken(token, special=True, normalized=False)
            for token in special_tokens.values()
            if token not in contents
        ]
    )
    first, last = special_tokens["cls_token"], special_tokens["sep_token"]
    backend.post_processor = processors.TemplateProcessing(
        single=f"{first}:0 $A:0 {last}:0",
        pair=f"{first}:0 $A:0 {last}:0 $B:1 {last}:1",
        special_tokens=[(token, backend.token_to_id(token)) for token in (first, last)],
    )
    return backend
