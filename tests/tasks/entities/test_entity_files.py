"""Files in columns: every shape they come in, and one sentence for every way of being broken."""

from pathlib import Path

import pytest

from kerasft.errors import ConfigError, DataError
from kerasft.tasks.entities.rows import read_entity_file
from kerasft.tasks.entities.sentence import Sentence, Span

pytestmark = pytest.mark.plain

EU = Sentence(("EU", "rejects", "German", "call", "."), (Span(0, 1, "ORG"), Span(2, 3, "MISC")))
PETER = Sentence(("Peter", "Blackburn"), (Span(0, 2, "PER"),))
TWO = "EU B-ORG\nrejects O\nGerman B-MISC\ncall O\n. O\n\nPeter B-PER\nBlackburn I-PER\n"
FOUR = (
    "-DOCSTART- -X- -X- O\n\nEU NNP B-NP B-ORG\nrejects VBZ B-VP O\nGerman JJ B-NP B-MISC\n"
    "call NN I-NP O\n. . O O\n\n-DOCSTART- -X- O O\n\nPeter NNP B-NP B-PER\n"
    "Blackburn NNP I-NP I-PER"
)


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    return path


def refused(path: Path, *words: str, **options: object) -> str:
    with pytest.raises(DataError) as caught:
        read_entity_file(path, **options)
    message = str(caught.value)
    assert all(word in message for word in words), message
    assert "\n" not in message and len(message) < 500
    return message


@pytest.mark.parametrize(
    "content",
    [
        TWO,
        TWO.replace(" ", "\t"),
        TWO.replace(" ", "   "),
        TWO.replace("\n", "\r\n"),
        TWO.replace("\n", "\r"),
        TWO.replace("\n\n", "\n \t\n\n\n"),
        "\ufeff\n\n" + TWO + "\n\n\n",
        TWO.replace("\n", " \n").replace(" \n \n", "\n\n"),
        "# id = 1\n# text = EU rejects\n" + TWO,
        "# text =\tEU rejects\n-DOCSTART-\tO\n\n" + TWO,
        FOUR,
        FOUR.replace(" ", "\t"),
        TWO.replace("B-", "S-").replace("S-PER", "B-PER").replace("I-", "E-"),
        TWO.replace("B-", "U-").replace("U-PER", "B-PER").replace("I-", "L-"),
        TWO.replace("B-", "I-"),
    ],
    ids=[
        "spaces", "tabs", "many spaces", "CRLF", "CR", "blanks", "BOM", "trailing", "comments",
        "tabs in a comment", "CoNLL-2003", "four tabs", "BIOES", "BILOU", "IO",
    ],
)  # fmt: skip
def test_every_shape_gives_the_same_sentences(content, tmp_path):
    table = read_entity_file(write(tmp_path / "a.conll", content))
    assert table.sentences == [EU, PETER]
    assert table.types == ("MISC", "ORG", "PER") and table.entities == 3
    assert table.per_type == {"MISC": 1, "ORG": 1, "PER": 1}


def test_what_is_passed_over_is_counted(tmp_path):
    table = read_entity_file(write(tmp_path / "a.conll", "# one\n\n# two\n" + FOUR))
    assert any("2 document lines" in note for note in table.notes)
    assert any("2 comment lines" in note for note in table.notes)


def test_a_token_may_be_a_hash_and_hold_any_character_but_blanks(tmp_path):
    content = "#\tO\nNFL\tB-group\n\n#1\tO\n\na\u2028b\u0085c\u00a0d\tO\n \u00a0\tx\tO\n"
    with pytest.raises(DataError, match="line 7"):
        read_entity_file(write(tmp_path / "a.conll", content))
    table = read_entity_file(write(tmp_path / "a.conll", content.rpartition(" ")[0]))
    tokens = [sentence.tokens for sentence in table.sentences]
    assert tokens == [("#", "NFL"), ("#1",), ("a\u2028b\u0085c\u00a0d",)]


@pytest.mark.parametrize(
    "content",
    [
        TWO.replace(" ", "\t", 1),  # in the first line alone
        TWO.replace("O\nGerman ", "O\nGerman\t"),
        TWO.replace(" ", "\t").replace("\tO", " O"),  # in most lines
        TWO.replace(" ", "\t").replace("EU\t", "EU "),
        FOUR.replace("EU NNP", "EU\tNNP"),
        FOUR.replace(" ", "\t").replace("EU\tNNP", "EU NNP"),
    ],
)
def test_tabs_and_spaces_may_be_mixed(tmp_path, content):
    table = read_entity_file(write(tmp_path / "a.conll", content))
    assert table.sentences == [EU, PETER]
    assert any("columns parted by" in note for note in table.notes)


def test_tokens_with_spaces_need_tabs_in_most_lines(tmp_path):
    table = read_entity_file(write(tmp_path / "a.conll", "New York\tB-LOC\nis O\nbig\tO\n"))
    assert table.sentences[0].tokens == ("New York", "is", "big")


def test_a_token_may_be_a_space_of_another_kind(tmp_path):
    """No word piece is made of it, and no entity begins or ends with it."""
    content = (
        "a O\n\u00a0 O\nb B-PER\n\u3000 I-PER\nc I-PER\n\u2003 I-PER\n\n\u00a0\tB-LOC\nd\tO\n\n"
        "\u2028 O\n"
    )
    table = read_entity_file(write(tmp_path / "a.conll", content))
    assert table.sentences == [
        Sentence(("a", "\u00a0", "b", "\u3000", "c", "\u2003"), (Span(2, 5, "PER"),)),
        Sentence(("\u00a0", "d")),
    ]
    for sentence in table.sentences:
        places = [sentence.text[start:end] for start, end in sentence.places]
        assert tuple(places) == sentence.tokens
    assert f"4 tokens of {table.source} are whitespace" in table.notes[-1]
    assert f"1 sentence of {table.source} without a word left out" in table.notes[-2]


