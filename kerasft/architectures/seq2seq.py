"""Models of an encoder and a decoder, which write a text for a text, and what a family says."""

from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import keras
import numpy as np
from keras import ops

from kerasft.architectures.architecture import Architecture
from kerasft.architectures.name_table import Entry, TwinModel
from kerasft.architectures.tensors import LoadReport

State = dict[str, Any]
"""What decoding remembers of a batch: nested dicts and lists of tensors."""


class TokenLossModel(keras.Model):
    """Base of models whose outputs are scores of next tokens.

    Keras's own mean of the loss over an epoch counts each batch by its rows. Here `loss` and
    `val_loss` are means over all real tokens of an epoch, however many of them each batch holds.
    `compile` wants a loss whose value is the mean over a batch's real tokens.

    A subclass calls `_track_token_loss` at the end of its `__init__`.
    """

    _token_loss: keras.metrics.Metric

    def _track_token_loss(self) -> None:
        # Of two metrics of one name the later one's result stands in the logs, and this is the
        # later one.
        self._token_loss = keras.metrics.Mean(name="loss")

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """The compiled loss; its mean over the epoch is kept by real tokens.

        Args:
            y: (batch, t) int, the next tokens.
            y_pred: (batch, t, vocabulary), what `call` returned.
            sample_weight: (batch, t), 1 at real tokens and 0 at padding.
            training: Whether this is a step of training.
        """
        loss = super().compute_loss(x, y, y_pred, sample_weight, training)
        tokens = ops.size(y) if sample_weight is None else ops.sum(sample_weight)
        self._token_loss.update_state(loss, sample_weight=tokens)
        return loss


class Seq2SeqModel(TokenLossModel, TwinModel):
    """Base of those that transformers has too.

    Attributes:
        arguments: Among them `vocab_size`, `start_id`, `end_id` and `pad_id`.
    """

    peft_task = "SEQ_2_SEQ_LM"
    architecture: str
    arguments: Any


class Seq2SeqArchitecture(Architecture):
    """A family of `Seq2SeqModel`s, and how a Hugging Face directory holds one.

    Attributes:
        model_types: Further values of `model_type` in a `config.json` that it reads.
    """

    model_types: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def build(self, arguments: Any, initialize: bool = True) -> Seq2SeqModel:
        """See `Architecture.build`."""

    @abstractmethod
    def arguments_from_config(self, config: Mapping[str, Any], source: str = "config.json") -> Any:
        """Reads a `config.json` of the family.

        Args:
            source: The file, for messages.

        Raises:
            PresetError: It is of a variant that computes something else.
        """

    @abstractmethod
    def entries(self, arguments: Any) -> list[Entry]:
        """The names of all weights in transformers and here, from the bottom up."""

    @abstractmethod
    def load(
        self,
        config: Mapping[str, Any],
        tensors: Mapping[str, np.ndarray],
        shapes: Mapping[str, tuple[int, ...]] | None = None,
        source: str = "the checkpoint",
    ) -> tuple[Seq2SeqModel, LoadReport]:
        """Builds a model from a configuration and a checkpoint's tensors.

        Args:
            config: What `config.json` holds.
            tensors: Tensor by Hugging Face name.
            shapes: Shape by name, where they are known without reading the tensors.
            source: The checkpoint, for messages.

        Returns:
            The model, and what was loaded and what left unread.

        Raises:
            PresetError: The configuration is not supported, or a tensor is missing, misshapen, not
                finite, or contradicts another one.
        """

    @abstractmethod
    def write(self, model: Any, folder: Path) -> None:
        """Writes config.json, generation_config.json and model.safetensors, for transformers.

        Args:
            model: The model; adapters on it are left out (merge them first).
        """
