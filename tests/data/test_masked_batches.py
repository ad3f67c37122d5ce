"""Which tokens are hidden, by what, and how much each of them counts."""

import math

import keras
import numpy as np
import pytest

from harness import wordpieces
from kerasft.data.masked_batches import MaskedBatches, masked_batches
from kerasft.errors import ConfigError, DataError
from kerasft.text.trained import train_tokenizer

pytestmark = pytest.mark.any_backend

SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
PAD, UNK, CLS, SEP, MASK = range(5)
WORDS = [f"w{i}" for i in range(95)]
TOKENIZER = wordpieces.tokenizer([*SPECIALS, *WORDS])


def make_texts(count: int, longest: int = 40, seed: int = 0) -> list[np.ndarray]:
    """[CLS] words [SEP], of 3 to `longest` tokens, some of the words unknown."""
    rng = np.random.default_rng(seed)
    texts = []
    for length in rng.integers(1, longest - 1, count):
        words = rng.integers(5, 100, length)
        words[rng.random(length) < 0.1] = UNK
        texts.append(np.array([CLS, *words, SEP], dtype=np.int32))
    return texts


def make(texts, **options) -> MaskedBatches:
    settings = {"batch_size": 8, "max_length": 40, "shuffle": True, "seed": 3, **options}
    return MaskedBatches(texts, TOKENIZER, **settings)


def number_hidden(text: np.ndarray) -> int:
    words = int((text >= 5).sum())
    return min(words, max(1, round(0.15 * words)))


@pytest.mark.parametrize("count", [1, 8, 45, 600])
@pytest.mark.parametrize("shuffle", [True, False])
def test_what_a_batch_holds(count, shuffle):
    texts = make_texts(count)
    batches = make(texts, shuffle=shuffle)
    assert len(batches) == math.ceil(count / 8)
    expected = sum(map(number_hidden, texts))
    assert batches.predictions_per_epoch == expected
    for epoch in (0, 1):
        seen, weighed = [], 0
        for index in range(len(batches)):
            inputs, labels, weights = batches.batch(epoch, index)
            ids, mask, positions = (
                inputs[name] for name in ("token_ids", "padding_mask", "mask_positions")
            )
            assert (ids.dtype, mask.dtype, positions.dtype) == (np.int32, bool, np.int32)
            assert (labels.dtype, weights.dtype) == (np.int32, np.float32)
            assert ids.shape == mask.shape
            assert positions.shape == labels.shape == weights.shape
            assert positions.shape[1] == math.ceil(0.15 * ids.shape[1])
            assert (*ids.shape, positions.shape[1]) in batches.shapes
            rows = batches.rows(epoch, index)
            seen.extend(rows)
            for slot in range(8):
                text = texts[rows[slot % len(rows)]]
                where = positions[slot, : number_hidden(text)]
                assert len(set(where)) == len(where)
                assert (text[where] >= 5).all()  # no special token, no padding
                np.testing.assert_array_equal(labels[slot, : len(where)], text[where])
                rest = np.setdiff1d(np.arange(len(text)), where)
                np.testing.assert_array_equal(ids[slot, rest], text[rest])
                assert (ids[slot, where] >= MASK).all()
                assert not ids[slot, len(text) :].any()
                assert mask[slot].sum() == len(text)
                counted = len(where) if slot < len(rows) else 0
                assert (weights[slot, :counted] > 0).all() and not weights[slot, counted:].any()
                weighed += counted
        assert sorted(seen) == list(range(count))
        assert weighed == expected


def test_every_hidden_token_counts_the_same():
    batches = make(make_texts(45), group_by_length=True)
    assert len(batches.shapes) > 1
    counted = [batches.batch(0, i)[2] for i in range(len(batches))]
    shares = np.concatenate([(weights / weights.size).ravel() for weights in counted])
    np.testing.assert_allclose(
        shares[shares > 0], len(batches) / batches.predictions_per_epoch, rtol=1e-5
    )


