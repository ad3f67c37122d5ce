"""The `report/` folder of a translator's run: scores, pictures and every held-out translation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kerasft import storage
from kerasft.data.rows import Rows
from kerasft.errors import DataError
from kerasft.evaluation.plots import plot_loss
from kerasft.evaluation.report_files import (
    METRICS,
    ReportFile,
    markdown_table,
    write_files,
    write_records,
)
from kerasft.evaluation.text_scores import signatures
from kerasft.folder.writing import Report
from kerasft.tasks.translation.architecture_plot import plot_architecture
from kerasft.tasks.translation.plots import plot_attention, plot_lengths, plot_scores

if TYPE_CHECKING:
    from kerasft.architectures.transformer import Transformer
    from kerasft.tasks.translation.overlong import EncodedPairs
    from kerasft.text.tokenizer import Tokenizer

SAMPLES = 20


def translation_report(
    metrics: Mapping[str, Mapping[str, float]],
    history: Mapping[str, Any],
    *,
    model: Transformer,
    tokenizers: Sequence[Tokenizer],
    languages: Sequence[str],
    train: EncodedPairs,
    held_out: EncodedPairs,
    translations: Mapping[str, Sequence[str]],
    training_seconds: Sequence[float] = (),
    **more: Any,
) -> Report:
    """Returns the function that writes a report into a folder, for `adding_report`.

    A part that fails is left out; the function returns a sentence on each.

    Args:
        metrics: What `score_translations` returned.
        history: What `History.to_dict` said of the training.
        tokenizers: Of the source and of the target.
        train: The training pairs, for the histogram of lengths.
        held_out: The pairs that were translated.
        translations: As for `score_translations`; the last is the one shown in the pictures.
        training_seconds: Seconds of training up to the end of each epoch, if the scores are to be
            drawn against them.
        **more: Further entries of `metrics.json`.

    Raises:
        DataError: There is no translation, or not one per pair.

    Example:
        >>> write = translation_report(metrics, history.to_dict(), model=model, ...)
        >>> write(Path("report"))   # metrics.json, loss.png, scores.png, lengths.png,
        >>>                         # architecture.png, attention.png, samples.md, predictions.jsonl
    """
    pairs = held_out.pairs
    if not translations:
        raise DataError("there are no translations to report")
    for name, found in translations.items():
        if len(found) != len(pairs):
            raise DataError(f"{name!r} has {len(found)} translations of {len(pairs)} pairs")
    best = list(translations)[-1]

    def write_metrics(path: Path) -> None:
        content = {
            "validation": {name: dict(row) for name, row in metrics.items()},
            "signatures": signatures(),
            "training_seconds": list(training_seconds),
            **more,
            "history": dict(history),
        }
        storage.write_json(path, content)

    def draw_lengths(path: Path) -> None:
        # What the encoder and the decoder read, since that is what is limited: the decoder reads a
        # target without its last token.
        ids = ((train.source_ids, 0), (train.target_ids, 1))
        lengths = {
            language: np.array([len(row) - unread for row in side])
            for language, (side, unread) in zip(_distinct(languages), ids, strict=True)
        }
        plot_lengths(
            lengths,
            path,
            seq_len=train.source.max_length,
            label_x="tokens read: of sources with [SOS] and [EOS], of targets with [SOS]",
        )

    def draw_attention(path: Path) -> None:
        row = telling_pair(held_out.source_ids, tokenizers[0].unknown_id)
        scores, said = attention_of(
            model, tokenizers, held_out.source_ids[row], translations[best][row]
        )
        source = tokenizers[0].tokens(held_out.source_ids[row].tolist())
        plot_attention(scores, source, said, path)

    parts: list[ReportFile] = [
        (METRICS, write_metrics),
        ("predictions.jsonl", lambda path: write_records(path, _records(pairs, translations))),
        (
            "samples.md",
            lambda path: path.write_text(_samples(pairs, translations), encoding="utf-8"),
        ),
        ("loss.png", lambda path: plot_loss(dict(history), path)),
        ("scores.png", lambda path: plot_scores(history["epochs"], path, training_seconds)),
        ("lengths.png", draw_lengths),
        ("architecture.png", lambda path: plot_architecture(model.arguments, path)),
        ("attention.png", draw_attention),
    ]
    return lambda folder: write_files(folder, parts)


def attention_of(
    model: Transformer, tokenizers: Sequence[Tokenizer], source_ids: np.ndarray, translation: str
) -> tuple[np.ndarray, list[str]]:
    """Where the last decoder block looked while it said a translation, as the mean of its heads.

    Args:
        tokenizers: Of the source and of the target.
        source_ids: (s,) int, one source with its special tokens.
        translation: What the model made of it.

    Returns:
        The scores (t, s), each row the share of each source token; and the t tokens said, the last
        of them [EOS].
    """
    import keras

    limit = model.arguments.tgt_seq_len + 1
    target_ids = tokenizers[1].encode([translation], limit).token_ids[0]
    # What the decoder reads at one position decides which token it says next.
    inputs = {
        "source_ids": np.asarray(source_ids, np.int32)[None],  # (1, s)
        "target_ids": np.asarray(target_ids[:-1], np.int32)[None],  # (1, t)
    }
    scores = keras.ops.convert_to_numpy(keras.ops.stop_gradient(model.cross_attention(inputs)))
    return scores[0].mean(axis=0), tokenizers[1].tokens(target_ids[1:].tolist())


def telling_pair(source_ids: Sequence[np.ndarray], unknown_id: int | None, wanted: int = 11) -> int:
    """The first pair that makes a good picture: words that are known, about as many as fill it.

    Args:
        source_ids: One int array (tokens,) a pair.
        unknown_id: The token id of an unknown word; as few of them as possible.
        wanted: Tokens of the source, with its special ones.
    """

    def flaws(row: int) -> tuple[int, int]:
        ids = source_ids[row]
        unknown = 0 if unknown_id is None else int((ids == unknown_id).sum())
        return unknown, abs(len(ids) - wanted)

    return min(range(len(source_ids)), key=flaws)


def _records(
    pairs: Rows, translations: Mapping[str, Sequence[str]]
) -> list[dict[str, str | dict[str, str]]]:
    """Source, reference, origin (if known) and all translations of each pair."""
    found: list[dict[str, str | dict[str, str]]] = []
    for row, (source, target) in enumerate(zip(pairs["source"], pairs["target"], strict=True)):
        record: dict[str, str | dict[str, str]] = {"source": source, "reference": target}
        if "origin" in pairs.fields:
            record["origin"] = pairs["origin"][row]
        record["translations"] = {name: texts[row] for name, texts in translations.items()}
        found.append(record)
    return found


def _samples(pairs: Rows, translations: Mapping[str, Sequence[str]]) -> str:
    """A page in Markdown of some of the pairs, evenly spaced, right and wrong ones alike."""
    best = list(translations)[-1]
    rows = pairs.spread(SAMPLES)
    lines = [
        "# Sample translations",
        "",
        f"{len(rows)} of the {len(pairs)} held-out pairs, evenly spaced (predictions.jsonl has "
        f"all); translated by {best}.",
        "",
        *markdown_table(
            ("source", "reference", "translation"),
            [(pairs["source"][row], pairs["target"][row], translations[best][row]) for row in rows],
        ),
    ]
    return "\n".join(lines) + "\n"


def _distinct(languages: Sequence[str]) -> list[str]:
    """The two languages' names, told apart also where a model rewrites one language."""
    source, target = languages
    return [source, target] if source != target else [f"{source} (source)", f"{target} (target)"]
