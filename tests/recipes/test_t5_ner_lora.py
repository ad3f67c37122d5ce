"""The recipe through its command line: what trains, what a run leaves, and what it refuses."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from harness import entity_writers, t5_twins
from harness.checkpoints import write_checkpoint
from kerasft.config import main
from kerasft.predict import Predictor
from kerasft.recipes import t5_ner_lora

EIGHT = {
    f"t5/encoder/block_{block}/self_attention/{layer}/lora_{matrix}"
    for block in (1, 2)
    for layer in ("q", "v")
    for matrix in ("a", "b")
}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("world")
    entity_writers.save(folder / "saved", entity_writers.build())
    tokenizer = entity_writers.tokenizer()
    t5_twins.write(
        folder / "t5", vocab_size=tokenizer.vocab_size, num_layers=3, num_decoder_layers=1
    )
    tokenizer.save_directory(folder / "t5", max_length=64)
    write_checkpoint(folder / "bert", "bert", layers=1)
    (folder / "rows.conll").write_text(entity_writers.conll(80, seed=1), encoding="utf-8")
    return folder


@pytest.fixture
def recipe(world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Runs the recipe's command line in this process; returns the output folder."""

    def run(*arguments: str, preset: str | None = "saved", data: str | None = None) -> Path:
        output = tmp_path / "out"
        command = ["recipe", "--data", data or str(world / "rows.conll"), "--output", str(output)]
        command += ["--epochs", "1", "--max_length", "32", "--max_target_length", "24"]
        command += ["--export", "none"]
        if preset:
            command += ["--preset", str(world / preset)]
        monkeypatch.setattr(sys, "argv", [*command, *arguments])
        main(t5_ner_lora.run, t5_ner_lora.Config)
        return output

    return run


def test_a_run_learns_and_leaves_a_folder_that_finds_the_same(recipe, world, capsys):
    # Another prefix than the model knows: there is something to learn.
    output = recipe(
        "--prefix", "to: ", "--epochs", "3", "--learning_rate", "0.01", "--export", "auto"
    )
    said = capsys.readouterr().out
    for words in (
        "backend: ",
        "data: 80 sentences",
        "adapters: t5/encoder/block_1/self_attention/q, ",
        ": 8 matrices",
        "tokens: train: none of ",
        "names seen in training",
        "outputs that could not be read as a whole: ",
        f"wrote {output}/export/ctranslate2, which differs from Keras by ",
        f"kerasft predict {output} ",
    ):
        assert words in said, words
    report = output / "report"
    assert sorted(path.name for path in report.iterdir()) == [
        "architecture.png", "confusion.png", "entities.png", "loss.png", "metrics.json",
        "predictions.jsonl", "samples.md",
    ]  # fmt: skip
    metrics = json.loads((report / "metrics.json").read_text())
    assert metrics["test"]["f1"] > 0.5
    assert set(metrics["trained"]) == EIGHT and len(metrics["trained"]) == 8
    losses = np.reshape(metrics["history"]["losses"], (3, -1)).mean(axis=1)  # all rows, each epoch
    assert losses[-1] < 0.8 * losses[0]
    unread = metrics["unparsable"]
    assert unread["outputs"] == metrics["test"]["sentences"]
    assert unread["share"] == unread["unparsable"] / unread["outputs"]

    # Only the adapter has moved: the base is that of the preset, bit for bit.
    before, after = (load_file(f / "model.safetensors") for f in (world / "saved", output))
    assert before.keys() == after.keys()
    assert all(np.array_equal(before[name], after[name]) for name in before)
    adapter = load_file(output / "adapter" / "adapter_model.safetensors")
    assert set(adapter) == {
        f"base_model.model.encoder.block.{block}.layer.0.SelfAttention.{layer}.lora_{matrix}.weight"
        for block in (1, 2)
        for layer in ("q", "v")
        for matrix in ("A", "B")
    }
    assert all(np.abs(array).max() > 0 for array in adapter.values())

    lines = (report / "predictions.jsonl").read_text().splitlines()
    records = [json.loads(line) for line in lines]
    found = Predictor(output).predict([record["text"] for record in records])
    assert [record["output"] for record in records] == [each.output for each in found]
    for record, prediction in zip(records, found, strict=True):
        assert [(e["start"], e["end"], e["type"]) for e in record["found"]] == [
            (e.start, e.end, e.type) for e in prediction.entities
        ]
        assert [e["score"] for e in record["found"]] == pytest.approx(
            [e.score for e in prediction.entities], abs=1e-4
        )
    card = (output / "README.md").read_text()
    assert str(world / "saved") in card and "8 matrices" in card


@pytest.mark.any_backend
def test_a_run_goes_on_from_an_adapter(recipe, world, tmp_path, capsys):
    first = recipe("--learning_rate", "0.01", "--rank", "4", preset="t5")
    before = load_file(first / "adapter" / "adapter_model.safetensors")
    adapter = (first / "adapter").rename(tmp_path / "theirs")
    again = recipe("--learning_rate", "1e-12", "--adapter", str(adapter), preset="t5")
    assert f"adapters: from {adapter}, made for {world / 't5'}" in capsys.readouterr().out
    after = load_file(again / "adapter" / "adapter_model.safetensors")
    assert after.keys() == before.keys() and len(after) == 8
    for name, array in before.items():
        np.testing.assert_allclose(after[name], array, atol=1e-6)


