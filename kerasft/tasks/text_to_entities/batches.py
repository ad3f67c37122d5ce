"""From sentences with entities to the sources and targets of a text-to-text model, in batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kerasft.data.pair_batches import PairBatches
from kerasft.errors import DataError
from kerasft.tasks.entities.dataset import EntityDataset
from kerasft.tasks.entities.sentence import Sentence
from kerasft.tasks.text_to_entities.entity_format import parse_spans, target_of
from kerasft.tasks.text_to_entities.sentence_parts import parts_of
from kerasft.tasks.text_to_entities.tokens import EntityTokens


@dataclass(frozen=True)
class EntityPairs:
    """Sentences as sources, their entities as targets, and what was lost on the way.

    Attributes:
        source_ids: One int32 array `prefix sentence </s>` a sentence or part.
        target_ids: One int32 array `start entities </s>` each.
        sentences: How many sentences there are.
        long_sentences: Sentences that are read in windows.
        cut: Parts whose source or target is too long all the same, and was cut.
        unwritable: Targets that the vocabulary cannot write so that they read back the same.
        unknown: Share of the sources' tokens that are unknown.
    """

    source_ids: list[np.ndarray]
    target_ids: list[np.ndarray]
    sentences: int
    long_sentences: int
    cut: int
    unwritable: int
    unknown: float

    def describe(self, tokens: EntityTokens) -> str:
        """One sentence for the run's output and the model card."""
        many = self.long_sentences > 1
        text = (
            f"{self.long_sentences or 'none'} of {self.sentences} sentences "
            f"{'are' if many else 'is'} longer than {tokens.max_length} tokens with the prefix, or "
            f"{'their' if many else 'its'} entities than {tokens.max_target_length}"
        )
        if self.long_sentences:
            text += f"; {'they are' if many else 'it is'} read in windows cut between entities"
        if self.cut:
            text += f"; {self.cut} {'window' if self.cut == 1 else 'windows'} had to be cut off"
        if self.unwritable:
            text += (
                f"; the entities of {self.unwritable} of {len(self.target_ids)} have letters that "
                "the vocabulary cannot write"
            )
        return f"{text}; {self.unknown:.2%} of the tokens are unknown"


def encode_entities(sentences: Sequence[Sentence], tokens: EntityTokens) -> EntityPairs:
    """Encodes sentences and their entities; long ones are read in windows cut between entities.

    Args:
        sentences: The sentences with their entities.

    Raises:
        DataError: There are no sentences.

    Example:
        >>> pairs = encode_entities(dataset.train.sentences, EntityTokens(t5, "entities: "))
        >>> t5.decode(pairs.source_ids[0]), t5.decode(pairs.target_ids[0])
        ('entities: Ann left.', 'PER: Ann')
    """
    if not sentences:
        raise DataError("there are no sentences to encode")
    wholes = list(sentences)
    sources = tokens.sources([sentence.text for sentence in wholes])
    targets = tokens.targets([target_of(sentence) for sentence in wholes])
    too_long = sources.full_lengths > sources.max_length
    too_long |= targets.full_lengths > targets.max_length
    read: list[Sentence] = []
    long_sentences = 0
    for sentence, long in zip(wholes, too_long, strict=True):
        parts = _parts(sentence, tokens) if long else [sentence]
        long_sentences += len(parts) > 1
        read += parts
    if long_sentences:
        sources = tokens.sources([sentence.text for sentence in read])
        targets = tokens.targets([target_of(sentence) for sentence in read])
    start = np.array([tokens.start_id], dtype=np.int32)
    cut = (sources.full_lengths > sources.max_length) | (targets.full_lengths > targets.max_length)
    return EntityPairs(
        source_ids=sources.token_ids,
        target_ids=[np.concatenate([start, ids]) for ids in targets.token_ids],
        sentences=len(wholes),
        long_sentences=long_sentences,
        cut=int(cut.sum()),
        unwritable=sum(
            parse_spans(tokens.tokenizer.decode(ids.tolist()), sentence).spans != sentence.spans
            for sentence, ids, is_cut in zip(read, targets.token_ids, cut, strict=True)
            if not is_cut
        ),
        unknown=sources.unknown / max(sources.tokens, 1),
    )


@dataclass(frozen=True)
class EntityBatches:
    """Batches to train on and to watch the training by.

    Attributes:
        train: Shuffled from the seed.
        validation: From short to long.
        notes: What was cut and what is unknown: a sentence for each part.
    """

    train: PairBatches
    validation: PairBatches
    notes: list[str]


def entity_batches(
    dataset: EntityDataset, tokens: EntityTokens, *, tokens_per_batch: int, seed: int
) -> EntityBatches:
    """Encodes training and validation sentences and plans their batches.

    Args:
        dataset: The sentences.
        tokens_per_batch: See `PairBatches`.
        seed: Of the order of the training batches.

    Raises:
        ConfigError: A size is out of range.
    """
    batches, notes = {}, []
    for name in ("train", "validation"):
        pairs = encode_entities(dataset.parts[name].sentences, tokens)
        notes.append(f"{name}: {pairs.describe(tokens)}")
        batches[name] = PairBatches(
            pairs.source_ids,
            pairs.target_ids,
            tokens_per_batch=tokens_per_batch,
            pad_id=tokens.tokenizer.pad_id,
            shuffle=name == "train",
            seed=seed,
            max_length=max(tokens.max_length, tokens.max_target_length),
        )
    return EntityBatches(batches["train"], batches["validation"], notes)


def _parts(sentence: Sentence, tokens: EntityTokens) -> list[Sentence]:
    """The parts of a sentence that are short enough, cut between entities."""
    parts = parts_of(
        sentence, lambda start, end: tokens.fits(sentence.part(start, end)), spare_entities=True
    )
    return [sentence.part(start, end) for start, end in parts] if len(parts) > 1 else [sentence]
