"""Hugging Face directories: which load, which are refused and how."""

import json
import shutil
import tracemalloc

import numpy as np
import pytest
import safetensors.numpy
import torch
import transformers

from harness.checkpoints import write_checkpoint
from kerasft.errors import PresetError
from kerasft.presets import load_preset
from kerasft.storage import sha256_file

pytestmark = pytest.mark.any_backend

LABELS = {"id2label": {0: "no", 1: "perhaps", 2: "yes"}}


@pytest.fixture(scope="module", params=["bert", "distilbert"])
def name(request):
    return request.param


@pytest.fixture(scope="module")
def written(name, tmp_path_factory):
    """A directory with a trained head, and its transformers model."""
    directory = tmp_path_factory.mktemp(name)
    return directory, write_checkpoint(directory, name, "ForSequenceClassification", **LABELS)


@pytest.fixture
def copy(written, tmp_path):
    return shutil.copytree(written[0], tmp_path / "copy")


def edit_config(directory, **changes):
    path = directory / "config.json"
    config = json.loads(path.read_text())
    config.update(changes)
    path.write_text(json.dumps({key: value for key, value in config.items() if value is not ...}))


def test_a_trained_classifier_is_loaded_with_its_head_and_labels(name, written, agree):
    directory, reference = written
    pretrained = load_preset(str(directory))
    assert pretrained.architecture == name
    assert pretrained.labels == ["no", "perhaps", "yes"]
    assert pretrained.head_pooling == "first"
    assert pretrained.source == str(directory)
    assert pretrained.sha256 == sha256_file(directory / "model.safetensors")
    model, report = pretrained.build_classifier(3)
    assert (report.new, report.unread) == ([], [])
    agree(model, reference)


@pytest.mark.parametrize("tokenizer", ["json", "vocab"])
@pytest.mark.parametrize("cased", [False, True])
def test_either_tokenizer_file_does(name, tokenizer, cased, tmp_path):
    write_checkpoint(tmp_path, name, cased=cased, tokenizer=tokenizer, layers=1)
    texts = ["Hello world, what an opinion!", "SUMIT"]
    reference = transformers.AutoTokenizer.from_pretrained(tmp_path)(texts)["input_ids"]
    encoded = load_preset(str(tmp_path)).tokenizer.encode(texts, 64).token_ids
    assert [row.tolist() for row in encoded] == reference
    lower = load_preset(str(tmp_path)).tokenizer.encode([text.lower() for text in texts], 64)
    assert (lower.token_ids[0].tolist() == reference[0]) != cased


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16])
def test_half_precision_is_read_as_float32(written, copy, kind, agree):
    reference = type(written[1]).from_pretrained(copy, dtype=kind)
    reference.save_pretrained(copy)
    model, _ = load_preset(str(copy)).build_classifier(3)
    agree(model, reference.to(torch.float32).eval())


def test_shards_are_read(written, copy, agree):
    (copy / "model.safetensors").unlink()
    written[1].save_pretrained(copy, max_shard_size="8KB")
    shards = sorted(copy.glob("model-*.safetensors"))
    assert len(shards) > 1 and not (copy / "model.safetensors").exists()
    pretrained = load_preset(str(copy))
    model, report = pretrained.build_classifier(3)
    assert report.new == []
    agree(model, written[1])
    shards[1].unlink()
    with pytest.raises(PresetError, match=rf"lacks {shards[1].name}"):
        load_preset(str(copy))


def test_a_token_classifier_has_no_head_for_texts(name, tmp_path):
    """Its last layer is called "classifier" too and would even fit."""
    write_checkpoint(tmp_path, name, "ForTokenClassification", **LABELS)
    pretrained = load_preset(str(tmp_path))
    assert (pretrained.labels, pretrained.head_pooling) == (None, None)
    _, report = pretrained.build_classifier(3)
    assert report.unread == ["classifier.bias", "classifier.weight"]
    assert set(report.new) == {
        f"{layer}.{part}"
        for layer in ("bert.pooler.dense" if name == "bert" else "pre_classifier", "classifier")
        for part in ("weight", "bias")
    }


