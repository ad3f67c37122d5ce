"""What is saved on this backend says the same on all three; and what a classifier's folder does."""

import json

import numpy as np
import pytest
from safetensors.numpy import load_file

from harness import classifiers, text_models, translators, wordpieces
from kerasft import backends, peft
from kerasft.architectures import ENCODERS
from kerasft.errors import ConfigError, DataError
from kerasft.folder import verify
from kerasft.predict import Predictor
from kerasft.tasks import load, save
from kerasft.text.cleaning import Cleaning

VARIANTS = {
    "head": {"tune": "head", "architecture": "bert", "pooling": "mean"},
    "full": {"tune": "full", "architecture": "bert", "activation": "gelu_approximate"},
    "dora": {"tune": "dora", "architecture": "roberta", "steps": False},
    "ia3": {"tune": "ia3", "architecture": "electra", "steps": False},
    "bitfit": {"tune": "bitfit", "architecture": "bert"},
    "adapter": {"tune": "adapter", "architecture": "deberta-v2", "steps": False},
    "layer_norm": {"tune": "layer_norm", "architecture": "albert", "steps": False},
    "prompt": {"tune": "prompt", "architecture": "modernbert", "steps": False},
    "p_tuning": {"tune": "p_tuning", "architecture": "bert"},
    "prefix": {"tune": "prefix", "architecture": "bert"},
    "pissa": {"tune": "pissa", "architecture": "mpnet", "steps": False},
}

RELOAD = """
import json, sys
import numpy as np
from kerasft import backends
from kerasft.predict import Predictor, open_for
from kerasft.tasks import load
from kerasft.tasks.labelled.engine import HeadEngine
from kerasft.tasks.classification.task import ClassificationTask
question = json.load(sys.stdin)
answers = {}
for folder in question["classifiers"]:
    predictor = Predictor(folder)
    engine = HeadEngine(*ClassificationTask().load_encoder(open_for(folder, "keras")))
    answers[folder] = {
        "logits": engine.logits(question["texts"]).tolist(),
        "probabilities": [list(p.probabilities.values())
                          for p in predictor.predict(question["texts"])],
    }
for kind in ("translators", "writers"):
    inputs = {name: np.array(ids, "int32") for name, ids in question[kind]["inputs"].items()}
    for folder in question[kind]["folders"]:
        forward = backends.compile_forward(load(folder).model)
        answers[folder] = forward(inputs).tolist()
translator = Predictor(question["translators"]["folders"][0], beam_size=1)
found = translator.predict(question["sentences"])
answers["greedy"] = [each.translation for each in found]
print("ANSWERS" + json.dumps(answers))
"""


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> dict[str, classifiers.Saved]:
    root = tmp_path_factory.mktemp("saved")
    saved = {
        name: classifiers.save(root / name, classifiers.train(**VARIANTS[name]))
        for name in VARIANTS
    }
    return {"lora": classifiers.saved_lora(), **saved}


@pytest.fixture(scope="module")
def translating(tmp_path_factory: pytest.TempPathFactory) -> dict[str, translators.Saved]:
    tied = translators.build(tie_embeddings=True, norm_first=False, N=1)
    folder = tmp_path_factory.mktemp("translators") / "tied"
    return {"tiny": translators.saved(), "tied": translators.save(folder, tied)}


@pytest.fixture(scope="module")
def writers() -> dict[str, text_models.Saved]:
    return {"plain": text_models.saved(), "lora": text_models.saved(lora=True)}


@pytest.fixture(scope="module", params=backends.BACKENDS)
def answers(request, saved, translating, writers, run_python) -> dict:
    """What another process says, on another backend or on the same: one start for all folders."""

    def about(kind: dict, inputs: dict[str, np.ndarray]) -> dict:
        return {
            "folders": [str(each.folder) for each in kind.values()],
            "inputs": {name: array.tolist() for name, array in inputs.items()},
        }

    question = {
        "classifiers": [str(each.folder) for each in saved.values()],
        "texts": classifiers.TEXTS,
        "translators": about(translating, translators.inputs()),
        "sentences": translators.TEXTS,
        "writers": about(writers, text_models.inputs()),
    }
    result = run_python("-c", RELOAD, backend=request.param, input=json.dumps(question))
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout.rpartition("ANSWERS")[2])


