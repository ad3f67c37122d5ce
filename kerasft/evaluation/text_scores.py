"""How good translations are: corpus BLEU and chrF by sacreBLEU, with the signatures that say how.

Sources: BLEU, Papineni et al. 2002, section 2; chrF, Popović 2015, section 2; signatures and the
13a tokenization, Post 2018 ("A Call for Clarity in Reporting BLEU Scores"), sections 3 and 4.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from kerasft.data.rows import Rows
from kerasft.errors import DataError

if TYPE_CHECKING:
    from sacrebleu.metrics import BLEU, CHRF

Scores = dict[str, Any]


def score_texts(hypotheses: Sequence[str], references: Sequence[str]) -> Scores:
    """Corpus BLEU (13a tokens, mixed case) and chrF (characters up to 6), both from 0 to 100.

    Args:
        hypotheses: The translations, one per sentence; an empty one counts as wrong.
        references: The right ones, in the same order.

    Returns:
        `bleu`, `bleu_signature`, `chrf`, `chrf_signature` and `sentences`, their number.

    Raises:
        DataError: There is nothing to score, or not one hypothesis a reference.

    Example:
        >>> score_texts(["Il gatto dorme."], ["Il gatto dorme."])["bleu"]
        100.0
    """
    if len(hypotheses) != len(references):
        raise DataError(
            f"there are {len(hypotheses)} translations but {len(references)} references; each "
            "translation needs its own"
        )
    if not references:
        raise DataError("there are no translations to score")
    bleu, chrf = _metrics()
    found, right = list(hypotheses), [list(references)]
    scores: Scores = {}
    for name, metric in (("bleu", bleu), ("chrf", chrf)):
        # Sums of exact matches may leave 100 by the last bit.
        scores[name] = round(metric.corpus_score(found, right).score, 6)
        scores[f"{name}_signature"] = metric.get_signature().format()
    return scores | {"sentences": len(references)}


def score_by_origin(
    hypotheses: Sequence[str], references: Sequence[str], origins: Sequence[str] | None
) -> dict[str, Scores]:
    """Scores all sentences, and those of each origin apart.

    Args:
        hypotheses: The translations.
        references: The right ones, in the same order.
        origins: Where each pair comes from, in the same order, or None where nobody knows.

    Returns:
        "all" and the origins by name -> what `score_texts` returns; with one origin "all" alone.

    Raises:
        DataError: As `score_texts`, or the origins are too few or too many.
    """
    scores = {"all": score_texts(hypotheses, references)}
    if origins is None:
        return scores
    if len(origins) != len(references):
        raise DataError(f"there are {len(origins)} origins of {len(references)} sentences")
    names = sorted(set(origins))
    for name in names if len(names) > 1 else ():
        rows = [row for row, origin in enumerate(origins) if origin == name]
        part = score_texts([hypotheses[row] for row in rows], [references[row] for row in rows])
        scores[name] = part
    return scores


def score_translations(
    translations: Mapping[str, Sequence[str]], pairs: Rows
) -> dict[str, dict[str, float]]:
    """Scores several ways of translating the same pairs, as a table to print.

    Args:
        translations: Name ("greedy") -> translations of the pairs' sources, in their order.

    Returns:
        Name -> {"BLEU": ..., "chrF": ...}, and where the pairs have several origins the same for
        each ("BLEU (phrasebook)"), rounded to two digits. `signatures` says how they were counted.

    Example:
        >>> score_translations({"greedy": found, "copy of the source": pairs["source"]}, pairs)
    """
    table = {}
    for name, found in translations.items():
        row: dict[str, float] = {}
        for origin, scores in score_by_origin(
            found, pairs["target"], pairs.fields.get("origin")
        ).items():
            suffix = "" if origin == "all" else f" ({origin})"
            row[f"BLEU{suffix}"] = round(scores["bleu"], 2)
            row[f"chrF{suffix}"] = round(scores["chrf"], 2)
        table[name] = row
    return table


def signatures() -> dict[str, str]:
    """The signatures of BLEU and chrF as `score_texts` counts them, to be kept beside a score."""
    scores = score_texts(["."], ["."])
    return {"BLEU": scores["bleu_signature"], "chrF": scores["chrf_signature"]}


@cache
def _metrics() -> tuple[BLEU, CHRF]:
    from sacrebleu.metrics import BLEU, CHRF

    # `force` only silences the guess that a text was tokenized already.
    return BLEU(tokenize="13a", force=True), CHRF()
