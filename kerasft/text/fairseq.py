"""The tokenizers of fairseq's models over SentencePiece, whose ids transformers keeps.

fairseq's vocabularies begin with tokens of their own, so that SentencePiece's pieces have other
ids than in their file.

Source: transformers' `XLMRobertaTokenizer` and `CamembertTokenizer`.
"""

from dataclasses import replace
from types import MappingProxyType

import tokenizers
from tokenizers import AddedToken, normalizers

from kerasft.text.special_tokens import SpecialTokens
from kerasft.text.tokenizer_files import TokenizerFiles
from kerasft.text.unigram import build_unigram

FAIRSEQ_ROLES = MappingProxyType(
    {
        "bos_token": "<s>",
        "eos_token": "</s>",
        "unk_token": "<unk>",
        "sep_token": "</s>",
        "pad_token": "<pad>",
        "cls_token": "<s>",
        "mask_token": "<mask>",
    }
)
"""The roles of their special tokens, and the names unless a checkpoint says otherwise."""
CAMEMBERT_ROLES = {**FAIRSEQ_ROLES, "mask_token": {"content": "<mask>", "lstrip": True}}
UNUSED = ("<s>NOTUSED", "</s>NOTUSED", "<unk>NOTUSED")
"""Tokens that CamemBERT's vocabulary has twice, and which no text becomes."""


def xlm_r_from(files: TokenizerFiles) -> tokenizers.Tokenizer:
    """Builds the tokenizer of an XLM-R from its files."""
    special = files.special(FAIRSEQ_ROLES)
    pieces, normalizer = files.unigram()
    if not files.is_json:
        first = [special.needed(f"{role}_token") for role in ("bos", "pad", "eos", "unk")]
        own = [(token, 0.0) for token in first]
        pieces = [*own, *pieces[3:], (special.needed("mask_token"), 0.0)]
    return _build(files, special, pieces, normalizer, 3)


def camembert_from(files: TokenizerFiles) -> tokenizers.Tokenizer:
    """Builds the tokenizer of a CamemBERT from its files."""
    special = files.special(CAMEMBERT_ROLES)
    pieces, normalizer = files.unigram()
    unknown = special.needed("unk_token")
    if files.is_json:
        if not special.extra:
            extra = tuple(AddedToken(token, special=True) for token in UNUSED)
            special = replace(special, extra=extra)
    else:
        first = (UNUSED[0], special.needed("pad_token"), UNUSED[1], unknown)
        own = [*((token, 0.0) for token in first), (UNUSED[2], -100.0)]
        pieces = [*own, *pieces[1:], (special.needed("mask_token"), 0.0)]
    unknown_id = next((i for i, (piece, _) in enumerate(pieces) if piece == unknown), 0)
    return _build(files, special, pieces, normalizer, unknown_id)


def _build(
    files: TokenizerFiles,
    special: SpecialTokens,
    pieces: list[tuple[str, float]],
    normalizer: normalizers.Normalizer | None,
    unknown_id: int,
) -> tokenizers.Tokenizer:
    first, last = special.needed("bos_token"), special.needed("eos_token")
    return build_unigram(
        pieces,
        normalizer,
        unknown_id=unknown_id,
        single=(first, "$A", last),
        pair=(first, "$A", last, last, "$B", last),
        prefix_space=bool(files.setting("add_prefix_space", True)),
        special=special,
    )