def test_eighty_ten_ten():
    """Devlin et al. 2019, section 3.1."""
    texts = make_texts(3000)
    batches = make(texts)
    kinds, random_words = [], []
    for index in range(len(batches)):
        inputs, labels, weights = batches.batch(0, index)
        found = np.take_along_axis(inputs["token_ids"], inputs["mask_positions"], axis=1)
        found, labels = found[weights > 0], labels[weights > 0]
        kinds.append(np.where(found == MASK, 0, np.where(found == labels, 2, 1)))
        random_words.append(found[(found != MASK) & (found != labels)])
    kinds, random_words = np.concatenate(kinds), np.concatenate(random_words)
    shares = np.bincount(kinds, minlength=3) / len(kinds)
    # One random word in 95 is the right one by chance. Three standard deviations are 0.014.
    np.testing.assert_allclose(shares, [0.8, 0.1 * 94 / 95, 0.1 + 0.1 / 95], atol=0.015)
    assert set(random_words) == set(range(5, 100))
    words = sum(int((text >= 5).sum()) for text in texts)
    assert 0.14 < len(kinds) / words < 0.17


def test_each_epoch_hides_others_and_the_order_of_asking_does_not_matter():
    texts = make_texts(64)
    batches, again = make(texts), make(texts)

    def hidden(of: MaskedBatches, epoch: int) -> dict[int, set[int]]:
        found = {}
        for index in reversed(range(len(of))):
            positions = of.batch(epoch, index)[0]["mask_positions"]
            for row, where in zip(of.rows(epoch, index), positions, strict=False):
                found[int(row)] = set(where[: number_hidden(texts[row])])
        return found

    first, second = hidden(batches, 0), hidden(batches, 1)
    assert sum(first[row] != second[row] for row in first) > 32
    assert hidden(again, 1) == second and hidden(again, 0) == first
    assert hidden(make(texts, seed=4), 0) != first


def test_batches_of_one_epoch_hide_independently():
    """One text in every row of every batch: the choices differ from batch to batch."""
    text = np.array([CLS, *range(5, 35), SEP])
    batches = make([text] * 64)
    positions = [batches.batch(0, index)[0]["mask_positions"] for index in range(8)]
    assert len({array.tobytes() for array in positions}) == 8
    assert len({row.tobytes() for array in positions for row in array}) > 60


def test_validation_always_hides_the_same():
    batches = make(make_texts(45), shuffle=False)
    for index in range(len(batches)):
        for a, b in zip(batches.batch(0, index)[1:], batches.batch(7, index)[1:], strict=True):
            np.testing.assert_array_equal(a, b)
        for name, array in batches.batch(0, index)[0].items():
            np.testing.assert_array_equal(array, batches.batch(7, index)[0][name])


def test_texts_without_a_word_are_there_and_count_nothing():
    texts = [np.array([CLS, UNK, SEP]), np.array([CLS, 7, SEP]), np.array([CLS, SEP])]
    batches = make(texts, batch_size=4)
    assert batches.predictions_per_epoch == 1
    inputs, labels, weights = batches.batch(0, 0)
    assert (weights > 0).sum() == 1 and labels[weights > 0].tolist() == [7]
    assert inputs["token_ids"].shape == (4, 8)


def test_the_summary_counts():
    batches = make(make_texts(45))
    assert batches.summary().endswith(
        f"; {batches.predictions_per_epoch} tokens per epoch are predicted"
    )
    assert batches.summary().startswith("6 of 8 rows per epoch")


@pytest.mark.parametrize(
    ("texts", "options", "error", "words"),
    [
        ([], {}, DataError, "no rows"),
        ([np.array([CLS, UNK, SEP])], {}, DataError, "only special ones"),
        ([np.arange(41) + 5], {}, DataError, "41 tokens, more than max_length"),
        ([np.array([CLS, 7, SEP])], {"batch_size": 0}, ConfigError, "batch_size is 0"),
        ([np.array([CLS, 7, SEP])], {"seed": -1}, ConfigError, "seed is -1"),
    ],
)
def test_what_cannot_be_masked(texts, options, error, words):
    with pytest.raises(error, match=words):
        make(texts, **options)


