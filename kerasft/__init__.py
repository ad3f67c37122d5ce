"""Fine-tune and serve text models with Keras 3 on torch, TensorFlow or JAX.

    import kerasft                                       # before keras: it chooses the backend

    data = kerasft.load_data("mails.csv", "body", "team")
    pretrained = kerasft.load_preset("minilm")
    ...                                                  # the README has the whole example
    kerasft.save("saved_models/mails", classifier)
    kerasft.Predictor("saved_models/mails").predict(["My card was declined."])

Importing the package chooses the backend (see `kerasft.backends.choose`) unless Keras has been
imported already. It is quick: each name below is imported on first use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from kerasft import backends
from kerasft.errors import missing_module

if TYPE_CHECKING:
    from kerasft.peft import (
        BitFitConfig,
        BottleneckConfig,
        DoRAConfig,
        IA3Config,
        LNTuningConfig,
        LoRAConfig,
        PiSSAConfig,
        PrefixTuningConfig,
        PromptConfig,
        PTuningConfig,
        apply,
        merge,
    )
    from kerasft.predict import Predictor
    from kerasft.presets import load_preset
    from kerasft.tasks import load, save
    from kerasft.tasks.classification.classifier import TextClassifier
    from kerasft.tasks.entities.dataset import load_entities
    from kerasft.tasks.labelled.labelled_texts import load_data
    from kerasft.tasks.multi_label.classifier import MultiLabelClassifier
    from kerasft.tasks.multi_label.rows import SeveralLabels
    from kerasft.tasks.regression.regressor import TextRegressor
    from kerasft.tasks.regression.rows import Numbers
    from kerasft.tasks.tagging.tagger import TokenTagger
    from kerasft.text.labels import LabelMap

__version__ = "0.1.0"

__all__ = [
    "BitFitConfig",
    "BottleneckConfig",
    "DoRAConfig",
    "IA3Config",
    "LNTuningConfig",
    "LabelMap",
    "LoRAConfig",
    "MultiLabelClassifier",
    "Numbers",
    "PTuningConfig",
    "PiSSAConfig",
    "Predictor",
    "PrefixTuningConfig",
    "PromptConfig",
    "SeveralLabels",
    "TextClassifier",
    "TextRegressor",
    "TokenTagger",
    "__version__",
    "apply",
    "load",
    "load_data",
    "load_entities",
    "load_preset",
    "merge",
    "save",
]

_HOMES = {
    "kerasft.peft": (
        "BitFitConfig",
        "BottleneckConfig",
        "DoRAConfig",
        "IA3Config",
        "LNTuningConfig",
        "LoRAConfig",
        "PiSSAConfig",
        "PrefixTuningConfig",
        "PromptConfig",
        "PTuningConfig",
        "apply",
        "merge",
    ),
    "kerasft.predict": ("Predictor",),
    "kerasft.presets": ("load_preset",),
    "kerasft.tasks": ("load", "save"),
    "kerasft.tasks.classification.classifier": ("TextClassifier",),
    "kerasft.tasks.entities.dataset": ("load_entities",),
    "kerasft.tasks.labelled.labelled_texts": ("load_data",),
    "kerasft.tasks.multi_label.classifier": ("MultiLabelClassifier",),
    "kerasft.tasks.multi_label.rows": ("SeveralLabels",),
    "kerasft.tasks.regression.regressor": ("TextRegressor",),
    "kerasft.tasks.regression.rows": ("Numbers",),
    "kerasft.tasks.tagging.tagger": ("TokenTagger",),
    "kerasft.text.labels": ("LabelMap",),
}

backends.choose()


def __getattr__(name: str) -> Any:
    """Imports what is asked for (PEP 562); what is missing is a sentence that names the extra."""
    for home, names in _HOMES.items():
        if name in names:
            try:
                found = getattr(importlib.import_module(home), name)
            except ModuleNotFoundError as error:
                raise missing_module(error) or error from None
            return globals().setdefault(name, found)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
