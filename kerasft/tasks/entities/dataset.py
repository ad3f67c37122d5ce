"""Sentences with entities, read and split: what a tagger or a T5 trains and tests on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from kerasft.data.hub_tags import read_hub_tags
from kerasft.data.rows import quoted
from kerasft.data.samples import local_path
from kerasft.data.splits import hash_of_texts, hashes_of_files, normalize, place_of
from kerasft.errors import ConfigError, DataError
from kerasft.tasks.entities.rows import EntityRows, make_entity_rows, read_entity_file
from kerasft.tasks.entities.sentence import Sentence
from kerasft.tasks.entities.tag_schemes import tag_names
from kerasft.text.labels import LabelMap


@dataclass
class EntityOptions:
    """The options of every recipe that reads named entities; equal ones give the same split.

    Args:
        data: A CoNLL file (a token and its tag per line, separated by tabs or spaces, and an empty
            line between sentences), hub:NAME, or sample:entities (ships with kerasft).
        validation_data: A separate file to validate on; null takes a share of `data` (for a hub
            data set, its validation part).
        test_data: A separate file to test on; null likewise.
        validation: Share of the sentences to validate on.
        test: Share of the sentences to test on.
        split_seed: Chooses among the splits; the same sentences and seed give the same split.
        tag_scheme: IO, IOB1, BIO (or IOB2), BIOES or BILOU; null detects it from the tags.
        token_column: Number of the column of tokens in a file: 0 is the first, -1 the last.
        tag_column: Number of the column of tags in a file.
        tokens_field: Name of the column of tokens in a hub data set.
        tags_field: Name of the column of tags in a hub data set.
    """

    group = "data"

    data: str = "sample:entities"
    validation_data: str | None = None
    test_data: str | None = None
    validation: float = 0.1
    test: float = 0.1
    split_seed: int = 0
    tag_scheme: str | None = None
    token_column: int = 0
    tag_column: int = -1
    tokens_field: str = "tokens"
    tags_field: str = "ner_tags"


@dataclass(frozen=True)
class EntityDataset:
    """Three tables of sentences; no sentence of the test is in another.

    Attributes:
        train: Sentences to train on.
        validation: Sentences to watch while training.
        test: Sentences that nothing but the final evaluation sees.
        types: The types of entity in the training sentences, sorted: what can be found.
        test_sha256: Hash of the test sentences; equal hashes mean the same test.
        notes: What was left out or is worth knowing, one sentence each.
    """

    train: EntityRows
    validation: EntityRows
    test: EntityRows
    types: tuple[str, ...]
    test_sha256: str
    notes: list[str]

    @property
    def parts(self) -> dict[str, EntityRows]:
        """The tables by name, in the order train, validation, test."""
        return {"train": self.train, "validation": self.validation, "test": self.test}

    @property
    def tags(self) -> LabelMap:
        """The BIO tags of these types: what a tagger gives each word."""
        return LabelMap(tag_names(self.types))

    @property
    def hashes(self) -> dict[str, str]:
        """The hashes of the files, by the options that name them; see `hashes_of_files`."""
        return hashes_of_files(self.train.sha256, self.validation.sha256, self.test.sha256)

    def __len__(self) -> int:
        return sum(len(table) for table in self.parts.values())

    def describe(self) -> list[str]:
        """Where the sentences come from and what was left out, one sentence each."""
        sources = list(dict.fromkeys(table.source for table in self.parts.values()))
        schemes = list(dict.fromkeys(table.scheme for table in self.parts.values()))
        sizes = ", ".join(f"{len(table)} {part}" for part, table in self.parts.items())
        without = sum(not s.spans for table in self.parts.values() for s in table.sentences)
        return [
            f"{len(self)} sentences from {' and '.join(sources)} (tags: {', '.join(schemes)}): "
            f"{sizes}",
            *self.notes,
            f"{without} sentences have no entity",
        ]

    def entities_per_type(self) -> dict[str, dict[str, int]]:
        """Entities in each part, for each type and for all, and the sentences of each part."""
        names = sorted(set().union(*(table.types for table in self.parts.values())))
        per_type = {part: table.per_type for part, table in self.parts.items()}
        rows = {
            name: {part: counts.get(name, 0) for part, counts in per_type.items()} for name in names
        }
        rows["all types"] = {part: table.entities for part, table in self.parts.items()}
        rows["sentences"] = {part: len(table) for part, table in self.parts.items()}
        return rows

    def samples(self, count: int = 3) -> list[str]:
        """The first training sentences that have entities, these in brackets."""
        having = [sentence for sentence in self.train.sentences if sentence.spans]
        return [bracketed(sentence) for sentence in having[:count]]


def load_entities(
    source: str | Path = "sample:entities",
    *,
    validation_data: str | Path | None = None,
    test_data: str | Path | None = None,
    validation: float = 0.1,
    test: float = 0.1,
    seed: int = 0,
) -> EntityDataset:
    """Reads sentences with entities and splits them into training, validation and test.

    `load_sentences` has the options of files with other columns or a tag scheme to name.

    Args:
        source: A file in columns (CoNLL), hub:NAME or sample:entities; see `EntityOptions`.
        validation_data: A separate file of validation sentences; else a share of `source`.
        test_data: A separate file of test sentences; else a share of `source`.
        validation: Share of the sentences to validate on.
        test: Share of the sentences to test on.
        seed: Chooses among the splits.

    Raises:
        ConfigError: The shares leave nothing to train on.
        DataError: A file cannot be read, a part is empty, or training or test has no entities.

    Example:
        >>> data = load_entities("wikigold.conll")
        >>> data.types, data.tags.names[:2]
        (('LOC', 'MISC', 'ORG', 'PER'), ('O', 'B-LOC'))
    """
    return load_sentences(
        EntityOptions(
            data=str(source),
            validation_data=None if validation_data is None else str(validation_data),
            test_data=None if test_data is None else str(test_data),
            validation=validation,
            test=test,
            split_seed=seed,
        )
    )


def load_sentences(options: EntityOptions) -> EntityDataset:
    """Reads sentences with entities and splits them by a hash of the sentence.

    A sentence is tested (or validated) on if sha256(seed + its tokens), as a number from 0 to 1, is
    in the share of that part: neither the order of the sentences nor adding others moves it, and a
    sentence that occurs twice is in one part. Parts with a file of their own are taken as they are;
    sentences of the other parts that stand in the test, or of training that stand in the
    validation, are left out and counted.

    Args:
        options: What to read; see `EntityOptions`.

    Raises:
        ConfigError: The shares leave nothing to train on, or there is no such tag scheme.
        DataError: A file cannot be used, a part is empty, or training or the test has no entities.

    Example:
        >>> dataset = load_sentences(EntityOptions(data="wikigold.conll", tag_scheme="IOB1"))
        >>> dataset.types
        ('LOC', 'MISC', 'ORG', 'PER')
    """
    shares = {"test": options.test, "validation": options.validation}
    # Written so that NaN is refused, too.
    if not (min(shares.values()) >= 0 and sum(shares.values()) < 1):
        raise ConfigError(
            f"the shares of validation ({options.validation}) and test ({options.test}) must be 0 "
            "or more and leave something to train on"
        )
    given = _read(options)
    table = given.pop("train")
    notes = list(dict.fromkeys(note for each in [table, *given.values()] for note in each.notes))
    parts = _split(table, {part: shares[part] for part in shares if part not in given}, options)
    parts |= given
    for part, others in (("test", ("train", "validation")), ("validation", ("train",))):
        if part in given:
            for other in others:
                parts[other] = _without(parts[other], parts[part], other, part, notes)
    for part, found in parts.items():
        if not found.sentences:
            if part == "train":
                raise DataError(
                    f"no sentence of {table.source} is left to train on: all of them are "
                    "validation or test sentences; give more --data"
                )
            raise DataError(
                f"no sentence is left for the {part} part; raise --{part} or give --{part}_data"
            )
    notes += _repeats(parts["train"])
    types = parts["train"].types
    if not types:
        raise DataError(f"{table.source} has no entities to train on: all of its tags are O")
    if not parts["test"].entities:
        # Said now: a run would find out after its training, when there is nothing to score.
        raise DataError(
            f"none of the {len(parts['test'])} test sentences of {parts['test'].source} has an "
            "entity, so there is nothing to score; raise --test or give other --test_data"
        )
    for part in ("validation", "test"):
        unseen = [name for name in parts[part].types if name not in types]
        if unseen:
            count = sum(parts[part].per_type[name] for name in unseen)
            notes.append(
                f"{count} entities of the {part} part are of types that training lacks "
                f"({quoted(unseen)}): they cannot be found and count as missed"
            )
    return EntityDataset(
        **parts,
        types=types,
        test_sha256=hash_of_texts(map(key_of, parts["test"].sentences)),
        notes=notes,
    )


def key_of(sentence: Sentence) -> str:
    """What makes two sentences the same: their tokens, normalized."""
    return normalize(" ".join(sentence.tokens))


def bracketed(sentence: Sentence) -> str:
    """A sentence with its entities in brackets: "[Ann LEE: PER] left [Rome: LOC]."."""
    parts, at = [], 0
    for entity in sentence.entities:
        named = sentence.text[entity.start : entity.end]
        parts += [sentence.text[at : entity.start], f"[{named}: {entity.type}]"]
        at = entity.end
    return "".join([*parts, sentence.text[at:]])


def _read(options: EntityOptions) -> dict[str, EntityRows]:
    """The parts that have a source of their own, "train" among them."""
    named: Mapping[str, str | None] = {
        "test": options.test_data,
        "validation": options.validation_data,
    }
    parts = _read_source(options.data, options)
    for part, name in named.items():
        if name is not None:
            parts[part] = _read_source(name, options)["train"]
    return parts


def _read_source(source: str, options: EntityOptions) -> dict[str, EntityRows]:
    if source.startswith("hub:"):
        parts = read_hub_tags(
            source.removeprefix("hub:"),
            tokens_field=options.tokens_field,
            tags_field=options.tags_field,
        )
        return {
            part: make_entity_rows(rows, options.tag_scheme, "row") for part, rows in parts.items()
        }
    table = read_entity_file(
        local_path(source),
        options.tag_scheme,
        token_column=options.token_column,
        tag_column=options.tag_column,
    )
    return {"train": table}


def _split(
    table: EntityRows, shares: Mapping[str, float], options: EntityOptions
) -> dict[str, EntityRows]:
    """The parts that take a share of the table, and what is left to train on."""
    rows: dict[str, list[int]] = {"train": [], **{part: [] for part in shares}}
    for row, sentence in enumerate(table.sentences):
        place = place_of(key_of(sentence), options.split_seed)
        chosen = "train"
        for part, share in shares.items():
            if 0 <= place < share:
                chosen = part
                break
            place -= share
        rows[chosen].append(row)
    return {part: table.take(kept) for part, kept in rows.items()}


def _without(
    table: EntityRows, other: EntityRows, name: str, other_name: str, notes: list[str]
) -> EntityRows:
    """A part without the sentences of another."""
    seen = {key_of(sentence) for sentence in other.sentences}
    rows = [row for row, sentence in enumerate(table.sentences) if key_of(sentence) not in seen]
    if len(rows) < len(table):
        notes.append(
            f"{len(table) - len(rows)} {name} sentences left out, since they are {other_name} "
            "sentences too"
        )
    return table.take(rows)


def _repeats(table: EntityRows) -> list[str]:
    """How many sentences repeat an earlier one, and how many of these have other entities."""
    first: dict[str, Sentence] = {}
    repeated: list[tuple[Sentence, Sentence]] = []
    for sentence in table.sentences:
        key = key_of(sentence)
        if key in first:
            repeated.append((first[key], sentence))
        first.setdefault(key, sentence)
    if not repeated:
        return []
    other = sum(a.spans != b.spans for a, b in repeated)
    return [
        f"{len(repeated)} training sentences repeat an earlier one (kept), {other} of them with "
        "other entities"
    ]
