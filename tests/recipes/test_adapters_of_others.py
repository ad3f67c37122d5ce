"""Runs that go on from an adapter that PEFT saved."""

import shutil
import sys
from pathlib import Path

import numpy as np
import peft
import pytest
import torch
import transformers
from safetensors.numpy import load_file, save_file

from harness.checkpoints import write_checkpoint
from harness.texts import write_rows
from kerasft.config import main
from kerasft.predict import Predictor
from kerasft.recipes import distilbert_lora

pytestmark = pytest.mark.any_backend

LABELS = ["opinion", "news", "comparison"]  # in the order of the checkpoint, not of the alphabet
TEXTS = ["the good people think of more", "a year in this place", "more or less"]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint with a head of named labels, an adapter on it, and some rows."""
    folder = tmp_path_factory.mktemp("world")
    write_checkpoint(
        folder / "base", "bert", "ForSequenceClassification", id2label=dict(enumerate(LABELS))
    )
    base = transformers.AutoModelForSequenceClassification.from_pretrained(folder / "base")
    config = peft.LoraConfig(task_type="SEQ_CLS", r=4, lora_alpha=6, target_modules=["query"])
    model = peft.get_peft_model(base, config)
    torch.manual_seed(3)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.copy_(0.5 * torch.randn_like(parameter))
    model.save_pretrained(folder / "adapter")
    write_rows(folder / "rows.csv")
    return folder


@pytest.fixture
def recipe(world, tmp_path, monkeypatch):
    """Runs the recipe's command line in this process; returns the output folder."""

    def run(*arguments: str, data: str = "rows.csv") -> Path:
        command = ["recipe", "--preset", str(world / "base"), "--adapter", str(world / "adapter")]
        command += ["--output", str(tmp_path / "out"), "--data", str(world / data)]
        command += ["--max_length", "64", "--epochs", "3"]
        monkeypatch.setattr(
            sys, "argv", [*command, "--epochs=1", "--export=none", "--few_shot=off", *arguments]
        )
        main(distilbert_lora.run, distilbert_lora.Config)
        return tmp_path / "out"

    return run


def theirs(world: Path, texts: list[str]) -> np.ndarray:
    """Probabilities (texts, labels) by transformers and PEFT."""
    base = transformers.AutoModelForSequenceClassification.from_pretrained(world / "base")
    model = peft.PeftModel.from_pretrained(base, str(world / "adapter")).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(world / "base")
    with torch.no_grad():
        return (
            model(**tokenizer(texts, padding=True, return_tensors="pt")).logits.softmax(-1).numpy()
        )


def test_a_run_goes_on_from_it(recipe, world, capsys):
    output = recipe("--learning_rate", "1e-12")
    said = capsys.readouterr().out
    assert f"adapters: from {world / 'adapter'}, made for {world / 'base'}" in said
    assert said.count("self_attention_layer/query") == 3
    assert "the head reads the first token, as the heads of PEFT's adapters do" in said
    found = Predictor(output).predict(TEXTS)
    for prediction, expected in zip(found, theirs(world, TEXTS), strict=True):
        for label, probability in zip(LABELS, expected, strict=True):
            assert prediction.probabilities[label] == pytest.approx(probability, abs=1e-5)
    before = load_file(world / "adapter" / "adapter_model.safetensors")
    after = load_file(output / "adapter" / "adapter_model.safetensors")
    # The whole head trains, as in every run; PEFT had left the pooler alone.
    assert set(after) - set(before) == {
        f"base_model.model.bert.pooler.dense.{name}" for name in ("weight", "bias")
    }


def test_it_trains_and_its_head_gives_way_to_other_labels(recipe, world, capsys):
    write_rows(world / "two.csv")
    lines = (world / "two.csv").read_text().splitlines()
    kept = [line for line in lines if not line.endswith("comparison")]
    (world / "two.csv").write_text("\n".join(kept))
    output = recipe("--learning_rate", "0.01", data="two.csv")
    assert "it has no head for these labels, so the head is not from the adapter" in (
        capsys.readouterr().out
    )
    after = load_file(output / "adapter" / "adapter_model.safetensors")
    assert after["base_model.model.classifier.weight"].shape[0] == 2
    for name, before in load_file(world / "adapter" / "adapter_model.safetensors").items():
        if "lora" in name:
            assert np.abs(after[name] - before).max() > 1e-3, name


def test_a_head_for_numbers_says_the_same_on_the_scale_of_each_run(recipe, world, tmp_path):
    base = write_checkpoint(world / "one", "bert", "ForSequenceClassification", num_labels=1)
    config = peft.LoraConfig(task_type="SEQ_CLS", r=4, lora_alpha=6, target_modules=["query"])
    theirs = peft.get_peft_model(base, config).eval()
    torch.manual_seed(3)
    with torch.no_grad():
        for parameter in theirs.parameters():
            if parameter.requires_grad:
                parameter.copy_(torch.randn_like(parameter))
    theirs.save_pretrained(world / "numbers")
    tokenizer = transformers.AutoTokenizer.from_pretrained(world / "one")
    with torch.no_grad():
        logits = theirs(**tokenizer(TEXTS, padding=True, return_tensors="pt")).logits
    expected = logits[:, 0].numpy()

    adapter = world / "numbers"
    for scale in (3.0, 40.0):
        rows = [f"the people think of {row} more,{scale * row}" for row in range(40)]
        (world / "numbers.csv").write_text("\n".join(["text,label", *rows]))
        output = recipe(
            *("--preset", str(world / "one"), "--adapter", str(adapter), "--task", "regression"),
            "--learning_rate=1e-12", data="numbers.csv",
        )  # fmt: skip
        found = [each.value for each in Predictor(output).predict(TEXTS)]
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4)
        adapter = output.rename(tmp_path / f"out-{scale}") / "adapter"  # of ours now


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--method", "head"], "--method head does not train; leave one of them out"),
        (["--method", "ia3"], "is an adapter of another method; use --method lora"),
        (
            ["--adapter", "nowhere"],
            "There is no folder nowhere; an adapter of the Hub must be downloaded first",
        ),
    ],
)
def test_what_cannot_be_is_one_sentence(recipe, capsys, arguments, words):
    with pytest.raises(SystemExit) as caught:
        recipe(*arguments)
    assert caught.value.code == 2
    error = capsys.readouterr().err
    assert words in error and len(error.strip().splitlines()) == 1


def test_another_adapter_in_its_place_is_another_run(world, tmp_path):
    adapter = shutil.copytree(world / "adapter", tmp_path / "adapter")
    config = distilbert_lora.Config(adapter=str(adapter))
    before = config.fingerprint()
    assert config.fingerprint() == before
    weights = adapter / "adapter_model.safetensors"
    save_file({name: 2 * array for name, array in load_file(weights).items()}, weights)
    assert config.fingerprint() != before
