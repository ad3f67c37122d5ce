"""How good a model is: metrics, simple baselines from the same split, and pictures.

A classifier:

scores = evaluation.score(probabilities, dataset, label_map)
print(evaluation.table(scores["this model"]))
print(evaluation.comparison(scores))

A translator:

metrics = evaluation.score_translations({"greedy": found, "copy": pairs["source"]}, pairs)
print(evaluation.signatures())

A model of several tasks by prefix:

scores = evaluation.score_task("rouge", train, held_out, {"beam 4": found})

What finds entities:

scores = evaluation.score_entities(spans, dataset.train.sentences, dataset.test.sentences)
print(evaluation.entity_table(scores["this model"]))
"""

from kerasft.evaluation.calibration import Calibration, calibration_of
from kerasft.evaluation.entities import (
    NOTHING_FOUND,
    entity_comparison,
    entity_means,
    entity_table,
    evaluate_entities,
    unparsable,
)
from kerasft.evaluation.entity_baseline import MEMORY, EntityMemory
from kerasft.evaluation.entity_plots import plot_entity_confusion, plot_entity_scores
from kerasft.evaluation.label_scores import (
    MAJORITY,
    TFIDF,
    comparison,
    evaluate,
    majority,
    means,
    table,
)
from kerasft.evaluation.plots import plot_confusion, plot_loss
from kerasft.evaluation.significance import (
    Difference,
    Interval,
    McNemar,
    bootstrap,
    class_counts,
    interval,
    mcnemar,
    paired_difference,
    scores_of,
)
from kerasft.evaluation.text_scores import score_by_origin, score_translations, signatures

__all__ = [
    "MAJORITY",
    "MEMORY",
    "NOTHING_FOUND",
    "TFIDF",
    "Calibration",
    "Difference",
    "EntityMemory",
    "Interval",
    "McNemar",
    "bootstrap",
    "calibration_of",
    "class_counts",
    "comparison",
    "entity_comparison",
    "entity_means",
    "entity_table",
    "evaluate",
    "evaluate_entities",
    "interval",
    "majority",
    "mcnemar",
    "means",
    "paired_difference",
    "plot_confusion",
    "plot_entity_confusion",
    "plot_entity_scores",
    "plot_loss",
    "score_by_origin",
    "score_translations",
    "scores_of",
    "signatures",
    "table",
    "unparsable",
]
