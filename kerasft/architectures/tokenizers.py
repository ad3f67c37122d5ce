"""The tokenizers of checkpoint directories, each as the family of its model says."""

from pathlib import Path

from kerasft.architectures.registry import ENCODERS
from kerasft.architectures.seq2seq_registry import SEQ2SEQ
from kerasft.text.pretrained import TokenizerKind, older_files, read_directory
from kerasft.text.tokenizer import Tokenizer

TOKENIZERS: tuple[TokenizerKind, ...] = tuple(
    kind for family in (*ENCODERS.values(), *SEQ2SEQ.values()) for kind in family.tokenizers
)
"""The kinds of tokenizers of all families."""

OLDER_FILES = older_files(TOKENIZERS)
"""All that a directory without tokenizer.json may have instead."""


def read_tokenizer(directory: str | Path, model_type: str | None = None) -> Tokenizer:
    """Reads the tokenizer of a Hugging Face checkpoint directory; `text.pretrained` has the rules.

    Args:
        directory: Holds tokenizer.json or what older repositories have instead.
        model_type: That of the model, where config.json has none.

    Raises:
        PresetError: The directory has no tokenizer that can be read.

    Example:
        >>> tokenizer = read_tokenizer("distilbert-base-uncased")
    """
    return Tokenizer(*read_directory(Path(directory), TOKENIZERS, model_type))
