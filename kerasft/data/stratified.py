"""Train, validation and test parts of rows with several labels, frozen by a hash of the text."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence

import numpy as np

from kerasft.data.splits import Split, check_shares, conflicts, digest, hash_of_texts, normalize

# What rows without any label are told apart by: no label's name, which is never empty.
NONE = ""


def stratified_by_hash(
    texts: Sequence[str],
    labels: Sequence[Collection[str]],
    *,
    together: Sequence[str] | None = None,
    validation: float = 0.15,
    test: float = 0.15,
    seed: int = 0,
) -> Split:
    """Splits rows with several labels so that each part has its share of each label.

    Iterative stratification: the label with the fewest distinct texts (see `normalize`) left is
    dealt out first, each text of it to the part that lacks most of this label; so rare labels come
    into every part as long as there is a choice. Texts are dealt in the order of
    sha256(seed + text), which takes the place of the source's random choice: the split depends on
    the texts and their labels alone, not on the order of the rows, and equal texts share one part.
    (Unlike in `split_by_hash`, a row more may move others.) Rows without a label are dealt out
    like a label of their own.

    Source: Sechidis, Tsoumakas and Vlahavas, "On the Stratification of Multi-label Data" (2011),
    algorithm 1.

    Args:
        texts: (rows,) texts.
        labels: (rows,) the labels of each.
        together: (rows,) strings; rows with equal ones (see `normalize`) share a part. The texts by
            default.
        validation: Share of the distinct texts for validation, 0 to 1.
        test: Likewise for the test.
        seed: Another seed gives another split.

    Raises:
        ConfigError: The shares are negative or leave nothing to train on.
    """
    check_shares(validation, test)
    groups: dict[str, list[int]] = defaultdict(list)
    for row, text in enumerate(texts if together is None else together):
        groups[normalize(text)].append(row)
    order = sorted(groups, key=lambda text: digest(seed, text))
    found = {
        text: {name for row in groups[text] for name in labels[row]} or {NONE} for text in order
    }
    waiting: dict[str, list[str]] = defaultdict(list)  # by label, in the order of the hashes
    for text in order:
        for name in found[text]:
            waiting[name].append(text)
    shares = {"train": 1 - validation - test, "validation": validation, "test": test}
    shares = {part: share for part, share in shares.items() if share > 0}
    lacks = {  # how many texts each part lacks still, of each label and of all
        part: {name: share * len(of_label) for name, of_label in waiting.items()}
        for part, share in shares.items()
    }
    room = {part: share * len(order) for part, share in shares.items()}
    part_of: dict[str, str] = {}
    while waiting:
        name = min(waiting, key=lambda label: (len(waiting[label]), label))
        for text in waiting[name]:
            # Of equal parts the first: max() keeps it.
            part = max(shares, key=lambda part: (round(lacks[part][name], 9), round(room[part], 9)))
            part_of[text] = part
            room[part] -= 1
            for label in found[text]:
                lacks[part][label] -= 1
        dealt = set(waiting.pop(name))
        waiting = {
            label: left
            for label, of_label in waiting.items()
            if (left := [text for text in of_label if text not in dealt])
        }

    def rows_of(part: str) -> np.ndarray:
        rows = [
            row
            for text in order
            if part_of[text] == part
            for row in sorted(groups[text], key=lambda row: (sorted(labels[row]), texts[row]))
        ]
        return np.array(rows, dtype=np.int64)

    whole = list(map(normalize, texts))
    return Split(
        train=rows_of("train"),
        validation=rows_of("validation"),
        test=rows_of("test"),
        test_sha256=hash_of_texts([text for text in order if part_of[text] == "test"]),
        duplicates=len(texts) - len(set(whole)),
        conflicts=conflicts(whole, [tuple(sorted(found)) for found in labels]),
    )
