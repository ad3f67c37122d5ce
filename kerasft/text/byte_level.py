"""RoBERTa's byte-level BPE, built part by part as transformers builds it.

Source: Radford et al., "Language Models are Unsupervised Multitask Learners" (2019), section 2.2,
and transformers' `RobertaTokenizer`.
"""

import json
from collections.abc import Mapping, Sequence

import tokenizers
from tokenizers import decoders, models, pre_tokenizers, processors

from kerasft.text.fairseq import FAIRSEQ_ROLES
from kerasft.text.special_tokens import SpecialTokens
from kerasft.text.tokenizer_files import TokenizerFiles


def build_byte_level(
    vocabulary: Mapping[str, int],
    merges: Sequence[tuple[str, str]],
    special: SpecialTokens,
    *,
    prefix_space: bool = False,
    trim_offsets: bool = True,
) -> tokenizers.Tokenizer:
    """Builds the pre-tokenizer, BPE model and post-processor.

    Every text is one of bytes, so that no character is unknown; a space belongs to the word behind
    it. A text is encoded as `<s> ... </s>`, a pair as `<s> ... </s></s> ... </s>`.

    Args:
        vocabulary: Piece -> id.
        merges: The pairs of pieces to merge, the most frequent first.
        special: The special and added tokens.
        prefix_space: Whether a text is read as if a space stood before it.
        trim_offsets: Whether the offsets of pieces leave their space out.

    Raises:
        PresetError: There is no token that begins or ends texts.
    """
    backend = tokenizers.Tokenizer(
        models.BPE(
            dict(vocabulary),
            list(merges),
            continuing_subword_prefix="",
            end_of_word_suffix="",
            fuse_unk=False,
        )
    )
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=prefix_space)
    backend.decoder = decoders.ByteLevel()
    special.add_to(backend)
    backend.post_processor = processors.RobertaProcessing(
        special.found(backend, "sep_token"),
        special.found(backend, "cls_token"),
        trim_offsets,
        prefix_space,
    )
    return backend


def with_prefix_space(backend: tokenizers.Tokenizer) -> tokenizers.Tokenizer:
    """A tokenizer that reads each text as if a space stood before it; itself where it does so.

    Those of other kinds than byte-level ones are left as they are.
    """
    content = json.loads(backend.to_str())
    part = content["pre_tokenizer"] or {}
    steps = [part, *part.get("pretokenizers", [])]
    of_bytes = [step for step in steps if step.get("type") == "ByteLevel"]
    if all(step["add_prefix_space"] for step in of_bytes):
        return backend
    for step in of_bytes:
        step["add_prefix_space"] = True
    return tokenizers.Tokenizer.from_str(json.dumps(content))


def byte_level_from(files: TokenizerFiles) -> tokenizers.Tokenizer:
    """Builds the tokenizer of a RoBERTa from its files."""
    vocabulary, merges = files.merges()
    return build_byte_level(
        vocabulary,
        merges,
        files.special(FAIRSEQ_ROLES),
        prefix_space=bool(files.setting("add_prefix_space", False)),
        trim_offsets=bool(files.setting("trim_offsets", True)),
    )