def test_without_architectures_the_whole_head_decides(copy, written, agree):
    edit_config(copy, architectures=...)
    pretrained = load_preset(str(copy))
    assert pretrained.labels == ["no", "perhaps", "yes"]
    agree(pretrained.build_classifier(3)[0], written[1])


def test_the_architecture_can_be_said(name, copy):
    edit_config(copy, model_type=...)
    with pytest.raises(PresetError, match="`--architecture`"):
        load_preset(str(copy))
    assert load_preset(str(copy), architecture=name).architecture == name


def pickled(directory):
    (directory / "model.safetensors").rename(directory / "pytorch_model.bin")


def truncated(directory):
    path = directory / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


def no_safetensors(directory):
    (directory / "model.safetensors").write_bytes(b"PK\3\4 a zip file, say")


def change_tensors(directory, change):
    path = directory / "model.safetensors"
    tensors = safetensors.numpy.load_file(path)
    change(tensors)
    safetensors.numpy.save_file(tensors, path)


def lacks_a_tensor(directory):
    change_tensors(
        directory, lambda tensors: tensors.pop(next(key for key in tensors if "layer.1." in key))
    )


def quantized_tensor(directory):
    def change(tensors):
        key = next(key for key in tensors if "word_embeddings" in key)
        tensors[key] = tensors[key].astype(np.int8)

    change_tensors(directory, change)


def index_leads_out(directory):
    (directory / "model.safetensors").unlink()
    (directory / "model.safetensors.index.json").write_text(
        json.dumps({"weight_map": {"classifier.weight": "../other.safetensors"}})
    )


def small_table(directory):
    def change(tensors):
        key = next(key for key in tensors if "word_embeddings" in key)
        tensors[key] = tensors[key][:50].copy()

    change_tensors(directory, change)
    edit_config(directory, vocab_size=50)


def no_tokenizer(directory):
    for file in ("tokenizer.json", "vocab.txt"):
        (directory / file).unlink()


def adapter(directory):
    (directory / "config.json").rename(directory / "adapter_config.json")


def broken_config(directory):
    (directory / "config.json").write_text("{")


def list_config(directory):
    (directory / "config.json").write_text("[]")


BROKEN = [
    (pickled, "weights only as pytorch_model.bin, which is not read"),
    (truncated, "is not a whole safetensors file"),
    (no_safetensors, "is a zip archive (a torch or Keras file), not safetensors"),
    (lacks_a_tensor, "has no tensor '"),
    (quantized_tensor, "as I8, but it must be F64 or F32"),
    (index_leads_out, "'../other.safetensors', which is not in its folder"),
    (small_table, "the tokenizer of"),
    (no_tokenizer, "tokenizer"),
    (adapter, "is a PEFT adapter and not a model; give both: `--preset MODEL --adapter"),
    (broken_config, "config.json is not valid JSON"),
    (list_config, "config.json must hold a JSON object"),
    (lambda directory: (directory / "config.json").unlink(), "has no config.json"),
    (lambda directory: (directory / "model.safetensors").unlink(), "has no model.safetensors"),
    (lambda directory: edit_config(directory, model_type="gpt2"), "'gpt2'"),
    (lambda directory: edit_config(directory, quantization_config={"bits": 4}), "is quantized"),
    (lambda directory: edit_config(directory, max_position_embeddings=99), "asks for (99, 16)"),
]


@pytest.mark.parametrize(("breaks", "words"), BROKEN, ids=[words[:24] for _, words in BROKEN])
def test_what_cannot_be_read_is_one_sentence(copy, breaks, words):
    breaks(copy)
    with pytest.raises(PresetError) as caught:
        load_preset(str(copy)).build_classifier(3)
    message = str(caught.value)
    assert words in message and str(copy) in message
    assert "\n" not in message


def rewrite(directory, change):
    """Writes the weights anew under the names, and with the numbers, that `change` gives."""
    path = directory / "model.safetensors"
    tensors = dict(change(*item) for item in safetensors.numpy.load_file(path).items())
    safetensors.numpy.save_file(tensors, path, metadata={"format": "pt"})


