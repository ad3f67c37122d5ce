"""The tokenizer files of a Hugging Face checkpoint, read as transformers' `AutoTokenizer` reads them."""

import json
from pathlib import Path
from typing import Any

import tokenizers
from tokenizers import AddedToken, models

from kerasft.errors import PresetError
from kerasft.text.wordpiece import SPECIAL_TOKENS, build_wordpiece


def read_tokenizer_json(path: Path) -> tokenizers.Tokenizer:
    """Reads one `tokenizer.json` as it stands."""
    try:
        return tokenizers.Tokenizer.from_str(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise PresetError(f"there is no tokenizer file {path}") from None
    except Exception as error:
        raise PresetError(f"{path} is not a tokenizer that can be read: {error}") from None


def read_directory(directory: Path) -> tuple[tokenizers.Tokenizer, str | None]:
    """Reads the tokenizer of a checkpoint directory; returns it with its padding token."""
    json_file, vocabulary_file = directory / "tokenizer.json", directory / "vocab.txt"
    config = _read_json(directory / "tokenizer_config.json")
    if json_file.is_file():
        vocabulary = json.loads(json_file.read_text(encoding="utf-8"))["model"]["vocab"]
    elif vocabulary_file.is_file():
        vocabulary = models.WordPiece.read_file(str(vocabulary_file))
    else:
        raise PresetError(f"{directory} has no tokenizer: neither tokenizer.json nor vocab.txt")
    backend = build_wordpiece(vocabulary, config.get("do_lower_case", True))
    return backend, SPECIAL_TOKENS["pad_token"]


def _read_json(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    return json.loads(path.read_text(encoding="utf-8"))
