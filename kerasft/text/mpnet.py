"""MPNet's tokenizer: BERT's word pieces between RoBERTa's special tokens.

Source: transformers' `MPNetTokenizer`.
"""

import tokenizers

from kerasft.text.fairseq import FAIRSEQ_ROLES
from kerasft.text.tokenizer_files import TokenizerFiles
from kerasft.text.wordpiece import wordpiece_from

MPNET_ROLES = {
    **FAIRSEQ_ROLES,
    "unk_token": "[UNK]",
    "mask_token": {"content": "<mask>", "lstrip": True},
}
"""The roles of its special tokens, and the tokens unless a checkpoint says otherwise."""


def mpnet_from(files: TokenizerFiles) -> tokenizers.Tokenizer:
    """Builds the tokenizer of an MPNet from its files."""
    return wordpiece_from(files, MPNET_ROLES, types=False)
