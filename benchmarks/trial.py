"""One run of the recipe `distilbert_lora` without saving, testing and reporting."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
from sklearn.metrics import accuracy_score, f1_score

from kerasft import backends, training
from kerasft.presets import load_preset
from kerasft.recipes import distilbert_lora
from kerasft.recipes.shared.few_shot import Objective
from kerasft.recipes.shared.fine_tuning import tune
from kerasft.recipes.shared.frozen_backbone import train_above_backbone
from kerasft.tasks.labelled.batches import labelled_batches
from kerasft.tasks.labelled.dataset import Dataset


def trial(config: distilbert_lora.Config, dataset: Dataset, part: str) -> tuple[float, float]:
    """Accuracy and macro-F1 of one run on a part of the rows, in hundredths."""
    backends.seed_everything(config.seed)
    target = config.target(dataset, config.class_weight)
    pretrained = load_preset(config.preset, architecture=config.architecture)
    config = dataclasses.replace(config, pooling=config.pooling_for(pretrained)[0])
    model, _ = pretrained.build_classifier(
        target.outputs, config.pooling, target.names, target.problem_type
    )
    few_shot = config.few_shot_of(target, dataset, pretrained.tokenizer)
    tune(model, few_shot.in_all_layers(model) if few_shot else config, pretrained.tokenizer)
    batches = labelled_batches(
        dataset,
        pretrained.tokenizer,
        target,
        segments=model.reads_segments,
        max_length=config.max_length,
        long_texts=config.long_texts,
        batch_size=config.batch_size,
        seed=config.seed,
        class_weight=config.class_weight,
        group_by_length=config.group_by_length,
    )
    epochs = few_shot.epochs if few_shot else config.epochs_over(batches.train)
    seen = few_shot.batches(batches) if few_shot else batches
    above, _ = train_above_backbone(
        model, seen, dataclasses.replace(config, epochs=epochs), Path(config.output)
    )
    objective = Objective.of_labels(above, target, epochs)
    if few_shot:
        objective = few_shot.objective(model, above)
    objective.model.compile(
        training.adam(config.rate(objective.steps), config.rate_ratios), objective.loss
    )
    objective.model.fit(objective.train, epochs=objective.epochs, verbose=0)
    if few_shot:
        few_shot.fit_head(model, seen)
    rows = getattr(batches, part)
    said = np.argmax(rows.unsort(model.predict(rows, verbose=0)), axis=-1)
    above.finish()
    return scores(target.encode(dataset.parts[part]["label"]), said)


def scores(truth: np.ndarray, said: np.ndarray) -> tuple[float, float]:
    """Accuracy and macro-F1 of class ids (rows,), in hundredths."""
    return 100 * accuracy_score(truth, said), 100 * f1_score(truth, said, average="macro")
