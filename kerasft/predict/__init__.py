"""Predict with a saved folder: from Python, or on the command line.

python -m kerasft.predict saved_models/run "A text." "Another one."
python -m kerasft.predict saved_models/run < texts.txt            one text a line
python -m kerasft.predict saved_models/run --input mails.csv --text_column body --output out.csv

`open_folder` opens a folder of any task. What is a task's own is in one file each:
`classification.py`, `tagging.py`, `translation.py`, `text_to_text.py`, `entity_texts.py`;
`tasks.py` has the table of them. Importing this room imports no Keras.
"""

from kerasft.predict.classification import Prediction, Predictor
from kerasft.predict.entity_texts import EntityWriter, WrittenEntities
from kerasft.predict.tagging import Entities, EntityFinder, FoundEntity
from kerasft.predict.tasks import OPTIONS, TextPredictor, check_options, open_folder
from kerasft.predict.text_to_text import TextToText, WrittenText
from kerasft.predict.translation import Translation, Translator

__all__ = [
    "OPTIONS",
    "Entities",
    "EntityFinder",
    "EntityWriter",
    "FoundEntity",
    "Prediction",
    "Predictor",
    "TextPredictor",
    "TextToText",
    "Translation",
    "Translator",
    "WrittenEntities",
    "WrittenText",
    "check_options",
    "open_folder",
]
