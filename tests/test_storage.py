import errno
import hashlib
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from kerasft import storage
from kerasft.errors import ConfigError, FolderError

pytestmark = pytest.mark.plain


def is_ours(path: Path) -> bool:
    return (path / "mine").is_file()


def save(destination: Path, text: str) -> None:
    with storage.write_folder(destination, is_ours=is_ours) as folder:
        (folder / "mine").write_text(text)
        (folder / "report").mkdir()
        (folder / "report" / "notes.txt").write_text(text)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_cache_dir_follows_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("KERASFT_CACHE", str(tmp_path / "cache"))
    assert storage.cache_dir() == tmp_path / "cache"
    monkeypatch.delenv("KERASFT_CACHE")
    assert storage.cache_dir() == Path.home() / ".cache" / "kerasft"


def test_sha256_file(tmp_path):
    (tmp_path / "x").write_bytes(b"abc" * 100_000)
    assert storage.sha256_file(tmp_path / "x") == hashlib.sha256(b"abc" * 100_000).hexdigest()


def test_json_round_trip(tmp_path):
    value = {"è": [1, 2.5, None, True], "b": {"c": "\n"}}
    storage.write_json(tmp_path / "x.json", value)
    assert storage.read_json(tmp_path / "x.json", FolderError) == value
    with pytest.raises(ValueError):
        storage.write_json(tmp_path / "x.json", float("nan"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "not valid JSON"),
        (b"\xff\xfe\x00", "not valid JSON"),
        (b'{"a": NaN}', "NaN is not a JSON value"),
        (b'{"a": 1, "a": 2}', "'a' occurs twice"),
        (b"[" * 100_000, "nested too deeply"),
        (b"1" * 5000, "not valid JSON"),
        (b" " * (storage.MAX_JSON_BYTES + 1), "larger than"),
    ],
)
def test_bad_json_is_one_sentence_with_the_file(tmp_path, content, message):
    (tmp_path / "x.json").write_bytes(content)
    with pytest.raises(FolderError, match=message) as caught:
        storage.read_json(tmp_path / "x.json", FolderError)
    assert "x.json" in str(caught.value) and "\n" not in str(caught.value)


def test_a_missing_json_file_is_named(tmp_path):
    with pytest.raises(FolderError, match=r"none\.json cannot be read"):
        storage.read_json(tmp_path / "none.json", FolderError)


def test_first_write_makes_parents_and_leaves_nothing_beside(tmp_path):
    save(tmp_path / "a" / "b" / "run", "one")
    assert names(tmp_path / "a" / "b") == ["run"]
    assert (tmp_path / "a/b/run/report/notes.txt").read_text() == "one"


def test_ours_and_empty_folders_are_replaced(tmp_path):
    (tmp_path / "run").mkdir()
    save(tmp_path / "run", "one")
    (tmp_path / "run" / "stale").write_text("gone after the next save")
    save(tmp_path / "run", "two")
    assert names(tmp_path) == ["run"]
    assert names(tmp_path / "run") == ["mine", "report"]
    assert (tmp_path / "run" / "mine").read_text() == "two"


def test_an_error_leaves_the_old_folder(tmp_path):
    save(tmp_path / "run", "one")
    with (
        pytest.raises(RuntimeError),
        storage.write_folder(tmp_path / "run", is_ours=is_ours) as folder,
    ):
        (folder / "mine").write_text("two")
        raise RuntimeError("stop")
    assert names(tmp_path) == ["run"]
    assert (tmp_path / "run" / "mine").read_text() == "one"


