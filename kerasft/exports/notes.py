"""What an export of a saved folder leaves out, to be told to whoever uses it."""

from __future__ import annotations

from kerasft.tasks.classification.task import TextClassifier


def notes(classifier: TextClassifier) -> list[str]:
    """What is done to a text before the model, in sentences."""
    steps = [f"{name} = {value}" for name, value in classifier.cleaning.to_dict().items()]
    length = classifier.max_length
    sentences = [f"Texts are cut at {length} tokens."]
    if classifier.long_texts == "head_tail":
        sentences = [
            f"Texts of more than {length} tokens are cut in the middle (a quarter is kept from the "
            "beginning, the rest from the end), which is not part of the export."
        ]
    if steps:
        sentences.append(
            f"Texts are cleaned before the tokenizer ({', '.join(steps)}), which is not part of "
            "the export."
        )
    return sentences
