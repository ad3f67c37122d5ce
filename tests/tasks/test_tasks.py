"""The tasks: what every one of them must do."""

from dataclasses import asdict

from harness import (
    classifiers,
    entity_writers,
    taggers,
    text_folders,
    text_models,
    translators,
)
from harness.task_case import TaskCase


class TestClassification(TaskCase):
    name = "classification"
    texts = ["the cat was on it", "You have THIS, and that!", "zebra", "he was with " * 20]
    saved = staticmethod(lambda: classifiers.saved_lora().folder)
    facts = {"labels": list(classifiers.LABELS), "adapter": True}


class TestMultiLabel(TaskCase):
    name = "multi_label"
    texts = TestClassification.texts
    saved = staticmethod(text_folders.several)
    facts = {
        "labels": list(classifiers.LABELS),
        "thresholds": dict(zip(classifiers.LABELS, text_folders.THRESHOLDS, strict=True)),
    }


class TestRegression(TaskCase):
    name = "regression"
    texts = TestClassification.texts
    saved = staticmethod(text_folders.number)
    facts = {"predicts": "stars", "mean": text_folders.MEAN, "scale": text_folders.SCALE}


class TestTagging(TaskCase):
    name = "tagging"
    texts = ["The cat's in it.", "You have THIS,\nand that!", "he was " * 30, "he is " + "a" * 60]
    saved = staticmethod(lambda: taggers.saved().folder)
    facts = {"types": ["LOC", "PER"], "adapter": True}


class TestTranslation(TaskCase):
    name = "translation"
    texts = translators.TEXTS
    options = {"beam_size": 2}
    saved = staticmethod(lambda: translators.fluent().folder)
    facts = {"languages": translators.LANGUAGES, "beam_size": 2}
    tolerance = 1e-3


class TestTextToText(TaskCase):
    name = "text_to_text"
    texts = [*text_models.SOURCES, "sing: la la", "classify: " + "the water " * 20]
    saved = staticmethod(lambda: text_models.saved(lora=True).folder)
    facts = {
        "tasks": [asdict(task) for task in text_models.TASKS],
        **{"default_task": "", "beam_size": 2, "max_target_length": 8, "adapter": True},
    }
    tolerance = 1e-3


class TestTextToEntities(TaskCase):
    name = "text_to_entities"
    texts = [*(row.text for row in entity_writers.sentences(6, seed=5)), "jon at " + "jon" * 60]
    saved = staticmethod(entity_writers.saved)
    facts = {"types": ["LOC", "PER"], "prefix": entity_writers.PREFIX}
    tolerance = 1e-4
