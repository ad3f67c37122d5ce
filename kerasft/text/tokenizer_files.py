"""The files of a checkpoint directory that say what its tokenizer is; each is read when asked for.

Every kind of tokenizer takes from here what it is built of: see `kerasft.text.pretrained`.
"""

import base64
import binascii
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, models, normalizers

from kerasft import storage
from kerasft.errors import PresetError
from kerasft.text.charsmap import read_charsmap
from kerasft.text.sentencepiece_model import read_sentencepiece
from kerasft.text.special_tokens import ROLES, SpecialTokens
from kerasft.text.tokenizer_file import (
    MAX_FILE_BYTES,
    MAX_TOKEN_LENGTH,
    check_added_token,
    check_model,
    library_errors,
)

TOKENIZER = "tokenizer.json"
SETTINGS = ("tokenizer_config.json", "special_tokens_map.json", "added_tokens.json")


class TokenizerFiles:
    """The tokenizer's files of one directory.

    Args:
        directory: Of a checkpoint.
        older: The files that older repositories hold in the place of tokenizer.json; the first is
            that of the vocabulary.

    Attributes:
        config: What tokenizer_config.json holds, {} without one.
        model_config: Likewise config.json.
        is_json: Whether there is a tokenizer.json.
        path: The file of the vocabulary.
    """

    def __init__(self, directory: Path, older: Sequence[str] = ()) -> None:
        self.directory, self.older = directory, older
        self.config = read_object(directory / SETTINGS[0])
        self.model_config = read_object(directory / "config.json")
        self.is_json = (directory / TOKENIZER).is_file()
        self.path = directory / (TOKENIZER if self.is_json or not older else older[0])

    @cached_property
    def saved(self) -> dict[str, Any]:
        """The content of tokenizer.json, or the same parts of SentencePiece's file.

        Raises:
            PresetError: The file is broken.
        """
        if self.is_json:
            return read_object(self.path)
        return read_sentencepiece(self.path) if self.path.suffix == ".model" else {}

    def check(self) -> None:
        """Checks that there is a tokenizer.

        Raises:
            PresetError: There is none.
        """
        missing = [name for name in self.older if not (self.directory / name).is_file()]
        if missing and not self.is_json:
            raise PresetError(
                f"{self.directory} has no tokenizer: neither {TOKENIZER} nor {missing[0]}"
            )

    def setting(self, name: str, default: bool | None = None) -> bool | None:
        """A setting of tokenizer_config.json that is true or false, or null.

        Raises:
            PresetError: It is something else.
        """
        value = self.config.get(name, default)
        if value is not None and not isinstance(value, bool):
            raise PresetError(
                f"{self.directory / SETTINGS[0]} has {value!r} as {name}; it must be true or false"
            )
        return value

    def unigram(self) -> tuple[list[tuple[str, float]], normalizers.Normalizer | None]:
        """Pieces with their log-probabilities, and SentencePiece's table of characters.

        Raises:
            PresetError: The file cannot be used.
        """
        model = _model(self.path, self.saved, "Unigram")
        pieces = [(piece, float(score)) for piece, score in model["vocab"]]
        return pieces, _characters(self.path, self.saved.get("normalizer"))

    def word_pieces(self) -> dict[str, int]:
        """Word piece -> id, from tokenizer.json or vocab.txt.

        Raises:
            PresetError: The file cannot be used.
        """
        if self.is_json:
            vocabulary: dict[str, int] = _model(self.path, self.saved, "WordPiece")["vocab"]
            return vocabulary
        _check_size(self.path)
        with library_errors(PresetError, f"cannot read {self.path}"):
            return models.WordPiece.read_file(str(self.path))

    def merges(self) -> tuple[dict[str, int], list[tuple[str, str]]]:
        """Piece -> id and the pairs to merge, from tokenizer.json or vocab.json and merges.txt.

        Raises:
            PresetError: The files cannot be used.
        """
        if self.is_json:
            model = _model(self.path, self.saved, "BPE")
            return model["vocab"], [_pair(self.path, each) for each in model.get("merges") or []]
        merges = self.directory / self.older[1]
        _check_size(merges)
        _model(self.path, {"model": {"vocab": read_object(self.path)}}, "BPE")
        with library_errors(PresetError, f"cannot read {self.path} and {merges}"):
            return models.BPE.read_file(str(self.path), str(merges))

    def special(self, defaults: Mapping[str, object]) -> SpecialTokens:
        """The special and added tokens that the files name.

        Args:
            defaults: Role -> token, of those that the files need not name: its name, or the fields
                of an added token, which then count for whatever name the files give.

        Raises:
            PresetError: Something is named that cannot be a token.
        """
        # The older files with special tokens count only where the newer key is missing.
        is_older = "added_tokens_decoder" not in self.config
        settings = {**defaults, **self.config}
        if is_older:
            settings |= read_object(self.directory / SETTINGS[1])
        roles = {
            role: self._token(settings[role], defaults.get(role))
            for role in ROLES
            if settings.get(role) is not None
        }
        named = settings.get("extra_special_tokens") or settings.get("additional_special_tokens")
        extra = list(named.values()) if isinstance(named, dict) else named or []
        if not isinstance(extra, list):
            raise PresetError(
                f"the tokenizer of {self.directory} names special tokens that are no list"
            )
        extra = [self._token(token) for token in extra]
        found: dict[int, AddedToken] = {}
        entries = self.saved.get("added_tokens") or []
        if is_older:
            special = {token.content for token in (*roles.values(), *extra)}
            for token, index in read_object(self.directory / SETTINGS[2]).items():
                flags = {"special": token in special, "normalized": token not in special}
                found[index] = self._added(index, {"content": token, **flags})
            for entry in entries if isinstance(entries, list) else [entries]:
                number = entry.get("id") if isinstance(entry, dict) else None
                one = self._added(number, entry)
                found[entry["id"]] = one
        else:
            decoder = self.config["added_tokens_decoder"]
            if not isinstance(decoder, dict):
                raise PresetError(f"{self.directory / SETTINGS[0]}: added_tokens_decoder is none")
            for key, entry in decoder.items():
                index = int(key) if key.isdecimal() else key
                found[index] = self._added(index, entry)
        return SpecialTokens(roles, tuple(found[index] for index in sorted(found)), tuple(extra))

    def content(self, token: object) -> str:
        """The text of a special token, which stands as a string or as {"content": string, ...}.

        Raises:
            PresetError: It cannot be one.
        """
        content = token.get("content") if isinstance(token, Mapping) else token
        if not isinstance(content, str) or len(content) > MAX_TOKEN_LENGTH:
            raise PresetError(
                f"the tokenizer of {self.directory} names a special token {content!a:.60}, which "
                "cannot be one"
            )
        return content

    def _token(self, token: object, default: object = None) -> AddedToken:
        """A special token, which stands as for `content`."""
        fields = dict(default) if isinstance(default, Mapping) else {}
        fields |= {"content": self.content(token), "special": True}
        return self._added(
            0, {**fields, **token, "special": True} if isinstance(token, Mapping) else fields
        )

    def _added(self, index: Any, entry: Any) -> AddedToken:
        """An added token of a file, if it is one."""
        fields = entry
        if isinstance(entry, Mapping):
            fields = {"id": index, **{name: entry[name] for name in entry if name != "id"}}
        try:
            check_added_token(fields)
        except PresetError as problem:
            raise PresetError(
                f"the tokenizer of {self.directory} cannot be used: {problem}"
            ) from None
        names = ("single_word", "lstrip", "rstrip", "special")
        chosen = {name: bool(fields.get(name, False)) for name in names}
        normalized = bool(fields.get("normalized", not chosen["special"]))
        return AddedToken(fields["content"], normalized=normalized, **chosen)