def test_others_files_are_left_alone(tmp_path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_text("years of work")
    (tmp_path / "file").write_text("x")
    for destination, message in [("thesis", "would not write"), ("file", "is a file")]:
        with pytest.raises(ConfigError, match=message):
            storage.check_output(tmp_path / destination, is_ours)
        with pytest.raises(ConfigError, match=message):
            save(tmp_path / destination, "one")
    with pytest.raises(ConfigError, match="not a writable folder"):
        storage.check_output(tmp_path / "file" / "run", is_ours)
    assert (tmp_path / "thesis" / "chapter.txt").read_text() == "years of work"
    assert names(tmp_path) == ["file", "thesis"]


@pytest.mark.parametrize("seal", storage.SEALS)
def test_nothing_is_written_into_a_saved_folder(tmp_path, seal):
    run = tmp_path / "run"
    run.mkdir()
    (run / seal).write_text('{"format_version": 1, "files": {}}')
    for destination in (run / "report", run / "a" / "b"):
        with pytest.raises(ConfigError, match=f"lies inside {run}, which kerasft saved"):
            storage.check_output(destination, is_ours)
        with pytest.raises(ConfigError, match="lies inside"):
            save(destination, "one")
    assert names(run) == [seal]
    # A file of that name may be anybody's.
    (run / seal).write_text('{"files": ["app.js"]}')
    storage.check_output(run / "report", is_ours)


@pytest.mark.skipif(sys.platform != "linux", reason="/proc")
def test_a_mount_point_cannot_be_replaced():
    with pytest.raises(ConfigError, match="mount point"):
        storage.check_output("/proc", is_ours)


def test_check_output_creates_nothing(tmp_path):
    storage.check_output(tmp_path / "a" / "run", is_ours)
    assert names(tmp_path) == []


def test_a_link_is_followed(tmp_path):
    save(tmp_path / "run1", "one")
    (tmp_path / "latest").symlink_to("run1")
    save(tmp_path / "latest", "two")
    assert (tmp_path / "latest").is_symlink()
    assert (tmp_path / "run1" / "mine").read_text() == "two"


@pytest.mark.skipif(sys.platform != "linux", reason="/dev/full")
def test_a_full_disk_is_one_sentence(tmp_path):
    with (
        pytest.raises(ConfigError, match=r"run cannot be written: .*No space left"),
        storage.write_folder(tmp_path / "run", is_ours=is_ours) as folder,
    ):
        (folder / "mine").write_text("one")
        Path("/dev/full").write_text("x")
    assert names(tmp_path) == []


def by_safetensors(folder):
    import numpy
    import safetensors.numpy

    safetensors.numpy.save_file({"x": numpy.zeros(2000)}, folder / "x.safetensors")


def by_tokenizers(folder):
    from tokenizers import Tokenizer, models

    vocabulary = {str(number): number for number in range(2000)}
    Tokenizer(models.WordLevel(vocabulary, unk_token="0")).save(str(folder / "x.json"))


def by_python(folder):
    (folder / "x").write_bytes(b"x" * 16_000)


def by_quota(folder):
    raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))


@pytest.mark.skipif(sys.platform == "win32", reason="needs RLIMIT_FSIZE")
@pytest.mark.parametrize("write", [by_safetensors, by_tokenizers, by_python, by_quota])
def test_whoever_meets_the_end_of_the_disk_it_is_one_sentence(tmp_path, write):
    from harness.full_disk import no_file_above

    save(tmp_path / "run", "one")
    reason = os.strerror(errno.EDQUOT if write is by_quota else errno.EFBIG)
    with (
        pytest.raises(ConfigError) as caught,
        no_file_above(4000),
        storage.write_folder(tmp_path / "run", is_ours=is_ours, size=16_000) as folder,
    ):
        write(folder)
    said = str(caught.value)
    assert said.startswith(f"{tmp_path / 'run'} cannot be written: {reason} (16 KB are needed)")
    assert "\n" not in said
    assert names(tmp_path) == ["run"]
    assert (tmp_path / "run" / "mine").read_text() == "one"


def test_the_number_in_the_words_of_hdf5():
    # As h5py closes a file; it can end the process by itself, so it is not tried here.
    words = (
        "Can't decrement id ref count (file write failed: time = Sat Nov 28 23:04:59 2026\n, "
        "filename = 'a.h5', file descriptor = 3, errno = 28, error message = 'No space left'"
    )
    assert storage.number_of(RuntimeError(words)) == 28
    assert storage.reason_of(RuntimeError(words)) == os.strerror(28)


def test_what_is_not_the_disk_s_fault_stays_what_it_is(tmp_path):
    from kerasft.errors import DataError

    for error in (DataError("a bad row (os error 28)"), ValueError("errno = x"), KeyError(28)):
        with (
            pytest.raises(type(error)),
            storage.write_folder(tmp_path / "run", is_ours=is_ours),
        ):
            raise error


def test_without_a_swap_two_renames_do(tmp_path, monkeypatch):
    monkeypatch.setattr(storage.writing, "_exchange", lambda first, second: False)
    save(tmp_path / "run", "one")
    save(tmp_path / "run", "two")
    assert names(tmp_path) == ["run"]
    assert (tmp_path / "run" / "mine").read_text() == "two"


def test_a_kill_between_the_two_renames_is_recovered(tmp_path):
    save(tmp_path / "run", "one")
    (tmp_path / "run").rename(tmp_path / ".run.0123abcd.old")
    storage.check_output(tmp_path / "run", is_ours)
    assert (tmp_path / "run" / "mine").read_text() == "one"
    assert names(tmp_path) == ["run"]


