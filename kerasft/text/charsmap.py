"""SentencePiece's table of characters ("precompiled_charsmap"), checked before it is used.

The table is a trie over the bytes of characters, and the texts that take their place. The
`tokenizers` library follows whatever numbers stand in it, and panics where they lead out of it.

    size of the trie in bytes; the trie, 4 bytes a node; the texts, each with a byte 0 behind it

Source: the double array of darts-clone (https://github.com/s-yata/darts-clone), which
SentencePiece writes.
"""

import numpy as np
from tokenizers import normalizers

from kerasft.errors import PresetError

# SentencePiece's own tables have 0.2 MB, and no text in them has more than 18 characters.
MOST_BYTES = 2**21
MOST_CHARACTERS = 32
_CHUNK = 4096


def read_charsmap(table: bytes) -> normalizers.Precompiled:
    """Builds the normalizer of an untrusted table.

    Raises:
        PresetError: It is broken, or makes many characters of one.

    Example:
        >>> read_charsmap(base64.b64decode(step["precompiled_charsmap"])).normalize_str("ﬁ")
        'fi'
    """
    check_charsmap(table)
    return normalizers.Precompiled(table)


def check_charsmap(table: bytes) -> int:
    """Checks every path through a table.

    Returns:
        The most characters that replace a single one.

    Raises:
        PresetError: A path leads outside the table, or the texts are longer than any of
            SentencePiece's.
    """
    size = int.from_bytes(table[:4], "little")
    if len(table) > MOST_BYTES or not 4 <= size <= len(table) - 4 or size % 4:
        raise _broken()
    trie = np.frombuffer(table, dtype="<u4", count=size // 4, offset=4).astype(np.int64)
    texts = table[4 + size :]
    try:
        texts.decode("utf-8")
    except UnicodeDecodeError:
        raise _broken() from None
    starts = np.unique(_leaves(trie))
    letters = np.frombuffer(texts + b"\0", dtype=np.uint8)
    if starts.size and starts[-1] > len(texts):
        raise _broken()
    begins = (letters & 0xC0) != 0x80  # not inside of a character
    if not begins[starts].all():
        raise _broken()
    ends = np.flatnonzero(letters == 0)
    passed = np.concatenate([[0], np.cumsum(begins)])
    sizes = passed[ends[np.searchsorted(ends, starts)]] - passed[starts]
    most = int(sizes.max(initial=1))
    if most > MOST_CHARACTERS:
        raise PresetError(
            f"the tokenizer's precompiled_charsmap makes {most} characters of one, but no more "
            f"than {MOST_CHARACTERS} are read"
        )
    return most


def _leaves(trie: np.ndarray) -> np.ndarray:
    """Where the texts begin to which the nodes (units,) int64 lead; each node is visited once."""
    seen = np.zeros(len(trie), dtype=bool)
    letters = np.arange(1, 256)
    found: list[np.ndarray] = []
    pending = _offset(trie[:1])
    while pending.size:
        bases, pending = pending[:_CHUNK], pending[_CHUNK:]
        # Any byte can follow, so all 256 nodes around must be there.
        if (bases | 255).max() >= len(trie):
            raise _broken()
        seen[bases] = True
        places = bases[:, None] ^ letters  # (bases, letters)
        nodes = trie[places]
        matched = (nodes & 0x800000FF) == letters
        places, nodes = places[matched], nodes[matched]
        children = places ^ _offset(nodes)
        if children.size and children.max() >= len(trie):
            raise _broken()
        found.append(trie[children[(nodes >> 8) & 1 == 1]] & 0x7FFFFFFF)
        children = np.unique(children)
        pending = np.union1d(pending, children[~seen[children]])
    return np.concatenate(found) if found else np.empty(0, dtype=np.int64)


def _offset(nodes: np.ndarray) -> np.ndarray:
    return (nodes >> 10) << ((nodes & 512) >> 6)


def _broken() -> PresetError:
    return PresetError("the tokenizer's precompiled_charsmap is broken; fetch the file again")
