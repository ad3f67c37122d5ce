"""Which pairs are in which batch, their shapes and weights, and that `fit` takes them."""

import itertools

import keras
import numpy as np
import pytest

from kerasft.data.pair_batches import PairBatches
from kerasft.data.pair_shapes import LEVELS, OVERHEAD, choose_shapes
from kerasft.errors import ConfigError, DataError

pytestmark = pytest.mark.any_backend

PAD, START, END = 1, 2, 3


def make_pairs(rows: int, seed: int = 0) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Sources and targets of like lengths, most of them short."""
    rng = np.random.default_rng(seed)
    words = 1 + np.minimum(rng.geometric(0.12, rows), 36)
    others = np.clip(words + rng.integers(-2, 3, rows), 1, 37)

    def sentence(length: int) -> np.ndarray:
        return np.array([START, *rng.integers(4, 40, length), END])

    return [sentence(n) for n in words], [sentence(n) for n in others]


def make_batches(rows: int = 300, pairs=None, **options: object) -> PairBatches:
    settings = {
        "tokens_per_batch": 200, "pad_id": PAD, "shuffle": True, "seed": 3, "max_length": 40,
    }  # fmt: skip
    return PairBatches(*(pairs or make_pairs(rows)), **{**settings, **options})


@pytest.mark.parametrize("rows", [1, 2, 7, 50, 300])
@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("bucket_count", [1, 2, 5, 40])
@pytest.mark.parametrize("tokens_per_batch", [1, 50, 400, 100_000])
def test_every_pair_is_there_once(rows, shuffle, bucket_count, tokens_per_batch):
    sources, targets = make_pairs(rows)
    batches = make_batches(
        rows, shuffle=shuffle, bucket_count=bucket_count, tokens_per_batch=tokens_per_batch
    )
    assert len(batches) == batches.num_batches and len(batches.shapes) <= bucket_count
    for epoch in (0, 3):
        seen, shapes, positions, tokens = [], set(), 0, 0
        for index in range(len(batches)):
            inputs, labels, weights = batches.batch(epoch, index)
            source_ids, target_ids = inputs["source_ids"], inputs["target_ids"]
            assert {a.dtype for a in (source_ids, target_ids, labels)} == {np.dtype(np.int32)}
            assert weights.dtype == np.float32
            assert target_ids.shape == labels.shape == weights.shape
            count, longest = len(source_ids), max(source_ids.shape[1], labels.shape[1])
            assert count * longest <= tokens_per_batch or count == 1
            shapes.add((*source_ids.shape, labels.shape[1]))
            positions += source_ids.size + target_ids.size
            chosen = batches.rows(epoch, index)
            assert 0 < len(chosen) <= count
            seen.extend(chosen.tolist())
            for slot in range(count):
                source = sources[chosen[slot % len(chosen)]]
                target = targets[chosen[slot % len(chosen)]]
                real = len(target) - 1
                assert source_ids[slot, : len(source)].tolist() == source.tolist()
                assert target_ids[slot, :real].tolist() == target[:-1].tolist()
                assert labels[slot, :real].tolist() == target[1:].tolist()
                assert (source_ids[slot, len(source) :] == PAD).all()
                assert (target_ids[slot, real:] == PAD).all() and (labels[slot, real:] == PAD).all()
                expected = np.arange(labels.shape[1]) < (real if slot < len(chosen) else 0)
                assert (weights[slot] == expected).all()
            assert batches.tokens(epoch, index) == weights.sum()
            tokens += batches.tokens(epoch, index)
        assert sorted(seen) == list(range(rows))
        assert shapes == set(batches.shapes)
        assert tokens == batches.tokens_per_epoch == sum(len(t) - 1 for t in targets)
        real = sum(map(len, sources)) + tokens
        assert batches.padding_share == pytest.approx(1 - real / positions)


def test_epochs_have_orders_of_their_own():
    batches = make_batches()

    def order(epoch: int, seed: int = 3) -> list[int]:
        other = make_batches(seed=seed)
        return np.concatenate([other.rows(epoch, i) for i in range(len(other))]).tolist()

    orders = [order(epoch) for epoch in range(4)]
    assert all(a != b for a, b in itertools.combinations(orders, 2))
    assert order(2) == orders[2] != order(2, seed=4)
    for epoch in (3, 0, 3, 1):  # the order of asking does not matter
        assert batches.rows(epoch, 0).tolist() == orders[epoch][: len(batches.rows(epoch, 0))]


def test_batches_of_all_lengths_are_mixed():
    batches = make_batches()
    widths = [batches.batch(0, i)[1].shape[1] for i in range(len(batches))]
    assert widths != sorted(widths) and len(set(widths)) > 2
    unshuffled = make_batches(shuffle=False)
    widths = [unshuffled.batch(0, i)[1].shape[1] for i in range(len(unshuffled))]
    assert widths == sorted(widths)


def test_pairs_meet_different_pairs():
    batches = make_batches(tokens_per_batch=100)
    partners = [
        set(batches.rows(epoch, i).tolist())
        for epoch in range(8)
        for i in range(len(batches))
        if 0 in batches.rows(epoch, i)
    ]
    assert len(partners) == 8 and len(set().union(*partners)) > 2 * max(map(len, partners))


def test_hardly_any_row_is_filling():
    for rows in (50, 300, 1000):
        batches = make_batches(rows)
        counts = [
            (len(batches.rows(0, i)), len(batches.batch(0, i)[1])) for i in range(len(batches))
        ]
        filling = sum(whole - real for real, whole in counts)
        assert filling < len(batches)


def test_buckets_save_padding():
    shares = [make_batches(2000, bucket_count=count).padding_share for count in (1, 2, 4, 8)]
    assert shares == sorted(shares, reverse=True)
    assert shares[0] > 0.6 and shares[2] < 0.3 and shares[3] < 0.2


def test_small_data_is_not_scattered():
    """One batch, though five would need a little less padding."""
    assert len(make_batches(30, tokens_per_batch=20_000)) == 1


def test_the_choice_of_shapes_is_the_best_there_is():
    rng = np.random.default_rng(0)
    for _ in range(12):
        source, target = rng.integers(1, 7, (2, 60))
        tokens = int(rng.integers(10, 60))

        def cost(shapes, source=source, target=target, tokens=tokens):
            total, before = 0.0, np.zeros(60, bool)
            for s, t in shapes:
                fits = (source <= s) & (target <= t)
                pairs = int((fits & ~before).sum())
                batches = -(-pairs // max(tokens // max(s, t), 1))
                rows = -(-pairs // max(batches, 1))
                total += batches * (rows * (s + t) + OVERHEAD * tokens)
                before = fits
            return total

        largest = (int(source.max()), int(target.max()))
        every = list(itertools.product(range(1, 7), range(1, 7)))
        for count in (1, 2, 3):
            chosen = choose_shapes(source, target, tokens, count)
            chosen = [(shape.source, shape.target) for shape in chosen]
            possible = (
                [*smaller, largest]
                for k in range(count)
                for smaller in itertools.combinations(every, k)
                if all(a[0] <= b[0] and a[1] <= b[1] for a, b in
                       itertools.pairwise([*smaller, largest]))
            )  # fmt: skip
            assert len(chosen) <= count and chosen[-1] == largest
            assert cost(chosen) == pytest.approx(min(map(cost, possible)))


def test_many_lengths_are_thinned_out():
    rng = np.random.default_rng(0)
    lengths = np.minimum(rng.geometric(0.02, 5000), 400)
    assert len(np.unique(lengths)) > 4 * LEVELS
    shapes = choose_shapes(lengths, lengths, 4000, 6)
    positions = sum(shape.positions for shape in shapes)
    assert len(shapes) == 6 and shapes[-1].source == lengths.max()
    assert 2 * lengths.sum() / positions > 0.7  # all lengths tried: 0.72


def test_summary():
    pairs = [[np.array([2, 5, 3])] * 4, [np.array([2, 5, 6, 3])] * 4]
    batches = make_batches(pairs=pairs, tokens_per_batch=6)
    assert batches.shapes == [(2, 3, 3)]
    assert batches.summary() == (
        "2 batches per epoch in the shapes 2 x 3/3 (rows x source/target tokens), 12 target "
        "tokens; 0% of the positions are padding"
    )


@pytest.mark.parametrize("name", ["tokens_per_batch", "bucket_count", "max_length"])
def test_impossible_sizes(name):
    with pytest.raises(ConfigError, match=f"{name} is 0; make it 1 or more"):
        make_batches(**{name: 0})
    with pytest.raises(ConfigError, match="seed is -1"):
        make_batches(seed=-1)


def test_pairs_that_do_not_fit():
    ids = np.array([2, 5, 3])
    for sources, targets, message in (
        ([], [], "no pairs"),
        ([ids], [], "1 sources, but 0 targets"),
        (
            [ids, np.ones(41)],
            [ids, ids],
            "the source of pair 1 has 41 tokens, more than max_length",
        ),
        ([ids], [np.ones(42)], "the target of pair 0 has 41 tokens, more than max_length"),
        ([ids[:0]], [ids], "the source of pair 0 has no tokens"),
        ([ids], [ids[:1]], "the target of pair 0 has no tokens"),
    ):
        with pytest.raises(DataError, match=message):
            make_batches(pairs=(sources, targets))
    assert make_batches(pairs=([np.ones(40)], [np.ones(41)])).shapes == [(1, 40, 40)]


class Steps(keras.callbacks.Callback):
    """The running loss after each step."""

    def __init__(self) -> None:
        super().__init__()
        self.losses: list[float] = []

    def on_train_batch_end(self, batch, logs=None):
        self.losses.append(float(logs["loss"]))


def make_model(calls: list[tuple]) -> keras.Model:
    class Both(keras.layers.Layer):
        def call(self, source, target):
            calls.append((*source.shape[:2], target.shape[1]))
            return target + keras.ops.mean(source, axis=1, keepdims=True)

        def compute_output_shape(self, source_shape, target_shape):
            return target_shape

    ids = {
        name: keras.Input((None,), dtype="int32", name=name)
        for name in ("source_ids", "target_ids")
    }
    embedding = keras.layers.Embedding(40, 4)
    both = Both()(embedding(ids["source_ids"]), embedding(ids["target_ids"]))
    model = keras.Model(ids, keras.layers.Dense(40)(both))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.5), loss)
    rng = np.random.default_rng(0)
    model.set_weights([rng.normal(size=weight.shape) for weight in model.get_weights()])
    return model


def test_fit_goes_on_where_it_stopped_and_compiles_once_a_shape():
    batches = make_batches(200, bucket_count=2)
    calls: list[tuple] = []
    model, whole = make_model(calls), Steps()
    before = model.get_weights()
    calls.clear()
    model.fit(batches, epochs=3, verbose=0, callbacks=[whole])
    assert batches.epoch == 3 and len(whole.losses) == 3 * len(batches)
    if keras.backend.backend() != "torch":  # which runs Python at every step
        assert len(calls) <= 2 * len(batches.shapes)
    assert whole.losses[-1] < whole.losses[len(batches) - 1]

    after_whole, parts = model.get_weights(), Steps()
    model.set_weights(before)
    batches = make_batches(200, bucket_count=2)
    model.fit(batches, epochs=1, verbose=0)
    batches.start_epoch(1)
    model.fit(batches, initial_epoch=1, epochs=3, verbose=0, callbacks=[parts])
    np.testing.assert_allclose(parts.losses, whole.losses[len(batches) :], rtol=1e-5)
    for ours, theirs in zip(model.get_weights(), after_whole, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


@pytest.mark.real
@pytest.mark.parametrize(("bucket_count", "most"), [(5, 0.20), (7, 0.15)])
@pytest.mark.parametrize("tokens_per_batch", [2000, 4000])
def test_padding_of_tatoeba(shared, tokens_per_batch, bucket_count, most):
    from kerasft.data.pairs import read_pairs
    from kerasft.tasks.translation import overlong
    from kerasft.text.trained import train_tokenizer

    pairs = read_pairs(shared / "data" / "en_it" / "tatoeba.tsv")
    tokenizers = [
        train_tokenizer(texts, "word", vocab_size=15_000, min_frequency=2)
        for texts in (pairs["source"], pairs["target"])
    ]
    encoded = overlong.encode_sides(pairs, *tokenizers, max_length=60, policy="drop")
    batches = PairBatches(
        encoded.source_ids, encoded.target_ids, tokens_per_batch=tokens_per_batch, pad_id=PAD,
        shuffle=True, seed=0, max_length=60, bucket_count=bucket_count,
    )  # fmt: skip
    assert batches.padding_share < most