def test_each_family_and_each_method_is_among_them():
    """The one of `saved_lora` is a DistilBERT."""
    families = {options.get("architecture") for options in VARIANTS.values()} - {None}
    assert families | {"distilbert"} == set(ENCODERS)
    assert {"lora", *VARIANTS} >= set(peft.METHODS)


def test_classifiers_on_each_backend(saved, answers):
    for name, item in saved.items():
        logits = np.array(answers[str(item.folder)]["logits"])
        probabilities = np.array(answers[str(item.folder)]["probabilities"])
        exponentials = np.exp(item.logits.astype(np.float64))
        expected = exponentials / exponentials.sum(1, keepdims=True)
        assert np.abs(logits - item.logits).max() < 1e-4, name
        assert np.abs(probabilities - expected).max() < 1e-5, name


@pytest.fixture(scope="module")
def greedy() -> list[str]:
    translator = Predictor(translators.saved().folder, beam_size=1)
    return [found.translation for found in translator.predict(translators.TEXTS)]


def test_translators_on_each_backend(translating, greedy, answers):
    for name, item in translating.items():
        found = np.array(answers[str(item.folder)])
        assert np.abs(found - item.log_probabilities).max() < 1e-4, name
    assert answers["greedy"] == greedy
    assert len(set(greedy)) > 1  # the texts made a difference


def test_text_to_text_models_on_each_backend(writers, answers):
    for item in writers.values():
        # Logits of dozens.
        np.testing.assert_allclose(answers[str(item.folder)], item.logits, rtol=1e-4, atol=1e-4)
    assert not np.allclose(writers["plain"].logits, writers["lora"].logits, atol=0.1)


def test_each_weight_is_in_exactly_one_file(saved):
    folder = saved["lora"].folder
    base = set(load_file(folder / "model.safetensors"))
    adapter = {
        name.removeprefix("base_model.model.")
        for name in load_file(folder / "adapter/adapter_model.safetensors")
    }
    whole = {name for name in adapter if ".lora_" not in name}
    assert whole == {
        f"{m}.{p}" for m in ("classifier", "pre_classifier") for p in ("weight", "bias")
    }
    assert len(adapter - whole) == 2 * 4  # A and B of query, value and two output_dense
    entries = load(folder).model.entries()
    assert sorted([*base, *whole]) == sorted(p.name for e in entries for p in e.parameters)
    assert not (saved["full"].folder / "adapter").exists()
    # Of a layer whose bias alone trained, the bias is in one file and the rest in the other.
    folder = saved["bitfit"].folder
    base = set(load_file(folder / "model.safetensors"))
    adapter = set(load_file(folder / "adapter/adapter_model.safetensors"))
    adapter = {name.removeprefix("base_model.model.") for name in adapter}
    query = "bert.encoder.layer.1.attention.self.query"
    assert f"{query}.weight" in base and f"{query}.bias" in adapter
    entries = load(folder).model.entries()
    assert sorted([*base, *adapter]) == sorted(p.name for e in entries for p in e.parameters)


def logits(folder, *texts: str) -> np.ndarray:
    return classifiers.engine(folder).logits(texts)


def test_a_loaded_adapter_can_train_on_and_be_saved_again(saved, tmp_path):
    loaded = load(saved["lora"].folder)
    assert len(peft.adapted_layers(loaded.model)) == 4
    assert np.abs(classifiers.logits(loaded.model) - saved["lora"].logits).max() < 1e-5
    assert peft.parameter_counts(loaded.model).trained > 0
    save(tmp_path / "again", loaded)
    assert (tmp_path / "again" / "README.md").read_text().startswith("# again\n")
    again = logits(tmp_path / "again", *classifiers.TEXTS)
    assert np.abs(again - saved["lora"].logits).max() < 1e-5


