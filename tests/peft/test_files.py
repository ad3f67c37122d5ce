"""Adapters on disk: written, read again, and refused when they do not fit."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest
import safetensors.numpy

from harness import checkpoints, small
from kerasft import backends
from kerasft.architectures import Classifier, EncoderArguments
from kerasft.errors import AdapterError, ConfigError
from kerasft.peft import (
    LoRAConfig,
    adapted_layers,
    apply,
    last_layers,
    load_adapter,
    merge,
    parameter_counts,
    remove,
    save_adapter,
    unmerge,
)

ARGUMENTS = EncoderArguments(
    vocab_size=len(checkpoints.VOCABULARY), num_layers=2, num_heads=4, hidden_size=16,
    intermediate_size=32, max_length=64,
)  # fmt: skip
PREFIX = "base_model.model."
QUERY = "distilbert.transformer.layer.1.attention.q_lin"


def classifier(num_labels: int = 3, **changes) -> Classifier:
    """A DistilBERT with the same weights every time."""
    arguments = EncoderArguments(**{**ARGUMENTS.to_dict(), **changes})
    model = Classifier("distilbert", arguments, num_labels)
    small.randomize(model.weights, seed=4)
    return model


def train(model: keras.Model, epochs: int = 2) -> set[str]:
    """Trains for a few steps and returns the paths of the weights that moved."""
    small.compile_classifier(model, keras.optimizers.Adam(0.02))
    before = small.snapshot(model.weights)
    model.fit(small.TOKENS, small.LABELS, epochs=epochs, batch_size=3, verbose=0)
    return small.moved(before, small.snapshot(model.weights))


def compiled_logits(model: keras.Model) -> np.ndarray:
    return backends.compile_forward(model)(small.TOKENS)


@pytest.fixture(scope="module")
def saved(tmp_path_factory) -> tuple[Path, np.ndarray, set[str]]:
    """A trained adapter of ours, the logits with it, and the paths of the weights that trained."""
    keras.utils.set_random_seed(0)
    model = classifier()
    apply(model, LoRAConfig(last_layers(model, 1), rank=4, modules_to_save=model.head_layers))
    moved = train(model)
    directory = tmp_path_factory.mktemp("adapters") / "adapter"
    save_adapter(model, directory, "base")
    return directory, compiled_logits(model), moved


FRESH = """
import sys
sys.path[:0] = ["tests", "tests/peft"]
import numpy as np
import test_files as t
model = t.classifier()
t.load_adapter(model, sys.argv[1])
np.save(sys.argv[2], t.compiled_logits(model))
"""


def test_a_fresh_process_gives_the_same_bits(saved, tmp_path, run_python) -> None:
    directory, expected, _ = saved
    result = run_python("-c", FRESH, directory, tmp_path / "logits.npy")
    assert result.returncode == 0, result.stderr
    np.testing.assert_array_equal(np.load(tmp_path / "logits.npy"), expected)


def test_training_goes_on_after_loading(saved) -> None:
    directory, _, moved = saved
    model = classifier()
    small.compile_classifier(model)  # compiled before: loading compiles again
    report = load_adapter(model, directory)
    assert report.counts == parameter_counts(model)
    assert train(model) == moved
    adapters = {f"{path}/{name}" for path in report.adapted for name in ("lora_a", "lora_b")}
    assert adapters < moved and len(moved - adapters) == 4  # the head's kernels and biases
    assert adapted_layers(model)[0].adapter.settings.dropout == 0.05
    assert any("lora_dropout" in v.path for v in model.variables)


def test_saving_again_gives_the_same_files(saved, tmp_path) -> None:
    directory, _, _ = saved
    model = classifier()
    load_adapter(model, directory)
    merge(model)
    with pytest.raises(AdapterError, match="unmerge"):
        save_adapter(model, tmp_path / "again", "base")
    unmerge(model)
    for _ in range(2):  # the second replaces the first
        save_adapter(model, tmp_path / "again", "base")
    for name in ("adapter_config.json", "adapter_model.safetensors"):
        assert (tmp_path / "again" / name).read_bytes() == (directory / name).read_bytes()


def test_a_folder_of_somebody_else_is_not_replaced(saved, tmp_path) -> None:
    model = classifier()
    with pytest.raises(AdapterError, match="has no adapters to save"):
        save_adapter(model, tmp_path, "base")
    load_adapter(model, saved[0])
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ConfigError, match="holds files that kerasft would not write"):
        save_adapter(model, tmp_path, "base")


def test_adapters_that_are_no_numbers_are_not_saved(tmp_path) -> None:
    model = classifier()
    apply(model, LoRAConfig(("query",)))
    layer = adapted_layers(model)[1]
    layer.lora_b.assign(np.full(layer.lora_b.shape, np.nan))
    with pytest.raises(AdapterError, match=rf"{re.escape(QUERY)}.lora_B.weight holds NaN"):
        save_adapter(model, tmp_path / "adapter", "base")
    assert not (tmp_path / "adapter").exists()


def other_model() -> keras.Model:
    """A model without a Hugging Face twin, with every kind of layer to save."""
    x = keras.Input((4, 6))
    y = keras.layers.EinsumDense("abc,dec->abde", (None, 2, 3), bias_axes="de", name="project")(x)
    y = keras.layers.LayerNormalization(name="norm")(keras.layers.Reshape((4, 6))(y))
    y = keras.layers.Dense(5, activation="relu", name="hidden")(y)
    model = keras.Model(x, keras.layers.Dense(2, name="head")(y))
    small.randomize(model.weights, seed=8)
    return model


def test_models_without_a_twin_are_saved_by_layer_path(tmp_path) -> None:
    x = np.random.default_rng(0).standard_normal((3, 4, 6)).astype("float32")
    model = other_model()
    apply(model, LoRAConfig(("project", "hidden"), rank=2, modules_to_save=("norm", "head")))
    small.randomize(model.trainable_weights)
    save_adapter(model, tmp_path / "adapter", "")
    names = set(safetensors.numpy.load_file(tmp_path / "adapter" / "adapter_model.safetensors"))
    assert names == {
        PREFIX + name
        for name in (
            *("project.lora_A.weight", "project.lora_B.weight", "hidden.lora_A.weight"),
            *("hidden.lora_B.weight", "norm.gamma", "norm.beta", "head.kernel", "head.bias"),
        )
    }
    again = other_model()
    report = load_adapter(again, tmp_path / "adapter")
    assert report.trained_in_full == ("norm", "head")
    np.testing.assert_array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))
    remove(again)
    np.testing.assert_allclose(again.predict(x, verbose=0), model.predict(x, verbose=0), atol=1e-5)


def test_a_block_that_trains_in_full_is_saved_whole(tmp_path) -> None:
    model = classifier()
    config = LoRAConfig(
        ("transformer_layer_0/.*/query",), modules_to_save=("transformer_layer_1", "classifier")
    )
    apply(model, config)
    moved = train(model)
    assert len(moved) == 2 + 16 + 2  # of the block, only a key's bias has no gradient to speak of
    save_adapter(model, tmp_path / "adapter", "base")
    again = classifier()
    report = load_adapter(again, tmp_path / "adapter")
    np.testing.assert_array_equal(small.logits(again), small.logits(model))
    assert report.from_base == ("pre_classifier",)


# What is done to a good adapter, and what is said then.
Change = Callable[[dict, dict], None]


def config(**values) -> Change:
    return lambda fields, tensors: fields.update(values)


def tensor(name: str, array: np.ndarray | None) -> Change:
    def change(fields: dict, tensors: dict) -> None:
        tensors.pop(PREFIX + name, None)
        if array is not None:
            tensors[PREFIX + name] = array

    return change


def renamed(old: str, new: str) -> Change:
    def change(fields: dict, tensors: dict) -> None:
        found = {name.replace(old, new): array for name, array in tensors.items()}
        tensors.clear()
        tensors.update(found)

    return change


def zeros(*shape: int, dtype: str = "float32") -> np.ndarray:
    return np.zeros(shape, dtype)


REFUSED = {
    "another method": (config(peft_type="VERA"), "peft_type 'VERA'; only adapters of 'LORA'"),
    "no method": (config(peft_type=None), "peft_type None"),
    "DoRA": (config(use_dora=True), f"lacks '{PREFIX}{QUERY}.lora_magnitude_vector'; the adapter"),
    "tokens": (config(trainable_token_indices=[3]), "sets trainable_token_indices to '.3.', which"),
    "loftq": (config(loftq_config={"loftq_bits": 4}), "changes the base model's own weights"),
    "olora": (config(init_lora_weights="olora"), "started with 'olora'"),
    "biases of B": (config(lora_bias=True), "sets lora_bias to 'True', which is not supported"),
    "replicated": (config(layer_replication=[[0, 2]]), "sets layer_replication"),
    "another task": (
        config(task_type="TOKEN_CLS"),
        "task 'TOKEN_CLS', but this model is one for 'SEQ_CLS'",
    ),
    "rank 0": (config(r=0), "rank must be a whole number from 1 to 4096, got 0"),
    "huge rank": (config(r=10**6), "got 1000000"),
    "rank as text": (config(r="8"), "got '8'"),
    "alpha 0": (config(lora_alpha=0), "alpha must be a number above 0"),
    "dropout 2": (config(lora_dropout=2), "dropout must be a share"),
    "odd rslora": (config(use_rslora="yes"), "must be true or false"),
    "odd pattern": (config(rank_pattern={"q_lin": "x"}), "got 'x'"),
    "odd patterns": (config(rank_pattern=[1]), "rank_pattern must be a mapping"),
    "odd targets": (config(target_modules=[1]), "target_modules must be a list of names"),
    "no targets": (config(target_modules=None), "has no target_modules"),
    "broken regex": (config(target_modules="(q_lin"), "no valid regular expression"),
    "lookahead": (
        config(target_modules="(?!k_lin).*q_lin"),
        "'.*q_lin' is no valid regular expression .*; lookaround and backreferences are not supp",
    ),
    "a huge pattern": (
        config(rank_pattern={f"(?:a?.?){{200}}{each}": 4 for each in range(60)}),
        "patterns up to .* are too large together",
    ),
    "no prefix": (
        renamed(PREFIX, ""),
        "'classifier.bias', but .* begin with 'base_model.model.' and not .* PEFT does not load it",
    ),
    "two prefixes": (
        renamed(PREFIX, PREFIX * 2),
        f"and not with '{PREFIX}{PREFIX}'; PEFT does not",
    ),
    "inside another": (renamed(PREFIX, f"{PREFIX}model."), f"and not with '{PREFIX}model.'; PEFT"),
    "of the bare model": (
        renamed(f"{PREFIX}distilbert.", PREFIX),
        "'base_model.model.transformer.layer.1.* was trained on the bare model without a head",
    ),
    "another adapter's name": (
        renamed("lora_A.weight", "lora_A.sst2.weight"),
        f"lora_A.sst2.weight', but after '{QUERY}' an adapter's file has only 'lora_A.weight'",
    ),
    "a wrapper's names": (
        renamed("classifier.", "classifier.modules_to_save.default."),
        "but after '(pre_)?classifier' an adapter's file has only",
    ),
    "both names": (
        lambda fields, tensors: tensors.update(
            {name.replace("A.w", "A.default.w"): array for name, array in tensors.items()}
        ),
        "in two spellings",
    ),
    "odd layers": (config(layers_to_transform=["x"]), "must be a number or a list of numbers"),
    "another rank": (config(r=5), r"shape \(4, 16\), but .* config ask for \(5, 16\)"),
    "more targets": (
        config(target_modules=["q_lin", "v_lin"]),
        "holds nothing for 'distilbert.transformer.layer.0.attention.q_lin', which its .* targets",
    ),
    "fewer targets": (config(target_modules=[QUERY]), "does not target; the two files"),
    "more in full": (
        config(modules_to_save=["classifier", "sa_layer_norm"]),
        "holds nothing for 'distilbert.transformer.layer.0.sa_layer_norm', which .* modules_to_s",
    ),
    "no B": (tensor(f"{QUERY}.lora_B.weight", None), f"lacks '{PREFIX}{QUERY}.lora_B.weight'"),
    "no bias": (tensor("classifier.bias", None), "lacks 'base_model.model.classifier.bias'"),
    "no head": (
        lambda fields, tensors: [
            tensors.pop(f"{PREFIX}classifier.{x}") for x in ("weight", "bias")
        ],
        "holds nothing for 'classifier', which its adapter_config.json names in modules_to_save",
    ),
    "other labels": (
        tensor("classifier.weight", zeros(5, 16)),
        "has a head for 5 labels, but the model has 3; build the model with num_labels=5",
    ),
    "other width": (
        tensor("pre_classifier.weight", zeros(16, 9)),
        r"'base_model.model.pre_classifier.weight' of shape \(16, 9\)",
    ),
    "one layer more": (
        tensor(f"{QUERY.replace('1', '2')}.lora_A.weight", zeros(4, 16)),
        "layer.2.attention.q_lin.lora_A.weight', which has no place in this model",
    ),
    "another architecture": (
        tensor("bert.encoder.layer.0.attention.self.query.lora_A.weight", zeros(4, 16)),
        f"of another architecture: it holds '{PREFIX}bert.encoder.* called like 'distilbert.trans",
    ),
    "an embedding": (
        tensor("distilbert.embeddings.word_embeddings.lora_A.weight", zeros(4, 16)),
        r"adapts 'distilbert.embeddings.word_embeddings': .* is a Embedding and not a",
    ),
    "a norm": (
        tensor("distilbert.transformer.layer.1.sa_layer_norm.lora_A.weight", zeros(4, 16)),
        "sa_layer_norm': .* is a LayerNormalization and not a",
    ),
    "adapted and replaced": (
        tensor(f"{QUERY}.weight", zeros(16, 16)),
        f"both adapts and replaces '{QUERY}'",
    ),
    "no matrices": (
        lambda fields, tensors: tensors.clear(),
        "holds no tensor of LoRA .lora_A.weight, lora_B.weight, base_layer.bias.",
    ),
    "NaN": (tensor("classifier.bias", zeros(3) * np.nan), "holds NaN or infinity in"),
    "integers": (
        tensor("classifier.bias", zeros(3, dtype="int32")),
        "as I32, but it must be F64 or",
    ),
}


@pytest.fixture(scope="module")
def base() -> Classifier:
    return classifier()


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_fit_is_refused_in_a_sentence(saved, base, tmp_path, case: str) -> None:
    change, message = REFUSED[case]
    fields = json.loads((saved[0] / "adapter_config.json").read_text())
    tensors = safetensors.numpy.load_file(saved[0] / "adapter_model.safetensors")
    change(fields, tensors)
    (tmp_path / "adapter_config.json").write_text(json.dumps(fields))
    safetensors.numpy.save_file(tensors, tmp_path / "adapter_model.safetensors")
    with pytest.raises(AdapterError, match=message) as caught:
        load_adapter(base, tmp_path)
    text = str(caught.value)
    assert str(tmp_path) in text
    assert "\n" not in text and len(text) < 500
    assert not adapted_layers(base)
    assert all(weight.trainable for weight in base.weights)


def test_a_config_that_names_everything_takes_what_the_file_holds(saved, tmp_path) -> None:
    fields = json.loads((saved[0] / "adapter_config.json").read_text())
    (tmp_path / "adapter_config.json").write_text(
        json.dumps({**fields, "target_modules": "all-linear", "unknown_but_off": None})
    )
    weights = (saved[0] / "adapter_model.safetensors").read_bytes()
    (tmp_path / "adapter_model.safetensors").write_bytes(weights)
    model = classifier()
    assert len(load_adapter(model, tmp_path).adapted) == 2
    np.testing.assert_allclose(small.logits(model), saved[1], atol=1e-6)


def test_broken_folders_are_refused(saved, base, tmp_path) -> None:
    with pytest.raises(AdapterError, match=r"There is no folder .*missing; .* downloaded first"):
        load_adapter(base, tmp_path / "missing")
    (tmp_path / "folder" / "adapter").mkdir(parents=True)
    (tmp_path / "folder" / "adapter" / "adapter_config.json").write_text("{}")
    with pytest.raises(AdapterError, match=r"it has no adapter_config.json; .*adapter has one"):
        load_adapter(base, tmp_path / "folder")
    config_path = tmp_path / "adapter_config.json"
    config_path.write_text("[]")
    with pytest.raises(AdapterError, match="must hold a JSON object"):
        load_adapter(base, tmp_path)
    config_path.write_text("{")
    with pytest.raises(AdapterError, match="not valid JSON"):
        load_adapter(base, tmp_path)
    config_path.write_bytes((saved[0] / "adapter_config.json").read_bytes())
    with pytest.raises(AdapterError, match=r"adapter_model.safetensors does not exist; save"):
        load_adapter(base, tmp_path)
    (tmp_path / "adapter_model.bin").write_bytes(b"\x80")
    with pytest.raises(AdapterError, match=r"adapter_model.bin is a pickle, which is never read"):
        load_adapter(base, tmp_path)
    whole = (saved[0] / "adapter_model.safetensors").read_bytes()
    for bad in (b"", whole[:100], whole[:-4], b"\xff" * 64, whole + b"extra"):
        (tmp_path / "adapter_model.safetensors").write_bytes(bad)
        with pytest.raises(AdapterError, match=r"is not a (whole )?safetensors file"):
            load_adapter(base, tmp_path)
    assert not adapted_layers(base)


def test_loading_twice_and_onto_nothing_is_refused(saved) -> None:
    model = classifier()
    load_adapter(model, saved[0])
    with pytest.raises(AdapterError, match="has adapters already"):
        load_adapter(model, saved[0])
    with pytest.raises(AdapterError, match="not built yet"):
        load_adapter(keras.Sequential([keras.layers.Dense(2)]), saved[0])