def read_object(path: Path) -> dict[str, Any]:
    """Reads a JSON object; {} if there is no such file.

    Raises:
        PresetError: It is something else, or too large.
    """
    if not path.is_file():
        return {}
    raw = storage.read_bytes(path, PresetError, max_bytes=MAX_FILE_BYTES)
    content = storage.parse_json(raw, path, PresetError)
    if not isinstance(content, dict):
        raise PresetError(f"{path} is not a JSON object")
    return content


def _model(path: Path, saved: Mapping[str, Any], kind: str) -> dict[str, Any]:
    model = saved.get("model")
    if not isinstance(model, dict) or model.get("type", kind) != kind:
        found = model.get("type") if isinstance(model, dict) else None
        raise PresetError(f"{path} has a {found} model where its class has a {kind} one")
    expected = list if kind == "Unigram" else dict
    if not isinstance(model.get("vocab"), expected):
        form = "[[piece, score], ...]" if kind == "Unigram" else "{piece: id}"
        raise PresetError(f"{path} has no vocabulary of the form {form}")
    try:
        check_model({name: value for name, value in model.items() if name != "unk_token"})
    except PresetError as problem:
        raise PresetError(f"{path} cannot be used: {problem}") from None
    return model


def _pair(path: Path, merge: Any) -> tuple[str, str]:
    """The two pieces of a merge, which older files have as one string."""
    pair = merge.split(" ") if isinstance(merge, str) else merge
    if not (isinstance(pair, list) and len(pair) == 2 and all(isinstance(p, str) for p in pair)):
        raise PresetError(f"{path} has the merge {merge!r:.60}, which is not one of two pieces")
    return pair[0], pair[1]


def _characters(path: Path, normalizer: object) -> normalizers.Normalizer | None:
    """SentencePiece's table of characters among the steps of a saved normalizer."""
    steps = normalizer.get("normalizers", [normalizer]) if isinstance(normalizer, dict) else []
    for step in steps if isinstance(steps, list) else []:
        if isinstance(step, dict) and step.get("type") == "Precompiled":
            try:
                table = base64.b64decode(step.get("precompiled_charsmap") or "", validate=True)
            except (TypeError, ValueError, binascii.Error):
                raise PresetError(f"{path}: its precompiled_charsmap is not base64") from None
            return read_charsmap(table) if table else None
    return None


def _check_size(path: Path) -> None:
    if path.stat().st_size > MAX_FILE_BYTES:
        raise PresetError(f"{path} is larger than {MAX_FILE_BYTES} bytes, so it was not read")
