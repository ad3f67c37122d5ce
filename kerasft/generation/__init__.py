"""Generation: greedy and beam search over any model that decodes step by step.

`step_model.py` is what a model must provide, `greedy.py` and `beam.py` are the two searches as pure
functions of tensors, `generator.py` compiles them for the token ids of many texts, and
`text_generators.py` return texts. Importing this room imports no Keras: other
runtimes search themselves and return a `Hypothesis`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from kerasft.generation.hypotheses import Generates, Hypothesis
from kerasft.generation.search import Search

if TYPE_CHECKING:
    from kerasft.generation.generator import Generator
    from kerasft.generation.step_model import StepModel
    from kerasft.generation.text_generators import SentenceGenerator, TextGenerator

_PLACES = {
    "Generator": "generator",
    "SentenceGenerator": "text_generators",
    "StepModel": "step_model",
    "TextGenerator": "text_generators",
}

__all__ = [
    "Generates",
    "Generator",
    "Hypothesis",
    "Search",
    "SentenceGenerator",
    "StepModel",
    "TextGenerator",
]


def __getattr__(name: str) -> Any:
    """Imports what needs Keras on first use."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
