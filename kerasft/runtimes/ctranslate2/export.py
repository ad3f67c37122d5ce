"""Makes the exports of translators and T5 for CTranslate2, and checks them before they are kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kerasft import backends
from kerasft.errors import ConfigError
from kerasft.folder import Manifest
from kerasft.folder.add_export import add_export
from kerasft.folder.manifest import read
from kerasft.runtimes.ctranslate2 import engine as ctranslate2_engine
from kerasft.runtimes.ctranslate2 import text_gate
from kerasft.runtimes.ctranslate2.engine import CTRANSLATE2, CTRANSLATE2_INT8
from kerasft.runtimes.ctranslate2.generator import open_translator
from kerasft.runtimes.ctranslate2.write import source_tokens, target_tokens, write_ctranslate2
from kerasft.tasks.registry import TASKS
from kerasft.tasks.saved import load
from kerasft.tasks.text_exports import ExportedWriter, load_exported
from kerasft.tasks.text_to_text.task import EntityWriter, TextWriter

if TYPE_CHECKING:
    from kerasft.architectures import T5, Transformer

MOST_OFF = 1e-3
"""Largest difference of a token's log-probability to Keras's, for logits of the order of 10."""
# Tokens of the sources and targets on which the two are compared, besides the longest there are.
LENGTHS = (1, 7, 16)
LONGEST = 1024
BEAM_SIZE = 4
"""Hypotheses that translators follow at a time where nothing else is said."""


def make_export(path: str | Path, engine: str, *, data: str | None = None) -> Manifest:
    """Puts what an engine reads into a saved folder, in place of what was there for it.

    Args:
        path: The folder of a translator or a text-to-text model.
        engine: "ctranslate2", or "ctranslate2-int8", for which "ctranslate2" is made too where it
            is missing.
        data: Rows to compare the 8-bit model on; see `text_gate.gate_rows`.

    Returns:
        The folder's new manifest.

    Raises:
        ConfigError: A package or a backend is missing, the folder cannot be written, or the export
            is not as good as it must be; the folder is as it was.
        BundleError: The folder is broken or holds no such model.
        DataError: `data` cannot be used.

    Example:
        >>> made = make_export("saved_models/translate", "ctranslate2-int8")
        >>> made.exports["ctranslate2-int8"]["scores"]
        {'BLEU': 31.2, 'chrF': 52.2}
    """
    folder = Path(path)
    manifest = read(folder)
    if engine not in TASKS[manifest.task].runtimes:
        raise ConfigError(
            f"{folder} holds a model for {manifest.task}, which has no export for --engine {engine}"
        )
    backends.check()
    ctranslate2_engine.version()  # a missing package is said before seconds are spent
    made = _Made(folder)
    if engine == CTRANSLATE2 or CTRANSLATE2 not in manifest.exports:
        manifest = add_export(folder, CTRANSLATE2, made.write_float32)
    if engine == CTRANSLATE2:
        return manifest
    rows = text_gate.gate_rows(folder, made.parts, data)
    return add_export(folder, CTRANSLATE2_INT8, lambda place: made.write_int8(place, rows))


class _Made:
    """What exports are made of: the model in Keras, its adapters folded in.

    Args:
        folder: The saved folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.parts = folder, load(folder)
        parts = self.parts
        self.model: Transformer | T5 = parts.model
        arguments: Any = parts.model.arguments
        self.pad_id = arguments.pad_id
        if isinstance(parts, TextWriter):
            from kerasft import peft

            if peft.adapted_layers(parts.model):
                peft.remove(parts.model)
            self.start_id, self.end_id = arguments.start_id, arguments.end_id
            self.lengths = (parts.max_length, parts.max_target_length)
            self.beam_size = parts.beam_size
        else:
            from kerasft.text.trained import END, START

            token_id: Any = parts.target_tokenizer.token_id  # a translator's has both
            self.start_id, self.end_id = int(token_id(START)), int(token_id(END))
            self.lengths = (parts.max_length, arguments.tgt_seq_len - 1)
            self.beam_size = BEAM_SIZE

    def write_float32(self, place: Path) -> dict[str, Any]:
        """Writes the export into an empty folder, and compares it with Keras; returns facts."""
        ends = (self.start_id, self.end_id)
        write_ctranslate2(self.model, place, *ends)
        difference, most = largest_difference(self.model, place, self.lengths, *ends, self.pad_id)
        # `not <=`, so that NaN is refused too.
        if not difference <= MOST_OFF * max(1.0, most / 10):
            raise ConfigError(
                f"the model of {self.folder} differs in CTranslate2 from Keras by {difference:.2g} "
                "in a token's log-probability, so it was not kept; use --engine keras"
            )
        return {
            "largest_difference_to_keras": difference,
            "compared_on": backends.machine(),
            CTRANSLATE2: ctranslate2_engine.version(),
        }

    def write_int8(self, place: Path, rows: text_gate.GateRows) -> dict[str, Any]:
        """Writes the 8-bit export and compares it with the one in float32; returns facts."""
        write_ctranslate2(self.model, place, self.start_id, self.end_id, int8=True)
        exact = load_exported(self.folder, CTRANSLATE2)
        quantized = replace(exact, format=CTRANSLATE2_INT8, place=place, opened=None)
        found, wanted = (written(each, rows, self.beam_size) for each in (quantized, exact))
        gate = text_gate.compare(found, wanted, rows, self.beam_size)
        if not gate.passed:
            raise ConfigError(
                f"the 8-bit model of {self.folder} loses more than half a point, so it was not "
                f"kept: {gate}; use --engine {CTRANSLATE2}"
            )
        return {**asdict(gate), CTRANSLATE2: ctranslate2_engine.version()}


