"""Pairs of texts as tokens: what is cut of which text, and what is said of it."""

import numpy as np
import pytest
import tokenizers
from tokenizers import Encoding, models

from harness import wordpieces
from kerasft.errors import ConfigError, DataError
from kerasft.text.pairs import longest_first
from kerasft.text.tokenizer import Tokenizer

pytestmark = pytest.mark.plain

WORDS = [f"w{number}" for number in range(40)]
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return wordpieces.tokenizer([*SPECIAL, *WORDS])


def words(start: int, count: int) -> str:
    return " ".join(WORDS[start : start + count])


def test_the_longer_text_is_cut_as_the_tokenizers_library_does(tokenizer):
    theirs = tokenizers.Tokenizer.from_str(tokenizer._backend.to_str())
    for room in (2, 3, 8, 11):
        theirs.enable_truncation(room + 3, strategy="longest_first")
        for first in range(1, 14):
            for second in range(1, 14):
                found: Encoding = theirs.encode(words(0, first), words(20, second))
                kept = tuple(found.sequence_ids.count(side) for side in (0, 1))
                assert longest_first(first, second, room) == kept


def test_each_side_s_cuts_are_counted_and_said(tokenizer):
    pairs = [(words(0, 2), words(20, 3)), (words(0, 12), words(20, 4)), (words(0, 9), words(20, 9))]
    found = tokenizer.encode(pairs, 16)
    assert found.full_lengths.tolist() == [8, 19, 21]
    assert found.cut_sides.tolist() == [[0, 0], [3, 0], [3, 2]]
    assert (found.cut, found.cut_tokens, found.tokens) == (2, 8, 40)
    assert [len(ids) for ids in found.token_ids] == [8, 16, 16]
    assert found.token_ids[0].dtype == found.segment_ids[0].dtype == np.int32
    assert tokenizer.tokens(found.token_ids[2]) == [
        *("[CLS]", *WORDS[:6], "[SEP]", *WORDS[20:27], "[SEP]")
    ]
    assert found.segment_ids[2].tolist() == [0] * 8 + [1] * 8
    assert found.summary() == (
        "2 of 3 pairs were cut at 16 tokens (the first text of 2, the second of 1; 16.7% of all "
        "tokens lost); 0.00% of the tokens kept are unknown words"
    )


def test_a_mark_that_a_text_spells_out_is_part_of_the_text(tokenizer):
    found = tokenizer.encode([("w1 [SEP] w2", words(20, 9))], 10)
    assert tokenizer.tokens(found.token_ids[0])[:5] == ["[CLS]", "w1", "[SEP]", "w2", "[SEP]"]
    assert found.cut_sides.tolist() == [[0, 5]]


@pytest.mark.parametrize(
    ("texts", "sentence"),
    [
        ([("w1", "w2"), "w1"], "text 1 has no text_pair, but others have one"),
        ([("w1", "w2", "w3")], "text 0 is a tuple of 3; a pair is"),
        ([("w1", 3)], "text_pair 0 is a int, not a string"),
        ([("w1", "w2"), ("a\ud800", "w1")], "text 1 holds a lone surrogate"),
    ],
)
def test_what_is_no_pair_is_refused(tokenizer, texts, sentence):
    with pytest.raises(DataError, match=sentence):
        tokenizer.encode(texts, 16)


def test_what_cannot_be_done_with_pairs_is_refused(tokenizer):
    with pytest.raises(ConfigError, match="3 special tokens go around a pair of texts; make it 5"):
        tokenizer.encode([("w1", "w2")], 4)
    with pytest.raises(ConfigError, match="--long_texts head_tail is for single texts"):
        tokenizer.encode([("w1", "w2")], 16, "head_tail")
    bare = Tokenizer(tokenizers.Tokenizer(models.WordLevel({"[PAD]": 0, "a": 1}, "[PAD]")))
    with pytest.raises(ConfigError, match="puts no mark between the texts of a pair"):
        bare.encode([("a", "a")], 16)
