"""Losses over sequences of tokens."""

from typing import Any

import keras
from keras import ops

from kerasft.errors import ConfigError


@keras.saving.register_keras_serializable(package="kerasft")
class LabelSmoothedCrossEntropy(keras.losses.Loss):
    """Cross-entropy of token ids, a share of it spread over all tokens.

        loss = (1 - s) * -log p(label) + s * mean over the vocabulary of -log p

    Vaswani et al. 2017, section 5.4 (s = 0.1); Szegedy et al. 2016, section 7; the same as
    `torch.nn.CrossEntropyLoss(label_smoothing=s)`. Weighted by `sample_weight`, 1 at real tokens
    and 0 at padding, the loss of a batch is the mean over its real tokens.

    Example:
        >>> model.compile("adam", LabelSmoothedCrossEntropy(0.1))
    """

    def __init__(
        self,
        smoothing: float = 0.1,
        name: str = "label_smoothed_cross_entropy",
        from_logits: bool = False,
    ):
        """Sets the share.

        Args:
            smoothing: The share s that is spread over all tokens, 0 to below 1.
            name: Keras's name of the loss.
            from_logits: Whether the model gives logits; otherwise it gives log-probabilities.

        Raises:
            ConfigError: The share is out of range.
        """
        if not 0 <= smoothing < 1:
            raise ConfigError(f"label_smoothing is {smoothing}; give 0 or more and less than 1.")
        super().__init__(name=name, reduction="mean_with_sample_weight")
        self.smoothing, self.from_logits = smoothing, from_logits

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The loss of each token.

        Args:
            y_true: (batch, length) token ids.
            y_pred: (batch, length, vocabulary) log-probabilities, or logits.

        Returns:
            (batch, length) float32.
        """
        labels = ops.expand_dims(ops.cast(y_true, "int32"), -1)  # (batch, length, 1)
        likelihood = ops.squeeze(ops.take_along_axis(y_pred, labels, axis=-1), -1)
        # (batch, length): what turns a logit into a log-probability.
        total = ops.logsumexp(y_pred, axis=-1) if self.from_logits else 0.0
        if not self.smoothing:
            return total - likelihood
        mean = ops.mean(y_pred, axis=-1)
        return total - (1 - self.smoothing) * likelihood - self.smoothing * mean

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {
            "smoothing": self.smoothing,
            "name": self.name,
            "from_logits": self.from_logits,
        }
