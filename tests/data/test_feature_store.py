"""The file of features: what is in it comes back, whoever wrote it and whatever was killed."""

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from kerasft.data import feature_store
from kerasft.data.feature_store import FEATURES, INDEX, RECORD_BYTES, FeatureStore
from kerasft.errors import ConfigError

pytestmark = pytest.mark.plain

WIDTH = 6


def key(number: int) -> bytes:
    return hashlib.sha256(str(number).encode()).digest()


def rows(number: int, tokens: int = 0, dtype: str = "float16") -> np.ndarray:
    """The features of text `number`, of as many tokens as its number says."""
    rng = np.random.default_rng(number)
    return rng.normal(size=(tokens or 1 + number % 7, WIDTH)).astype(dtype)


def store(folder: Path, **options) -> FeatureStore:
    return FeatureStore(folder, **{"backbone": "a" * 64, "width": WIDTH, **options})


def check(found: FeatureStore, numbers: range) -> None:
    """Asserts that these texts are kept, bit for bit."""
    for number in numbers:
        features = found.get(key(number), 1 + number % 7)
        assert features is not None, number
        np.testing.assert_array_equal(features, rows(number, dtype=found.dtype.name), strict=True)


@pytest.mark.skipif(sys.platform == "win32", reason="needs RLIMIT_FSIZE")
@pytest.mark.parametrize("limit", [FEATURES, INDEX])
def test_what_a_full_disk_cut_off_takes_no_room(tmp_path, limit):
    from harness.full_disk import no_file_above  # other processes import this file from elsewhere

    kept = store(tmp_path / "s", width=1 if limit == INDEX else WIDTH)
    kept.add({key(n): rows(n)[:, : kept.width] for n in range(3)})
    before = {name: (tmp_path / "s" / name).read_bytes() for name in (FEATURES, INDEX)}
    new = {key(n): rows(n)[:, : kept.width] for n in range(3, 40)}
    with no_file_above(len(before[limit]) + 20), pytest.raises(OSError, match="File too large"):
        kept.add(new)
    assert before == {name: (tmp_path / "s" / name).read_bytes() for name in (FEATURES, INDEX)}
    kept.add(new)  # there is room again
    again = store(tmp_path / "s", width=kept.width)
    for number in range(40):
        features = again.get(key(number), 1 + number % 7)
        np.testing.assert_array_equal(features, rows(number)[:, : kept.width])


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_what_is_kept_comes_back_packed(tmp_path, dtype):
    kept = store(tmp_path / "s", dtype=dtype)
    assert kept.get(key(0), 1) is None and len(kept) == 0
    for first in range(0, 20, 5):
        kept.add({key(n): rows(n, dtype=dtype) for n in range(first, first + 5)})
    check(kept, range(20))
    again = store(tmp_path / "s", dtype=dtype)
    check(again, range(20))
    tokens = sum(1 + n % 7 for n in range(20))
    size = tokens * WIDTH * np.dtype(dtype).itemsize
    assert again.size == size == (tmp_path / "s" / FEATURES).stat().st_size
    assert (tmp_path / "s" / INDEX).stat().st_size == 20 * RECORD_BYTES
    assert feature_store.size_of_stores(tmp_path) == size
    with pytest.raises(ValueError, match="read-only"):
        again.get(key(3), 4)[:] = 0


def test_two_writers_share_and_the_first_one_counts(tmp_path):
    one, other = store(tmp_path / "s"), store(tmp_path / "s")
    one.add({key(1): rows(1), key(2): rows(2)})
    np.testing.assert_array_equal(other.get(key(1), 2), rows(1))  # seen without opening again
    came_second = other.add({key(2): rows(2) + 1, key(3): rows(3)})
    np.testing.assert_array_equal(came_second[key(2)], rows(2))
    np.testing.assert_array_equal(came_second[key(3)], rows(3))
    check(one, range(1, 4))
    assert len(one) == len(store(tmp_path / "s")) == 3


def test_what_a_killed_writer_left_is_overwritten(tmp_path):
    store(tmp_path / "s").add({key(n): rows(n) for n in range(3)})
    with open(tmp_path / "s" / FEATURES, "ab") as file:
        file.write(b"features that no record names")
    with open(tmp_path / "s" / INDEX, "ab") as file:
        file.write(b"a piece of a record")
    kept = store(tmp_path / "s")
    assert len(kept) == 3
    kept.add({key(n): rows(n) for n in range(3, 9)})
    check(kept, range(9))
    check(store(tmp_path / "s"), range(9))


