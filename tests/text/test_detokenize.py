"""Spaces that a word-level tokenizer loses, and the rules that put them back."""

import unicodedata
from pathlib import Path

import pytest
from tokenizers import pre_tokenizers

from kerasft.text.detokenize import detokenize

pytestmark = pytest.mark.plain

ITALIAN = [
    "L'acqua è fredda.",
    "C'è un po' di zucchero?",
    "Un po' d'acqua, per favore!",
    "Ne vuoi ancora un po'?",
    "Dov'è l'ufficio dell'amica di quell'uomo?",
    "Che cos'è successo? Cos'ha detto?",
    "Nient'altro, dev'essere qualcos'altro.",
    "Di' loro di venire, e va' a casa!",
    "S'è fatto tardi: sono le 18:30.",
    "L'8 marzo e l'11 settembre.",
    "Negli anni '80 c'erano più di 10.000 persone.",
    "Costa 3,5 euro, cioè il 50% in meno.",
    "Ha detto: \"Non c'è nessuno\", e se n'è andato.",
    "«Buongiorno», disse; poi uscì (senza l'ombrello).",
    "Aspetta... forse è così!",
    "Un'altra volta? Tutt'altro, all'improvviso.",
    "Scac-co e co-produzione.",
    "Press'a poco alle 10.",
    "Perché? Perché sì!",
    "L\u2019acqua e un po\u2019 di pane.",
]
ENGLISH = [
    "I don't know what you're saying.",
    "It's Tom's car, isn't it?",
    "I'd go if they'd let me; we'll see.",
    'She said, "I\'ve seen it." Then she left.',
    'He called it "strange", not "bad".',
    "My friends' house is at 5 o'clock street.",
    "Yes, ma'am! O'Brien's here.",
    "If you can't beat 'em, join 'em.",
    "A well-known, self-employed man (aged 30).",
    "It costs $12,000.50, or 3.5% more.",
    "On July 20, 1969, at 2:30 p.m. in the U.S. it began.",
    "Wait... what?! Really?",
    "Read and/or write: [this] {that}.",
    "The 1939–1945 war – a long one.",  # noqa: RUF001
    "“Come in,” she said.",
    "We're #1!",
    "He shouldn't've come.",
    "I can't, you won't, he didn't.",
    "1,000,000 people.",
    "12.000$ is a lot.",
]


def split(text: str) -> list[str]:
    """Words and marks, as a word-level tokenizer has them."""
    splitter = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Punctuation("isolated")]
    )
    return [token for token, _ in splitter.pre_tokenize_str(text)]


@pytest.mark.parametrize("text", [*ITALIAN, *ENGLISH])
def test_text_comes_back_as_it_was(text):
    tokens = split(text)
    assert len(tokens) > len(text.split())
    assert detokenize(tokens) == text


@pytest.mark.parametrize(
    ("tokens", "text"),
    [
        ([], ""),
        (["a"], "a"),
        (["'"], "'"),
        (['"'], '"'),
        (["."], "."),
        (["ciao", '"'], 'ciao"'),
        (["-", "ciao", "-"], "- ciao -"),
        (["'", "ciao", "'"], "'ciao'"),
        ([",", "e", "poi", "?"], ", e poi?"),
    ],
)
def test_fragments(tokens, text):
    """A model may put out anything."""
    assert detokenize(tokens) == text


def test_no_token_is_lost_whatever_the_order():
    tokens = split(" ".join([*ITALIAN, *ENGLISH]))
    for shift in range(0, len(tokens), 7):
        turned = tokens[shift:] + tokens[:shift]
        assert detokenize(turned).replace(" ", "") == "".join(turned)


@pytest.mark.real
@pytest.mark.parametrize(
    ("file", "column", "floor"),
    [
        ("tatoeba.tsv", 0, 0.999),
        ("tatoeba.tsv", 1, 0.999),
        ("europarl.tsv", 0, 0.97),
        ("europarl.tsv", 1, 0.96),
    ],
)
def test_share_of_real_sentences_that_come_back(shared: Path, file, column, floor):
    lines = (shared / "data" / "en_it" / file).read_text("utf-8").split("\n")[:-1]
    texts = [line.split("\t")[column] for line in lines]
    texts = [" ".join(unicodedata.normalize("NFC", text).split()) for text in texts]
    share = sum(detokenize(split(text)) == text for text in texts) / len(texts)
    assert share >= floor
