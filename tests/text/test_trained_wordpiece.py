"""Word pieces made of one's own texts: what they know, and that they are always the same."""

import hashlib

import pytest

from harness.texts import AWKWARD
from kerasft.errors import ConfigError, DataError
from kerasft.text.tokenizer import Tokenizer
from kerasft.text.trained_wordpiece import SPECIAL_TOKENS, train_wordpiece

pytestmark = pytest.mark.plain

TEXTS = [
    "The bank charged me a late fee twice.",
    "They charged a fee, and then another fee!",
    "My loan was paid; the lender charges late fees.",
    "I paid the debt. The debtor paid too.",
    "Re-charging fees is what they do: 35.00 and 35.00",
]


def train(texts=TEXTS, *, vocab_size=120, min_frequency=1, **options) -> Tokenizer:
    return train_wordpiece(texts, vocab_size=vocab_size, min_frequency=min_frequency, **options)


def tokens(tokenizer: Tokenizer, text: str) -> list[str]:
    return tokenizer.tokens(tokenizer.encode([text], 1000).token_ids[0])


def pieces(tokenizer: Tokenizer) -> list[str]:
    return tokenizer.tokens(range(tokenizer.vocab_size))


def test_the_special_tokens_come_first():
    tokenizer = train()
    assert pieces(tokenizer)[:5] == list(SPECIAL_TOKENS)
    assert (tokenizer.pad_id, tokenizer.unknown_id) == (0, 1)
    assert tokens(tokenizer, "fee")[0] == "[CLS]" and tokens(tokenizer, "fee")[-1] == "[SEP]"
    assert tokens(tokenizer, "a [MASK] fee") == ["[CLS]", "a", "[MASK]", "fee", "[SEP]"]


def test_frequent_words_are_pieces_and_others_are_put_together():
    tokenizer = train()
    assert tokens(tokenizer, "The fee, paid!")[1:-1] == ["the", "fee", ",", "paid", "!"]
    found = tokens(tokenizer, "banker")[1:-1]
    assert len(found) > 1 and not found[0].startswith("##")
    assert all(piece.startswith("##") for piece in found[1:])
    assert "".join(piece.removeprefix("##") for piece in found) == "banker"


def test_what_was_trained_on_has_no_unknown_word():
    for texts in (TEXTS, AWKWARD):
        tokenizer = train(texts, vocab_size=1000)
        for text in texts:
            longest = max(map(len, text.split()), default=0)  # of more than 100 none is looked at
            if "[UNK]" not in text and longest <= 100:
                assert tokenizer.encode([text], 1000).unknown == 0, ascii(text)


def test_a_rare_character_makes_its_word_unknown():
    tokenizer = train([*TEXTS, "a ζ fee"], min_frequency=2)
    assert "ζ" not in pieces(tokenizer) and "##ζ" not in pieces(tokenizer)
    assert tokens(tokenizer, "a ζfee fee")[1:-1] == ["a", "[UNK]", "fee"]
    assert tokenizer.unknown_words("a ζfee fee") == ("ζfee",)


def test_case_and_accents():
    assert tokens(train(), "THE Fée") == tokens(train(), "the fee")
    cased = train(lowercase=False)
    assert "The" in pieces(cased) and "the" in pieces(cased)
    assert tokens(cased, "The")[1] == "The"


def test_the_vocabulary_is_filled_and_no_fuller():
    sizes = [train(vocab_size=size).vocab_size for size in (70, 90, 10_000)]
    assert sizes[:2] == [70, 90]
    assert 90 < sizes[2] < 10_000  # every word is a piece long before that
    assert train(vocab_size=10_000, min_frequency=2).vocab_size < sizes[2]


def test_the_merges_are_those_of_the_most_frequent_pairs():
    """By hand: "ab" occurs 5 times, then "abc" 3 times; nothing else occurs twice."""
    texts = ["ab abc abc", "abc ab"]
    tokenizer = train(texts, vocab_size=100, min_frequency=2)
    assert pieces(tokenizer)[5:] == ["##b", "##c", "a", "b", "c", "ab", "abc"]


MANY = [f"{word} {word[::-1]} {i % 5}" for i, word in enumerate(" ".join(TEXTS * 2).split())]
SCRIPT = """
import sys
from kerasft.text.trained_wordpiece import train_wordpiece
texts = sys.stdin.read().splitlines()
train_wordpiece(texts, vocab_size=150, min_frequency=1).save(sys.argv[1])
"""


def test_every_process_makes_the_same(tmp_path, run_python):
    """Ties between pairs abound here; by themselves they go another way in each process."""
    train(MANY, vocab_size=150).save(tmp_path / "here")
    train(MANY[::-1], vocab_size=150).save(tmp_path / "backwards")
    (tmp_path / "script.py").write_text(SCRIPT)
    for name in ("other", "another"):
        result = run_python(tmp_path / "script.py", tmp_path / name, input="\n".join(MANY))
        assert result.returncode == 0, result.stderr
    hashes = {
        hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()
        for name in ("here", "backwards", "other", "another")
    }
    assert len(hashes) == 1


def test_saved_and_read_it_is_the_same(tmp_path):
    tokenizer = train([*TEXTS, *AWKWARD], vocab_size=600)
    tokenizer.save(tmp_path / "tokenizer.json")
    again = Tokenizer.from_file(tmp_path / "tokenizer.json")
    assert (again.pad_id, again.unknown_id) == (0, 1)
    for text in [*TEXTS, *AWKWARD, "[MASK] of it"]:
        assert tokens(again, text) == tokens(tokenizer, text)


def test_transformers_gives_the_same_ids(tmp_path):
    transformers = pytest.importorskip("transformers")
    tokenizer = train([*TEXTS, *AWKWARD], vocab_size=600)
    (tmp_path / "vocab.txt").write_text("\n".join(pieces(tokenizer)) + "\n", encoding="utf-8")
    twin = transformers.BertTokenizerFast(vocab=str(tmp_path / "vocab.txt"), do_lower_case=True)
    for text in [*TEXTS, *AWKWARD]:
        ours = tokenizer.encode([text], 1000).token_ids[0].tolist()
        assert twin(text)["input_ids"] == ours, ascii(text)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"vocab_size": 20}, ConfigError, "vocabulary size is 20.*alone are [0-9]+ pieces"),
        ({"min_frequency": 0}, ConfigError, "minimum frequency is 0"),
        ({"texts": []}, DataError, "no texts"),
        ({"texts": ["", " "]}, DataError, "no character of the 2 texts occurs 1 times"),
        ({"min_frequency": 999}, DataError, "no character of the 5 texts occurs 999 times"),
    ],
)
def test_settings_that_cannot_work(options, error, message):
    with pytest.raises(error, match=message):
        train(**options)


def test_the_smallest_vocabulary_that_is_named_works():
    with pytest.raises(ConfigError) as refused:
        train(vocab_size=20)
    needed = int(str(refused.value).split("alone are ")[1].split()[0])
    assert train(vocab_size=needed).vocab_size == needed
    with pytest.raises(ConfigError):
        train(vocab_size=needed - 1)


def test_no_keras_is_needed(run_python):
    code = "import sys, kerasft.text.trained_wordpiece; sys.exit('keras' in sys.modules)"
    assert run_python("-c", code).returncode == 0
