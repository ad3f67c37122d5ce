"""The loss in the logs of models that write texts: a mean over tokens, not over batches."""

from typing import Any

import keras
from keras import ops


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
