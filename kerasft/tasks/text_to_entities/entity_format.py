"""Entities as text that a text-to-text model writes, and their places in the source.

    Ann Lee flew from Rome to Paris.            PER: Ann Lee; LOC: Rome; LOC: Paris
    It rained.                                  none
    Washington crossed to Washington.           PER: Washington; LOC: Washington
    Old Washington is not new Washington.       LOC#2: Washington      (if only the second is one)

The rules:

1. Entities stand in the order of the text, each as `type: mention`, parted by `; `. A sentence
   without any is `none`.
2. A mention is copied from the text, in Unicode's form NFKC, which T5 reads and writes: runs of
   whitespace count as one space, and compatible characters, such as `…` and `...`, as equal.
3. A mention means its first occurrence after the entity before it; so the k-th of equal mentions
   is the k-th occurrence. `type#2` means the second, and so on, which is only needed where an
   occurrence is no entity. Occurrences that are whole words come before those inside of words.
4. A `;` inside a mention is doubled, and so are `;`, `:` and `#` inside a type. So every mention
   and every type can be written, whatever is in it.

The output of a model need not follow the rules. Reading takes what it can place, and gives a
reason for each piece that it cannot. A mention that occurs only before the previous entity is
taken there: models sometimes leave the order.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from kerasft.errors import DataError
from kerasft.tasks.entities.sentence import Entity, Sentence, Span

NONE = "none"
SEPARATOR = "; "

EMPTY = "nothing was written"
NO_TYPE = "no type"
NO_MENTION = "no mention"
UNKNOWN_TYPE = "unknown type"
NOT_IN_TEXT = "not in the text"
CUTS_A_TOKEN = "cuts a token"


@dataclass(frozen=True)
class Problem:
    """A piece of an output that could not be read.

    Attributes:
        reason: One of `EMPTY`, `NO_TYPE`, `NO_MENTION`, `UNKNOWN_TYPE`, `NOT_IN_TEXT` and
            `CUTS_A_TOKEN`.
        piece: What was written.
    """

    reason: str
    piece: str


@dataclass(frozen=True)
class Parsed:
    """What an output says of its source.

    Attributes:
        entities: The entities that could be placed, in the order of the text.
        problems: The pieces that could not; empty where the whole output could be read.
    """

    entities: tuple[Entity, ...]
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True)
class ParsedSpans:
    """What an output says of a sentence, by its tokens; see `Parsed`.

    Attributes:
        spans: The spans, in order.
        problems: The pieces that could not be read.
    """

    spans: tuple[Span, ...]
    problems: tuple[Problem, ...] = ()


def write_entities(text: str, entities: Iterable[Entity]) -> str:
    """Writes the entities of a text.

    Args:
        entities: Its entities, in order, none of which overlap.

    Returns:
        The target text; `parse` reads it back to these very entities.

    Raises:
        DataError: An entity is empty, overlaps the one before it, has no type, or goes beyond the
            text.

    Example:
        >>> write_entities("Ann is in Rome.", [Entity(0, 3, "PER"), Entity(10, 14, "LOC")])
        'PER: Ann; LOC: Rome'
    """
    folded = _Folded(text)
    pieces = []
    end = 0
    for entity in entities:
        mention = text[entity.start : entity.end]
        bare = mention == mention.strip() and mention
        if not (end <= entity.start < entity.end <= len(text) and bare and entity.type.strip()):
            raise DataError(
                f"the entity {entity} overlaps the one before it, is blank, begins or ends with a "
                f"space, has no type or goes beyond its text of {len(text)} characters"
            )
        found = [place for place in folded.occurrences(mention) if place[0] >= end]
        number = found.index((entity.start, entity.end)) + 1
        kind = re.sub("[;:#]", lambda match: match[0] * 2, entity.type.strip())
        kind += f"#{number}" if number > 1 else ""
        # Normalized first: a tokenizer would turn a wide semicolon into one that is not doubled.
        copied = " ".join(unicodedata.normalize("NFKC", mention).split())
        pieces.append(f"{kind}: {copied.replace(';', ';;')}")
        end = entity.end
    return SEPARATOR.join(pieces) or NONE


def target_of(sentence: Sentence) -> str:
    """The target text of a sentence; its source is `sentence.text`."""
    return write_entities(sentence.text, sentence.entities)


def parse(output: str, text: str, types: Collection[str] | None = None) -> Parsed:
    """Reads the output of a model.

    Args:
        output: Its output, by the rules above or not.
        text: The source that it read (without a prefix).
        types: The known types; None allows any.

    Example:
        >>> parse("PER: Ann; LOC: Roma", "Ann is in Rome.")
        Parsed(entities=(Entity(start=0, end=3, type='PER'),),
               problems=(Problem(reason='not in the text', piece='LOC: Roma'),))
    """
    if output.strip() == NONE:
        return Parsed(())
    if not output.strip():
        return Parsed((), (Problem(EMPTY, output),))
    folded = _Folded(text)
    entities: list[Entity] = []
    problems: list[Problem] = []
    cursor = 0
    for piece in _split(output, ";"):
        read = _read_piece(piece, types)
        if isinstance(read, Problem):
            problems.append(read)
            continue
        kind, number, mention = read
        free = [place for place in folded.occurrences(mention) if _is_free(place, entities)]
        ahead = [place for place in free if place[0] >= cursor]
        # A number counts from the cursor on; a plain mention may also stand before it.
        chosen = ahead[number - 1 : number] or (free[:1] if number == 1 else [])
        if not chosen:
            problems.append(Problem(NOT_IN_TEXT, piece.strip()))
            continue
        entities.append(Entity(*chosen[0], kind))
        cursor = max(cursor, chosen[0][1])
    return Parsed(tuple(sorted(entities)), tuple(problems))


def parse_spans(
    output: str, sentence: Sentence, types: Collection[str] | None = None
) -> ParsedSpans:
    """Reads the output of a model for a sentence, as spans of its tokens.

    Args:
        sentence: Whose `text` the model read; its own entities are not used.
        types: The known types; None allows any.

    Example:
        >>> parse_spans("LOC: Rome", Sentence(("In", "Rome", "."))).spans
        (Span(start=1, end=2, type='LOC'),)
    """
    parsed = parse(output, sentence.text, types)
    spans: list[Span] = []
    problems = list(parsed.problems)
    for entity in parsed.entities:
        span = sentence.span(entity)
        if span is None:
            piece = f"{entity.type}: {sentence.text[entity.start : entity.end]}"
            problems.append(Problem(CUTS_A_TOKEN, piece))
        else:
            spans.append(span)
    return ParsedSpans(tuple(spans), tuple(problems))


def unparsable(outputs: Sequence[ParsedSpans]) -> dict[str, Any]:
    """How much of what a text-to-text model wrote could not be read back.

    Args:
        outputs: What `parse_spans` read, one per sentence.

    Returns:
        A dict that JSON can hold: `outputs`, `unparsable` (outputs with at least one piece that
        could not be read), `share` of these, and `reasons` {reason: pieces}.

    Raises:
        DataError: There are no outputs.
    """
    if not outputs:
        raise DataError("there are no outputs to count")
    broken = sum(bool(output.problems) for output in outputs)
    reasons = Counter(problem.reason for output in outputs for problem in output.problems)
    return {
        "outputs": len(outputs),
        "unparsable": broken,
        "share": broken / len(outputs),
        "reasons": dict(reasons.most_common()),
    }


def _read_piece(piece: str, types: Collection[str] | None) -> tuple[str, int, str] | Problem:
    """Type, number and mention of one piece."""
    shown = piece.strip()
    kind, *rest = _split(shown, ":", most=1)
    if not rest:
        return Problem(NO_TYPE, shown)
    mention = rest[0].strip()
    number = 1
    marked = re.fullmatch(r"(.*?)(#+)([0-9]{1,6})", kind, re.DOTALL)
    if marked and len(marked[2]) % 2:
        kind, number = marked[1] + marked[2][1:], int(marked[3])
    kind = kind.replace("##", "#").strip()
    if not kind or number < 1:
        return Problem(NO_TYPE, shown)
    if types is not None:
        folded = _Folded(kind).folded
        known = [name for name in types if _Folded(name).folded.strip() == folded]
        if not known:
            return Problem(UNKNOWN_TYPE, shown)
        kind = kind if kind in known else known[0]
    return (kind, number, mention) if mention else Problem(NO_MENTION, shown)


def _split(text: str, mark: str, most: int = -1) -> list[str]:
    """Splits a text at single marks and turns doubled ones into single ones.

    In a run of marks, the last one splits if their number is odd: those before it are doubled.

    Args:
        mark: One character.
        most: How often to split at most; -1 is no limit.
    """
    parts = [""]
    at = 0
    for run in re.finditer(f"{re.escape(mark)}+", text):
        if len(parts) - 1 == most:
            break
        size = run.end() - run.start()
        parts[-1] += text[at : run.start()] + mark * (size // 2)
        at = run.end()
        if size % 2:
            parts.append("")
    parts[-1] += text[at:]
    return parts


def _is_free(place: tuple[int, int], entities: Sequence[Entity]) -> bool:
    return all(place[1] <= entity.start or place[0] >= entity.end for entity in entities)


@dataclass
class _Folded:
    """A text without the differences that a tokenizer removes.

    Attributes:
        folded: The text, decomposed (NFKD), each run of whitespace as one space.
        origin: For each character of `folded`, where it comes from in `text`.
    """

    text: str
    folded: str = field(init=False)
    origin: list[int] = field(init=False)

    def __post_init__(self) -> None:
        letters: list[str] = []
        self.origin = []
        for place, character in enumerate(self.text):
            for part in unicodedata.normalize("NFKD", character):
                if part.isspace():
                    part = " "
                    if letters and letters[-1] == " ":
                        continue
                letters.append(part)
                self.origin.append(place)
        self.folded = "".join(letters)

    def occurrences(self, mention: str) -> list[tuple[int, int]]:
        """Where a mention occurs: (start, end) in `text`; whole words first, else in order."""
        wanted = _Folded(mention).folded.strip()
        places: list[tuple[bool, int, int]] = []
        at = self.folded.find(wanted) if wanted else -1
        while at >= 0:
            end = at + len(wanted)
            if self._is_character(at) and self._is_character(end):
                inside = self._in_word(at) or self._in_word(end)
                places.append((inside, self.origin[at], self.origin[end - 1] + 1))
            at = self.folded.find(wanted, at + 1)
        return [(start, end) for _, start, end in sorted(places)]

    def _is_character(self, at: int) -> bool:
        """Whether a whole character of the text begins (or the text ends) here."""
        if not 0 < at < len(self.origin) or self.origin[at] != self.origin[at - 1]:
            return True
        # An accent by itself, such as ´, decomposes into a space and a mark; the space is lost
        # where a mention begins with it.
        opens = at < 2 or self.origin[at - 2] != self.origin[at]
        return opens and self.folded[at - 1] == " "

    def _in_word(self, at: int) -> bool:
        """Whether a border here would cut a word."""
        if not 0 < at < len(self.folded):
            return False
        return all(
            letter.isalnum() or unicodedata.combining(letter)
            for letter in self.folded[at - 1 : at + 1]
        )
