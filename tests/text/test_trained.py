"""Tokenizers made of one's own texts: what they know, what comes back, and when they are kept."""

import json
import os
import unicodedata
from pathlib import Path

import pytest

from harness.texts import AWKWARD
from kerasft.errors import ConfigError, DataError
from kerasft.text import trained
from kerasft.text.tokenizer import Tokenizer
from kerasft.text.trained import SPECIAL_TOKENS, load_or_train, load_or_train_pair, train_tokenizer

pytestmark = pytest.mark.plain

TEXTS = [
    "L'acqua è fredda.",
    "L'acqua non è calda, è fredda!",
    "Dov'è la stazione?",
    "La stazione è là.",
    "Non c'è un po' d'acqua?",
    "un gatto raro",
]
KINDS = ("word", "bpe")


def train(kind="word", texts=TEXTS, *, vocab_size=200, min_frequency=1, **options):
    return train_tokenizer(
        texts, kind, vocab_size=vocab_size, min_frequency=min_frequency, **options
    )


def ids_of(tokenizer: Tokenizer, text: str) -> list[int]:
    return tokenizer.encode([text], 10_000).token_ids[0].tolist()


@pytest.mark.parametrize("kind", KINDS)
def test_special_tokens(kind):
    tokenizer = train(kind)
    assert [tokenizer.token_id(token) for token in SPECIAL_TOKENS] == [0, 1, 2, 3]
    assert (tokenizer.unknown_id, tokenizer.pad_id) == (0, 1)
    assert tokenizer.token_id("nowhere") is None
    ids = ids_of(tokenizer, "La stazione è fredda.")
    assert (ids[0], ids[-1]) == (2, 3) and min(ids[1:-1]) > 3
    assert tokenizer.tokens([2, 3]) == ["[SOS]", "[EOS]"]
    cut = tokenizer.encode(["La stazione è fredda."], 4)
    assert cut.token_ids[0].tolist() == [*ids[:3], 3] and cut.cut == 1


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("text", TEXTS)
def test_what_was_trained_on_comes_back(kind, text):
    tokenizer = train(kind)
    ids = ids_of(tokenizer, text)
    assert tokenizer.decode(ids) == text
    assert tokenizer.decode([*ids, 1, 1, 1]) == text
    assert tokenizer.unknown_words(text) == ()


def test_words_and_marks_are_tokens():
    tokens = train().tokens(ids_of(train(), "C'è  l'acqua?"))
    assert tokens == ["[SOS]", "[UNK]", "'", "è", "[UNK]", "'", "acqua", "?", "[EOS]"]


@pytest.mark.parametrize("kind", KINDS)
def test_unknown_words(kind):
    tokenizer = train(kind)
    found = tokenizer.unknown_words("Ẅien è là: Ẅien, d'Žagreb Ž.")
    # Pieces write the colon as soon as they know it; here they do not.
    assert found == ("Ẅien", ":", "Žagreb" if kind == "word" else "d'Žagreb", "Ž")
    assert tokenizer.unknown_words("") == ()
    with pytest.raises(DataError, match="NoneType"):
        tokenizer.unknown_words(None)


def test_bpe_writes_words_that_it_never_saw():
    tokenizer = train("bpe")
    assert tokenizer.unknown_words("stazzone, dora!") == ()
    assert tokenizer.decode(ids_of(tokenizer, "stazzone, dora!")) == "stazzone, dora!"


def test_rare_words_and_characters_are_unknown():
    texts = ["la la casa casa", "Ž"]
    assert train("word", texts, min_frequency=2).unknown_words("la Ž casa") == ("Ž",)
    assert train("bpe", texts, min_frequency=2).unknown_words("la Žc casa") == ("Žc",)
    assert train("bpe", texts, min_frequency=1).unknown_words("la Žc casa") == ()


@pytest.mark.parametrize("kind", KINDS)
def test_vocabulary_size(kind):
    tokenizer = train(kind, vocab_size=40)
    assert tokenizer.vocab_size <= 40
    if kind == "word":
        assert train(kind, vocab_size=6).tokens([4, 5]) == ["'", "è"]  # the most frequent


@pytest.mark.parametrize("kind", KINDS)
def test_lower_case(kind):
    tokenizer = train(kind, lowercase=True)
    assert ids_of(tokenizer, "L'ACQUA È fredda.") == ids_of(tokenizer, TEXTS[0])
    assert tokenizer.decode(ids_of(tokenizer, TEXTS[0])) == TEXTS[0].lower()
    assert tokenizer.unknown_words("Ẅ è") == ("Ẅ",)  # as it stands in the text


@pytest.mark.parametrize("kind", KINDS)
def test_composed_and_decomposed_are_the_same(kind):
    tokenizer = train(kind)
    assert ids_of(tokenizer, unicodedata.normalize("NFD", TEXTS[0])) == ids_of(tokenizer, TEXTS[0])


def test_bpe_gives_back_the_very_text():
    texts = [text for text in AWKWARD if "[" not in text and "▁" not in text]
    tokenizer = train("bpe", texts, vocab_size=3000)
    for text in texts:
        ids = ids_of(tokenizer, text)
        assert 0 not in ids
        expected = " ".join(unicodedata.normalize("NFC", text).split())
        assert tokenizer.decode(ids) == expected, ascii(text)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("lowercase", [False, True])