def test_damage_is_noticed_and_mended(tmp_path):
    store(tmp_path / "s").add({key(n): rows(n) for n in range(6)})
    path = tmp_path / "s" / FEATURES
    content = bytearray(path.read_bytes())
    content[0] ^= 1  # text 0
    path.write_bytes(content)
    index = bytearray((tmp_path / "s" / INDEX).read_bytes())
    index[3 * RECORD_BYTES + 33] ^= 1  # where text 3 begins
    (tmp_path / "s" / INDEX).write_bytes(index)
    kept = store(tmp_path / "s")
    assert kept.get(key(0), 1) is None and kept.get(key(3), 4) is None
    assert key(3) not in kept
    check(kept, range(1, 3))
    kept.add({key(0): rows(0), key(3): rows(3)})
    check(kept, range(6))
    check(store(tmp_path / "s"), range(6))


def test_features_that_were_cut_off_are_not_kept(tmp_path):
    store(tmp_path / "s").add({key(n): rows(n) for n in range(6)})
    os.truncate(tmp_path / "s" / FEATURES, 20)
    kept = store(tmp_path / "s")
    assert kept.get(key(0), 1) is not None and kept.get(key(5), 6) is None
    kept.add({key(n): rows(n) for n in range(6)})
    check(store(tmp_path / "s"), range(6))


def test_a_record_that_is_being_written_is_read_later(tmp_path):
    kept, reader = store(tmp_path / "s"), store(tmp_path / "s")
    kept.add({key(1): rows(1)})
    whole = (tmp_path / "s" / INDEX).read_bytes()
    (tmp_path / "s" / INDEX).write_bytes(whole[:-3] + b"\0\0\0")
    assert reader.get(key(1), 2) is None
    (tmp_path / "s" / INDEX).write_bytes(whole)
    check(reader, range(1, 2))


def test_a_limit_is_kept(tmp_path):
    limit = 4 * WIDTH * 2
    kept = store(tmp_path / "s", max_bytes=limit)
    kept.add({key(2): rows(2)})  # 3 tokens
    with pytest.raises(OSError, match="limit"):
        kept.add({key(1): rows(1)})
    kept.add({key(0): rows(0)})
    assert kept.size == limit
    check(store(tmp_path / "s"), range(0, 3, 2))


@pytest.mark.parametrize(
    "other", [{"backbone": "b" * 64}, {"width": WIDTH + 1}, {"dtype": "float32"}], ids=str
)
def test_features_of_something_else_are_never_read(tmp_path, other):
    store(tmp_path / "s").add({key(1): rows(1)})
    with pytest.raises(ConfigError, match="another model"):
        store(tmp_path / "s", **other)
    facts = tmp_path / "s" / feature_store.FACTS
    facts.write_text(json.dumps({**json.loads(facts.read_text()), "format_version": 2}))
    with pytest.raises(ConfigError, match="remove that folder"):
        store(tmp_path / "s")


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(ConfigError, match="cannot be used") as caught:
        store(tmp_path / "file" / "s")
    assert "\n" not in str(caught.value)


WRITER = """
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from test_feature_store import key, rows, store
kept = store(Path(sys.argv[2]))
print("open", flush=True)
number = int(sys.argv[3])
while True:
    kept.add({key(n): rows(n) for n in range(number, number + 4)})
    number += 4
    print(number, flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_two_writers_killed_at_any_moment_leave_all_that_they_published(tmp_path):
    """Each pair writes the same texts, so that they come in each other's way."""
    folder = tmp_path / "s"
    rng = random.Random(0)
    start, published = 0, 0
    for _ in range(4):
        writers = [
            subprocess.Popen(
                [sys.executable, "-c", WRITER, Path(__file__).parent, folder, str(start)],
                stdout=subprocess.PIPE, text=True,
            )
            for _ in range(2)
        ]  # fmt: skip
        said = [0, 0]
        for turn in range(rng.randint(3, 12)):
            line = writers[turn % 2].stdout.readline().strip()
            said[turn % 2] = int(line) if line.isdigit() else start
        for writer in writers:
            os.kill(writer.pid, signal.SIGKILL)
            writer.wait()
            writer.stdout.close()
        published = max(published, *said)
        kept = store(folder)
        check(kept, range(published))
        for number in range(published, published + 4000):  # what came after, whole or not at all
            if key(number) in kept:
                check(kept, range(number, number + 1))
        start = published - published % 8
    assert published > 0
    kept.add({key(n): rows(n) for n in range(published + 8000, published + 8010)})
    check(store(folder), range(published))