@pytest.mark.any_backend
def test_a_hugging_face_directory_and_other_targets(recipe):
    output = recipe("--targets", "[.*/(q|v)]", "--rank", "2", preset="t5")
    metrics = json.loads((output / "report" / "metrics.json").read_text())
    # 3 encoder blocks, and a decoder block with two attentions: q and v of each, A and B.
    assert len(metrics["trained"]) == 5 * 2 * 2
    assert any("decoder/block_0/cross_attention/v" in path for path in metrics["trained"])
    assert (output / "report" / "samples.md").is_file()


@pytest.mark.any_backend
def test_other_methods_take_what_is_usual_for_them(recipe):
    output = recipe("--method", "ia3", preset="t5")
    config = json.loads((output / "adapter" / "adapter_config.json").read_text())
    assert config["peft_type"] == "IA3"
    # 3 encoder blocks and a decoder block with two attentions: k and v of each; wo of 4 blocks.
    assert len(config["target_modules"]) == 5 * 2 + 4
    whole = recipe("--method", "full", preset="t5")
    assert not (whole / "adapter").exists()
    trained = json.loads((whole / "report" / "metrics.json").read_text())["parameters"]
    assert trained["frozen"] == 0 < trained["trained"]


@pytest.mark.any_backend
def test_a_run_that_is_stopped_goes_on_to_the_same(recipe, monkeypatch, tmp_path):
    from kerasft import training

    arguments = ("--epochs", "2", "--tokens_per_batch", "200")
    whole = json.loads((recipe(*arguments) / "report" / "metrics.json").read_text())
    steps = len(whole["history"]["losses"])
    for path in tmp_path.iterdir():
        path.rename(path.with_name("whole"))

    class Stop(Exception):
        pass

    def stop(self, batch, logs=None):
        if len(self.losses) == steps - 2:
            raise Stop
        return original(self, batch, logs)

    original = training.History.on_train_batch_end
    monkeypatch.setattr(training.History, "on_train_batch_end", stop)
    with pytest.raises(Stop):
        recipe(*arguments, "--checkpoint_steps", "3")
    monkeypatch.setattr(training.History, "on_train_batch_end", original)
    output = recipe(*arguments, "--checkpoint_steps", "3", "--resume")
    again = json.loads((output / "report" / "metrics.json").read_text())
    assert again["history"]["losses"] == whole["history"]["losses"]
    assert again["test"] == whole["test"]


def refused(recipe, capsys, words: str, *arguments: str, **options: str | None) -> None:
    with pytest.raises(SystemExit) as stop:
        recipe(*arguments, **options)
    complaint = capsys.readouterr().err
    assert stop.value.code == 2
    lines = [line for line in complaint.splitlines() if line.startswith("error: ")]
    assert complaint.splitlines() == lines and len(lines) == 1, complaint
    assert words in complaint


@pytest.mark.any_backend
@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("Ann B-PER\nleft\n\nBob O\nx O\n", "line 2"),
        ("Ann X-PER\nleft O\n", "line 1"),
        ("\n".join(f"w{i} O\n" for i in range(60)), "no entities"),
    ],
)
def test_bad_data_is_one_sentence(recipe, tmp_path, content, words, capsys):
    (tmp_path / "bad.conll").write_text(content)
    refused(recipe, capsys, words, data=str(tmp_path / "bad.conll"))
    assert not (tmp_path / "out").exists()


@pytest.mark.any_backend
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--targets", "[encoder/block_9/self_attention/q]"], "near names are"),
        (["--targets", "[]"], "no targets"),
        (["--rank", "0"], "rank"),
        (["--method", "head"], "'full'"),
        (["--method", "bitfit", "--alpha", "3"], "--alpha is not an option of --method bitfit"),
        (["--max_length", "4"], "the prefix 'find entities: ' takes"),
        (["--learning_rate", "0"], "--learning_rate"),
        (["--tokens_per_batch", "0"], "--tokens_per_batch"),
        (["--preset", "./nowhere"], "a folder saved by t5_text_to_text"),
        (["--preset", "minilm"], "minilm is an encoder, which writes no texts"),
        (["--pooling", "mean"], "--pooling"),
        (["--beam_size", "65"], "--beam_size is 65"),
        (["--prefix", "to: " * 300, "--max_length", "3000"], "more than 1000 characters"),
        (["--max_target_length", "20000"], "--max_target_length is 20000"),
        (["--seed", "-1"], "seed is -1"),
    ],
)
def test_bad_options_are_one_sentence(recipe, arguments, words, capsys, tmp_path, monkeypatch):
    monkeypatch.setattr("keras.Model.fit", lambda *_, **__: pytest.fail("it was trained"))
    refused(recipe, capsys, words, *arguments)
    assert not (tmp_path / "out").exists()


@pytest.mark.any_backend
def test_an_encoder_is_no_preset(recipe, capsys):
    refused(recipe, capsys, "not supported where texts are written", preset="bert")


@pytest.mark.any_backend
def test_a_hub_that_cannot_be_reached_is_one_sentence(recipe, capsys, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    refused(recipe, capsys, "google-t5/t5-small", preset=None)
    refused(recipe, capsys, "a folder saved by t5_text_to_text", preset=None)
