"""What an export of a saved folder leaves out, to be told to whoever uses it."""

from __future__ import annotations

from kerasft.bundle.load import Bundle


def notes(bundle: Bundle) -> list[str]:
    """What is done to a text before the model, in sentences."""
    steps = [f"{name} = {value}" for name, value in bundle.cleaning.to_dict().items()]
    sentences = [f"Texts are cut at {bundle.manifest.max_length} tokens."]
    if steps:
        sentences.append(
            f"Texts are cleaned before the tokenizer ({', '.join(steps)}), which is not part of "
            "the export."
        )
    return sentences
