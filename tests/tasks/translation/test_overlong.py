"""Pairs that do not fit, and how long texts are said to be."""

import pytest

from harness.texts import paired
from kerasft.errors import ConfigError, DataError
from kerasft.tasks.translation import overlong
from kerasft.tasks.translation.overlong import measure
from kerasft.text.tokenizer import Tokenizer
from kerasft.text.trained import train_tokenizer

pytestmark = pytest.mark.plain

# Tokens with [SOS] and [EOS]: source 3, 5, 4, 8; target 4, 3, 9, 3.
PAIRS = paired(
    sources=["a", "a a a", "a a", "a a a a a a"],
    targets=["b b", "b", "b b b b b b b", "b"],
    origins=["one", "two", "three", "four"],
    source="somewhere",
    sha256="0" * 64,
)


@pytest.fixture(scope="module")
def tokenizers() -> list[Tokenizer]:
    return [train_tokenizer([word], "word", vocab_size=10, min_frequency=1) for word in ("a", "b")]


def apply(tokenizers, max_length, policy="drop", pairs=PAIRS):
    return overlong.encode_sides(pairs, *tokenizers, max_length=max_length, policy=policy)


@pytest.mark.parametrize(
    ("max_length", "kept"),
    [
        (8, ["one", "two", "three", "four"]),  # the decoder sees one token less than the target has
        (7, ["one", "two"]),
        (5, ["one", "two"]),
        (4, ["one"]),
        (3, ["one"]),
    ],
)
def test_long_pairs_are_dropped(tokenizers, max_length, kept):
    encoded = apply(tokenizers, max_length)
    assert encoded.pairs["origin"] == kept
    assert encoded.overlong == 4 - len(kept)
    assert [len(ids) for ids in encoded.source_ids] == [3, 5, 4, 8][: len(kept)]
    assert [len(ids) for ids in encoded.target_ids] == [4, 3, 9, 3][: len(kept)]
    assert all(ids[0] == 2 and ids[-1] == 3 for ids in encoded.source_ids + encoded.target_ids)
    assert encoded.source.full_lengths.tolist() == [3, 5, 4, 8]


def test_notes(tokenizers):
    notes = [apply(tokenizers, *arguments).note for arguments in ((8,), (7,), (7, "cut"))]
    assert notes == [
        "none of 4 pairs is longer than 8 tokens",
        "2 of 4 pairs are longer than 7 tokens and left out",
        "2 of 4 pairs are longer than 7 tokens and cut",
    ]


def test_long_pairs_are_cut(tokenizers):
    encoded = apply(tokenizers, 4, "cut")
    assert encoded.pairs is PAIRS and encoded.overlong == 3
    assert [ids.tolist() for ids in encoded.source_ids] == [
        [2, 4, 3], [2, 4, 4, 3], [2, 4, 4, 3], [2, 4, 4, 3],
    ]  # fmt: skip
    assert [len(ids) for ids in encoded.target_ids] == [4, 3, 5, 3]
    assert all(ids[-1] == 3 for ids in encoded.target_ids)


def test_long_pairs_are_refused(tokenizers):
    assert apply(tokenizers, 8, "refuse").overlong == 0
    with pytest.raises(
        DataError, match=r"2 of 4 pairs are longer than 7 tokens, the longest has 8.*'a a'.*raise"
    ):
        apply(tokenizers, 7, "refuse")
    with pytest.raises(DataError, match=r"the first is 'x{57}\.\.\.'"):
        long = paired(["x" * 99], ["b"] * 1, None, "s", "")
        apply([tokenizers[0], tokenizers[1]], 3, "refuse", paired(
            [long["source"][0] + " a a"], ["b"], None, "s", ""
        ))  # fmt: skip


def test_every_pair_too_long(tokenizers):
    pairs = PAIRS.take([2, 3])
    with pytest.raises(
        DataError,
        match=r"all 2 pairs are longer than 4 tokens, .* has 8; raise --max_length",
    ):
        apply(tokenizers, 4, "drop", pairs)
    assert len(apply(tokenizers, 4, "cut", pairs).source_ids) == 2


def test_settings_that_cannot_work(tokenizers):
    with pytest.raises(ConfigError, match="'keep', but must be drop, cut or refuse"):
        apply(tokenizers, 8, "keep")
    with pytest.raises(ConfigError, match=r"max_length is 2.*make it 3 or more"):
        apply(tokenizers, 2)


def test_lengths(tokenizers):
    texts = ["a"] * 98 + ["a a a", "x a a a a a"]
    facts = measure(tokenizers[0].encode(texts, 100))
    assert (facts.texts, facts.maximum, facts.percentile_99) == (100, 8, 5)
    assert facts.mean == pytest.approx((98 * 3 + 5 + 8) / 100)
    assert facts.unknown_rate == pytest.approx(1 / (98 + 3 + 6))
    assert facts.describe("en") == (
        "en: 3.1 tokens per text, at most 8, 99% have 5 or fewer; 0.93% are unknown words"
    )
    cut = measure(tokenizers[0].encode(texts, 4))  # the length is that of the whole text
    assert (cut.maximum, cut.mean) == (facts.maximum, facts.mean)
    assert cut.unknown_rate == pytest.approx(1 / (98 + 2 + 2))
    with pytest.raises(DataError, match="no texts"):
        measure(tokenizers[0].encode([], 4))


def test_description(tokenizers):
    lines = apply(tokenizers, 7).describe("en", "it")
    assert len(lines) == 3 and lines[0] == "2 of 4 pairs are longer than 7 tokens and left out"
    assert lines[1].startswith("en: 5.0 tokens") and lines[2].startswith("it: 4.8 tokens")
