"""Adapters go to Hugging Face PEFT and come from it with the same logits."""

import json
import re
import warnings
from pathlib import Path

import keras
import numpy as np
import pytest
import safetensors.numpy
import torch

from harness import checkpoints, peft_twins, small
from kerasft.architectures import Classifier, EncoderArguments
from kerasft.errors import AdapterError
from kerasft.peft import LoRAConfig, apply, last_layers, load_adapter, remove, save_adapter
from kerasft.presets import load_preset

QUERY_VALUE = {
    "distilbert": ["q_lin", "v_lin"], "bert": ["query", "value"], "roberta": ["query", "value"],
}  # fmt: skip
HEAD = {"distilbert": "pre_classifier", "bert": "bert.pooler", "roberta": "classifier"}
QUERY = {
    "roberta": r".*\.layer\.[12]\.attention\.self\.query",
    "distilbert": r"distilbert\.transformer\.layer\.[12]\.attention\.q_lin",
    "bert": r".*\.layer\.[12]\.attention\.self\.query",
}


OTHER = pytest.param("roberta", marks=pytest.mark.any_backend)


@pytest.fixture(scope="module", params=["distilbert", "bert", OTHER])
def checkpoint(request: pytest.FixtureRequest, tmp_path_factory) -> tuple[str, Path]:
    directory = tmp_path_factory.mktemp(request.param)
    checkpoints.write_checkpoint(directory, request.param, "ForSequenceClassification")
    return request.param, directory


@pytest.mark.parametrize(
    ("everything", "rank_stabilized"), [(False, False), (True, True)], ids=["last two", "all"]
)
def test_peft_loads_what_we_train(checkpoint, tmp_path, everything, rank_stabilized) -> None:
    architecture, directory = checkpoint
    model = peft_twins.ours(directory)
    head = model.head_layers if everything else ("classifier",)
    if architecture != "bert":
        head = model.head_layers  # PEFT takes "pre_classifier" for "classifier" too
    targets = ("transformer_layer_.*",) if everything else last_layers(model, 2)
    config = LoRAConfig(
        targets, rank=4, alpha=6.0, rank_stabilized=rank_stabilized, modules_to_save=head
    )
    report = apply(model, config)
    small.compile_classifier(model, keras.optimizers.Adam(0.02))
    plain = peft_twins.logits(model)
    model.fit(small.TOKENS, small.LABELS, epochs=3, batch_size=3, verbose=0)
    expected = peft_twins.logits(model)
    assert np.abs(expected - plain).max() > 0.05
    save_adapter(model, tmp_path / "adapter", str(directory))

    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="Found missing adapter keys")
        theirs = peft_twins.with_adapter(directory, tmp_path / "adapter")
    np.testing.assert_allclose(peft_twins.logits(theirs), expected, atol=1e-4)
    assert (
        len(peft_twins.adapted_modules(theirs)) == len(report.adapted) == (18 if everything else 4)
    )

    again = peft_twins.ours(directory)
    loaded = load_adapter(again, tmp_path / "adapter")
    np.testing.assert_array_equal(peft_twins.logits(again), expected)
    assert loaded.adapted == report.adapted
    assert set(loaded.trained_in_full) == set(head)
    assert loaded.base_model == str(directory)


