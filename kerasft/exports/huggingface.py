"""A directory that `transformers` loads: merged weights, config with label names, tokenizer."""

from __future__ import annotations

from pathlib import Path

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
    bundle.tokenizer.save_directory(folder, bundle.manifest.max_length)
    name = config["architectures"][0]
    card = [
        f"# {bundle.path.resolve().name}",
        f"A `{name}` exported by kerasft.",
        *notes(bundle),
        "    pipeline = transformers.pipeline('text-classification', '<this folder>')\n"
        "    pipeline('A text.', truncation=True)",
    ]
    (folder / "README.md").write_text("\n\n".join(card) + "\n", encoding="utf-8")
