"""Translating validation sentences at the end of each epoch."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from kerasft import backends
from kerasft.data.rows import Rows
from kerasft.errors import attempt


class TranslationScores(keras.callbacks.Callback):
    """Adds `val_bleu` and `val_chrf` to each epoch's logs, and prints a few translations.

    Pass it before the callbacks that read the logs (history, early stopping). Where it fails, the
    epoch has no such scores, which is said; the run goes on.

    Args:
        translate: Token ids of sources -> translations, by the model as it is.
        source_ids: One int array (tokens,) a pair.
        sentences: How many are translated, evenly spaced over the pairs; None takes all.
        num_examples: How many are printed, each time the same, so that one sees them improve.
        failures: Gets a sentence for each epoch in which it failed.

    Example:
        >>> scores = TranslationScores(greedy.sentences, ids, pairs, sentences=300)
        >>> model.fit(batches, validation_data=validation, callbacks=[scores, history])
    """

    def __init__(
        self,
        translate: Callable[[Sequence[np.ndarray]], list[str]],
        source_ids: Sequence[np.ndarray],
        pairs: Rows,
        sentences: int | None = None,
        num_examples: int = 2,
        failures: list[str] | None = None,
    ) -> None:
        super().__init__()
        rows = pairs.spread(sentences)
        self._translate, self._num_examples = translate, num_examples
        self._failures = [] if failures is None else failures
        self._source_ids = [source_ids[row] for row in rows]
        self._pairs = pairs.take(rows)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Translates, scores and prints."""
        with attempt(f"Translating after epoch {epoch + 1}", self._failures):
            self._measure(logs)

    def _measure(self, logs: dict[str, Any] | None) -> None:
        from kerasft.evaluation.text_scores import score_texts

        backends.current().sync_state(self.model)
        found = self._translate(self._source_ids)
        scores = score_texts(found, self._pairs["target"])
        if logs is not None:
            logs["val_bleu"], logs["val_chrf"] = scores["bleu"], scores["chrf"]
        print(
            f"\nvalidation: BLEU {scores['bleu']:.2f}, chrF {scores['chrf']:.2f} on "
            f"{len(found)} sentences, greedy"
        )
        for i in self._pairs.spread(self._num_examples) if self._num_examples else ():
            print(f"    source:    {self._pairs['source'][i]}")
            print(f"    target:    {self._pairs['target'][i]}")
            print(f"    predicted: {found[i]}")
