"""The tokenizer: texts to token ids, on Hugging Face's `tokenizers`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import get_args

import numpy as np
import tokenizers
from tokenizers import models

from kerasft.errors import ConfigError, DataError, PresetError
from kerasft.text.byte_level import with_prefix_space
from kerasft.text.detokenize import detokenize
from kerasft.text.encodings import CHUNK, HEAD_SHARE, Encodings, LongTexts, check_text
from kerasft.text.fairseq import FAIRSEQ_ROLES
from kerasft.text.pairs import Text, are_pairs, check_long_pairs, encode_pairs
from kerasft.text.pretrained import parse_tokenizer_json, read_tokenizer_json
from kerasft.text.tokenizer_file import library_errors
from kerasft.text.unigram import ROLES
from kerasft.text.wordpiece import SPECIAL_TOKENS


@dataclass(frozen=True)
class EncodedWords:
    """The tokens of one sentence that is already split into words.

    Attributes:
        token_ids: (tokens,) int32, without special tokens.
        words: (tokens,) int32, the word that each token belongs to, from 0, ascending. A word
            without any letter that the tokenizer keeps has no token.
    """

    token_ids: np.ndarray
    words: np.ndarray


class Tokenizer:
    """Turns texts into token ids.

    Ids equal those of transformers' `AutoTokenizer` on the same directory. Encoding changes no
    state, so one tokenizer may serve many threads.

    Example:
        >>> tokenizer = Tokenizer.from_file("saved_models/my_run/tokenizer.json")
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
            PresetError: There is no padding token, or it cannot encode a single letter.
        """
        padding = backend.padding
        candidates = [pad_token, padding["pad_token"] if padding else None, "[PAD]", "<pad>"]
        ids = {token: backend.token_to_id(token) for token in candidates if token}
        known = [(token, index) for token, index in ids.items() if index is not None]
        if not known:
            raise PresetError("the tokenizer has no padding token ([PAD] or <pad>); add one to it")
        self.pad_token, self.pad_id = known[0]
        backend.no_truncation()
        backend.no_padding()
        self._backend = backend
        self.unknown_id = _unknown_id(backend)
        # What the post-processor puts around a text, e.g. [CLS] before and [SEP] after it.
        with library_errors(PresetError, "the tokenizer cannot encode the text 'a'"):
            around = backend.encode("a")
            self._before = around.special_tokens_mask.index(0)
            self._after = around.special_tokens_mask[::-1].index(0)
            self._last = max(around.ids)

    @classmethod
    def from_file(cls, path: str | Path) -> Tokenizer:
        """Reads a `tokenizer.json`.

        Raises:
            PresetError: The file is missing or is not a tokenizer that a model could have.
        """
        return cls(read_tokenizer_json(Path(path)))

    @classmethod
    def from_bytes(cls, raw: bytes, path: str | Path, most_tokens: int | None = None) -> Tokenizer:
        """Reads the content of a `tokenizer.json`.

        Args:
            path: Where they come from, for messages.
            most_tokens: Rows of the model's embedding table, where they are known.

        Raises:
            PresetError: They are not a tokenizer that the model could have.
        """
        return cls(parse_tokenizer_json(raw, Path(path), most_tokens))

    def save(self, path: str | Path) -> None:
        """Writes the whole tokenizer as one `tokenizer.json` file, which `from_file` reads."""
        Path(path).write_text(self.to_json() + "\n", encoding="utf-8")

    def to_json(self) -> str:
        """What `save` writes."""
        copy = tokenizers.Tokenizer.from_str(self._backend.to_str())
        copy.enable_padding(pad_id=self.pad_id, pad_token=self.pad_token)
        return copy.to_str(pretty=True)

    def save_directory(
        self, directory: str | Path, max_length: int, segments: bool = False
    ) -> None:
        """Writes `tokenizer.json`, and the `tokenizer_config.json` that transformers needs.

        `AutoTokenizer` then gives the same ids, and token types only with `segments`: DistilBERT
        does not take them, and BERT does not need them for single texts.

        Args:
            directory: Where to write; made if missing.
            max_length: Where `AutoTokenizer` is to cut texts, in tokens.
            segments: Whether the model reads pairs of texts by their segments.
        """
        directory = Path(directory)
        directory.mkdir(parents=True, exist_ok=True)
        self.save(directory / "tokenizer.json")
        # This class, unlike BertTokenizer, takes tokenizer.json as it stands, in any version.
        config: dict[str, object] = {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "model_max_length": max_length,
            "model_input_names": [
                *("input_ids", *(["token_type_ids"] if segments else []), "attention_mask")
            ],
            "pad_token": self.pad_token,
        }
        added = self._backend.get_added_tokens_decoder().values()
        special = {token.content for token in added if token.special}
        begun = FAIRSEQ_ROLES if FAIRSEQ_ROLES["cls_token"] in special else {}
        for role, token in (*SPECIAL_TOKENS.items(), *ROLES.items(), *begun.items()):
            if token in special:
                config.setdefault(role, token)
        text = json.dumps(config, ensure_ascii=False, indent=2)
        (directory / "tokenizer_config.json").write_text(text + "\n", encoding="utf-8")

    @property
    def vocab_size(self) -> int:
        """Rows that an embedding table needs: the highest id plus one."""
        # What goes around a text stands in no vocabulary, and may be broken by itself.
        return 1 + max(self._last, *self._backend.get_vocab(with_added_tokens=True).values())

    def encode(
        self, texts: Sequence[Text], max_length: int, long_texts: LongTexts = "cut"
    ) -> Encodings:
        """Tokenizes texts, or pairs of them, and cuts the long ones, but not their special tokens.

        Source of "head_tail": Sun et al., "How to Fine-Tune BERT for Text Classification?" (2019),
        section 5.3.1, which keeps 128 tokens from the beginning and 382 from the end of 510; here
        it is the same share at every length.

        Args:
            texts: The texts, of any length; or (text, text_pair) each, see `encode_pairs`.
            max_length: Most tokens of a text or a pair, special tokens included.
            long_texts: "cut" keeps the beginning of a longer text, "head_tail" a quarter from its
                beginning and the rest from its end.

        Raises:
            ConfigError: `max_length` leaves no room for one token of text, `long_texts` is
                something else, or the tokenizer has no marks for pairs.
            DataError: An element is not a string, holds a lone surrogate, or cannot be tokenized.
        """
        if long_texts not in get_args(LongTexts):
            raise ConfigError(
                f"long_texts is {long_texts!r}, but must be one of {', '.join(get_args(LongTexts))}"
            )
        if isinstance(texts, str):
            raise DataError("encode takes a list of texts, not a single string")
        if are_pairs(texts):
            check_long_pairs(long_texts)
            return encode_pairs(self._backend, texts, max_length, self.unknown_id)
        special = self._before + self._after
        if max_length <= special:
            raise ConfigError(
                f"max_length is {max_length}, but {special} special tokens go around each text; "
                f"make it {special + 1} or more"
            )
        for row, text in enumerate(texts):
            check_text(text, row)
        room = max_length - special
        head = room if long_texts == "cut" else room * HEAD_SHARE[0] // HEAD_SHARE[1]
        tail = room - head + self._after
        token_ids: list[np.ndarray] = []
        full_lengths = np.empty(len(texts), dtype=np.int64)
        unknown = 0
        for start in range(0, len(texts), CHUNK):
            with library_errors(DataError, "the tokenizer cannot read a text"):
                chunk = self._backend.encode_batch_fast(list(texts[start : start + CHUNK]))
            for encoding in chunk:
                ids = np.array(encoding.ids, dtype=np.int32)
                full_lengths[len(token_ids)] = len(ids)
                if len(ids) > max_length:
                    ids = np.concatenate([ids[: self._before + head], ids[len(ids) - tail :]])
                token_ids.append(ids)
                if self.unknown_id is not None:
                    unknown += int((ids == self.unknown_id).sum())
        return Encodings(token_ids, full_lengths, unknown, max_length, long_texts)

    def encode_words(self, sentences: Sequence[Sequence[str]]) -> list[EncodedWords]:
        """Tokenizes sentences that are split into words, without special tokens around them.

        Each word is read as inside a text: with the space before it, where pieces have one.

        Args:
            sentences: The words of each.

        Raises:
            DataError: A word is not a string, holds a lone surrogate, or cannot be tokenized.
        """
        for sentence in sentences:
            for place, word in enumerate(sentence):
                check_text(word, place)
        encoded = []
        for start in range(0, len(sentences), CHUNK):
            chunk = [list(sentence) for sentence in sentences[start : start + CHUNK]]
            with library_errors(DataError, "the tokenizer cannot read a sentence"):
                read = self._of_words.encode_batch(
                    chunk, is_pretokenized=True, add_special_tokens=False
                )
            for found in read:
                words = np.array(found.word_ids, dtype=np.int32)
                encoded.append(EncodedWords(np.array(found.ids, dtype=np.int32), words))
        return encoded

    @cached_property
    def _of_words(self) -> tokenizers.Tokenizer:
        """The backend for words by themselves."""
        return with_prefix_space(self._backend)

    @property
    def special_count(self) -> int:
        """How many special tokens go around each text."""
        return self._before + self._after

    def with_special(self, token_ids: np.ndarray) -> np.ndarray:
        """Puts the special tokens around token ids (tokens,), as `encode` does."""
        around = np.array(self._backend.encode("a").ids, dtype=np.int32)
        after = around[len(around) - self._after :]
        return np.concatenate([around[: self._before], token_ids, after]).astype(np.int32)

    @property
    def first_position(self) -> int:
        """Where the first token of a text stands: after so many special tokens."""
        return self._before

    def decode(self, token_ids: Sequence[int]) -> str:
        """Turns ids (tokens,) back into readable text, without special tokens.

        Words of a word-level tokenizer are joined by the rules of `detokenize`.

        Example:
            >>> tokenizer.decode(tokenizer.encode(["L'acqua è fredda."], 16).token_ids[0])
            "L'acqua è fredda."
        """
        ids = [int(i) for i in token_ids]
        if isinstance(self._backend.model, models.WordLevel) and self._backend.decoder is None:
            added = self._backend.get_added_tokens_decoder()
            special = {index for index, token in added.items() if token.special}
            return detokenize(self.tokens([i for i in ids if i not in special]))
        with library_errors(DataError, "the tokenizer cannot write a text"):
            return self._backend.decode(ids).strip()  # where an unknown word stood first

    def tokens(self, token_ids: Sequence[int]) -> list[str]:
        """The tokens of ids (tokens,) as the vocabulary writes them, special ones included.

        Raises:
            DataError: There is no token of such an id.
        """
        names = []
        for index in token_ids:
            name = self._backend.id_to_token(int(index)) if index >= 0 else None
            if name is None:
                raise DataError(
                    f"the tokenizer has no token {int(index)}; its ids go from 0 to "
                    f"{self.vocab_size - 1}"
                )
            names.append(name)
        return names

    def token_id(self, token: str) -> int | None:
        """The id of a token such as "[EOS]"; None if the vocabulary lacks it."""
        return self._backend.token_to_id(token)

    def unknown_words(self, text: str) -> tuple[str, ...]:
        """The words of a text that the tokenizer does not know, wholly or in part; each once.

        Raises:
            DataError: The text is not a string, or holds a lone surrogate.
        """
        check_text(text, 0)
        # As a batch, in which other threads can run meanwhile; `encode` would hold them all.
        with library_errors(DataError, "the tokenizer cannot read a text"):
            encoding = self._backend.encode_batch([text], add_special_tokens=False)[0]
        unknown = {
            word
            for word, index in zip(encoding.word_ids, encoding.ids, strict=True)
            if index == self.unknown_id and word is not None
        }
        words = {}
        for word in sorted(unknown):
            start, end = encoding.word_to_chars(word) or (0, 0)
            words[text[start:end].strip()] = True
        return tuple(words)


def _unknown_id(backend: tokenizers.Tokenizer) -> int | None:
    """The id of the token for unknown words or characters, if there is one."""
    if isinstance(backend.model, models.Unigram):  # it tells its id nowhere else
        return json.loads(backend.model.__getstate__())["unk_id"]
    unknown = getattr(backend.model, "unk_token", None)
    return backend.token_to_id(unknown) if unknown else None
