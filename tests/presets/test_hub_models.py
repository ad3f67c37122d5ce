"""Hub ids against a server on this machine, from a process that reads HF_ENDPOINT at its start."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from harness.checkpoints import write_checkpoint
from harness.model_hub import COMMIT, TOKEN, hub
from kerasft.presets import DEFAULT_PRESET, load_preset

pytestmark = pytest.mark.any_backend

# Reads one question a line, loads the preset, and prints what it is, or the error.
WORKER = """
import json, os, sys, time
from huggingface_hub import constants
from kerasft.errors import PresetError
from kerasft.presets import load_preset
for line in sys.stdin:
    question = json.loads(line)
    os.environ["HF_TOKEN"] = question["token"]
    constants.HF_HUB_OFFLINE = question["offline"]
    start = time.monotonic()
    try:
        found = load_preset(*question["preset"])
        facts = {name: getattr(found, name) for name in
                 ("architecture", "source", "sha256", "labels", "license", "revision",
                  "pooling")}
        facts["sum"] = float(sum(abs(found.tensors[name]).sum() for name in found.tensors))
        facts["ids"] = found.tokenizer.encode(["hello world"], 9).token_ids[0].tolist()
    except PresetError as error:
        facts = {"error": str(error)}
    facts["seconds"] = time.monotonic() - start
    print(json.dumps(facts), flush=True)
"""
NEEDED = {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"}
PATIENCE = 25  # seconds; a silent hub would take 30
INSTEAD = "use `--preset minilm` or a local directory with config.json and model.safetensors"


@contextmanager
def worker(endpoint: str, cache: Path) -> Iterator[Callable[..., dict]]:
    """Runs WORKER and yields a function that asks it for one preset (the default without one)."""
    environment = {
        **os.environ,
        "HF_ENDPOINT": endpoint,
        "HF_HOME": str(cache),
        "HF_HUB_ETAG_TIMEOUT": "2",
        "KERAS_BACKEND": "torch",  # nothing is built: the backend does not matter
    }
    process = subprocess.Popen(
        [sys.executable, "-c", WORKER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )

    def ask(*preset: str, token: str = "", offline: bool = False) -> dict:
        question = {"preset": preset, "token": token, "offline": offline}
        process.stdin.write(json.dumps(question) + "\n")
        process.stdin.flush()
        return json.loads(process.stdout.readline())

    with process:
        yield ask
        process.stdin.close()


@pytest.fixture(scope="module")
def server():
    with hub() as running:
        yield running


@pytest.fixture(scope="module")
def ask(server, tmp_path_factory):
    with worker(server.endpoint, tmp_path_factory.mktemp("hf")) as function:
        yield function


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Directories that transformers wrote: whole, with pickled weights alone, in shards."""
    root = tmp_path_factory.mktemp("models")
    reference = write_checkpoint(
        root / "whole", "bert", "ForSequenceClassification", id2label={0: "a", 1: "b", 2: "c"}
    )
    # What else lies in a repository is not fetched.
    for name in ("README.md", "pytorch_model.bin", "onnx_model.onnx", "training_args.bin"):
        (root / "whole" / name).write_bytes(b"0" * 1000)
    write_checkpoint(root / "pickled", "distilbert")
    (root / "pickled" / "model.safetensors").rename(root / "pickled" / "pytorch_model.bin")
    write_checkpoint(root / "shards", "bert", tokenizer="vocab")
    (root / "shards" / "model.safetensors").unlink()
    reference.save_pretrained(root / "shards", max_shard_size="8KB")
    # As sentence-transformers writes it, with one of the tokenizer's two files.
    write_checkpoint(root / "sentences", "bert", layers=1, tokenizer="json")
    (root / "sentences" / "1_Pooling").mkdir()
    (root / "sentences" / "1_Pooling" / "config.json").write_text('{"pooling_mode": "mean"}')
    return root


def total(directory) -> float:
    tensors = load_preset(str(directory)).tensors
    return float(sum(np.abs(tensors[name]).sum() for name in tensors))


def test_only_what_is_needed_is_fetched_and_once(models, server, ask):
    server.models = {"owner/whole": (models / "whole", "public")}
    server.requests.clear()
    facts = ask("owner/whole")
    local = load_preset(str(models / "whole"))
    assert facts["source"] == "owner/whole" and facts["architecture"] == "bert"
    assert facts["sha256"] == local.sha256
    assert facts["labels"] == ["a", "b", "c"]
    assert (facts["license"], facts["revision"]) == ("mit", COMMIT)
    assert facts["ids"] == local.tokenizer.encode(["hello world"], 9).token_ids[0].tolist()
    assert facts["sum"] == pytest.approx(total(models / "whole"))
    assert server.fetched() == NEEDED
    assert ask("owner/whole")["sum"] == facts["sum"]
    gets = [path for command, path in server.requests if command == "GET"]
    assert gets.count(f"/owner/whole/resolve/{COMMIT}/model.safetensors") == 1


