"""Cleaned texts in place of raw ones."""

import dataclasses

from kerasft.data.steps import Step, count
from kerasft.data.table import Table
from kerasft.text.cleaning import Cleaning


def clean_texts(table: Table, cleaning: Cleaning) -> tuple[Table, Step]:
    """Cleans each text of a table; a text of which nothing is left stays as an empty one.

    Example:
        >>> table, step = clean_texts(table, Cleaning(html=True))
        >>> step.why
        '37 texts changed by html'
    """
    texts = [cleaning.apply(text) for text in table.texts]
    changed = sum(new != old for new, old in zip(texts, table.texts, strict=True))
    steps = [
        name.replace("_", " ") if value is True else f"{name.replace('_', ' ')} ({value})"
        for name, value in cleaning.to_dict().items()
    ]
    why = f"{count(changed, 'text')} changed by {', '.join(steps)}" if steps else "no step chosen"
    step = Step("cleaning", len(table), len(table), why)
    return dataclasses.replace(table, texts=texts), step
