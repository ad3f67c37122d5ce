import math

import pytest
import sacrebleu

from harness.texts import paired
from kerasft.data.rows import Rows
from kerasft.errors import DataError
from kerasft.evaluation import text_scores
from kerasft.evaluation.text_scores import score_texts

pytestmark = pytest.mark.plain

REFERENCES = [
    "La ragazza legge un libro in giardino.",
    "Il treno per Milano parte alle nove.",
    "Non ho fame, grazie.",
]
HYPOTHESES = [
    "La ragazza legge il libro in giardino.",
    "Il treno per Milano arriva alle nove.",
    "Ho fame.",
]


def pairs(origins=None) -> Rows:
    return paired(["a", "b", "c"], REFERENCES, origins, "test", "0" * 64)


def test_agrees_with_sacrebleu():
    scores = score_texts(HYPOTHESES, REFERENCES)
    bleu = sacrebleu.corpus_bleu(HYPOTHESES, [REFERENCES])
    chrf = sacrebleu.corpus_chrf(HYPOTHESES, [REFERENCES])
    assert scores["bleu"] == pytest.approx(bleu.score, abs=1e-5)
    assert scores["chrf"] == pytest.approx(chrf.score, abs=1e-5)
    assert 0 < scores["bleu"] < 100 and scores["sentences"] == 3


def test_bleu_by_hand():
    """Papineni et al. 2002, section 2: geometric mean of precisions times the brevity penalty."""
    # n-gram matches of "a b c d e" in "a b c d f g": 4/5, 3/4, 2/3, 1/2; 5 tokens against 6.
    expected = 100 * math.exp(1 - 6 / 5) * (4 / 5 * 3 / 4 * 2 / 3 * 1 / 2) ** 0.25
    assert score_texts(["a b c d e"], ["a b c d f g"])["bleu"] == pytest.approx(expected, abs=1e-5)


def test_signatures_say_how_it_was_counted():
    scores = score_texts(HYPOTHESES, REFERENCES)
    for part in ("nrefs:1", "case:mixed", "tok:13a", "smooth:exp", "version:"):
        assert part in scores["bleu_signature"]
    for part in ("nrefs:1", "nc:6", "nw:0", "version:"):
        assert part in scores["chrf_signature"]
    assert text_scores.signatures() == {
        "BLEU": scores["bleu_signature"], "chrF": scores["chrf_signature"],
    }  # fmt: skip


def test_right_is_100_and_empty_is_0():
    assert score_texts(REFERENCES, REFERENCES)["bleu"] == 100
    assert score_texts(REFERENCES, REFERENCES)["chrf"] == 100
    empty = score_texts([""] * 3, REFERENCES)
    assert empty["bleu"] == empty["chrf"] == 0


def test_case_and_accents_count():
    assert score_texts(["il treno per milano parte alle nove."], REFERENCES[1:2])["bleu"] < 60
    assert score_texts(["Il caffe costa poco qui."], ["Il caffè costa poco qui."])["bleu"] < 80


def test_says_nothing_about_spaced_marks(caplog, capsys):
    score_texts(["un libro ."] * 200, ["un libro ."] * 200)
    assert not caplog.records and capsys.readouterr() == ("", "")


def test_by_origin():
    origins = ["grammar", "grammar", "phrasebook"]
    scores = text_scores.score_by_origin(HYPOTHESES, REFERENCES, origins)
    assert list(scores) == ["all", "grammar", "phrasebook"]
    assert scores["grammar"] == score_texts(HYPOTHESES[:2], REFERENCES[:2])
    assert scores["phrasebook"] == score_texts(HYPOTHESES[2:], REFERENCES[2:])
    assert scores["all"] == score_texts(HYPOTHESES, REFERENCES)
    for lone in (None, ["one file"] * 3):
        assert list(text_scores.score_by_origin(HYPOTHESES, REFERENCES, lone)) == ["all"]


def test_table():
    systems = {"greedy": HYPOTHESES, "copy of the reference": REFERENCES}
    table = text_scores.score_translations(systems, pairs(["x", "x", "y"]))
    assert list(table) == list(systems)
    assert list(table["greedy"]) == ["BLEU", "chrF", "BLEU (x)", "chrF (x)", "BLEU (y)", "chrF (y)"]
    assert set(table["copy of the reference"].values()) == {100.0}
    assert table["greedy"]["BLEU"] == round(score_texts(HYPOTHESES, REFERENCES)["bleu"], 2)
    assert list(text_scores.score_translations(systems, pairs())["greedy"]) == ["BLEU", "chrF"]


def test_refusals():
    with pytest.raises(DataError, match="2 translations but 3 references"):
        score_texts(HYPOTHESES[:2], REFERENCES)
    with pytest.raises(DataError, match="no translations"):
        score_texts([], [])
    with pytest.raises(DataError, match="1 origins of 3 sentences"):
        text_scores.score_by_origin(HYPOTHESES, REFERENCES, ["x"])
