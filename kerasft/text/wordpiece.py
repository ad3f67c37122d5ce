"""BERT's WordPiece tokenizer, built part by part as transformers builds it.

Source: Devlin et al., "BERT" (2019), section 3, and transformers' `BertTokenizer`.
"""

import warnings
from collections.abc import Mapping
from types import MappingProxyType

import tokenizers
from tokenizers import decoders, models, normalizers, pre_tokenizers, processors

from kerasft.errors import PresetError
from kerasft.text.special_tokens import SpecialTokens
from kerasft.text.tokenizer_files import TokenizerFiles

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
TOKENS = SpecialTokens.of(SPECIAL_TOKENS)


def build_wordpiece(
    vocabulary: Mapping[str, int],
    lowercase: bool = True,
    *,
    strip_accents: bool | None = None,
    split_chinese: bool = True,
    special: SpecialTokens = TOKENS,
    types: bool = True,
) -> tokenizers.Tokenizer:
    """Builds BERT's normalizer, pre-tokenizer, WordPiece model and post-processor.

    Special and added tokens are found in the raw text before anything else happens to it. Those
    that the vocabulary lacks get the next free ids.

    Args:
        vocabulary: Word piece -> id.
        lowercase: Whether texts are lower-cased.
        strip_accents: Whether accents go; None: when `lowercase`.
        split_chinese: Whether each CJK ideograph is a word of its own.
        special: The special and added tokens.
        types: Whether types tell the texts of a pair apart, `[CLS] A [SEP] B [SEP]`; else two
            separators do, `<s> A </s></s> B </s>`.

    Raises:
        PresetError: The vocabulary lacks the token for unknown words, starts or ends.
    """
    # Without these there is no encoding; a model that never saw [MASK] still works.
    for role in ("unk_token", "cls_token", "sep_token"):
        token = special.name(role)
        if token not in vocabulary:
            raise PresetError(
                f"the tokenizer's vocabulary of {len(vocabulary)} pieces has no {token} ({role}); "
                "it is not that of such a model"
            )
    backend = tokenizers.Tokenizer(
        models.WordPiece(dict(vocabulary), unk_token=special.name("unk_token"))
    )
    backend.normalizer = normalizers.BertNormalizer(
        clean_text=True,
        handle_chinese_chars=split_chinese,
        strip_accents=strip_accents,
        lowercase=lowercase,
    )
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    backend.decoder = decoders.WordPiece(prefix="##")
    special.add_to(backend)
    around = [special.found(backend, role) for role in ("cls_token", "sep_token")]
    if not types:
        backend.post_processor = processors.RobertaProcessing(
            around[1], around[0], trim_offsets=True, add_prefix_space=False
        )
        return backend
    first, last = (token for token, _ in around)
    backend.post_processor = processors.TemplateProcessing(
        single=f"{first}:0 $A:0 {last}:0",
        pair=f"{first}:0 $A:0 {last}:0 $B:1 {last}:1",
        special_tokens=around,
    )
    return backend


def wordpiece_from(
    files: TokenizerFiles, roles: Mapping[str, object] = SPECIAL_TOKENS, types: bool = True
) -> tokenizers.Tokenizer:
    """Builds the tokenizer of a BERT from its files.

    Args:
        roles: The special tokens unless the files name others; see `TokenizerFiles.special`.
        types: As for `build_wordpiece`.
    """
    lowercase = files.config.get("do_lower_case", True)
    strip, split = files.setting("strip_accents"), files.setting("tokenize_chinese_chars", True)
    files.setting("do_lower_case")
    _warn_of_case(files, lowercase)
    return build_wordpiece(
        files.word_pieces(),
        lowercase,
        strip_accents=strip,
        split_chinese=bool(split),
        special=files.special(roles),
        types=types,
    )


def _warn_of_case(files: TokenizerFiles, lowercase: bool) -> None:
    """Says so where tokenizer.json was written for another case than transformers reads it with."""
    normalizer = files.saved.get("normalizer")
    written = normalizer.get("lowercase") if isinstance(normalizer, dict) else None
    if isinstance(written, bool) and written != lowercase:
        names = {True: "lower-cases", False: "keeps capitals"}
        warnings.warn(
            f"the tokenizer of {files.directory} {names[lowercase]}, as transformers reads it, "
            f"though its tokenizer.json {names[written]}; set do_lower_case in "
            f"tokenizer_config.json to {str(written).lower()} if that is wrong",
            stacklevel=6,
        )
