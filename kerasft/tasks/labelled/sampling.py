"""A share of the rows that keeps the shares of the classes."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from kerasft.data.rows import Rows
from kerasft.data.splits import normalize
from kerasft.data.text_pairs import noun, whole_texts
from kerasft.errors import ConfigError
from kerasft.tasks.labelled.steps import DataStep

# One to train, one to validate and one to test on.
LEAST_OF_A_CLASS = 3


def sample(
    table: Rows, rows: int, seed: int, classes: Sequence[str] | None = None
) -> tuple[Rows, DataStep]:
    """Keeps so many rows, of each class its share of them (3 or more, if it has 3).

    Which ones depends on the texts and the seed, not on the order of the rows.

    Args:
        rows: How many to keep; more than there are keeps all.
        classes: The class of each row; by default its label.

    Raises:
        ConfigError: So few rows cannot hold 3 of each class.

    Example:
        >>> table, step = sample(table, 1000, seed=0)
        >>> len(table), step.rows_out
        (1000, 1000)
    """
    if rows >= len(table):
        why = f"all are kept, no more than the {rows} asked for"
        return table, DataStep("sample", len(table), len(table), why)
    classes = table["label"] if classes is None else classes
    quotas = _quotas(Counter(classes), rows)
    members: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for row, (text, label) in enumerate(zip(whole_texts(table), classes, strict=True)):
        members[label].append((_digest(seed, text), row))
    chosen = [row for label in members for _, row in sorted(members[label])[: quotas[label]]]
    why = f"{rows} rows by a hash of the {noun(table)} (seed {seed}), each class its share"
    return table.take(sorted(chosen)), DataStep("sample", len(table), len(chosen), why)


def _quotas(counts: Mapping[str, int], rows: int) -> dict[str, int]:
    """How many rows each class gets: its share rounded, by the largest remainder."""
    least = {name: min(LEAST_OF_A_CLASS, count) for name, count in counts.items()}
    if sum(least.values()) > rows:
        raise ConfigError(
            f"--sample {rows} is too few for {len(counts)} classes, which need "
            f"{sum(least.values())} rows; raise it or merge classes"
        )
    shares = {name: rows * count / sum(counts.values()) for name, count in counts.items()}
    quotas = {name: max(least[name], int(share)) for name, share in shares.items()}
    while (missing := rows - sum(quotas.values())) != 0:
        step = 1 if missing > 0 else -1
        free = [
            name
            for name, quota in quotas.items()
            if (quota < counts[name] if step > 0 else quota > least[name])
        ]
        quotas[max(free, key=lambda name: (step * (shares[name] - quotas[name]), name))] += step
    return quotas


def _digest(seed: int, text: str) -> str:
    # The word keeps the sample from being the first rows of the split, which hashes seed and text.
    content = f"sample\n{seed}\n{normalize(text)}"
    return hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()
