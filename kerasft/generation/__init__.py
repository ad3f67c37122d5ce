"""Generation: greedy and beam search over any model that decodes step by step.

`step_model.py` says what a model must bring, `greedy.py` and `beam.py` are the two searches as pure
functions of tensors, `generator.py` compiles them and takes token ids of many texts;
`sentences.py` and `text_to_text.py` put out texts, of a translator and of a T5.
"""

from kerasft.generation.generator import Generator
from kerasft.generation.hypotheses import Hypothesis
from kerasft.generation.search import Search
from kerasft.generation.sentences import SentenceGenerator
from kerasft.generation.step_model import StepModel
from kerasft.generation.text_to_text import TextToTextGenerator

__all__ = [
    "Generator",
    "Hypothesis",
    "Search",
    "SentenceGenerator",
    "StepModel",
    "TextToTextGenerator",
]
