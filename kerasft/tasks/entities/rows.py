"""Sentences with entities, of tokens and tags in any scheme."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from kerasft.data.class_names import tidy_label
from kerasft.data.conll import read_conll
from kerasft.data.rows import Rows, numbered
from kerasft.data.text_files import MAX_TEXT
from kerasft.errors import DataError
from kerasft.tasks.entities.sentence import Sentence, Span, types_of
from kerasft.tasks.entities.tag_schemes import SCHEMES, detect, scheme_named, spans_of, split_tag


@dataclass(frozen=True)
class EntityRows(Rows):
    """Rows of one field, "sentence": sentences with their entities, as read.

    Attributes:
        scheme: The tag scheme of the source, a key of `SCHEMES`.
    """

    scheme: str = ""

    @property
    def sentences(self) -> list[Sentence]:
        """The sentences."""
        return self["sentence"]

    @property
    def types(self) -> tuple[str, ...]:
        """The types of entity that occur, sorted."""
        return types_of(self.sentences)

    @property
    def per_type(self) -> dict[str, int]:
        """Entities of each type, in the order of their names."""
        counts = Counter(span.type for sentence in self.sentences for span in sentence.spans)
        return dict(sorted(counts.items()))

    @property
    def entities(self) -> int:
        """Entities of all types."""
        return sum(len(sentence.spans) for sentence in self.sentences)


class _Tagged(NamedTuple):
    """A sentence as `read_conll` reads it; `lines` say where each token stands."""

    tokens: tuple[str, ...]
    tags: tuple[str, ...]
    lines: tuple[int, ...]


def read_entity_file(
    path: str | Path,
    tag_scheme: str | None = None,
    *,
    token_column: int = 0,
    tag_column: int = -1,
) -> EntityRows:
    """Reads a file of entities in columns; see `read_conll` and `make_entity_rows`.

    Args:
        tag_scheme: "IO", "IOB1", "BIO" (or "IOB2"), "BIOES" or "BILOU"; None finds it out.

    Example:
        >>> table = read_entity_file("train.conll")
        >>> table.scheme, table.sentences[0].tokens[:3]
        ('BIO', ('EU', 'rejects', 'German'))
    """
    rows = read_conll(path, token_column=token_column, tag_column=tag_column)
    return make_entity_rows(rows, tag_scheme)


def make_entity_rows(rows: Rows, tag_scheme: str | None, unit: str = "line") -> EntityRows:
    """Turns tags into spans, whatever their scheme.

    Args:
        rows: As `read_conll` and `read_hub_tags` return them.
        tag_scheme: A name that `scheme_named` knows; tags that break it are then read as
            `conlleval` reads them, and counted, unless there are more of them than of half the
            entities. None finds the scheme out, and takes no such tags.
        unit: What the field "lines" counts: "line" or "row".

    Raises:
        ConfigError: There is no such scheme.
        DataError: There are no sentences, or tags are wrong; the message names the place.
    """
    source, notes = rows.source, list(rows.notes)
    tagged = [
        _Tagged(*row) for row in zip(rows["tokens"], rows["tags"], rows["lines"], strict=True)
    ]
    if not tagged:
        raise DataError(f"{source} has no sentences")
    tagged = _readable(tagged, source, unit, notes)
    if tag_scheme is None:
        _check_tags(tagged, source, unit)
        scheme = _detected(tagged, source, unit)
    else:
        scheme = scheme_named(tag_scheme)
    sentences: list[Sentence] = []
    broken: list[int] = []
    for row in tagged:
        try:
            spans, violations = spans_of(row.tags, scheme)
        except DataError as problem:
            line = _place_of_problem(row, scheme)
            raise DataError(
                f"{source} {unit} {line}: {problem.clause}; {_advice(tag_scheme)}"
            ) from None
        for violation in violations:
            line = row.lines[violation.position]
            if tag_scheme is None:
                raise DataError(
                    f"{source} {unit} {line}: the tag {row.tags[violation.position]!r} of "
                    f"{row.tokens[violation.position]!r} {violation.reason} (the tags of the file "
                    f"are {scheme}); correct it, or give --tag_scheme {scheme} to read such tags "
                    "as well as possible"
                )
            broken.append(line)
        sentences.append(Sentence(row.tokens, _trimmed(row.tokens, spans)))
    entities = sum(len(sentence.spans) for sentence in sentences)
    if 2 * len(broken) > entities:
        raise DataError(
            f"{source}: {len(broken)} tags break the scheme {scheme}, among {entities} entities "
            f"({numbered(unit, broken)}), so they do not follow it; {_advice(tag_scheme)}"
        )
    if broken:
        notes.append(
            f"{len(broken)} tags of {source} break the scheme {scheme} and were read as conlleval "
            f"reads them ({numbered(unit, broken)})"
        )
    return EntityRows({"sentence": sentences}, source, rows.sha256, {}, notes, scheme)


def _readable(tagged: Sequence[_Tagged], source: str, unit: str, notes: list[str]) -> list[_Tagged]:
    """The sentences that hold words, their tags without invisible characters."""
    names = {tag: tidy_label(tag) for row in tagged for tag in row.tags}
    unseen = sum(tag != names[tag] for row in tagged for tag in row.tags)
    if unseen:
        notes.append(f"{unseen} tags of {source} hold invisible characters, which were removed")
    found = []
    for row in tagged:
        size = sum(map(len, row.tokens))
        if size > MAX_TEXT:
            raise DataError(
                f"{source} {unit} {row.lines[0]} begins a sentence of {size} characters, but "
                f"{MAX_TEXT} is the most; split it"
            )
        if not all(map(str.isspace, row.tokens)):
            found.append(row._replace(tags=tuple(names[tag] for tag in row.tags)))
    empty = len(tagged) - len(found)
    if empty:
        many = "" if empty == 1 else "s"
        notes.append(f"{empty} sentence{many} of {source} without a word left out")
    if not found:
        raise DataError(f"{source} has no sentences")
    blank = sum(token.isspace() for row in found for token in row.tokens)
    if blank:
        notes.append(
            f"{blank} tokens of {source} are whitespace; no entity begins or ends with one"
        )
    return found


def _trimmed(tokens: Sequence[str], spans: Iterable[Span]) -> tuple[Span, ...]:
    """The spans without whitespace at their ends; those of nothing else are none."""
    found = []
    for span in spans:
        words = [n for n in range(span.start, span.end) if not tokens[n].isspace()]
        if words:
            found.append(Span(words[0], words[-1] + 1, span.type))
    return tuple(found)


def _check_tags(tagged: Sequence[_Tagged], source: str, unit: str) -> None:
    """Names the first tag that no scheme has, before the scheme is found out from all of them."""
    for row in tagged:
        for token, tag, line in zip(row.tokens, row.tags, row.lines, strict=True):
            try:
                split_tag(tag)
            except DataError as problem:
                raise DataError(
                    f"{source} {unit} {line} ({token!r}): {problem.clause}; {_advice(None)}"
                ) from None


def _detected(tagged: Sequence[_Tagged], source: str, unit: str) -> str:
    try:
        return detect([row.tags for row in tagged])
    except DataError as problem:
        places = []
        for scheme in ("BIO", "IOB1"):
            found = _first_violation(tagged, scheme)
            if found:
                places.append(f"{unit} {found[0]} ({found[1]!r}) breaks {scheme}")
        shown = f" ({', '.join(places)})" if places else ""
        raise DataError(
            f"{source}: {problem.clause}{shown}; correct the tags or say which it is with "
            "--tag_scheme"
        ) from None


def _first_violation(tagged: Sequence[_Tagged], scheme: str) -> tuple[int, str] | None:
    """Line and tag of the first violation of a scheme, if the scheme has all the letters."""
    for row in tagged:
        try:
            violations = spans_of(row.tags, scheme)[1]
        except DataError:
            return None
        if violations:
            position = violations[0].position
            return row.lines[position], row.tags[position]
    return None


def _place_of_problem(row: _Tagged, scheme: str) -> int:
    """The line of the first tag that a scheme does not have."""
    for tag, line in zip(row.tags, row.lines, strict=True):
        try:
            spans_of([tag], scheme)
        except DataError:
            return line
    return row.lines[0]


def _advice(tag_scheme: str | None) -> str:
    schemes = ", ".join(SCHEMES)
    if tag_scheme is None:
        return (
            "give another column with --tag_column, or, if the tags are types without a letter, "
            "--tag_scheme IO"
        )
    return f"leave --tag_scheme out, or give another of {schemes}"
