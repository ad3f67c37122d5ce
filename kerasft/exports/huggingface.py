"""A directory that `transformers` loads: merged weights, config with label names, tokenizer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from kerasft import storage
from kerasft.architectures import arguments_to_config, to_tensors
from kerasft.errors import ConfigError
from kerasft.exports.notes import notes
from kerasft.tasks.classification.load import Bundle

FILES = (
    "config.json",
    "model.safetensors",
    "tokenizer.json",
    "tokenizer_config.json",
    "README.md",
)


def is_export(path: str | Path) -> bool:
    """Whether a folder holds an export of ours and nothing else."""
    folder = Path(path)
    return folder.is_dir() and {file.name for file in folder.iterdir()} == set(FILES)


def write_huggingface(bundle: Bundle, folder: Path) -> None:
    """Writes a loaded folder, whose adapters have been folded in, for `transformers`.

    Args:
        bundle: The loaded folder.
        folder: An empty folder.

    Raises:
        ConfigError: The head reads the mean over the tokens, which transformers has no class for.
    """
    if bundle.manifest.pooling != "first":
        raise ConfigError(
            f"{bundle.path} was trained with pooling {bundle.manifest.pooling!r}, for which "
            "transformers has no class; export it to keras or onnx, or train it with "
            "--pooling first"
        )
    tensors = to_tensors(bundle.model)
    storage.write_tensors(tensors, folder / "model.safetensors")
    config = arguments_to_config(bundle.model, bundle.label_map.names)
    storage.write_json(folder / "config.json", {**config, "dtype": "float32"})
    bundle.tokenizer.save(folder / "tokenizer.json")
    storage.write_json(folder / "tokenizer_config.json", _tokenizer_config(bundle, folder))
    name = config["architectures"][0]
    card = [
        f"# {bundle.path.resolve().name}",
        f"A `{name}` exported by kerasft.",
        *notes(bundle),
        "    pipeline = transformers.pipeline('text-classification', '<this folder>')\n"
        "    pipeline('A text.', truncation=True)",
    ]
    (folder / "README.md").write_text("\n\n".join(card) + "\n", encoding="utf-8")


def _tokenizer_config(bundle: Bundle, folder: Path) -> dict[str, Any]:
    content = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    special = {token["content"] for token in content["added_tokens"] if token["special"]}
    ids = bundle.tokenizer.encode(["a"], bundle.manifest.max_length).token_ids[0]
    by_id = {token["id"]: token["content"] for token in content["added_tokens"]}
    roles = {
        "cls_token": by_id.get(int(ids[0])),
        "sep_token": by_id.get(int(ids[-1])),
        "pad_token": bundle.tokenizer.pad_token,
        "unk_token": content["model"].get("unk_token"),
        "mask_token": "[MASK]",
    }
    return {
        # Not BertTokenizer: transformers would build it anew from the vocabulary and drop whatever
        # tokenizer.json says beyond that.
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": bundle.manifest.max_length,
        # A DistilBERT takes no token_type_ids; a BERT counts all as type 0 without them.
        "model_input_names": ["input_ids", "attention_mask"],
        **{role: token for role, token in roles.items() if token in special},
    }
