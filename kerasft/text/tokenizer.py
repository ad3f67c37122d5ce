"""The tokenizer: texts to token ids, on Hugging Face's `tokenizers`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tokenizers

from kerasft.errors import ConfigError, DataError, PresetError

# Texts per call into the Rust library: enough to use all its threads, few enough to bound memory.
CHUNK = 1024


@dataclass(frozen=True)
class Encodings:
    """Token ids of many texts, and what was lost on the way.

    Attributes:
        token_ids: One int32 array of shape (tokens,) a text, special tokens included, none longer
            than `max_length`.
        full_lengths: (texts,) int64, tokens that each text has without the cut.
        unknown: How many of the kept tokens are the unknown token.
        max_length: Where texts were cut, in tokens.
    """

    token_ids: list[np.ndarray]
    full_lengths: np.ndarray
    unknown: int
    max_length: int

    @property
    def cut(self) -> int:
        """How many texts were cut."""
        return int((self.full_lengths > self.max_length).sum())

    @property
    def cut_tokens(self) -> int:
        """How many tokens were cut away, over all texts."""
        return int(np.maximum(self.full_lengths - self.max_length, 0).sum())

    @property
    def tokens(self) -> int:
        """How many tokens were kept, over all texts."""
        return int(np.minimum(self.full_lengths, self.max_length).sum())

    def summary(self) -> str:
        """One sentence for the run's output and the model card."""
        total = int(self.full_lengths.sum())
        return (
            f"{self.cut} of {len(self.token_ids)} texts were cut at {self.max_length} tokens "
            f"({self.cut_tokens / max(total, 1):.1%} of all tokens lost); "
            f"{self.unknown / max(self.tokens, 1):.2%} of the tokens kept are unknown words"
        )


class Tokenizer:
    """Turns texts into token ids.

    Ids equal those of transformers' `AutoTokenizer` on the same directory. Encoding changes no
    state, so one tokenizer may serve many threads.

    Example:
        >>> tokenizer = Tokenizer.from_directory("distilbert-base-uncased")
        >>> tokenizer.encode(["Hello world"], max_length=64).token_ids
        [array([ 101, 7592, 2088,  102], dtype=int32)]
    """

    def __init__(self, backend: tokenizers.Tokenizer, pad_token: str | None = None):
        """Wraps a tokenizer of the `tokenizers` library, whose padding and truncation are dropped.

        Args:
            backend: The tokenizer; belongs to this object from now on.
            pad_token: The token that fills batches; by default the one of the backend's padding,
                else "[PAD]" or "<pad>".

        Raises:
            PresetError: There is no padding token.
        """
        padding = backend.padding
        candidates = [pad_token, padding["pad_token"] if padding else None, "[PAD]", "<pad>"]
        known = [token for token in candidates if token and backend.token_to_id(token) is not None]
        if not known:
            raise PresetError("the tokenizer has no padding token ([PAD] or <pad>); add one to it")
        self.pad_token = known[0]
        self.pad_id: int = backend.token_to_id(self.pad_token)
        backend.no_truncation()
        backend.no_padding()
        self._backend = backend
        unknown = getattr(backend.model, "unk_token", None)
        self.unknown_id: int | None = backend.token_to_id(unknown) if unknown else None
        # What the post-processor puts around a text, e.g. [CLS] before and [SEP] after it.
        around = backend.encode("a").special_tokens_mask
        self._before = around.index(0)
        self._after = around[::-1].index(0)

    @classmethod
    def from_wordpiece(cls, vocabulary: list[str], lowercase: bool = True) -> Tokenizer:
        """Builds BERT's tokenizer from its word pieces.

        Args:
            vocabulary: The pieces in id order, with [PAD], [UNK], [CLS] and [SEP] among them.
            lowercase: Whether texts are lower-cased and their accents stripped ("uncased").

        Raises:
            PresetError: One of the four special tokens is missing.
        """
        from kerasft.text.wordpiece import build_wordpiece

        return cls(build_wordpiece({piece: i for i, piece in enumerate(vocabulary)}, lowercase))

    @classmethod
    def from_file(cls, path: str | Path) -> Tokenizer:
        """Reads a `tokenizer.json` as it stands.

        Raises:
            PresetError: The file is missing or is not a tokenizer.
        """
        from kerasft.text.pretrained import read_tokenizer_json

        return cls(read_tokenizer_json(Path(path)))

    @classmethod
    def from_directory(cls, path: str | Path) -> Tokenizer:
        """Reads the tokenizer of a Hugging Face checkpoint directory.

        Takes `tokenizer.json`, else `vocab.txt`; see `kerasft.text.pretrained` for the rules.

        Raises:
            PresetError: The directory has no tokenizer that can be read.
        """
        from kerasft.text.pretrained import read_directory

        return cls(*read_directory(Path(path)))

    def save(self, path: str | Path) -> None:
        """Writes the whole tokenizer as one `tokenizer.json` file, which `from_file` reads."""
        copy = tokenizers.Tokenizer.from_str(self._backend.to_str())
        copy.enable_padding(pad_id=self.pad_id, pad_token=self.pad_token)
        Path(path).write_text(copy.to_str(pretty=True) + "\n", encoding="utf-8")

    @property
    def vocabulary_size(self) -> int:
        """Rows that an embedding table needs: the highest id plus one."""
        return 1 + max(self._backend.get_vocab(with_added_tokens=True).values())

    def encode(self, texts: Sequence[str], max_length: int) -> Encodings:
        """Tokenizes texts and cuts the long ones, keeping the special tokens around them.

        Args:
            texts: The texts, of any length.
            max_length: Most tokens a text may have, special tokens included.

        Raises:
            ConfigError: `max_length` leaves no room for one token of text.
            DataError: An element is not a string, or holds a lone surrogate.
        """
        special = self._before + self._after
        if max_length <= special:
            raise ConfigError(
                f"max_length is {max_length}, but {special} special tokens go around each text; "
                f"make it {special + 1} or more"
            )
        for row, text in enumerate(texts):
            _check_text(text, row)
        token_ids: list[np.ndarray] = []
        full_lengths = np.empty(len(texts), dtype=np.int64)
        unknown = 0
        for start in range(0, len(texts), CHUNK):
            for encoding in self._backend.encode_batch_fast(list(texts[start : start + CHUNK])):
                ids = np.array(encoding.ids, dtype=np.int32)
                full_lengths[len(token_ids)] = len(ids)
                if len(ids) > max_length:
                    end = len(ids) - self._after
                    ids = np.concatenate([ids[: max_length - self._after], ids[end:]])
                token_ids.append(ids)
                if self.unknown_id is not None:
                    unknown += int((ids == self.unknown_id).sum())
        return Encodings(token_ids, full_lengths, unknown, max_length)

    def decode(self, token_ids: Sequence[int]) -> str:
        """Turns ids (tokens,) back into readable text, without special tokens."""
        return self._backend.decode([int(i) for i in token_ids])


def _check_text(text: object, row: int) -> None:
    if not isinstance(text, str):
        raise DataError(f"text {row} is a {type(text).__name__}, not a string")
    if text.isascii():
        return
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise DataError(
            f"text {row} holds a lone surrogate (half a character) at position {error.start}; "
            "decode it as UTF-8 again or remove it"
        ) from None