@pytest.mark.skipif(storage.locks.fcntl is None, reason="no file locks on this system")
def test_leftovers_of_the_dead_go_and_folders_of_the_living_stay(tmp_path):
    child = (
        "import sys, time\nfrom pathlib import Path\nfrom kerasft import storage\n"
        "with storage.write_folder(sys.argv[1], is_ours=lambda path: True) as folder:\n"
        "    (folder / 'mine').write_text('child')\n    print('in', flush=True)\n    time.sleep(60)"
    )
    (tmp_path / ".run2.89abcdef.new").mkdir()  # a sibling of another folder, "run2"
    (tmp_path / ".run.x.89abcdef.new").mkdir()  # and of "run.x"
    others = {".run.x.89abcdef.new", ".run2.89abcdef.new"}
    with subprocess.Popen(
        [sys.executable, "-c", child, tmp_path / "run"], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        save(tmp_path / "run", "one")
        assert len(set(names(tmp_path)) - others) == 2  # run and the living child's sibling
        process.kill()
    save(tmp_path / "run", "two")
    assert set(names(tmp_path)) - others == {"run"}
    assert others <= set(names(tmp_path))


def test_a_folder_is_removed_whole_or_not_at_all(tmp_path, monkeypatch):
    save(tmp_path / "run", "one")
    (tmp_path / "foreign").mkdir()

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(storage.writing.shutil, "rmtree", killed)
        storage.remove_folder(tmp_path / "run", is_ours=is_ours)
    rest = [name for name in names(tmp_path) if name.startswith(".run.")]
    assert names(tmp_path) == [*rest, "foreign"] and len(rest) == 1
    storage.remove_folder(tmp_path / "run", is_ours=is_ours)
    storage.remove_folder(tmp_path / "foreign", is_ours=is_ours)
    assert names(tmp_path) == ["foreign"]


WRITER = """
import sys
from pathlib import Path
from kerasft import storage
number = 0
while True:
    number += 1
    with storage.write_folder(sys.argv[1], is_ours=lambda path: True) as folder:
        for name in "abcdef":
            (folder / name).write_bytes(str(number % 10).encode() * 300_000)
    print("saved", flush=True)
"""


@pytest.mark.parametrize("swap", [True, False], ids=["swap", "two-renames"])
def test_a_killed_writer_leaves_the_old_or_the_new_folder(tmp_path, swap):
    code = WRITER if swap else WRITER.replace(
        "number = 0", "number = 0\nstorage.writing._exchange = lambda first, second: False"
    )  # fmt: skip
    target = tmp_path / "run"
    for kill in range(12):
        with subprocess.Popen(
            [sys.executable, "-c", code, target], stdout=subprocess.PIPE
        ) as child:
            assert child.stdout is not None
            child.stdout.readline()
            time.sleep(0.0037 * kill)
            os.kill(child.pid, signal.SIGKILL)
        if not swap:
            storage.check_output(target, lambda path: True)  # this is what recovers
        files = [(target / name).read_bytes() for name in names(target)]
        assert [len(content) for content in files] == [300_000] * 6
        assert len({content[0] for content in files}) == 1
        assert all(content == content[:1] * 300_000 for content in files)


HOLDER = """
import sys, time
from kerasft import storage
with storage.hold(sys.argv[1]):
    print("in", flush=True)
    time.sleep(60)
"""


@pytest.mark.skipif(storage.locks.fcntl is None, reason="no file locks on this system")
def test_a_lock_dies_with_its_process(tmp_path):
    (tmp_path / "link").symlink_to("run")
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, tmp_path / "run"], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        for destination in (tmp_path / "run", tmp_path / "x" / ".." / "run", tmp_path / "link"):
            with (
                pytest.raises(ConfigError, match=rf"\(process {process.pid}\) is writing"),
                storage.hold(destination),
            ):
                pass
        with storage.hold(tmp_path / "other"):
            pass
        process.kill()
    with storage.hold(tmp_path / "run"):
        assert names(tmp_path) == [".run.lock", "link"]
    assert names(tmp_path) == ["link"]


@pytest.mark.skipif(storage.locks.fcntl is None, reason="no file locks on this system")
def test_where_there_are_no_locks_nothing_is_held(tmp_path, monkeypatch):
    def flock(descriptor, operation):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(storage.locks.fcntl, "flock", flock)
    with storage.hold(tmp_path / "a" / "run"), storage.hold(tmp_path / "a" / "run"):
        assert names(tmp_path / "a") == []
    (tmp_path / "file").write_text("x")
    with storage.hold(tmp_path / "file" / "run"):  # no place for a lock
        pass
    assert names(tmp_path) == ["file"]


def test_a_name_without_room_for_a_sibling_is_refused_before_the_work(tmp_path):
    storage.check_output(tmp_path / ("x" * 241), is_ours)
    save(tmp_path / ("x" * 241), "one")
    with pytest.raises(ConfigError, match="too long a name"):
        storage.check_output(tmp_path / ("x" * 242), is_ours)


@pytest.mark.skipif(os.name == "nt", reason="Windows has other rights")
def test_tensors_may_be_read_by_whoever_may_read_their_folder(tmp_path):
    """safetensors itself gives the file to its owner alone: no server of another user reads it."""
    for mode, expected in ((0o755, 0o644), (0o700, 0o600), (0o750, 0o640)):
        folder = tmp_path / f"{mode:o}"
        folder.mkdir()
        folder.chmod(mode)
        storage.write_tensors({"a": np.arange(3.0)}, folder / "file")
        assert stat.S_IMODE((folder / "file").stat().st_mode) == expected
        np.testing.assert_array_equal(load_file(folder / "file")["a"], np.arange(3.0))
