"""Translating validation sentences at the end of each epoch."""

from collections.abc import Callable, Sequence
from typing import Any

import keras

from kerasft import backends


class TranslationScores(keras.callbacks.Callback):
    """Adds `val_bleu` and `val_chrf` to each epoch's logs, and prints a few translations.

    Pass it before the callbacks that read the logs (history, early stopping).

    Args:
        translate: From nothing to one translation for each of the sources, with the model as it is.
        sources: The sentences, for the print.
        references: What each should become.
        num_examples: How many are printed, the first ones, so that one sees them improve.

    Example:
        >>> scores = TranslationScores(lambda: translate(ids), sources, references, num_examples=2)
        >>> model.fit(batches, validation_data=validation, callbacks=[scores, history])
    """

    def __init__(
        self,
        translate: Callable[[], list[str]],
        sources: Sequence[str],
        references: Sequence[str],
        num_examples: int = 2,
    ) -> None:
        super().__init__()
        self._translate, self._sources, self._references = translate, sources, references
        self._num_examples = num_examples

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Translates, scores and prints."""
        from kerasft.evaluation.translation import score

        backends.current().sync_state(self.model)
        found = self._translate()
        scores = score(found, self._references)
        if logs is not None:
            logs["val_bleu"], logs["val_chrf"] = scores["bleu"], scores["chrf"]
        print(
            f"\nvalidation: BLEU {scores['bleu']:.2f}, chrF {scores['chrf']:.2f} on "
            f"{len(found)} sentences, greedy"
        )
        for i in range(min(self._num_examples, len(found))):
            print(f"    source:    {self._sources[i]}")
            print(f"    target:    {self._references[i]}")
            print(f"    predicted: {found[i]}")
