"""A directory with pickled weights becomes one that a preset is loaded from."""

import json
import os
import shutil
import sys

import numpy as np
import pytest
import safetensors
import safetensors.torch
import torch

from harness.checkpoints import write_checkpoint
from harness.full_disk import no_file_above
from kerasft.errors import ConfigError, PresetError
from kerasft.presets import load_preset
from kerasft.presets.convert_directory import convert_directory
from kerasft.storage import sha256_file

pytestmark = pytest.mark.any_backend

LABELS = {"id2label": {0: "no", 1: "perhaps", 2: "yes"}}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A directory with `pytorch_model.bin` alone, and its transformers model."""
    directory = tmp_path_factory.mktemp("bert")
    model = write_checkpoint(directory, "bert", "ForSequenceClassification", **LABELS)
    pickle_weights(directory)
    return directory, model


def pickle_weights(directory, shards=1):
    """Puts pickles in the place of `model.safetensors`."""
    path = directory / "model.safetensors"
    tensors = safetensors.torch.load_file(path)
    path.unlink()
    if shards == 1:
        torch.save(tensors, directory / "pytorch_model.bin")
        return
    weight_map = {}
    for number in range(shards):
        part = dict(list(tensors.items())[number::shards])
        name = f"pytorch_model-{number + 1:05}-of-{shards:05}.bin"
        torch.save(part, directory / name)
        weight_map.update(dict.fromkeys(part, name))
    (directory / "pytorch_model.bin.index.json").write_text(
        json.dumps({"metadata": {"total_size": 0}, "weight_map": weight_map})
    )


@pytest.fixture
def copy(written, tmp_path):
    return shutil.copytree(written[0], tmp_path / "a copy")


@pytest.fixture
def shards(written, tmp_path):
    directory = shutil.copytree(written[0], tmp_path / "shards")
    tensors = torch.load(directory / "pytorch_model.bin")
    safetensors.torch.save_file(tensors, directory / "model.safetensors")
    (directory / "pytorch_model.bin").unlink()
    pickle_weights(directory, shards=3)
    return directory


def contents(directory):
    return {path.name: sha256_file(path) for path in directory.iterdir()}


def same_as(directory, tensors):
    """The safetensors files of a directory hold these tensors, bit for bit."""
    found = {}
    for path in directory.glob("*.safetensors"):
        found.update(safetensors.torch.load_file(path))
    assert set(found) == set(tensors)
    for name, tensor in tensors.items():
        assert found[name].dtype == tensor.dtype
        assert found[name].shape == tensor.shape
        assert torch.equal(found[name], tensor.contiguous())


def test_in_place_only_the_weights_are_added(copy, written, agree):
    before = contents(copy)
    conversion = convert_directory(copy)
    assert conversion.files == ("model.safetensors",)
    assert (conversion.repeated, conversion.left) == ((), ())
    after = contents(copy)
    assert after.pop("model.safetensors")
    assert after == before
    same_as(copy, written[1].state_dict() | torch.load(copy / "pytorch_model.bin"))
    pretrained = load_preset(str(copy))
    model, report = pretrained.build_classifier(3)
    assert (report.new, report.unread, pretrained.labels) == ([], [], ["no", "perhaps", "yes"])
    agree(model, written[1])


def test_what_transformers_reads_of_it_is_the_same(copy, written):
    convert_directory(copy)
    (copy / "pytorch_model.bin").unlink()
    again = type(written[1]).from_pretrained(copy).state_dict()
    assert all(torch.equal(again[name], value) for name, value in written[1].state_dict().items())
    with safetensors.safe_open(copy / "model.safetensors", "pt") as file:
        assert file.metadata() == {"format": "pt"}


def test_into_a_folder_config_and_tokenizer_go_along(copy, written, tmp_path, agree):
    for name in ("training_args.bin", "tf_model.h5", ".gitattributes", "LICENSE", "README.md"):
        (copy / name).write_text(name)
    (copy / "1_Pooling").mkdir()
    before = contents_of_files(copy)
    conversion = convert_directory(copy, tmp_path / "new" / "model")
    assert conversion.left == ("1_Pooling", "tf_model.h5", "training_args.bin")
    assert contents_of_files(copy) == before
    names = {path.name for path in (tmp_path / "new" / "model").iterdir()}
    assert names == {
        *("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"),
        *("vocab.txt", "LICENSE", "README.md"),
    }
    agree(load_preset(str(tmp_path / "new" / "model")).build_classifier(3)[0], written[1])


def contents_of_files(directory):
    return {path.name: sha256_file(path) for path in directory.iterdir() if path.is_file()}


@pytest.mark.parametrize("in_place", [True, False])
def test_a_shard_becomes_a_shard(shards, written, in_place, tmp_path, agree):
    target = shards if in_place else tmp_path / "new"
    conversion = convert_directory(shards, None if in_place else target)
    assert conversion.files == tuple(f"model-0000{n}-of-00003.safetensors" for n in (1, 2, 3))
    same_as(target, written[1].state_dict())
    index = json.loads((target / "model.safetensors.index.json").read_text())
    assert set(index["weight_map"]) == set(written[1].state_dict())
    assert index["metadata"]["total_size"] == conversion.bytes
    assert not list((tmp_path / "new").glob("pytorch*"))
    agree(load_preset(str(target)).build_classifier(3)[0], written[1])


def test_one_shard_is_a_shard_too(copy):
    (copy / "pytorch_model.bin").rename(copy / "weights.bin")
    names = torch.load(copy / "weights.bin")
    (copy / "pytorch_model.bin.index.json").write_text(
        json.dumps({"weight_map": dict.fromkeys(names, "weights.bin")})
    )
    assert convert_directory(copy).files == ("model-00001-of-00001.safetensors",)
    assert len(load_preset(str(copy)).tensors) == len(names)


def test_tied_and_strided_tensors_have_their_numbers_to_themselves(tmp_path):
    table = torch.randn(10, 4)
    tensors = {
        "embeddings.weight": table,
        "decoder.weight": table,
        "rows": table[2:5],
        "turned": table.T,
        "half": torch.randn(3).half(),
        "brain": torch.randn(3, 2).bfloat16(),
        "scalar": torch.tensor(7),
    }
    torch.save(tensors, tmp_path / "pytorch_model.bin")
    conversion = convert_directory(tmp_path)
    assert conversion.repeated == ("decoder.weight",)
    assert conversion.tensors == 7
    same_as(tmp_path, tensors)
    assert "written out once more each" in conversion.describe()[1]


def test_one_flipped_bit_is_noticed(copy):
    pickle, directory = copy / "pytorch_model.bin", copy
    raw = bytearray(pickle.read_bytes())
    raw[len(raw) // 2] ^= 1
    pickle.write_bytes(raw)
    with pytest.raises(PresetError, match="cannot be read as PyTorch weights"):
        convert_directory(directory)
    assert not (directory / "model.safetensors").exists()


def test_a_format_without_checksums_is_named(copy):
    tensors = torch.load(copy / "pytorch_model.bin")
    assert not any("checksums" in line for line in convert_directory(copy).describe())
    (copy / "model.safetensors").unlink()
    torch.save(tensors, copy / "pytorch_model.bin", _use_new_zipfile_serialization=False)
    assert "has no checksums" in convert_directory(copy).describe()[1]


def test_a_masked_language_model_of_tied_embeddings_is_converted(tmp_path):
    model = write_checkpoint(tmp_path, "bert", "ForMaskedLM", layers=1)
    (tmp_path / "model.safetensors").unlink()
    torch.save(model.state_dict(), tmp_path / "pytorch_model.bin")
    conversion = convert_directory(tmp_path)
    assert "cls.predictions.decoder.weight" in conversion.repeated
    _, report = load_preset(str(tmp_path)).build_classifier(3)
    assert all(name.startswith("cls.") for name in report.unread)


def test_half_precision_can_be_fine_tuned_from(written, copy):
    tensors = torch.load(copy / "pytorch_model.bin")
    torch.save({k: v.bfloat16() for k, v in tensors.items()}, copy / "pytorch_model.bin")
    convert_directory(copy)
    found = load_preset(str(copy)).tensors["classifier.weight"]
    np.testing.assert_array_equal(found, tensors["classifier.weight"].bfloat16().float().numpy())


def test_what_is_there_is_never_overwritten(copy, shards):
    (copy / "model.safetensors").write_bytes(b"mine")
    with pytest.raises(ConfigError, match=r"model\.safetensors exists and is not overwritten"):
        convert_directory(copy)
    assert (copy / "model.safetensors").read_bytes() == b"mine"
    (shards / "model-00002-of-00003.safetensors").write_bytes(b"mine")
    before = contents(shards)
    with pytest.raises(ConfigError, match="exists and is not overwritten"):
        convert_directory(shards)
    assert contents(shards) == before


def test_a_second_conversion_changes_nothing(copy, tmp_path):
    convert_directory(copy)
    convert_directory(copy, tmp_path / "new")
    before = contents(copy)
    for output in (None, tmp_path / "new"):
        with pytest.raises(ConfigError):
            convert_directory(copy, output)
    assert contents(copy) == before


def test_the_output_must_be_new(copy, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").write_text("mine")
    with pytest.raises(ConfigError, match=r"a conversion replaces none.*new or empty"):
        convert_directory(copy, tmp_path / "full")
    with pytest.raises(ConfigError, match="leave it out"):
        convert_directory(copy, copy / "." / "")
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["notes.txt"]


def test_all_shards_or_none(shards, tmp_path):
    (shards / "pytorch_model-00003-of-00003.bin").write_bytes(b"not a pickle")
    before = contents(shards)
    for output in (None, tmp_path / "new"):
        with pytest.raises(PresetError, match="00003-of-00003"):
            convert_directory(shards, output)
    assert contents(shards) == before
    assert not (tmp_path / "new").exists() and not list(tmp_path.glob(".new*"))


def test_a_malicious_shard_leaves_nothing(shards):
    class Malicious:
        def __reduce__(self):
            return os.mkdir, (str(shards / "it-ran"),)

    torch.save({"weight": Malicious()}, shards / "pytorch_model-00002-of-00003.bin")
    before = contents(shards)
    with pytest.raises(PresetError, match=r"asks for \S+\.mkdir") as caught:
        convert_directory(shards)
    assert "\n" not in str(caught.value)
    assert contents(shards) == before


def test_numbers_that_are_repeated_too_often_are_not_written_out(tmp_path):
    torch.save({"a": torch.zeros(1).expand(10**9)}, tmp_path / "pytorch_model.bin")
    with pytest.raises(PresetError, match="repeats its numbers to 4000000000 bytes"):
        convert_directory(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["pytorch_model.bin"]


def lacks_a_shard(directory):
    (directory / "pytorch_model-00002-of-00003.bin").unlink()


def lacks_a_tensor(directory):
    path = directory / "pytorch_model-00002-of-00003.bin"
    tensors = torch.load(path)
    tensors.popitem()
    torch.save(tensors, path)


def holds_one_more(directory):
    path = directory / "pytorch_model-00002-of-00003.bin"
    torch.save(torch.load(path) | {"a": torch.zeros(1)}, path)


def leads_out(directory):
    path = directory / "pytorch_model.bin.index.json"
    path.write_text(json.dumps({"weight_map": {"a": "../pytorch_model.bin"}}))


def no_index(directory):
    (directory / "pytorch_model.bin.index.json").unlink()


@pytest.mark.parametrize(
    ("breaks", "words"),
    [
        (lacks_a_shard, "lacks pytorch_model-00002-of-00003.bin"),
        (lacks_a_tensor, "lacks the tensor"),
        (holds_one_more, "holds the tensor 'a'"),
        (leads_out, "'../pytorch_model.bin', which is not in its folder"),
        (no_index, "has no pytorch_model.bin"),
    ],
)
def test_shards_that_do_not_fit_their_index_are_refused(shards, breaks, words):
    breaks(shards)
    with pytest.raises(PresetError) as caught:
        convert_directory(shards)
    assert words in str(caught.value)
    assert not list(shards.glob("*.safetensors*")) and not list(shards.glob(".*"))


def test_where_there_is_nothing_to_convert(tmp_path):
    with pytest.raises(PresetError, match="there is no directory"):
        convert_directory(tmp_path / "nowhere")
    with pytest.raises(PresetError, match=r"has no pytorch_model\.bin"):
        convert_directory(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"")
    with pytest.raises(PresetError, match=r"has model\.safetensors already"):
        convert_directory(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    torch.save({}, tmp_path / "pytorch_model.bin")
    with pytest.raises(PresetError, match="holds no tensor"):
        convert_directory(tmp_path)


def test_a_name_that_safetensors_keeps_for_itself_is_refused(tmp_path):
    torch.save({"__metadata__": torch.zeros(2)}, tmp_path / "pytorch_model.bin")
    with pytest.raises(PresetError, match="'__metadata__', a name that safetensors keeps"):
        convert_directory(tmp_path)


@pytest.mark.skipif(sys.platform == "win32", reason="needs RLIMIT_FSIZE")
@pytest.mark.parametrize("beside", [True, False], ids=["beside", "folder"])
def test_a_full_disk_leaves_the_directory_as_it_was(shards, tmp_path, beside):
    before = sorted(os.listdir(shards)), sorted(os.listdir(tmp_path))
    with no_file_above(2000), pytest.raises(ConfigError) as caught:
        convert_directory(shards, None if beside else tmp_path / "new")
    message = str(caught.value)
    assert "\n" not in message and "cannot be written: File too large; nothing was" in message
    assert (sorted(os.listdir(shards)), sorted(os.listdir(tmp_path))) == before
