"""CTranslate2: models that write texts, in float32 and with matrices in 8 bits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kerasft import backends
from kerasft.generation.search import Search
from kerasft.runtimes.ctranslate2.generator import CTranslate2Generator, open_translator
from kerasft.runtimes.ctranslate2.write import source_tokens, target_tokens
from kerasft.runtimes.runtime import Runtime, WriterModel, refuse_different

MOST_OFF = 1e-3
"""Largest difference of a token's log-probability to Keras's, for logits of the order of 10."""
# Tokens of the sources and targets on which the two are compared, besides the longest there are.
LENGTHS = (1, 7, 16)
LONGEST = 1024


class CTranslate2(Runtime):
    """See the module."""

    name = "CTranslate2"
    computes = WriterModel
    package = "ctranslate2"
    extra = "ctranslate2"
    exact = "ctranslate2"
    small = "ctranslate2-int8"
    writers = ("ctranslate2",)
    most_threads = 4  # more seldom help one search; several processes do

    def open(
        self, format: str, place: Path, files: dict[str, bytes], needs: Search
    ) -> CTranslate2Generator:
        """See `Runtime.open`."""
        int8 = format == self.small
        return CTranslate2Generator(place, needs, int8=int8, threads=self.threads(), files=files)

    def write(self, model: WriterModel, place: Path) -> dict[str, Any]:
        """See `Runtime.write`."""
        from kerasft.runtimes.ctranslate2.write import write_ctranslate2

        self.check()
        write_ctranslate2(model.model, place, model.start_id, model.end_id)
        difference, most = largest_difference(model, place)
        refuse_different(difference, MOST_OFF * max(1.0, most / 10), "a token's log-probability")
        return {
            "largest_difference_to_keras": difference,
            "compared_on": backends.machine(),
            self.package: self.version(),
        }

    def write_small(self, exact: Path, model: Callable[[], WriterModel], place: Path) -> None:
        """See `Runtime.write_small`."""
        from kerasft.runtimes.ctranslate2.write import write_ctranslate2

        source = model()
        write_ctranslate2(source.model, place, source.start_id, source.end_id, int8=True)


def largest_difference(model: WriterModel, place: Path) -> tuple[float, float]:
    """How far the log-probabilities of two models' tokens are apart, on random texts.

    Args:
        model: The model in Keras.
        place: What `write_ctranslate2` made of it.

    Returns:
        The largest difference, and the largest log-probability without its sign.
    """
    arguments: Any = model.model.arguments
    sizes = [
        getattr(arguments, name, None) or arguments.vocab_size
        for name in ("src_vocab_size", "tgt_vocab_size")
    ]
    rng = np.random.default_rng(0)
    lengths = (model.max_length, model.max_target_length - 1)
    pad_id = model.pad_id
    sources, targets = (
        [_text(rng, min(size, longest, LONGEST), rows, pad_id) for size in (*LENGTHS, LONGEST)]
        for longest, rows in zip(lengths, sizes, strict=True)
    )
    scores = open_translator(place).score_batch(
        [source_tokens(ids) for ids in sources],
        [target_tokens(ids) for ids in targets],
        max_input_length=0,
    )
    started = [np.append(model.start_id, ids) for ids in targets]
    inputs = {"source_ids": _padded(sources, pad_id), "target_ids": _padded(started, pad_id)}
    logits = backends.compile_forward(model.model)(inputs).astype(np.float64)
    shifted = logits - logits.max(-1, keepdims=True)  # (texts, tokens, vocabulary)
    log_probs = shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))
    labels = [np.append(ids, model.end_id) for ids in targets]
    wanted = np.concatenate(
        [row[np.arange(len(each)), each] for row, each in zip(log_probs, labels, strict=True)]
    )
    said = np.concatenate([each.log_probs for each in scores])
    return float(np.abs(said - wanted).max()), float(np.abs(wanted).max())


def _text(rng: np.random.Generator, size: int, rows: int, pad_id: int) -> np.ndarray:
    """Random token ids (size,) int32, none of them padding."""
    ids = rng.integers(0, rows - 1, size)
    return np.where(ids >= pad_id, ids + 1, ids).astype(np.int32)


def _padded(token_ids: Sequence[np.ndarray], pad_id: int) -> np.ndarray:
    """Token ids (tokens,) of each text as one array (texts, longest) int32."""
    ids = np.full((len(token_ids), max(map(len, token_ids))), pad_id, dtype=np.int32)
    for row, each in enumerate(token_ids):
        ids[row, : len(each)] = each
    return ids
