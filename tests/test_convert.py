"""The command line of the converter, and the error that leads to it."""

import shlex

import pytest
import torch

from harness.checkpoints import write_checkpoint
from kerasft.cli.convert import parse
from kerasft.cli.main import main
from kerasft.errors import ConfigError, PresetError
from kerasft.presets import load_preset

pytestmark = pytest.mark.any_backend


@pytest.fixture
def directory(tmp_path):
    """A model as the hubs had them once; the space in its path asks for quotes."""
    path = tmp_path / "tiny bert"
    write_checkpoint(path, "bert", layers=1)
    tensors = load_preset(str(path)).tensors
    torch.save({name: torch.tensor(tensors[name]) for name in tensors}, path / "pytorch_model.bin")
    (path / "model.safetensors").unlink()
    return path


def test_the_error_names_a_command_that_helps(directory, run_python):
    with pytest.raises(PresetError, match=r"weights only as pytorch_model\.bin") as caught:
        load_preset(str(directory))
    command = str(caught.value).split("`")[1]
    words = shlex.split(command)
    assert words[:2] == ["kerasft", "convert"]
    result = run_python("-m", *words)
    assert result.returncode == 0, result.stderr
    assert "tensors, " in result.stdout and "in model.safetensors" in result.stdout
    load_preset(str(directory)).build_classifier(2)


def test_an_index_of_shards_leads_there_too(directory):
    (directory / "pytorch_model.bin").rename(directory / "pytorch_model.bin.index.json")
    with pytest.raises(PresetError, match=r"bin\.index\.json, .*kerasft convert"):
        load_preset(str(directory))


def test_weights_of_other_libraries_do_not(directory):
    (directory / "pytorch_model.bin").rename(directory / "tf_model.h5")
    with pytest.raises(PresetError, match=r"tf_model\.h5, .* save the model again as model"):
        load_preset(str(directory))


def test_a_malicious_file_is_one_sentence_and_exit_code_2(directory, capsys):
    class Malicious:
        def __reduce__(self):
            return print, ("it ran",)

    torch.save({"weight": Malicious()}, directory / "pytorch_model.bin")
    words = [str(directory), "--output", str(directory.parent / "new")]
    with pytest.raises(SystemExit) as stopped:
        main(["convert", *words])
    said = capsys.readouterr()
    assert stopped.value.code == 2
    assert said.out == "" and said.err.count("\n") == 1
    assert said.err.startswith("error: ") and "asks for print," in said.err
    assert [path.name for path in directory.parent.iterdir()] == ["tiny bert"]


def test_words_that_are_not_understood():
    assert parse(["tiny", "--output", "new"]).output == "new"
    assert parse(["tiny"]).output is None
    for words in ([], ["tiny", "--out", "new"], ["tiny", "new"]):
        with pytest.raises(ConfigError, match=r"kerasft convert --help"):
            parse(words)
