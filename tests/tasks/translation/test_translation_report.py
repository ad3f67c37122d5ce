import json

import matplotlib.image
import numpy as np
import pytest

from harness.texts import paired
from kerasft.architectures.transformer import build_transformer
from kerasft.errors import DataError
from kerasft.evaluation import text_scores
from kerasft.tasks.translation import overlong
from kerasft.tasks.translation.report import attention_of, telling_pair, translation_report
from kerasft.text.trained import train_tokenizer

pytestmark = pytest.mark.any_backend

PAIRS = paired(
    ["I am hungry.", "Where is the key?", "She likes | wine.", "We are tired."],
    ["Ho fame.", "Dov'è la chiave?", "Le piace | il vino.", "Siamo stanchi."],
    ["grammar", "grammar", "phrasebook", "phrasebook"],
    "test",
    "0" * 64,
)
HISTORY = {
    "losses": [3.0, 2.0, 1.0, 0.5],
    "epochs": [
        {"epoch": i, "step": 2 * i, "loss": 2.0 / i, "val_loss": 2.5 / i, "token_accuracy": 0.5,
         "val_token_accuracy": 0.4, "val_bleu": 10.0 * i, "val_chrf": 20.0 * i}
        for i in (1, 2)
    ],
}  # fmt: skip
TRANSLATIONS = {
    "copy of the source": PAIRS["source"],
    "greedy": ["Ho fame.", "Dov'è la chiave?", "Le piace il vino.", ""],
}


@pytest.fixture(scope="module")
def tokenizers():
    settings = {"vocab_size": 200, "min_frequency": 1}
    return [
        train_tokenizer(side, "word", **settings) for side in (PAIRS["source"], PAIRS["target"])
    ]


@pytest.fixture(scope="module")
def encoded(tokenizers):
    return overlong.encode_sides(PAIRS, *tokenizers, max_length=12, policy="refuse")


@pytest.fixture(scope="module")
def model(tokenizers):
    sizes = [tokenizer.vocab_size for tokenizer in tokenizers]
    return build_transformer(*sizes, 12, 12, d_model=16, N=2, h=4, dropout=0.0, d_ff=32)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, model, tokenizers, encoded):
    folder = tmp_path_factory.mktemp("report")
    write = translation_report(
        text_scores.score_translations(TRANSLATIONS, PAIRS),
        HISTORY,
        model=model,
        tokenizers=tokenizers,
        languages=("en", "it"),
        train=encoded,
        held_out=encoded,
        translations=TRANSLATIONS,
        training_seconds=[6.0, 12.5],
        validation_sha256="ab",
    )
    write(folder)
    return folder


def test_files(folder):
    assert sorted(path.name for path in folder.iterdir()) == [
        "architecture.png", "attention.png", "lengths.png", "loss.png", "metrics.json",
        "predictions.jsonl", "samples.md", "scores.png",
    ]  # fmt: skip
    for picture in folder.glob("*.png"):
        pixels = matplotlib.image.imread(picture)
        assert min(pixels.shape[:2]) > 200 and pixels.std() > 0.01, picture.name


def test_metrics(folder):
    metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["validation"] == text_scores.score_translations(TRANSLATIONS, PAIRS)
    assert "tok:13a" in metrics["signatures"]["BLEU"]
    assert metrics["training_seconds"] == [6.0, 12.5] and metrics["validation_sha256"] == "ab"
    assert metrics["history"] == HISTORY


def test_samples(folder):
    page = (folder / "samples.md").read_text(encoding="utf-8")
    assert r"| She likes \| wine. | Le piace \| il vino. | Le piace il vino. |" in page
    assert "4 of the 4 held-out pairs" in page and "by greedy" in page
    lines = (folder / "predictions.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(lines[1]) == {
        "source": "Where is the key?",
        "reference": "Dov'è la chiave?",
        "origin": "grammar",
        "translations": {"copy of the source": "Where is the key?", "greedy": "Dov'è la chiave?"},
    }
    assert len(lines) == 4


def test_attention_is_a_distribution_over_the_source(model, tokenizers, encoded):
    scores, said = attention_of(model, tokenizers, encoded.source_ids[1], "Dov'è la chiave?")
    assert said == ["Dov", "'", "è", "la", "chiave", "?", "[EOS]"]
    assert scores.shape == (7, len(encoded.source_ids[1]))
    np.testing.assert_allclose(scores.sum(axis=1), 1, atol=1e-5)
    # The mean of the heads, where the decoder reads [SOS] and all but the last token said.
    ids = tokenizers[1].encode(["Dov'è la chiave?"], 12).token_ids[0]
    import keras

    heads = model.cross_attention(
        {"source_ids": encoded.source_ids[1][None], "target_ids": ids[None, :-1]}
    )
    heads = keras.ops.convert_to_numpy(keras.ops.stop_gradient(heads))
    np.testing.assert_allclose(scores, heads[0].mean(axis=0), atol=1e-6)


def test_attention_of_an_empty_translation(model, tokenizers, encoded):
    scores, said = attention_of(model, tokenizers, encoded.source_ids[0], "")
    assert said == ["[EOS]"] and scores.shape == (1, len(encoded.source_ids[0]))


def test_the_pair_in_the_picture_is_known_and_fills_it():
    rows = [np.full(length, 5) for length in (3, 10, 12, 40, 11)]
    rows[4][2] = 0  # an unknown word
    assert telling_pair(rows, unknown_id=0) == 1
    assert telling_pair(rows, unknown_id=None) == 4
    assert telling_pair(rows, unknown_id=0, wanted=30) == 3
    assert telling_pair([np.zeros(3), np.zeros(2)], unknown_id=0) == 1


def test_refusals(model, tokenizers, encoded):
    options = {
        "model": model, "tokenizers": tokenizers, "languages": ("en", "it"), "train": encoded,
        "held_out": encoded,
    }  # fmt: skip
    with pytest.raises(DataError, match="'greedy' has 1 translations of 4 pairs"):
        translation_report({}, HISTORY, translations={"greedy": ["x"]}, **options)
    with pytest.raises(DataError, match="no translations"):
        translation_report({}, HISTORY, translations={}, **options)
