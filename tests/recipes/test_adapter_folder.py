"""Folders made of a PEFT adapter and its base model: they compute what PEFT computes."""

from pathlib import Path

import keras
import numpy as np
import peft
import pytest
import torch
import transformers

from harness import t5_twins
from harness.checkpoints import write_checkpoint
from kerasft import peft as ours
from kerasft.cli.convert import parse
from kerasft.errors import AdapterError, ConfigError, FolderError, PresetError
from kerasft.folder import verify
from kerasft.predict import Predictor
from kerasft.presets import load_preset
from kerasft.recipes.shared.adapter_folder import save_adapter_folder
from kerasft.tasks import load
from kerasft.tasks.tagging.tagger import TokenTagger
from kerasft.tasks.text_to_text.writer import TextWriter
from kerasft.text.trained_unigram import train_unigram

pytestmark = pytest.mark.any_backend

IDS = np.array([[5, 6, 7, 1]])
TEXTS = ["the good people think of more", "a year in this place"]


def save_adapter(model: torch.nn.Module, path: Path, **options) -> torch.nn.Module:
    """Puts a random adapter on a model, saves it with PEFT, and returns the whole."""
    adapted = peft.get_peft_model(model, peft.LoraConfig(r=4, lora_alpha=6, **options))
    torch.manual_seed(3)
    with torch.no_grad():
        for parameter in adapted.parameters():
            if parameter.requires_grad:
                parameter.copy_(0.3 * torch.randn_like(parameter))
    adapted.save_pretrained(path)
    return adapted.eval()


@pytest.fixture(scope="module")
def classifier(tmp_path_factory) -> tuple[Path, Path, torch.nn.Module]:
    folder = tmp_path_factory.mktemp("classifier")
    base = write_checkpoint(folder / "base", "distilbert", "ForSequenceClassification", layers=2)
    options = {"task_type": "SEQ_CLS", "target_modules": ["q_lin", "v_lin"]}
    return folder / "base", folder / "adapter", save_adapter(base, folder / "adapter", **options)


def probabilities(base: Path, model: torch.nn.Module, text: str) -> np.ndarray:
    tokens = transformers.AutoTokenizer.from_pretrained(base)(text, return_tensors="pt")
    with torch.no_grad():
        return model(tokens["input_ids"]).logits.softmax(-1)[0].numpy()


def test_a_classifier(classifier, tmp_path):
    base, adapter, theirs = classifier
    said = save_adapter_folder(str(base), adapter, tmp_path / "out", labels=["x", "b", "a"])
    assert said[-1].startswith(f"{adapter}: 4 layers adapted, pre_classifier, classifier loaded in")
    predictor = Predictor(tmp_path / "out")
    for text, found in zip(TEXTS, predictor.predict(TEXTS), strict=True):
        expected = probabilities(base, theirs, text)
        assert list(found.probabilities) == ["x", "b", "a"]
        np.testing.assert_allclose([*found.probabilities.values()], expected, atol=1e-5)
    saved = load(tmp_path / "out")
    assert saved.max_length == 64 and verify(tmp_path / "out").base_model == str(base)
    save_adapter_folder(str(base), adapter, tmp_path / "out", max_length=8)  # replaces the first
    assert load(tmp_path / "out").labels.names == ("LABEL_0", "LABEL_1", "LABEL_2")


@pytest.mark.parametrize(
    ("problem_type", "outputs"), [(None, 1), ("multi_label_classification", 3)]
)
def test_a_number_and_several_labels(tmp_path, problem_type, outputs):
    base = write_checkpoint(
        tmp_path / "base", "distilbert", "ForSequenceClassification",
        layers=2, num_labels=outputs, problem_type=problem_type,
    )  # fmt: skip
    options = {"task_type": "SEQ_CLS", "target_modules": ["q_lin", "v_lin"]}
    theirs = save_adapter(base, tmp_path / "adapter", **options)
    save_adapter_folder(str(tmp_path / "base"), tmp_path / "adapter", tmp_path / "out")
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path / "base")
    for text, found in zip(TEXTS, Predictor(tmp_path / "out").predict(TEXTS), strict=True):
        tokens = tokenizer(text, return_tensors="pt")
        with torch.no_grad():
            logits = theirs(tokens["input_ids"]).logits[0]
        if outputs == 1:
            assert found.value == pytest.approx(logits.item(), abs=1e-5)
        else:
            said = [*found.probabilities.values()]
            np.testing.assert_allclose(said, logits.sigmoid().numpy(), atol=1e-5)


