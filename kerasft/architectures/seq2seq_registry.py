"""The families of pretrained models that write a text for a text, by name."""

from kerasft.architectures.seq2seq import Seq2SeqArchitecture
from kerasft.architectures.t5.architecture import T5Architecture

SEQ2SEQ: dict[str, Seq2SeqArchitecture] = {each.name: each for each in (T5Architecture(),)}
"""The families of models that write a text for a text, by name."""

SEQ2SEQ_TYPES: dict[str, Seq2SeqArchitecture] = {
    kind: each for each in SEQ2SEQ.values() for kind in (each.name, *each.model_types)
}
"""The same by the `model_type`s that they read."""
