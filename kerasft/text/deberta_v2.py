"""The Unigram tokenizer of DeBERTa's versions 2 and 3, built part by part as transformers does.

Source: He et al., "DeBERTaV3" (2021), and transformers' `DebertaV2Tokenizer`.
"""

from types import MappingProxyType

import tokenizers
from tokenizers import Regex, decoders, normalizers, pre_tokenizers

from kerasft.errors import PresetError
from kerasft.text.tokenizer_file import RUNS_OF_SPACE
from kerasft.text.tokenizer_files import TokenizerFiles
from kerasft.text.unigram import SPACE, build_unigram

DEBERTA_ROLES = MappingProxyType(
    {
        "bos_token": "[CLS]",
        "eos_token": "[SEP]",
        "unk_token": "[UNK]",
        "sep_token": "[SEP]",
        "pad_token": "[PAD]",
        "cls_token": "[CLS]",
        "mask_token": "[MASK]",
    }
)
"""The roles of its special tokens, and the names unless a checkpoint says otherwise."""


def deberta_from(files: TokenizerFiles) -> tokenizers.Tokenizer:
    """Builds the tokenizer of a DeBERTa from its files.

    SentencePiece's table of characters does not count; texts are composed (NFC) instead. As words
    are not split before, a run of spaces counts as one, and so do line ends.
    """
    pieces, _ = files.unigram()
    special = files.special(DEBERTA_ROLES)
    unknown = (special.needed("unk_token"), 0.0)
    steps: list[normalizers.Normalizer] = [
        normalizers.Replace(Regex(RUNS_OF_SPACE), " "),
        normalizers.NFC(),
        normalizers.Strip(left=False, right=True),
    ]
    if files.setting("do_lower_case", False):
        steps.insert(0, normalizers.Lowercase())
    first, last = special.needed("cls_token"), special.needed("sep_token")
    backend = build_unigram(
        pieces,
        normalizers.Sequence(steps),
        unknown_id=pieces.index(unknown) if unknown in pieces else _unknown_id(files),
        single=(f"{first}:0", "$A:0", f"{last}:0"),
        pair=(f"{first}:0", "$A:0", f"{last}:0", "$B:1", f"{last}:1"),
        special=special,
    )
    scheme = "always" if files.setting("add_prefix_space", True) else "first"
    splits: list[pre_tokenizers.PreTokenizer] = [pre_tokenizers.Metaspace(SPACE, scheme)]
    if files.setting("split_by_punct", False):
        splits.insert(0, pre_tokenizers.Punctuation(behavior="isolated"))
    backend.pre_tokenizer = pre_tokenizers.Sequence(splits)
    backend.decoder = decoders.Metaspace(SPACE, scheme)
    return backend


def _unknown_id(files: TokenizerFiles) -> int:
    """The id for unknown characters, where no piece has its name and a score of 0."""
    number = files.config.get("unk_id", 1) if files.is_json else files.saved["model"]["unk_id"]
    if isinstance(number, bool) or not isinstance(number, int):
        raise PresetError(
            f"{files.directory} has {number!r} as unk_id; it must be the number of a piece"
        )
    return number
