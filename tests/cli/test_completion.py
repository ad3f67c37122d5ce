"""What a shell completes, from the script that `kerasft completion` prints."""

import shutil
import subprocess
from pathlib import Path

import pytest

from kerasft.cli.main import main

pytestmark = pytest.mark.any_backend


def completed(tmp_path: Path, script: str, *words: str) -> list[str]:
    """What bash offers for the last word."""
    (tmp_path / "kerasft.bash").write_text(script, "utf-8")
    shell = f"""
        source {tmp_path / "kerasft.bash"}
        COMP_WORDS=({" ".join(words)}); COMP_CWORD={len(words) - 1}
        _shtab_kerasft kerasft {words[-1]} {words[-2]}
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(
        ["bash", "-c", shell], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    return done.stdout.split()


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_bash_completes_commands_recipes_options_and_files(
    tmp_path: Path, capsys: pytest.CaptureFixture
):
    main(["completion", "bash"])
    script = capsys.readouterr().out
    (tmp_path / "mails").mkdir()
    assert completed(tmp_path, script, "kerasft", "pre") == ["predict"]
    assert completed(tmp_path, script, "kerasft", "run", "tag") == ["tagger_lora"]
    assert completed(tmp_path, script, "kerasft", "run", "translate", "--bea") == ["--beam_size"]
    assert completed(tmp_path, script, "kerasft", "compare", "--dr") == ["--draws"]
    assert completed(tmp_path, script, "kerasft", "run", "tagger_lora", "--method", "h") == ["head"]
    rank = completed(tmp_path, script, "kerasft", "run", "tagger_lora", "--ran")
    assert rank == ["--rank", "--rank_stabilized"]
    assert completed(tmp_path, script, "kerasft", "serve", "--por") == ["--port"]
    assert completed(tmp_path, script, "kerasft", "predict", "mai") == ["mails"]


def test_zsh_has_a_script_too(capsys: pytest.CaptureFixture):
    main(["completion", "zsh"])
    script = capsys.readouterr().out
    assert script.startswith("#compdef kerasft") and "--cache_" in script and "--method" in script
