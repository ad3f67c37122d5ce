"""The tasks: a folder each, and one way to save and to load them all.

    save("saved_models/mails", TextClassifier(model, tokenizer, labels, max_length=128))
    classifier = load("saved_models/mails")

What several tasks share lies beside them: `headed_encoder.py` (a head on an encoder), `seq2seq.py`
(a model that writes), `labelled/` (texts with what is to be said of them, from the files to the
batches), `entities/` (named entities, from the files to the report).

Importing this room imports no Keras.
"""

from kerasft.tasks.saved import check_parts, load, save

__all__ = ["check_parts", "load", "save"]