def test_a_classifier_with_virtual_tokens(tmp_path):
    base = write_checkpoint(tmp_path / "base", "bert", "ForSequenceClassification", layers=2)
    config = peft.PromptTuningConfig(task_type="SEQ_CLS", num_virtual_tokens=4)
    theirs = peft.get_peft_model(base, config).eval()
    theirs.save_pretrained(tmp_path / "adapter")
    save_adapter_folder(str(tmp_path / "base"), tmp_path / "adapter", tmp_path / "out")
    assert load(tmp_path / "out").max_length == 60  # of 64 positions
    for text, found in zip(TEXTS, Predictor(tmp_path / "out").predict(TEXTS), strict=True):
        expected = probabilities(tmp_path / "base", theirs, text)
        np.testing.assert_allclose([*found.probabilities.values()], expected, atol=1e-5)


def test_a_classifier_of_pairs(tmp_path):
    base = write_checkpoint(tmp_path / "base", "bert", "ForSequenceClassification", layers=2)
    options = {"task_type": "SEQ_CLS", "target_modules": ["query", "value"]}
    theirs = save_adapter(base, tmp_path / "adapter", **options)
    save_adapter_folder(
        str(tmp_path / "base"), tmp_path / "adapter", tmp_path / "out", text_pairs=True
    )
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path / "base")
    with torch.no_grad():
        expected = theirs(**tokenizer(*TEXTS, return_tensors="pt")).logits.softmax(-1)[0].numpy()
    (found,) = Predictor(tmp_path / "out").predict([tuple(TEXTS)])
    np.testing.assert_allclose([*found.probabilities.values()], expected, atol=1e-5)


def test_an_adapter_of_ours_that_reads_the_mean(tmp_path):
    write_checkpoint(tmp_path / "base", "bert", layers=1)
    model, _ = load_preset(str(tmp_path / "base")).build_classifier(2, "mean")
    ours.apply(model, ours.LoRAConfig(("query",), modules_to_save=model.head_layers))
    ours.save_adapter(model, tmp_path / "adapter", "base")
    save_adapter_folder(
        str(tmp_path / "base"), tmp_path / "adapter", tmp_path / "out", pooling="mean"
    )
    saved = load(tmp_path / "out").model
    inputs = {"token_ids": IDS, "padding_mask": np.ones(IDS.shape, bool)}
    found, expected = (
        keras.ops.convert_to_numpy(each(inputs, training=False)) for each in (saved, model)
    )
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_tagger(tmp_path):
    names = dict(enumerate(["B-PER", "O", "I-PER"]))
    base = write_checkpoint(
        tmp_path / "base", "bert", "ForTokenClassification", layers=1, id2label=names
    )
    options = {"task_type": "TOKEN_CLS", "target_modules": ["query"]}
    theirs = save_adapter(base, tmp_path / "adapter", **options)
    save_adapter_folder(str(tmp_path / "base"), tmp_path / "adapter", tmp_path / "out")
    assert load(tmp_path / "out", TokenTagger).labels.names == tuple(names.values())
    saved = load(tmp_path / "out", TokenTagger)
    inputs = {"token_ids": IDS, "padding_mask": np.ones(IDS.shape, bool)}
    found = keras.ops.convert_to_numpy(saved.model(inputs, training=False))
    with torch.no_grad():
        expected = theirs(torch.tensor(IDS)).logits.numpy()
    np.testing.assert_allclose(found, expected, atol=1e-4)
    with pytest.raises(ConfigError, match="tags are not O, and B- and I- of each"):
        save_adapter_folder(
            str(tmp_path / "base"),
            tmp_path / "adapter",
            tmp_path / "odd",
            labels=["B-PER", "B-ORG", "O"],
        )
    with pytest.raises(ConfigError, match=r"--text_pairs is for text classifiers, but .* a tagger"):
        save_adapter_folder(
            str(tmp_path / "base"), tmp_path / "adapter", tmp_path / "odd", text_pairs=True
        )
    assert not (tmp_path / "odd").exists()