def test_saved_and_read_it_is_the_same(tmp_path, kind, lowercase):
    tokenizer = train(kind, [*TEXTS, *AWKWARD], vocab_size=300, lowercase=lowercase)
    tokenizer.save(tmp_path / "tokenizer.json")
    again = Tokenizer.from_file(tmp_path / "tokenizer.json")
    assert (again.pad_id, again.unknown_id) == (tokenizer.pad_id, tokenizer.unknown_id)
    assert again.vocab_size == tokenizer.vocab_size
    for text in [*TEXTS, *AWKWARD]:
        ids = ids_of(tokenizer, text)
        assert ids_of(again, text) == ids
        assert again.decode(ids) == tokenizer.decode(ids)
        assert again.unknown_words(text) == tokenizer.unknown_words(text)
    again.save(tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == (tmp_path / "tokenizer.json").read_bytes()


@pytest.mark.parametrize("kind", KINDS)
def test_training_gives_the_same_each_time(kind, tmp_path):
    texts = [f"{word} {i % 7} {word[::-1]}" for i, word in enumerate(" ".join(AWKWARD).split())]
    for name in "ab":
        train(kind, texts, vocab_size=150).save(tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_decode_of_what_is_no_token():
    tokenizer = train()
    with pytest.raises(DataError, match="no token 999; its ids go from 0 to"):
        tokenizer.decode([2, 999])
    with pytest.raises(DataError, match="no token -1"):
        tokenizer.tokens([-1])


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"kind": "char"}, ConfigError, "'char', but must be word or bpe"),
        ({"vocab_size": 4}, ConfigError, "vocabulary size is 4.*5 or more"),
        ({"min_frequency": 0}, ConfigError, "minimum frequency is 0"),
        ({"texts": []}, DataError, "no texts"),
        ({"texts": ["", " "]}, DataError, "no word of the 2 texts occurs 1 times"),
        ({"min_frequency": 99}, DataError, "no word of the 6 texts occurs 99 times"),
        ({"min_frequency": 99, "kind": "bpe"}, DataError, "occurs 99 times"),
    ],
)
def test_settings_that_cannot_work(options, error, message):
    with pytest.raises(error, match=message):
        train(**options)


# Kept on disk


SETTINGS = {"vocab_size": 100, "min_frequency": 1}


def kept(path: Path, texts=TEXTS, kind="word", **options) -> tuple[Tokenizer, str]:
    return load_or_train(path, texts, kind, **{**SETTINGS, **options})


def test_reused_only_for_the_same_texts_and_settings(tmp_path, monkeypatch):
    path = tmp_path / "new folder" / "it.json"
    made, note = kept(path)
    assert note == f"made {path} of {made.vocab_size} tokens, since there was none"
    assert sorted(os.listdir(path.parent)) == ["it.json", "it.made_of.json"]

    calls = []
    real = trained.train_tokenizer
    monkeypatch.setattr(
        trained, "train_tokenizer", lambda *a, **o: calls.append(a) or real(*a, **o)
    )
    again, note = kept(path)
    assert note.startswith("re-used") and not calls
    assert ids_of(again, TEXTS[1]) == ids_of(made, TEXTS[1])

    for change, names in (
        ({"texts": TEXTS[:-1]}, "texts"),
        ({"kind": "bpe"}, "texts and kind"),
        ({"kind": "bpe", "texts": TEXTS[:-1], "lowercase": True}, "texts and lowercase"),
        (
            {"vocab_size": 99, "min_frequency": 2},
            "texts, kind, vocabulary size, minimum frequency and lowercase",
        ),
    ):
        calls.clear()
        tokenizer, note = kept(path, **change)
        assert len(calls) == 1
        assert note.endswith(f"since the one there was made with other {names}"), note
        assert kept(path, **change)[1].startswith("re-used") and len(calls) == 1
        assert ids_of(Tokenizer.from_file(path), TEXTS[1]) == ids_of(tokenizer, TEXTS[1])


def test_a_tokenizer_of_someone_else_is_left_alone(tmp_path):
    path = tmp_path / "tokenizer.json"
    train(texts=["something else"]).save(path)
    before = path.read_bytes()
    with pytest.raises(DataError, match=r"was not made by this command.*delete it or choose"):
        kept(path)
    assert path.read_bytes() == before


def test_a_tokenizer_that_was_replaced_is_left_alone(tmp_path):
    path = tmp_path / "tokenizer.json"
    kept(path)
    train(texts=["something else"]).save(path)
    before = path.read_bytes()
    for options in ({}, {"kind": "bpe"}):
        with pytest.raises(DataError, match=r"another tokenizer than tokenizer.made_of.json"):
            kept(path, **options)
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", ["", "{", "[]", "{}"])
def test_a_broken_note_beside_it(tmp_path, content):
    path = tmp_path / "tokenizer.json"
    kept(path)
    (tmp_path / "tokenizer.made_of.json").write_text(content)
    with pytest.raises(DataError, match=r"tokenizer\.made_of\.json"):
        kept(path)


def test_what_it_was_made_of_is_readable(tmp_path):
    kept(tmp_path / "it.json")
    made_of = json.loads((tmp_path / "it.made_of.json").read_text())
    assert made_of["kind"] == "word" and made_of["vocabulary size"] == 100


def test_where_nothing_can_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot make the folder"):
        kept(tmp_path / "file" / "tokenizer.json")
    with pytest.raises(ConfigError, match="'char'"):
        kept(tmp_path / "tokenizer.json", kind="char")


def test_a_tokenizer_for_each_language(tmp_path):
    def both(targets: list[str]) -> tuple[Tokenizer, Tokenizer, list[str]]:
        return load_or_train_pair(tmp_path / "kept", ["the cat"], targets, "word", **SETTINGS)

    english, italian, notes = both(["il gatto"])
    assert english.unknown_words("the gatto") == ("gatto",)
    assert italian.unknown_words("the gatto") == ("the",)
    assert [note.split()[0] for note in notes] == ["made", "made"]
    assert [note.split()[0] for note in both(["il gatto"])[2]] == ["re-used", "re-used"]
    assert [note.split()[0] for note in both(["la gatta"])[2]] == ["re-used", "made"]
