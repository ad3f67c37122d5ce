"""Predict with a saved folder, from Python; `kerasft predict` is the command.

    Predictor("saved_models/run").predict(["A text.", "Another one."])

Importing this room imports no Keras.
"""

from kerasft.predict.predictor import Predictor
from kerasft.predict.prepare import open_for

__all__ = ["Predictor", "open_for"]
