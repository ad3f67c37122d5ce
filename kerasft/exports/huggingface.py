"""A directory that `transformers` loads: merged weights, config with label names, tokenizer."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

from kerasft import storage
from kerasft.architectures import find_encoder, to_tensors
from kerasft.errors import ConfigError
from kerasft.tasks.headed_encoder import EncoderTask
from kerasft.tasks.labelled.text_model import TextModel
from kerasft.tasks.registry import task_of

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


def write_huggingface(classifier: TextModel, folder: Path) -> None:
    """Writes a loaded folder, whose adapters have been merged, for `transformers`.

    Args:
        classifier: The loaded folder.
        folder: An empty folder.

    Raises:
        ConfigError: The head reads the mean over the tokens, and transformers has no such head.
    """
    family = find_encoder(classifier.model.architecture)
    if family.pooling_config(classifier.model.pooling) is None:
        raise ConfigError(
            f"the classifier was trained with pooling {classifier.model.pooling!r}, for which "
            "transformers has no class; export it to keras or onnx, or train it with "
            "--pooling first"
        )
    task = cast(EncoderTask[Any], task_of(classifier))
    storage.write_tensors(to_tensors(classifier.model), folder / "model.safetensors")
    config = classifier.model.to_config(classifier.labels.names) | task.twin_config()
    storage.write_json(folder / "config.json", {**config, "dtype": "float32"})
    classifier.tokenizer.save_directory(folder, classifier.max_length, classifier.gives_segments)
    name, count = config["architectures"][0], len(classifier.labels)
    text = "'A text.'"
    if classifier.text_pairs:
        text = "{'text': 'A text.', 'text_pair': 'Another one.'}"
    card = [
        f"# {name} of {count} label{'s' * (count > 1)}",
        f"A `{name}` exported by kerasft.",
        *task.before_model(classifier),
        "    pipeline = transformers.pipeline('text-classification', '<this folder>')\n"
        f"    pipeline({text}, truncation=True)",
    ]
    (folder / "README.md").write_text("\n\n".join(card) + "\n", encoding="utf-8")