def test_a_tokenizer_without_mask():
    words = train_tokenizer(["some words here"], "word", vocab_size=50, min_frequency=1)
    ids = words.encode(["some words"], 8).token_ids
    with pytest.raises(ConfigError, match=r"the tokenizer has no \[MASK\]"):
        MaskedBatches(ids, words, batch_size=2, max_length=8, shuffle=True, seed=0)


def test_both_parts_of_a_dataset():
    texts = {name: [f"w{i} w{i + 1} w{i + 2}" for i in range(20)] for name in ("train", "test")}
    texts["validation"] = ["w1 w2", "w3"]
    encodings = {name: TOKENIZER.encode(part, 4) for name, part in texts.items()}
    parts = masked_batches(encodings, TOKENIZER, batch_size=4, seed=1)
    assert (len(parts.train), len(parts.validation)) == (5, 1)
    assert parts.train.shapes == [(4, 4, 1)]  # cut where the texts were cut
    orders = [[parts.train.rows(e, i).tolist() for i in range(5)] for e in (0, 1)]
    assert orders[0] != orders[1]
    outcome = parts.outcome(
        [{"val_loss": 9.0, "val_accuracy": 0.0}, {"val_loss": math.log(50), "val_accuracy": 0.25}]
    )
    assert outcome == (
        "of 2 hidden tokens of the validation texts 25.0% are found (loss 3.91, perplexity 50)"
    )


def test_fit_takes_them_and_logs_the_mean_over_hidden_tokens():
    """Batches of several shapes: the logged loss is still a mean in which each token is one."""
    batches = make(make_texts(45), shuffle=False)
    assert len(batches.shapes) > 1
    positions = keras.Input((None,), dtype="int32", name="mask_positions")
    inputs = {
        "token_ids": keras.Input((None,), dtype="int32", name="token_ids"),
        "padding_mask": keras.Input((None,), dtype="bool", name="padding_mask"),
        "mask_positions": positions,
    }
    model = keras.Model(inputs, keras.layers.Embedding(40, 100, "normal")(positions))
    model.compile(
        keras.optimizers.SGD(0.0),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        weighted_metrics=["accuracy"],
    )
    losses, hits = [], []
    for index in range(len(batches)):
        inputs, labels, weights = batches.batch(0, index)
        logits = np.asarray(model.layers[-1].get_weights()[0])[inputs["mask_positions"]]
        logs = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
        real = weights > 0
        losses += (-np.take_along_axis(logs, labels[..., None], -1)[..., 0][real]).tolist()
        hits += (logits.argmax(-1) == labels)[real].tolist()
    expected = (np.mean(losses), np.mean(hits))
    logged = model.fit(
        batches, epochs=1, verbose=0, validation_data=make(make_texts(45), shuffle=False)
    ).history
    np.testing.assert_allclose((logged["loss"][0], logged["accuracy"][0]), expected, rtol=1e-5)
    np.testing.assert_allclose(
        (logged["val_loss"][0], logged["val_accuracy"][0]), expected, rtol=1e-5
    )


def test_the_mean_of_a_step_from_what_fit_logs():
    texts = [*make_texts(45), np.array([CLS, UNK, SEP])]
    batches = make(texts, batch_size=1, group_by_length=True)
    logged, expected = [], []
    for epoch in range(2):
        for index in range(len(batches)):
            _, labels, weights = batches.batch(epoch, index)
            of_tokens = np.sin(labels)  # the loss of each slot, whatever it is
            logged.append((of_tokens * weights).mean())
            expected.append(of_tokens[weights > 0].mean() if weights.any() else 0.0)
    np.testing.assert_allclose(batches.means(logged), expected, rtol=1e-5, atol=1e-6)
    assert not np.allclose(logged, expected, rtol=0.2)
    even = [batches.batch(0, index)[2].mean() for index in range(len(batches))]
    found = batches.means(even)
    np.testing.assert_allclose([mean for mean in found if mean], 1.0, rtol=1e-5)