def test_the_default_comes_from_the_hub(models, server, ask):
    server.models = {"distilbert/distilbert-base-uncased": (models / "whole", "public")}
    assert ask()["source"] == DEFAULT_PRESET == "distilbert/distilbert-base-uncased"


def test_private_models_want_the_token(models, server, ask):
    server.models = {
        "owner/private": (models / "whole", "private"),
        "owner/gated": (models / "whole", "gated"),
    }
    for token in ("", "hf_wrong"):
        error = ask("owner/private", token=token)["error"]
        assert "HF_TOKEN does not open it" in error and INSTEAD in error
        error = ask("owner/gated", token=token)["error"]
        assert "get access on its page" in error and INSTEAD in error
    for name in ("owner/private", "owner/gated"):
        assert ask(name, token=TOKEN)["sum"] == pytest.approx(total(models / "whole"))


def test_shards_are_fetched(models, server, ask):
    server.models = {"owner/shards": (models / "shards", "public")}
    assert ask("owner/shards")["sum"] == pytest.approx(total(models / "shards"))


def test_pickled_weights_are_refused(models, server, ask):
    server.models = {"owner/pickled": (models / "pickled", "public")}
    server.requests.clear()
    error = ask("owner/pickled")["error"]
    assert "has no model.safetensors" in error and "(pytorch_model.bin) are not read" in error
    assert "`--preset minilm`" in error
    assert server.fetched() == {"config.json"}


def test_an_adapter_is_told_from_a_model(server, ask, tmp_path):
    (tmp_path / "adapter_config.json").write_text("{}")
    (tmp_path / "empty").mkdir()
    server.models = {
        "owner/lora": (tmp_path, "public"),
        "owner/empty": (tmp_path / "empty", "public"),
    }
    error = ask("owner/lora")["error"]
    assert "is a PEFT adapter and not a model" in error and "--adapter FOLDER`" in error
    assert "it has no config.json" in ask("owner/empty")["error"]


@pytest.mark.parametrize(
    ("preset", "words"),
    [("owner/broken", "the Hub answered 500"), ("nobody/nothing", "there is no such model")],
)
def test_what_the_hub_refuses_is_one_sentence(server, ask, preset, words):
    server.models = {"owner/broken": (None, "broken")}
    error = ask(preset)["error"]
    assert words in error and INSTEAD in error and "\n" not in error


def test_a_hub_that_never_answers_is_not_waited_for(server, ask):
    server.silent = True
    try:
        facts = ask("owner/slow")
    finally:
        server.silent = False
    assert "the Hub cannot be reached" in facts["error"] and INSTEAD in facts["error"]
    assert facts["seconds"] < PATIENCE


def test_a_host_that_does_not_exist_is_one_sentence(tmp_path):
    with worker("http://nowhere.invalid", tmp_path) as ask:
        facts = ask()
    assert "the Hub cannot be reached" in facts["error"] and INSTEAD in facts["error"]
    assert repr(DEFAULT_PRESET) in facts["error"]
    assert facts["seconds"] < PATIENCE and "\n" not in facts["error"]


def test_without_a_hub_its_cache_does(models, server, ask):
    server.models = {
        "owner/kept": (models / "whole", "public"),
        "owner/sentences": (models / "sentences", "public"),
    }
    online, sentences = ask("owner/kept"), ask("owner/sentences")
    assert (online["pooling"], sentences["pooling"]) == ("first", "mean")
    server.hang_up()  # for good: this is the last test of the file
    assert ask("owner/kept")["sum"] == online["sum"]
    assert ask("owner/kept", offline=True)["sum"] == online["sum"]
    for offline in (False, True):  # what the model does not have is not asked for again
        assert ask("owner/sentences", offline=offline)["pooling"] == "mean"
    missing = ask("owner/other")
    assert "the Hub cannot be reached" in missing["error"] and INSTEAD in missing["error"]
    assert missing["seconds"] < PATIENCE and "\n" not in missing["error"]
    missing = ask("owner/other", offline=True)
    assert "HF_HUB_OFFLINE is set" in missing["error"] and INSTEAD in missing["error"]
