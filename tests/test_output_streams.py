"""What a run prints while nobody reads it, or in an encoding of few letters."""

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.plain
# More than a pipe holds, so that a reader that has gone is noticed.
SCRIPT = """
import sys
from kerasft.config import guard
from kerasft.config.output_streams import robust_output
with guard(), robust_output():
    for line in range(9000):
        print(line, "━ é ł", "r\\udce9sum.csv")
    print("done", file=sys.stderr)
open(sys.argv[1], "w").write("trained")
"""


def run(tmp_path, shell, **environment):
    (tmp_path / "script.py").write_text(SCRIPT, "utf-8")
    done = subprocess.run(
        ["sh", "-c", shell.format(f"{sys.executable} script.py end")],
        cwd=tmp_path, capture_output=True, env={**os.environ, **environment},
    )  # fmt: skip
    assert (tmp_path / "end").read_text() == "trained"
    return done


@pytest.mark.parametrize("shell", ["{} | head -1", "{} 2>&1 | head -1", "{} >&-", "{} >&- 2>&-"])
def test_a_run_goes_on_when_nobody_reads(tmp_path, shell):
    run(tmp_path, shell)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a disk that is always full")
def test_a_run_goes_on_when_its_log_is_full(tmp_path):
    assert b"done" in run(tmp_path, "{} > /dev/full").stderr


@pytest.mark.parametrize(
    ("encoding", "line"),
    [
        ("utf-8", "0 ━ é ł ".encode() + b"r\xe9sum.csv"),
        ("ascii", rb"0 = \xe9 \u0142 r" + b"\xe9sum.csv"),
        ("latin-1", b"0 = \xe9 " + rb"\u0142 r" + b"\xe9sum.csv"),
    ],
)
def test_letters_that_an_encoding_lacks_are_escaped(tmp_path, encoding, line):
    assert run(tmp_path, "{}", PYTHONIOENCODING=encoding).stdout.splitlines()[0] == line
