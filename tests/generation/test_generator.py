import numpy as np
import pytest
from keras import ops

from harness.decoding import END, PAD, START, BagModel, sources
from kerasft.errors import ConfigError, DataError
from kerasft.generation import Generator


def generator(model, **options):
    options = {"max_length": 12, "max_source_length": 40, **options}
    return Generator(model, start_id=START, end_id=END, pad_id=PAD, **options)


def close(found, expected):
    assert len(found) == len(expected)
    for a, b in zip(found, expected, strict=True):
        assert (a.token_ids, a.truncated) == (b.token_ids, b.truncated)
        assert a.score == pytest.approx(b.score, abs=1e-5)


@pytest.fixture(scope="module")
def model():
    return BagModel(vocabulary=20)


@pytest.mark.parametrize("options", [{}, {"beam_size": 3, "n_best": 3}])
def test_neighbors_order_and_padding_do_not_matter(model, options):
    texts = sources(41, 20)  # batches of 32, 8 and 1
    searcher = generator(model, **options)
    together = searcher.generate(texts)
    order = np.random.default_rng(0).permutation(41)
    for row, found in zip(order, searcher.generate([texts[row] for row in order]), strict=True):
        close(found, together[row])
    for row in (0, 7, 40):
        close(searcher.generate([texts[row]])[0], together[row])
    assert len({found[0].token_ids for found in together}) > 5  # they do differ


def test_a_beam_of_one_is_greedy_search(model):
    from kerasft import backends
    from kerasft.generation import hypotheses
    from kerasft.generation.beam import beam_search

    greedy = generator(model)
    run = backends.current().compile_function(
        model, lambda inputs: beam_search(model, inputs["source_ids"], greedy.search)
    )
    texts = [text[:5] for text in sources(8, 20) if len(text) >= 5]
    found = run({"source_ids": np.stack(texts)})
    for row, expected in enumerate(greedy.generate(texts)):
        close(hypotheses.of_beams(found, greedy.search, row, 1), expected)


def test_rows_end_at_their_own_end(model):
    found = [row[0] for row in generator(model, max_length=30).generate(sources(32, 20))]
    lengths = {len(hypothesis.token_ids) for hypothesis in found if not hypothesis.truncated}
    assert len(lengths) > 3
    for hypothesis in found:
        assert not {PAD, START, END} & set(hypothesis.token_ids)


@pytest.mark.parametrize("beam_size", [1, 3])
def test_max_length_counts_the_end_and_a_cut_is_told(model, beam_size):
    texts = sources(20, 20)
    long = generator(model, max_length=30, beam_size=beam_size).generate(texts)
    some = next(row for row, found in enumerate(long) if 3 < len(found[0].token_ids) < 30)
    exact = len(long[some][0].token_ids) + 1
    if beam_size == 1:  # (a shorter search may end otherwise with more beams)
        close(generator(model, max_length=exact).generate(texts)[some], long[some])
    cut = generator(model, max_length=1, beam_size=beam_size).generate(texts)
    assert any(found[0].truncated for found in cut)
    for found in cut:
        assert len(found[0].token_ids) == (1 if found[0].truncated else 0)


def test_padding_and_start_are_never_put_out(model):
    loud = BagModel(vocabulary=20)
    out = ops.convert_to_numpy(loud.weight["out"]).copy()
    hidden = np.ones((6, 1), "float32")
    out[:, [PAD, START]] = hidden * 0.0
    out[:, [i for i in range(20) if i not in (PAD, START)]] *= 0.01
    loud.weight["out"].assign(out)
    for options in ({}, {"beam_size": 4, "n_best": 4}):
        for row in generator(loud, **options).generate(sources(8, 20)):
            for hypothesis in row:
                assert not {PAD, START} & set(hypothesis.token_ids)
                assert hypothesis.score > -1e3


def test_later_weights_are_seen():
    model = BagModel(vocabulary=20)
    searcher = generator(model)
    texts = sources(4, 20)
    before = searcher.generate(texts)
    other = BagModel(vocabulary=20, seed=1)
    for name, weight in model.weight.items():
        weight.assign(other.weight[name])
    after = searcher.generate(texts)
    assert before != after
    for found, expected in zip(after, generator(other).generate(texts), strict=True):
        close(found, expected)


def test_nothing_in_nothing_out(model):
    assert generator(model).generate([]) == []


def test_sources_of_the_wrong_size_are_refused(model):
    with pytest.raises(DataError, match="source 1 has 0 tokens"):
        generator(model).generate([np.array([5]), np.array([], "int32")])
    with pytest.raises(DataError, match="source 0 has 41 tokens"):
        generator(model).generate([np.full(41, 5, "int32")])


@pytest.mark.parametrize(
    "options",
    [
        {"max_length": 0},
        {"beam_size": 0},
        {"n_best": 2},
        {"n_best": 0},
        {"length_penalty": -1.0},
        {"length_penalty": float("nan")},
        {"early_stopping": "always"},
    ],
)
def test_numbers_out_of_range_are_refused(model, options):
    with pytest.raises(ConfigError, match=next(iter(options))):
        generator(model, **options)


@pytest.mark.parametrize(
    "ids", [{"start_id": 3}, {"pad_id": 3}, {"forbidden": (4, 3)}], ids=lambda ids: next(iter(ids))
)
def test_the_end_must_be_a_token_of_its_own(model, ids):
    with pytest.raises(ConfigError, match="end_id is 3, but must be another token"):
        Generator(model, **{"start_id": 2, "end_id": 3, "pad_id": 1, "max_length": 5, **ids})