WRAPPED = {
    "DataParallel": (lambda each, kind: f"module.{each}", "'module.'"),
    "compiled": (lambda each, kind: f"_orig_mod.{each}", "'_orig_mod.'"),
    "both in a task's module": (
        lambda each, kind: f"model._orig_mod.module.{each}",
        "'_orig_mod.' and 'model.' and 'module.'",
    ),
    "a head beside the model": (
        lambda each, kind: f"model.{each}" if each.startswith(kind) else each,
        "'model.'",
    ),
    "in a module of the same name": (lambda each, kind: f"{kind}.{each}", "'{kind}.'"),
    "of a bare model": (
        lambda each, kind: each.replace(f"{kind}.", "0.auto_model."),
        "'0.auto_model.'",
    ),
    "a compiled layer": (
        lambda each, kind: each.replace(".layer.1.", ".layer.1._orig_mod."),
        "'_orig_mod.'",
    ),
}


@pytest.mark.parametrize("case", WRAPPED)
def test_names_of_a_model_inside_another_module(case, name, written, copy, agree):
    rename, taken = WRAPPED[case]
    rewrite(copy, lambda each, array: (rename(each, name), array))
    model, report = load_preset(str(copy)).build_classifier(3)
    assert (report.new, report.unread) == ([], [])
    assert f"{taken.format(kind=name)} taken off the tensors' names" in report.describe()
    agree(model, written[1])


def test_two_models_in_one_file_are_refused(name, copy):
    path = copy / "model.safetensors"
    tensors = safetensors.numpy.load_file(path)
    for first, second, message in [
        ("model.", "encoder.", "holds two models, .* begin with 'encoder.' and one with 'model.'"),
        ("module.", "_orig_mod.", "the tensors '.*' and '.*' of .* are the same one inside"),
    ]:
        twice = {f"{front}{each}": tensors[each] for front in (first, second) for each in tensors}
        safetensors.numpy.save_file(twice, path)
        with pytest.raises(PresetError, match=message):
            load_preset(str(copy))


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_no_numbers_are_refused_by_name(name, copy, dtype, value):
    def change(each, array):
        array = array.astype(dtype)
        if each.endswith(("layer.1.ffn.lin1.bias", "layer.1.intermediate.dense.bias")):
            array[3] = value
        return each, array

    rewrite(copy, change)
    pretrained = load_preset(str(copy))
    for build in (
        lambda: pretrained.build_classifier(3),
        lambda: pretrained.build_tagger(["O", "B-X"]),
    ):
        with pytest.raises(PresetError, match=r"layer\.1\..*bias' of .* holds NaN or infinity"):
            build()


def test_numbers_beyond_float32_are_refused(name, copy):
    def change(each, array):
        return each, array.astype(np.float64) * (1e60 if each == "classifier.bias" else 1)

    rewrite(copy, change)
    pretrained = load_preset(str(copy))
    pretrained.build_classifier(5)  # the head is of other labels, so it is not read
    with pytest.raises(PresetError, match=r"'classifier.bias' of .* holds NaN or infinity"):
        pretrained.build_classifier(3)


# transformers' names, of BERT and of DistilBERT.
ABSURD = {
    ("num_hidden_layers", "n_layers"): (100_000, 200, 1e5),
    ("hidden_size", "dim"): (10**6, 19_998, 1e6),
    ("vocab_size", "vocab_size"): (10**12, 3_999_999, -1),
    ("intermediate_size", "hidden_dim"): (10**9, 99_999, "big"),
    ("max_position_embeddings", "max_position_embeddings"): (2**60, 999_999, None),
    ("num_attention_heads", "n_heads"): (10**9, 0, []),
}


@pytest.mark.parametrize("keys", ABSURD)
def test_absurd_numbers_are_refused_before_memory_is_taken(name, copy, keys):
    for value in ABSURD[keys]:
        edit_config(copy, **{keys[name == "distilbert"]: value})
        tracemalloc.start()
        try:
            with pytest.raises(PresetError) as caught:
                load_preset(str(copy)).build_classifier(3)
            assert tracemalloc.get_traced_memory()[1] < 40e6
        finally:
            tracemalloc.stop()
        assert "\n" not in str(caught.value) and len(str(caught.value)) < 500
