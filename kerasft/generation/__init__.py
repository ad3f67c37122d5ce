"""Generation: greedy and beam search over any model that decodes step by step.

`step_model.py` says what a model must bring, `greedy.py` and `beam.py` are the two searches as pure
functions of tensors, `generator.py` compiles them and takes token ids of many texts.
"""

from kerasft.generation.generator import Generator
from kerasft.generation.hypotheses import Hypothesis
from kerasft.generation.search import Search
from kerasft.generation.sentences import SentenceGenerator
from kerasft.generation.step_model import StepModel

__all__ = ["Generator", "Hypothesis", "Search", "SentenceGenerator", "StepModel"]
