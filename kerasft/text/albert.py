"""ALBERT's Unigram tokenizer, built part by part as transformers builds it.

Source: Lan et al., "ALBERT" (2020), section 4.1, and transformers' `AlbertTokenizer`.
"""

from types import MappingProxyType

import tokenizers
from tokenizers import normalizers

from kerasft.text.tokenizer_files import TokenizerFiles
from kerasft.text.unigram import build_unigram

ALBERT_ROLES = MappingProxyType(
    {
        "bos_token": "[CLS]",
        "eos_token": "[SEP]",
        "unk_token": "<unk>",
        "sep_token": "[SEP]",
        "pad_token": "<pad>",
        "cls_token": "[CLS]",
        "mask_token": "[MASK]",
    }
)
"""The roles of its special tokens, and the names unless a checkpoint says otherwise."""


def albert_from(files: TokenizerFiles) -> tokenizers.Tokenizer:
    """Builds the tokenizer of an ALBERT from its files.

    Unless they say otherwise, texts are lower-cased and lose their accents.
    """
    pieces, characters = files.unigram()
    steps: list[normalizers.Normalizer] = [
        normalizers.Replace("``", '"'),
        normalizers.Replace("''", '"'),
    ]
    if not files.setting("keep_accents", False):
        steps += [normalizers.NFKD(), normalizers.StripAccents()]
    if files.setting("do_lower_case", True):
        steps.append(normalizers.Lowercase())
    if characters is not None:
        steps.append(characters)
    special = files.special(ALBERT_ROLES)
    first, last = special.needed("cls_token"), special.needed("sep_token")
    return build_unigram(
        pieces,
        normalizers.Sequence(steps),
        unknown_id=1,
        single=(first, "$A", last),
        pair=(first, "$A", last, "$B:1", f"{last}:1"),
        prefix_space=bool(files.setting("add_prefix_space", True)),
        special=special,
    )