def written(exported: ExportedWriter, rows: text_gate.GateRows, beam_size: int) -> list[list[Any]]:
    """What an export writes for each task's rows: texts, or the entities of sentences.

    Args:
        exported: The export.
        rows: The rows.
        beam_size: Hypotheses followed at a time.
    """
    found: list[list[Any]] = []
    files = exported.take_files()
    for task in rows.tasks:
        sources: Any = task.sources
        if not isinstance(exported.parts, TextWriter):
            translate = ctranslate2_engine.translation_engine(
                exported, beam_size, dict(files)
            ).translate
            found.append([each.text for each in translate(sources)])
        elif isinstance(exported.parts, EntityWriter):
            find = ctranslate2_engine.entity_text_engine(exported, beam_size, dict(files)).read
            found.append([each.entities for each in find(sources)])
        else:
            write = ctranslate2_engine.text_to_text_engine(exported, beam_size, dict(files)).write
            found.append([each.text for each in write(sources)])
    return found


def largest_difference(
    model: Transformer | T5,
    place: Path,
    lengths: Sequence[int],
    start_id: int,
    end_id: int,
    pad_id: int,
) -> tuple[float, float]:
    """How far the log-probabilities of two models' tokens are apart, on random texts.

    Args:
        model: The model in Keras.
        place: What `write_ctranslate2` made of it.
        lengths: Most tokens of a source, and of a target with its end token.
        start_id: The token that every target begins with.
        end_id: The token that ends it.
        pad_id: The padding, which no text holds.

    Returns:
        The largest difference, and the largest log-probability without its sign.
    """
    arguments: Any = model.arguments
    sizes = [
        getattr(arguments, name, None) or arguments.vocab_size
        for name in ("src_vocab_size", "tgt_vocab_size")
    ]
    rng = np.random.default_rng(0)
    sources, targets = (
        [_text(rng, min(size, longest, LONGEST), rows, pad_id) for size in (*LENGTHS, LONGEST)]
        for longest, rows in zip((lengths[0], lengths[1] - 1), sizes, strict=True)
    )
    scores = open_translator(place).score_batch(
        [source_tokens(ids) for ids in sources],
        [target_tokens(ids) for ids in targets],
        max_input_length=0,
    )
    started = [np.append(start_id, ids) for ids in targets]
    inputs = {"source_ids": _padded(sources, pad_id), "target_ids": _padded(started, pad_id)}
    logits = backends.current().compile_forward(model)(inputs).astype(np.float64)
    shifted = logits - logits.max(-1, keepdims=True)  # (texts, tokens, vocabulary)
    log_probs = shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))
    labels = [np.append(ids, end_id) for ids in targets]
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
