"""Italian forms, against what grammars print."""

import pytest

from tools.sample_grammar import italian

pytestmark = pytest.mark.plain


@pytest.mark.parametrize(
    ("word", "gender", "the", "plural", "the_many", "a"),
    [
        ("libro", "m", "il libro", "libri", "i libri", "un libro"),
        ("zaino", "m", "lo zaino", "zaini", "gli zaini", "uno zaino"),
        ("specchio", "m", "lo specchio", "specchi", "gli specchi", "uno specchio"),
        ("gnomo", "m", "lo gnomo", "gnomi", "gli gnomi", "uno gnomo"),
        ("albero", "m", "l'albero", "alberi", "gli alberi", "un albero"),
        ("sale", "m", "il sale", "sali", "i sali", "un sale"),
        ("mela", "f", "la mela", "mele", "le mele", "una mela"),
        ("arancia", "f", "l'arancia", "arance", "le arance", "un'arancia"),
        ("scuola", "f", "la scuola", "scuole", "le scuole", "una scuola"),
    ],
)
def test_articles(word, gender, the, plural, the_many, a):
    assert italian.definite(word, gender) + word == the
    assert italian.definite(plural, gender, plural=True) + plural == the_many
    assert italian.indefinite(word, gender) + word == a


def test_contractions():
    """The whole table: prepositions by articles."""
    articles = ["il ", "lo ", "l'", "la ", "i ", "gli ", "le "]
    table = {
        "a": "al allo all' alla ai agli alle",
        "da": "dal dallo dall' dalla dai dagli dalle",
        "di": "del dello dell' della dei degli delle",
        "in": "nel nello nell' nella nei negli nelle",
        "su": "sul sullo sull' sulla sui sugli sulle",
    }
    for preposition, forms in table.items():
        found = [italian.contract(preposition, article).strip() for article in articles]
        assert " ".join(found) == forms


@pytest.mark.parametrize(
    ("base", "forms"),
    [
        ("rosso", "rosso rossa rossi rosse"),
        ("verde", "verde verde verdi verdi"),
        ("bianco", "bianco bianca bianchi bianche"),
        ("lungo", "lungo lunga lunghi lunghe"),
        ("vecchio", "vecchio vecchia vecchi vecchie"),
    ],
)
def test_adjectives(base, forms):
    found = [italian.adjective(base, gender, plural) for plural in (0, 1) for gender in "mf"]
    assert " ".join(found) == forms


def test_this():
    assert italian.this("libro", "m") == "questo "
    assert italian.this("ombrello", "m") == "quest'"
    assert italian.this("ombrelli", "m", plural=True) == "questi "
    assert italian.this("arance", "f", plural=True) == "queste "


@pytest.mark.parametrize(
    ("infinitive", "forms"),
    [
        ("comprare", "compro compri compra compriamo comprate comprano"),
        ("mangiare", "mangio mangi mangia mangiamo mangiate mangiano"),
        ("cercare", "cerco cerchi cerca cerchiamo cercate cercano"),
        ("leggere", "leggo leggi legge leggiamo leggete leggono"),
        ("aprire", "apro apri apre apriamo aprite aprono"),
        ("bere", "bevo bevi beve beviamo bevete bevono"),
        ("andare", "vado vai va andiamo andate vanno"),
        ("potere", "posso puoi può possiamo potete possono"),
    ],
)
def test_present(infinitive, forms):
    assert " ".join(italian.present(infinitive, person) for person in range(6)) == forms


def test_participles_and_gerunds():
    for infinitive, participle, gerund in [
        ("comprare", "comprato", "comprando"),
        ("vendere", "venduto", "vendendo"),
        ("leggere", "letto", "leggendo"),
        ("aprire", "aperto", "aprendo"),
        ("dormire", "dormito", "dormendo"),
        ("bere", "bevuto", "bevendo"),
    ]:
        assert italian.participle(infinitive) == participle
        assert italian.gerund(infinitive) == gerund
