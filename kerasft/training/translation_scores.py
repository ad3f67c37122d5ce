"""Translating validation sentences at the end of each epoch."""

from collections.abc import Callable
from typing import Any

import keras

from kerasft import backends
from kerasft.data.pairs import PairTable


class TranslationScores(keras.callbacks.Callback):
    """Adds `val_bleu` and `val_chrf` to each epoch's logs, and prints a few translations.

    Pass it before the callbacks that read the logs (history, early stopping).

    Args:
        translate: Gives a translation of each pair's source, by the model as it is.
        pairs: The pairs.
        num_examples: How many are printed, the first ones, so that one sees them improve.

    Example:
        >>> scores = TranslationScores(lambda: greedy.sentences(ids), pairs, num_examples=2)
        >>> model.fit(batches, validation_data=validation, callbacks=[scores, history])
    """

    def __init__(
        self,
        translate: Callable[[], list[str]],
        pairs: PairTable,
        num_examples: int = 2,
    ) -> None:
        super().__init__()
        self._translate, self._pairs, self._num_examples = translate, pairs, num_examples

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Translates, scores and prints."""
        from kerasft.evaluation.translation import score

        backends.current().sync_state(self.model)
        found = self._translate()
        scores = score(found, self._pairs.targets)
        if logs is not None:
            logs["val_bleu"], logs["val_chrf"] = scores["bleu"], scores["chrf"]
        print(
            f"\nvalidation: BLEU {scores['bleu']:.2f}, chrF {scores['chrf']:.2f} on "
            f"{len(found)} sentences, greedy"
        )
        for i in range(min(self._num_examples, len(found))):
            print(f"    source:    {self._pairs.sources[i]}")
            print(f"    target:    {self._pairs.targets[i]}")
            print(f"    predicted: {found[i]}")
