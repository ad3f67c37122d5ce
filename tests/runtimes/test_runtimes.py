"""The runtimes: what every one of them must do."""

import pytest

from harness import classifiers, onnx_folders, taggers, text_models, translators
from harness.runtime_case import ODD, RuntimeCase

pytestmark = pytest.mark.any_backend


class TestOnnxClassifier(RuntimeCase):
    format = "onnx"
    texts = classifiers.TEXTS
    odd = [*ODD, "[PAD] [MASK]"]  # what writes texts takes a written [PAD] for padding
    saved = staticmethod(onnx_folders.plain)
    foreign = staticmethod(lambda: translators.saved().folder)


class TestOnnxVirtualTokens(RuntimeCase):
    """An adapter that cannot be merged into the weights is a part of the graph."""

    format = "onnx"
    texts = classifiers.TEXTS
    odd = TestOnnxClassifier.odd
    saved = staticmethod(classifiers.saved_p_tuning)
    foreign = staticmethod(TestOnnxClassifier.foreign)


class TestOnnxTagger(RuntimeCase):
    format = "onnx"
    texts = taggers.TEXTS
    odd = [*ODD, "[PAD] [MASK]"]
    saved = staticmethod(lambda: taggers.saved().folder)
    foreign = staticmethod(lambda: text_models.saved().folder)


class TestCTranslate2Translator(RuntimeCase):
    format = "ctranslate2"
    texts = translators.TEXTS
    options = {"beam_size": 1}
    tolerance = 1e-3
    saved = staticmethod(lambda: translators.fluent().folder)
    foreign = staticmethod(lambda: classifiers.saved_lora().folder)


class TestCTranslate2TextToText(RuntimeCase):
    format = "ctranslate2"
    texts = text_models.SOURCES
    options = {"task": "topics", "beam_size": 1}
    tolerance = 1e-3
    saved = staticmethod(lambda: text_models.saved(lora=True).folder)
    foreign = staticmethod(lambda: taggers.saved().folder)