def test_tags_hold_nothing_unseen(tmp_path):
    table = read_entity_file(
        write(tmp_path / "a.conll", "Ann B-PER\u200b\nLee I-PER\n\nBob \ufeffB-PER\n")
    )
    assert table.types == ("PER",) and table.entities == 2
    assert any("2 tags of" in note for note in table.notes)


def test_columns_can_be_chosen(tmp_path):
    path = write(tmp_path / "a.conll", "1 EU B-ORG O\n2 rejects O O\n")
    table = read_entity_file(path, token_column=1, tag_column=2)
    assert table.sentences == [Sentence(("EU", "rejects"), (Span(0, 1, "ORG"),))]
    refused(path, "line 1", "--tag_column 4", tag_column=4)
    refused(path, "line 1", "--token_column -5", token_column=-5)


def test_iob1_is_told_from_bio(tmp_path):
    path = write(tmp_path / "a.conll", "Ann I-PER\nBob B-PER\nleft O\n")
    table = read_entity_file(path)
    assert table.scheme == "IOB1"
    assert table.sentences[0].spans == (Span(0, 1, "PER"), Span(1, 2, "PER"))


def test_a_given_scheme_reads_what_breaks_it_and_counts(tmp_path):
    more = "\n".join("Acme B-ORG\n" for _ in range(3))
    content = "Ann I-PER\nleft O\n\nBob B-PER\nin O\nRome I-LOC\n\n" + more
    path = write(tmp_path / "a.conll", content)
    refused(path, "neither BIO", "line 1 ('I-PER') breaks BIO", "line 4 ('B-PER') breaks IOB1",
            "--tag_scheme")  # fmt: skip
    table = read_entity_file(path, "iob2")
    assert [sentence.spans for sentence in table.sentences[:2]] == [
        (Span(0, 1, "PER"),), (Span(0, 1, "PER"), Span(2, 3, "LOC")),
    ]  # fmt: skip
    assert table.notes == [
        f"2 tags of {path} break the scheme BIO and were read as conlleval reads them "
        "(lines 1 and 6)"
    ]


def test_a_given_scheme_that_most_tags_break_is_refused(tmp_path):
    path = write(tmp_path / "a.conll", TWO)
    refused(path, "3 tags break the scheme BIOES", "lines 2, 4 and 8", "leave", tag_scheme="BIOES")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("Ann B-PER\nLee\nin O\n", ["line 2", "1 column ", "'Lee'"]),
        ("Ann B-PER\nLee I-PER\nNew York B-LOC\n", ["line 3", "3 columns", "'New York B-LOC'"]),
        ("Ann\tB-PER\nLee x I-PER\nx\tO\n", ["line 2", "tabs", "'Lee x I-PER'"]),
        ("Ann\tB-PER\n\tO\nx\tO\n", ["line 2", "no token"]),
        ("Ann\tx\tB-PER\nb\tx\t\nx\tx\tO\n", ["line 2"]),
        ("Ann B-PER\nLee I_PER\n", ["line 2", "'I_PER'", "--tag_column"]),
        ("Ann NNP\nleft VBD\n", ["line 1", "'NNP'", "neither O"]),
        ("Ann PER\nleft O\n", ["line 1", "'PER'", "--tag_scheme IO"]),
        ("Ann B-PER\nLee M-PER\n", ["line 2", "'M-PER'"]),
        ("Ann B-PER\nLee O\n\nBob S-LOC\n", ["line 2", "'O'", "was not ended", "BIOES"]),
        ("only\nwords\nhere\n", ["line 1", "one column"]),
        ("", ["empty"]),
        ("-DOCSTART- O\n\n", ["no sentences"]),
        (b"caf\xe9 O\n", ["UTF-8", "line 1"]),
        ("x" * 300 + "\nAnn O\nx O\n", ["line 1", "..."]),
    ],
)
def test_a_broken_file_is_one_sentence(content, words, tmp_path):
    message = refused(write(tmp_path / "a.conll", content), *words)
    assert "a.conll" in message


def test_an_unknown_scheme_is_refused(tmp_path):
    path = write(tmp_path / "a.conll", TWO)
    with pytest.raises(ConfigError, match="BMES"):
        read_entity_file(path, "BMES")
    refused(path, "line 1", "'B-ORG'", "leave --tag_scheme out", tag_scheme="IO")
    refused(tmp_path / "none.conll", "none.conll")


@pytest.mark.real
@pytest.mark.parametrize(
    ("name", "scheme", "sentences", "entities"),
    [
        ("wikigold", "IO", 1696, 3558),
        ("wnut17.train", "BIO", 3394, 1975),
        ("wnut17.dev", "BIO", 1009, 836),
        ("wnut17.test", "BIO", 1287, 1079),
    ],
)
def test_real_corpora(shared, name, scheme, sentences, entities):
    table = read_entity_file(shared / "data" / "ner" / f"{name}.conll")
    assert (table.scheme, len(table), table.entities) == (scheme, sentences, entities)
    for sentence in table.sentences:
        places = [sentence.text[start:end] for start, end in sentence.places]
        assert tuple(places) == sentence.tokens
