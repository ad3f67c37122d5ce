"""Running a text-to-text model that writes the entities of sentences."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from kerasft.errors import FolderError
from kerasft.tasks.entities.sentence import Entity, Sentence, Span
from kerasft.tasks.text_to_entities.entity_format import CUTS_A_TOKEN, ParsedSpans, Problem, parse
from kerasft.tasks.text_to_entities.sentence_parts import parts_of, text_of
from kerasft.tasks.text_to_entities.tokens import EntityTokens

if TYPE_CHECKING:
    from kerasft.generation.hypotheses import Generates


@dataclass(frozen=True)
class Written:
    """What a model wrote of a sentence, and what it says.

    Attributes:
        outputs: What it wrote: one text, or one for each part of a sentence too long to be read at
            once.
        entities: The entities that could be placed, by characters of the sentence, in order.
        scores: How sure the model was of each, 0 to 1: the geometric mean of the probabilities of
            the tokens of the output in which it stands, which all of that output's entities share.
        problems: The pieces of the outputs that could not be read.
        truncated: Whether an output was stopped at the most tokens that it may have.
        starts: Where in the sentence the text of each output begins, by characters.
        cut: Whether a word is too long to be read at once, so that its end was not read.
    """

    outputs: tuple[str, ...]
    entities: tuple[Entity, ...]
    scores: tuple[float, ...]
    problems: tuple[Problem, ...]
    truncated: bool
    starts: tuple[int, ...] = (0,)
    cut: bool = False


class EntityTextEngine:
    """Writes the entities of sentences, on any runtime.

    A sentence too long to be read at once is read in windows one after the other; an entity across
    a border cannot be found.

    Args:
        generator: What searches, on some runtime.
        tokens: How it reads sentences.
        types: The types that there are; pieces of other types count as unreadable.

    Example:
        >>> engine = EntityTextEngine(generator, EntityTokens(t5, "entities: "), types)
        >>> engine.read([Sentence.from_text("Ann is in Rome.")])[0].outputs
        ('PER: Ann; LOC: Rome',)
    """

    def __init__(self, generator: Generates, tokens: EntityTokens, types: Sequence[str]) -> None:
        self._generator, self._tokens, self._types = generator, tokens, tuple(types)

    def read(self, sentences: Sequence[Sentence]) -> list[Written]:
        """What the model writes of each sentence.

        Raises:
            FolderError: The model computes NaN or infinity.
        """
        texts: list[str] = []
        starts: list[list[int]] = []  # where in its sentence each text begins, by characters
        long = self._too_long([sentence.text for sentence in sentences])
        for sentence, is_long in zip(sentences, long, strict=True):
            if is_long:
                parts = parts_of(sentence, partial(self._fits, sentence))
                texts += [text_of(sentence, part) for part in parts]
                starts.append([sentence.places[start][0] for start, _ in parts])
            else:
                texts.append(sentence.text)
                starts.append([0])
        encoded = self._tokens.sources(texts)
        found = self._generator.generate(encoded.token_ids)
        # Parts were made to fit; where one does not, it is a word by itself.
        cut = (encoded.full_lengths > encoded.max_length).tolist()
        best = iter(zip(texts, (hypotheses[0] for hypotheses in found), cut, strict=True))
        return [self._written(places, [next(best) for _ in places]) for places in starts]

    def _written(self, places: Sequence[int], rows: Sequence[tuple]) -> Written:
        """Puts the outputs of a sentence's parts together."""
        outputs: list[str] = []
        problems: list[Problem] = []
        scored: list[tuple[Entity, float]] = []
        truncated = any_cut = False
        for place, (text, hypothesis, cut) in zip(places, rows, strict=True):
            mean = hypothesis.rank(1.0)  # of the tokens' log-probabilities
            if not mean > -1e30:  # TensorFlow makes -infinity of the largest of NaNs
                raise FolderError("the model computes NaN or infinity: its weights are broken")
            score = math.exp(mean)
            outputs.append(self._tokens.tokenizer.decode(hypothesis.token_ids))
            parsed = parse(outputs[-1], text, self._types)
            problems += parsed.problems
            truncated |= hypothesis.truncated
            any_cut |= cut
            scored += [
                (Entity(each.start + place, each.end + place, each.type), min(score, 1.0))
                for each in parsed.entities
            ]
        entities, scores = zip(*scored, strict=True) if scored else ((), ())
        places = tuple(places)
        return Written(
            tuple(outputs), entities, scores, tuple(problems), truncated, places, any_cut
        )

    def _too_long(self, texts: Sequence[str]) -> list[bool]:
        encoded = self._tokens.sources(texts)
        return (encoded.full_lengths > encoded.max_length).tolist()

    def _fits(self, sentence: Sentence, start: int, end: int) -> bool:
        return not self._too_long([text_of(sentence, (start, end))])[0]


@dataclass(frozen=True)
class ScoredSpans(ParsedSpans):
    """What an output says of a sentence, by its tokens, and how sure the model is.

    Attributes:
        scores: Of each span; see `Written`.
    """

    scores: tuple[float, ...] = ()


def read_spans(sentence: Sentence, written: Written) -> ScoredSpans:
    """What a model wrote of a sentence, by the sentence's tokens.

    Args:
        written: What the model wrote of it.

    Returns:
        The spans; an entity that cuts a token is among the problems.
    """
    scored: list[tuple[Span, float]] = []
    problems = list(written.problems)
    for entity, score in zip(written.entities, written.scores, strict=True):
        span = sentence.span(entity)
        if span is None:
            piece = f"{entity.type}: {sentence.text[entity.start : entity.end]}"
            problems.append(Problem(CUTS_A_TOKEN, piece))
        else:
            scored.append((span, score))
    spans, scores = zip(*scored, strict=True) if scored else ((), ())
    return ScoredSpans(spans, tuple(problems), scores)


def describe_reading(
    sentences: Sequence[Sentence], written: Sequence[Written], tokens: EntityTokens
) -> str:
    """How sentences whose entities are known were read, in one sentence.

    Args:
        written: What the model wrote of each.

    Example:
        >>> describe_reading(test, engine.read(test), tokens)
        '2 of 186 sentences are longer than 128 tokens with the prefix; they are read in ...'
    """
    long = sum(len(each.outputs) > 1 or each.cut for each in written)
    cut = sum(
        any(entity.start < start < entity.end for start in each.starts)
        for sentence, each in zip(sentences, written, strict=True)
        for entity in sentence.entities
    )
    stopped = sum(each.truncated for each in written)
    text = (
        f"{long or 'none'} of {len(sentences)} sentences {'are' if long > 1 else 'is'} longer than "
        f"{tokens.max_length} tokens with the prefix"
    )
    if long:
        text += (
            f"; {'they are' if long > 1 else 'it is'} read in windows, whose borders cut "
            f"{cut or 'none'} of the entities"
        )
    if too_long := sum(each.cut for each in written):
        text += f"; a word is longer than a window in {too_long}, and its end was not read"
    return f"{text}; the outputs of {stopped} were stopped at {tokens.max_target_length} tokens"