VARIANTS = {
    "suffixes": lambda kind: {"target_modules": QUERY_VALUE[kind], "r": 8},
    "pattern": lambda kind: {"target_modules": QUERY[kind], "r": 3, "lora_dropout": 0.1},
    "all-linear": lambda kind: {
        "target_modules": "all-linear",
        # PEFT itself cannot both adapt and train DistilBERT's pre_classifier.
        **({"exclude_modules": ["pre_classifier"]} if kind == "distilbert" else {}),
    },
    "rank and alpha patterns": lambda kind: {
        "target_modules": QUERY_VALUE[kind],
        "r": 4,
        "rank_pattern": {QUERY_VALUE[kind][0]: 2, rf".*layer\.1\..*{QUERY_VALUE[kind][1]}": 5},
        "alpha_pattern": {QUERY_VALUE[kind][1]: 32, rf"layer\.2\..*{QUERY_VALUE[kind][0]}": 1},
    },
    "some layers": lambda kind: {
        "target_modules": QUERY_VALUE[kind],
        "layers_to_transform": [1, 2],
        "use_rslora": True,
    },
    "one layer by its pattern": lambda kind: {
        "target_modules": QUERY_VALUE[kind],
        "layers_to_transform": 2,
        "layers_pattern": "layer",
        "init_lora_weights": "gaussian",
    },
    "a longer head": lambda kind: {
        "target_modules": QUERY_VALUE[kind][:1],
        "modules_to_save": [HEAD[kind]],
    },
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_we_load_what_peft_trains(checkpoint, tmp_path, variant: str) -> None:
    architecture, directory = checkpoint
    adapter = tmp_path / "theirs"
    expected = peft_twins.train_theirs(directory, adapter, **VARIANTS[variant](architecture))
    model = peft_twins.ours(directory)
    plain = peft_twins.logits(model)
    assert np.abs(plain - expected).max() > 0.05
    report = load_adapter(model, adapter)
    np.testing.assert_allclose(peft_twins.logits(model), expected, atol=1e-4)
    assert set(peft_twins.adapted_modules(peft_twins.with_adapter(directory, adapter))) == {
        name.removeprefix("base_model.model.").removesuffix(".lora_A.weight")
        for name in safetensors.numpy.load_file(adapter / "adapter_model.safetensors")
        if name.endswith(".lora_A.weight")
    }
    if architecture != "bert" or variant == "a longer head":
        assert report.from_base == ()
    elif variant != "all-linear":
        assert report.from_base == ("bert.pooler.dense",)
        assert "bert.pooler.dense as in the base model" in str(report)

    # What was theirs is saved as ours, and goes back.
    save_adapter(model, tmp_path / "ours", "base")
    theirs = peft_twins.with_adapter(directory, tmp_path / "ours")
    np.testing.assert_allclose(peft_twins.logits(theirs), expected, atol=1e-4)


def test_names_and_fields_that_peft_reads_are_read(checkpoint, tmp_path) -> None:
    kind, directory = checkpoint
    adapter = tmp_path / "a"
    peft_twins.train_theirs(directory, adapter, target_modules=QUERY_VALUE[kind], r=4)
    path = adapter / "adapter_config.json"
    config = json.loads(path.read_text()) | {"fan_in_fan_out": True, "enable_lora": [True]}
    path.write_text(json.dumps(config | {"use_magic": 3, "new_and_off": None}))
    weights = adapter / "adapter_model.safetensors"
    tensors = safetensors.numpy.load_file(weights)
    named = {re.sub(r"(lora_[AB])\.", r"\1.default.", name): each for name, each in tensors.items()}
    assert len(set(named) - set(tensors)) == 12
    safetensors.numpy.save_file(named, weights)
    with pytest.warns(UserWarning, match="fan_in_fan_out is set to True but"):
        theirs = peft_twins.with_adapter(directory, adapter)
    model = peft_twins.ours(directory)
    report = load_adapter(model, adapter)
    np.testing.assert_allclose(peft_twins.logits(model), peft_twins.logits(theirs), atol=1e-4)
    assert report.notes == (
        "fan_in_fan_out is ignored, as PEFT does for Linear layers",
        "enable_lora, use_magic: no field of LoRA, ignored as PEFT does",
    )
    assert report.notes[1] in str(report)


def test_a_head_part_that_the_file_lacks_stays_as_in_the_base(tmp_path) -> None:
    checkpoints.write_checkpoint(tmp_path / "base", "distilbert", "ForSequenceClassification")
    expected = peft_twins.train_theirs(tmp_path / "base", tmp_path / "a", target_modules=["q_lin"])
    path = tmp_path / "a" / "adapter_model.safetensors"
    tensors = safetensors.numpy.load_file(path)
    trained = tensors.pop("base_model.model.pre_classifier.weight")
    tensors.pop("base_model.model.pre_classifier.bias")
    safetensors.numpy.save_file(tensors, path)
    model = peft_twins.ours(tmp_path / "base")
    base = small.numpy(model.get_layer("pre_classifier").kernel)
    report = load_adapter(model, tmp_path / "a")
    assert report.from_base == ("pre_classifier",)
    assert report.trained_in_full == ("classifier",)
    np.testing.assert_array_equal(small.numpy(model.get_layer("pre_classifier").kernel), base)
    assert np.abs(base - trained.T).max() > 1e-3
    assert np.abs(peft_twins.logits(model) - expected).max() > 1e-3


def test_peft_loads_an_adapter_without_a_head(checkpoint, tmp_path) -> None:
    _, directory = checkpoint
    model = peft_twins.ours(directory)
    apply(model, LoRAConfig(("query", "value"), rank=2, dropout=0.0))
    small.compile_classifier(model, keras.optimizers.Adam(0.02))
    model.fit(small.TOKENS, small.LABELS, verbose=0)
    save_adapter(model, tmp_path, str(directory))
    theirs = peft_twins.with_adapter(directory, tmp_path)
    np.testing.assert_allclose(peft_twins.logits(theirs), peft_twins.logits(model), atol=1e-5)


def test_half_precision_adapters_are_read(tmp_path) -> None:
    from safetensors.torch import load_file, save_file

    checkpoints.write_checkpoint(tmp_path / "base", "bert", "ForSequenceClassification")
    peft_twins.train_theirs(tmp_path / "base", tmp_path / "a", target_modules=["query"])
    path = tmp_path / "a" / "adapter_model.safetensors"
    save_file({k: v.to(torch.bfloat16) for k, v in load_file(path).items()}, path)
    model = peft_twins.ours(tmp_path / "base")
    load_adapter(model, tmp_path / "a")
    expected = peft_twins.logits(peft_twins.with_adapter(tmp_path / "base", tmp_path / "a"))
    np.testing.assert_allclose(peft_twins.logits(model), expected, atol=1e-4)


def random_base(directory: Path, kind: str, layers: int) -> Path:
    """A random checkpoint of the size of the real ones, but for its short vocabulary."""
    model = checkpoints.write_checkpoint(
        directory, kind, "ForSequenceClassification", num_labels=2, layers=layers, width=768,
        heads=12,
    )  # fmt: skip
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 2:
                parameter.mul_(0.1)  # from a deviation of 0.2 to the usual 0.02
    model.save_pretrained(directory)
    return directory


@pytest.mark.real
@pytest.mark.parametrize(
    ("name", "kind", "layers", "head"),
    [
        ("lora-imdb-distilbert", "distilbert", 6, ("pre_classifier", "classifier")),
        ("cbepler_qlora_sst2", "bert", 12, ("classifier",)),
    ],
)
def test_adapters_made_by_others(shared: Path, tmp_path, name, kind, layers, head) -> None:
    adapter = shared / "data" / "peft_adapters" / name
    base = random_base(tmp_path / "base", kind, layers)
    model = peft_twins.ours(base, num_labels=2)
    plain = peft_twins.logits(model)
    report = load_adapter(model, adapter)
    assert len(report.adapted) == layers * (2 if kind == "distilbert" else 3)
    assert report.trained_in_full == head
    expected = peft_twins.logits(peft_twins.with_adapter(base, adapter))
    assert np.abs(expected - plain).max() > 0.01
    np.testing.assert_allclose(peft_twins.logits(model), expected, atol=1e-4)
    remove(model)
    np.testing.assert_allclose(peft_twins.logits(model), expected, atol=1e-4)


@pytest.mark.real
def test_an_adapter_by_others_on_real_weights(shared: Path, real_weights: Path) -> None:
    import peft
    import transformers

    adapter = shared / "data" / "peft_adapters" / "lora-imdb-distilbert"
    pretrained = load_preset(str(real_weights / "distilbert"))
    model, _ = pretrained.build_classifier(2)
    load_adapter(model, adapter)
    theirs = transformers.AutoModelForSequenceClassification.from_pretrained(
        real_weights / "distilbert", num_labels=2
    )
    expected = peft_twins.logits(peft.PeftModel.from_pretrained(theirs, str(adapter)))
    np.testing.assert_allclose(peft_twins.logits(model), expected, atol=1e-4)


@pytest.mark.real
@pytest.mark.parametrize("layers", [6, 12])
def test_a_bert_adapter_is_refused_on_distilbert(shared: Path, layers: int) -> None:
    arguments = EncoderArguments(
        vocab_size=100, num_layers=layers, num_heads=12, hidden_size=768,
        intermediate_size=1536, max_length=64,
    )  # fmt: skip
    model = Classifier("distilbert", arguments, num_labels=2)
    message = (
        r"of another architecture: it holds 'base_model.model.bert.encoder.layer.0.attention.self."
        r"key.lora_A.weight', but .* like 'distilbert.transformer.layer.0.attention.q_lin'"
    )
    with pytest.raises(AdapterError, match=message):
        load_adapter(model, shared / "data" / "peft_adapters" / "cbepler_qlora_sst2")


def test_the_config_says_all_that_peft_needs(tmp_path) -> None:
    checkpoints.write_checkpoint(tmp_path / "base", "bert", "ForSequenceClassification")
    model = peft_twins.ours(tmp_path / "base")
    apply(model, LoRAConfig(("transformer_layer_2/.*/query",), modules_to_save=model.head_layers))
    save_adapter(model, tmp_path / "a", "google-bert/bert-base-uncased")
    config = json.loads((tmp_path / "a" / "adapter_config.json").read_text())
    assert config == {
        "peft_type": "LORA",
        "task_type": "SEQ_CLS",
        "base_model_name_or_path": "google-bert/bert-base-uncased",
        "inference_mode": True,
        "r": 8,
        "lora_alpha": 16.0,
        "lora_dropout": 0.05,
        "use_rslora": False,
        "rank_pattern": {},
        "alpha_pattern": {},
        "target_modules": ["bert.encoder.layer.2.attention.self.query"],
        "modules_to_save": ["bert.pooler.dense", "classifier"],
        "bias": "none",
        "fan_in_fan_out": False,
        "init_lora_weights": True,
        "use_dora": False,
    }
    assert {path.name for path in (tmp_path / "a").iterdir()} == {
        "adapter_config.json",
        "adapter_model.safetensors",
    }
