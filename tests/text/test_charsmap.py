"""SentencePiece's tables of characters: whole ones, and such as lead out of themselves."""

import random

import numpy as np
import pytest

from kerasft.errors import PresetError
from kerasft.text.charsmap import check_charsmap, read_charsmap

pytestmark = pytest.mark.plain


def unit(label: int, offset: int = 0, leaf: bool = False) -> int:
    return label | offset << 10 | leaf << 8


def table(nodes: dict[int, int], texts: bytes, size: int = 512) -> bytes:
    """A table whose trie has these nodes."""
    trie = np.zeros(size, dtype="<u4")
    for place, value in nodes.items():
        trie[place] = value
    return (4 * size).to_bytes(4, "little") + trie.tobytes() + texts


# From the root, whose children lie at 256 ^ letter, "a" leads to the text at 0.
TABLE = table({0: unit(0, 256), 256 ^ 97: unit(97, 1, leaf=True), 256 ^ 97 ^ 1: 2**31}, b"xyz\0")


def test_a_table_of_characters():
    assert check_charsmap(TABLE) == 3
    assert read_charsmap(TABLE).normalize_str("bab") == "bxyzb"


@pytest.mark.parametrize(
    "broken",
    [
        b"", b"\0\0\0\0", b"\xff" * 40, TABLE[:-300], TABLE[:4],
        TABLE[:-4] + b"\xff\xff\xff\0",
        table({0: unit(0, 512)}, b"a\0"),
        table({0: unit(0, 256), 353: unit(97, 4000, leaf=True)}, b"a\0"),
        table({0: unit(0, 256), 353: unit(97, 1, leaf=True), 352: 2**31 + 9}, b"a\0"),
        table({0: unit(0, 256), 353: unit(97, 1, leaf=True), 352: 2**31 + 1}, "é\0".encode()),
        table({0: unit(0, 256), 353: unit(97, 1, leaf=True), 352: 2**31}, b"y" * 40 + b"\0"),
        table({}, b"", 2**20),
    ],
)  # fmt: skip
def test_a_table_that_leads_out_of_itself_or_grows(broken):
    with pytest.raises(PresetError, match="precompiled_charsmap"):
        check_charsmap(broken)


def test_a_table_that_leads_back_into_itself_ends():
    circle = table({0: unit(0, 256), 256 ^ 97: unit(97, 97)}, b"a\0")  # "a" leads to its own node
    assert check_charsmap(circle) == 1


def test_damaged_tables_are_refused_or_do_not_panic():
    rng, read = random.Random(0), 0
    for _ in range(200):
        data = bytearray(TABLE)
        for _ in range(rng.randrange(1, 4)):
            data[rng.choice([*range(8), *range(1380, 1450), *range(2040, len(data))])] = (
                rng.randrange(256)
            )
        try:
            normalizer = read_charsmap(bytes(data))
        except PresetError:
            continue
        normalizer.normalize_str("".join(map(chr, range(1, 300))) * 2)
        read += 1
    assert 0 < read < 200
