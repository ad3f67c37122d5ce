"""Cleaned texts in place of raw ones."""

from kerasft.data.rows import Rows
from kerasft.data.steps import DataStep, count
from kerasft.text.cleaning import Cleaning


def clean_texts(table: Rows, cleaning: Cleaning) -> tuple[Rows, DataStep]:
    """Cleans each text of a table; a text of which nothing is left stays as an empty one.

    Example:
        >>> table, step = clean_texts(table, Cleaning(html=True))
        >>> step.why
        '37 texts changed by html'
    """
    texts = [cleaning.apply(text) for text in table["text"]]
    changed = sum(new != old for new, old in zip(texts, table["text"], strict=True))
    steps = [
        name.replace("_", " ") if value is True else f"{name.replace('_', ' ')} ({value})"
        for name, value in cleaning.to_dict().items()
    ]
    why = f"{count(changed, 'text')} changed by {', '.join(steps)}" if steps else "no step chosen"
    step = DataStep("cleaning", len(table), len(table), why)
    return table.replaced(text=texts), step
