"""Compare saved classifiers on the same test rows.

    python -m kerasft.recipes.compare
    python -m kerasft.recipes.compare --folders saved_models/a,saved_models/b,saved_models/c

Nothing is trained: the runs left their test predictions, and the simple baseline's, in their
folders. Only the time for a text is measured anew, for all of them side by side.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kerasft import backends, reporting, storage
from kerasft.config import Options, alone, at_least, main, to_yaml
from kerasft.predict import Predictor
from kerasft.text.pairs import Text


@dataclass
class Config(Options):
    """Compare saved classifiers on the same test rows.

    Args:
        folders: Two or more saved folders, tested on the same rows.
        draws: Bootstrap draws, from which the intervals come.
        timed_texts: Test texts, short and long, on which the time per text is measured.
        timed_rounds: How often they are timed; the median is reported.
    """

    folders: tuple[str, ...] = ("saved_models/small_bert", "saved_models/tinybert_lora")
    draws: int = 2000
    timed_texts: int = 32
    timed_rounds: int = 5
    output: str = "saved_models/comparison"


@alone
def run(config: Config) -> Path:
    """Compares the folders and writes the report; returns its page.

    Raises:
        KerasftError: An option or a folder cannot be used; nothing has been written.
    """
    at_least(config, draws=100, timed_texts=1, timed_rounds=1)
    output = storage.check_output(config.output, reporting.is_comparison)

    # What each run said of the same test rows.
    runs = reporting.read_runs(config.folders)
    texts = runs[0].texts
    print(f"{len(runs)} models, tested on the same {len(texts)} rows")

    # Times per text, alternating between the models; and whether each still predicts what it
    # predicted in its test.
    predictors = {saved.name: Predictor(saved.folder) for saved in runs}
    rows = reporting.spread(texts, config.timed_texts)
    timed = [texts[row] for row in rows]
    print(f"timing {len(timed)} texts in {config.timed_rounds} rounds")
    latency = reporting.measure_latency(
        {name: predictor.predict for name, predictor in predictors.items()},
        timed,
        rounds=config.timed_rounds,
    )
    gaps = [
        reporting.gap(saved, rows, _said(saved, predictors[saved.name], timed)) for saved in runs
    ]
    measured = (
        f"Times per text: measured now, alternating between the models, on {backends.machine()}; "
        f"the median of {config.timed_rounds} rounds over {len(timed)} test texts, for which every "
        f"model still predicts what it predicted in its test, within {max(gaps):.0e}."
    )

    # Scores with intervals, paired tests; of single labels also calibration and mistakes.
    found = reporting.candidates(runs, latency)
    truth, labels, scoring = runs[0].truth, runs[0].labels, runs[0].task.scoring
    chance = {"draws": config.draws, "seed": config.seed}
    written = {"measured": measured, "config_yaml": to_yaml(config)}
    if scoring.exclusive:
        comparison = reporting.compare(found, texts, truth, labels, **chance)
        table, sentences = reporting.score_table(comparison), reporting.findings(comparison)
        page = reporting.write_report(output, comparison, runs, **written)
    else:
        scores = reporting.compare_scores(found, truth, labels, scoring, **chance)
        table, sentences = reporting.scores_table(scores), reporting.score_findings(scores)
        page = reporting.write_score_report(output, scores, runs, **written)
    print("\n" + reporting.as_text(table) + "\n")
    for sentence in sentences:
        print(sentence)
    print(f"\nsaved {output}; open {page}")
    return page


def _said(saved: reporting.Run, predictor: Predictor, texts: Sequence[Text]) -> np.ndarray:
    """What a model says now: (texts, ...), as its task scores it."""
    return np.array(
        [saved.task.said_of(result, saved.labels) for result in predictor.predict(texts)]
    )


if __name__ == "__main__":
    main(run, Config)