def test_a_t5(tmp_path):
    tokenizer = train_unigram(TEXTS, 60, extra_ids=4)
    t5_twins.write(tmp_path / "base", vocab_size=tokenizer.vocab_size)
    tokenizer.save_directory(tmp_path / "base", max_length=64)
    base = transformers.T5ForConditionalGeneration.from_pretrained(tmp_path / "base")
    options = {"task_type": "SEQ_2_SEQ_LM", "target_modules": ["q", "v"]}
    theirs = save_adapter(base, tmp_path / "adapter", **options)
    save_adapter_folder(
        str(tmp_path / "base"), tmp_path / "adapter", tmp_path / "out", prefix="shorten: "
    )
    saved = load(tmp_path / "out", TextWriter)
    assert [task.prefix for task in saved.tasks] == ["shorten: "]
    begun = np.array([[0, 8, 9]])
    found = saved.model({"source_ids": IDS, "target_ids": begun}, training=False)
    with torch.no_grad():
        expected = theirs(input_ids=torch.tensor(IDS), decoder_input_ids=torch.tensor(begun)).logits
    np.testing.assert_allclose(keras.ops.convert_to_numpy(found), expected.numpy(), atol=1e-4)


def test_what_does_not_fit_is_refused_before_anything_is_written(classifier, tmp_path):
    base, adapter, _ = classifier
    bare = tmp_path / "bare"
    model = write_checkpoint(bare, "distilbert", layers=2)
    save_adapter(model, tmp_path / "headless", target_modules=["q_lin"])
    headed = transformers.AutoModelForSequenceClassification.from_pretrained(base)
    save_adapter(headed, tmp_path / "no head", target_modules=["q_lin"])
    output = tmp_path / "out"
    for preset, which, labels, error, words in [
        (base, adapter, ["a", "b"], ConfigError, "names 2 labels, but the head of .* has 3"),
        (base, base, [], AdapterError, "is no PEFT adapter: it has no adapter_config.json"),
        (adapter, adapter, [], PresetError, "is a PEFT adapter and not a model"),
        (base, tmp_path / "headless", [], PresetError, "task None, for which there is no saved"),
    ]:
        with pytest.raises(error, match=words):
            save_adapter_folder(str(preset), which, output, labels=labels)
    config = tmp_path / "no head" / "adapter_config.json"
    config.write_text(config.read_text().replace('"task_type": null', '"task_type": "SEQ_CLS"'))
    with pytest.raises(PresetError, match="has the layer pre_classifier of a classifier, so it wo"):
        save_adapter_folder(str(bare), tmp_path / "no head", output, labels=["a", "b"])
    assert not output.exists()
    with pytest.raises(FolderError, match=r"is a PEFT adapter.*kerasft\.convert MODEL --adapter"):
        load(adapter)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("base --adapter a", "--adapter needs --output"),
        ("base --labels a b", "--labels goes with --adapter"),
        ("base --adapter a --output o --max_length 1", "--max_length is 1; give 4 or more"),
    ],
)
def test_the_command_line(words, message):
    with pytest.raises(ConfigError, match=message):
        parse(words.split())
    good = parse(["base", "--adapter", "a", "--output", "o", "--labels", "b", "c"])
    assert (good.directory, good.labels) == ("base", ["b", "c"])
