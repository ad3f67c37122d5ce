"""Texts too short to say what they are about."""

from kerasft.data.rows import Rows
from kerasft.data.steps import DataStep, count


def drop_short(table: Rows, min_words: int) -> tuple[Rows, DataStep]:
    """Drops texts of fewer than `min_words` words, and in any case those without a word.

    A word is what stands between whitespace and has a letter or digit.

    Example:
        >>> table, step = drop_short(table, 10)
        >>> step.why
        '42 texts have fewer than 10 words'
    """
    least = max(min_words, 1)
    kept = [row for row, text in enumerate(table["text"]) if _has_words(text, least)]
    short = len(table) - len(kept)
    words = "no word" if least == 1 else f"fewer than {least} words"
    why = f"{count(short, 'text')} {'has' if short == 1 else 'have'} {words}"
    return table.take(kept), DataStep("short texts", len(table), len(kept), why)


def _has_words(text: str, least: int) -> bool:
    words = 0
    for part in text.split():
        words += part.isalnum() or any(map(str.isalnum, part))
        if words == least:
            return True
    return False
