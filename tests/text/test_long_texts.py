"""Which tokens of a long text are kept."""

import numpy as np
import pytest

from harness import wordpieces
from kerasft.errors import ConfigError
from kerasft.text.tokenizer import Tokenizer

pytestmark = pytest.mark.plain

WORDS = [f"w{number}" for number in range(2000)]
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return wordpieces.tokenizer([*SPECIAL, *WORDS])


def kept(tokenizer: Tokenizer, words: int, max_length: int) -> list[str]:
    ids = tokenizer.encode([" ".join(WORDS[:words])], max_length, "head_tail").token_ids[0]
    assert ids.dtype == np.int32
    return tokenizer.tokens(ids)


def test_the_paper_s_own_numbers(tokenizer):
    # Sun et al. (2019), section 5.3.1: the first 128 and the last 382 of 510 tokens.
    tokens = kept(tokenizer, 1000, 512)
    assert tokens == ["[CLS]", *WORDS[:128], *WORDS[1000 - 382 : 1000], "[SEP]"]


@pytest.mark.parametrize(("max_length", "head"), [(3, 0), (5, 0), (6, 1), (18, 4), (130, 32)])
def test_other_lengths_keep_the_share(tokenizer, max_length, head):
    tokens = kept(tokenizer, 200, max_length)
    tail = max_length - 2 - head
    assert tokens == ["[CLS]", *WORDS[:head], *WORDS[200 - tail : 200], "[SEP]"]


@pytest.mark.parametrize("words", [1, 15, 16])
def test_texts_that_fit_stay_as_they_are(tokenizer, words):
    assert kept(tokenizer, words, 18) == ["[CLS]", *WORDS[:words], "[SEP]"]


def test_a_text_one_too_long_loses_one_token(tokenizer):
    tokens = kept(tokenizer, 17, 18)
    assert len(tokens) == 18 and set(WORDS[:17]) - set(tokens) == {"w4"}


def test_the_loss_is_counted(tokenizer):
    texts = [" ".join(WORDS[:8]), " ".join(WORDS[:18]), "w1 nothing"]
    encodings = tokenizer.encode(texts, 10, "head_tail")
    assert encodings.long_texts == "head_tail" and encodings.cut == 1
    assert encodings.full_lengths.tolist() == [10, 20, 4] and encodings.cut_tokens == 10
    assert encodings.summary() == (
        "1 of 3 texts were cut in the middle to 10 tokens (29.4% of all tokens lost); 4.17% of the "
        "tokens kept are unknown words"
    )
    assert tokenizer.encode(texts, 10).summary().startswith("1 of 3 texts were cut at 10 tokens")


def test_unknown_words_that_were_cut_do_not_count(tokenizer):
    text = " ".join(["w1"] * 4 + ["nothing"] * 8 + ["w2"] * 6)
    assert tokenizer.encode([text], 10, "head_tail").unknown == 0
    assert tokenizer.encode([text], 10, "cut").unknown == 4


def test_another_word_is_refused(tokenizer):
    with pytest.raises(ConfigError, match="long_texts is 'tail', but must be one of cut, head_ta"):
        tokenizer.encode(["a"], 10, "tail")