def test_the_folder_is_what_was_given(saved):
    folder = saved["lora"].folder
    loaded = load(folder)
    manifest = verify(folder)
    assert loaded.labels.names == classifiers.LABELS
    assert loaded.max_length == classifiers.MAX_LENGTH
    assert manifest.base_model == "random"
    assert manifest.versions.keys() >= {"kerasft", "keras", backends.choose().name}
    assert (folder / "config.yaml").read_text() == "seed: 0\n"
    card = (folder / "README.md").read_text()
    assert card.startswith("# A tiny model\n") and "kerasft predict FOLDER" in card
    assert all(f"- {name}: {version}" in card for name, version in manifest.versions.items())
    assert json.loads((folder / "report/metrics.json").read_text()) == {"accuracy": 0.5}
    assert not [path for path in folder.parent.iterdir() if path.name.startswith(".")]


def test_cleaning_and_max_length_are_applied(tmp_path):
    model = classifiers.build()
    plain = classifiers.save(tmp_path / "plain", model).folder
    options = {"cleaning": Cleaning(unicode_form="NFKC"), "max_length": 6}
    clean = classifiers.save(tmp_path / "clean", model, **options).folder
    full_width = "".join(chr(ord(c) + 0xFEE0) for c in "that")  # NFKC makes "that" of it
    assert np.allclose(logits(clean, full_width), logits(plain, "that"), atol=1e-6)
    assert not np.allclose(logits(plain, full_width), logits(plain, "that"), atol=1e-3)
    long = "that you have this"
    assert Predictor(clean).predict([long])[0].cut and not Predictor(plain).predict([long])[0].cut
    assert np.allclose(logits(clean, long), logits(plain, "that you ha"), atol=1e-6)
    assert (
        Predictor(clean).metadata["cleaning"] == {"unicode_form": "NFKC"}
        and Predictor(clean).max_length == 6
    )


def test_a_new_folder_cleans_and_cuts_in_predictions_as_in_training(tmp_path):
    cleaning = Cleaning(html=True, redactions="remove", special_characters=True)
    model = classifiers.build()
    plain = classifiers.save(tmp_path / "plain", model).folder
    saved = classifiers.save(tmp_path / "new", model, cleaning=cleaning, long_texts="head_tail")
    loaded = load(saved.folder)
    assert loaded.cleaning == cleaning and loaded.long_texts == "head_tail"
    settings = verify(saved.folder).settings
    assert settings["long_texts"] == "head_tail" and settings["cleaning"] == {
        "html": True, "redactions": "remove", "special_characters": True,
    }  # fmt: skip
    new = saved.folder
    messy = "<p>the cat&nbsp;was <b>on</b> XXXX it!!!!</p>"
    assert np.allclose(logits(new, messy), logits(plain, "the cat was on it!"), atol=1e-6)
    # 16 tokens: [CLS], the first 3 words, the last 11, [SEP].
    words = ["the", "cat", "was", *["with"] * 20, *["you", "that"] * 5, "he"]
    text, kept = " ".join(words), " ".join(words[:3] + words[-11:])
    assert np.allclose(logits(new, text), logits(plain, kept), atol=1e-6)
    assert not np.allclose(logits(plain, text), logits(plain, kept), atol=1e-3)
    assert (
        Predictor(new).predict([text])[0].cut
        and "their middle was not read" in Predictor(new).notes["cut"]
    )
    with pytest.raises(DataError, match=r"text 1 is empty after the cleaning .*redactions"):
        Predictor(new).predict(["the cat", "<p>XXXX XX/XX/2023</p>"])


def test_what_does_not_fit_is_not_saved(tmp_path):
    from kerasft.text.labels import LabelMap

    model = classifiers.build()
    for options, message in [
        ({"labels": LabelMap(("a", "b"))}, "2 labels, but the model has 3"),
        ({"max_length": 65}, "max_length is 65"),
        (
            {"tokenizer": wordpieces.tokenizer([*classifiers.VOCABULARY, "more"])},
            "but the model",
        ),
        ({"long_texts": "tail"}, 'long_texts is "tail", but must be one of cut, head_tail'),
    ]:
        with pytest.raises(ConfigError, match=message):
            classifiers.save(tmp_path / "run", model, **options)
    model.weights[3].assign(model.weights[3] * float("nan"))
    with pytest.raises(ConfigError, match="hold NaN or infinity"):
        classifiers.save(tmp_path / "run", model)
    assert list(tmp_path.iterdir()) == []
