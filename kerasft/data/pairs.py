"""The one door to sentence pairs: tab-separated files, Moses files or a hub data set by name."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kerasft.data.class_names import kind_of
from kerasft.data.hub import open_hub
from kerasft.data.rows import Rows, numbered, quoted
from kerasft.data.samples import local_path
from kerasft.data.text_files import Budget, open_text
from kerasft.errors import ConfigError, DataError


def read_pairs(
    data: str | Path | Sequence[str | Path] | None = None,
    source_file: str | Path | None = None,
    target_file: str | Path | None = None,
    source_lang: str = "en",
    target_lang: str = "it",
) -> Rows:
    r"""Reads sentences, as the field "source", and their translations, as the field "target".

    Where the data says where its pairs come from ("phrasebook"), that is the field "origin". No
    sentence is blank, and none has whitespace around it.

    Args:
        data: One of these, or several, which are read one after the other; the origin of pairs
            that have none is then the name of their file without its ending:

            - FILE.tsv (UTF-8, no header): a pair a line, `source TAB target`, or
              `source TAB target TAB origin` in every line. Quotes mean nothing.
            - hub:NAME or hub:NAME:CONFIG: the "train" part of a data set of the Hugging Face hub
              with a column `translation` of {language: sentence}.
        source_file: In place of `data`: a text file (UTF-8) with a sentence per line, as in Moses
            and OPUS.
        target_file: The file with their translations, line by line.
        source_lang: The language that is translated; chooses the side of a hub data set.
        target_lang: The language that it is translated into.

    Raises:
        ConfigError: Not exactly one of `data` and the two files is given, or both languages are
            the same.
        DataError: A file cannot be read, has a blank line or sentence, a line without a tab, or
            another number of lines than its partner; the message says where.

    Example:
        >>> pairs = read_pairs("tatoeba.tsv")
        >>> pairs["source"][0], pairs["target"][0]
    """
    if source_lang == target_lang:
        raise ConfigError(f"the source and the target language are both {source_lang!r}")
    chosen = [data] if isinstance(data, (str, Path)) else list(data or [])
    if bool(chosen) == bool(source_file or target_file):
        raise ConfigError("give either --data or --source and --target to say where the pairs are")
    if not chosen:
        if not (source_file and target_file):
            raise ConfigError(
                "--source and --target need each other: a text file for each language"
            )
        return _read_moses(Path(source_file), Path(target_file))
    tables = [_read_one(str(name), source_lang, target_lang) for name in chosen]
    return tables[0] if len(tables) == 1 else _joined(tables, [str(name) for name in chosen])


def _read_one(name: str, source_lang: str, target_lang: str) -> Rows:
    if name.startswith("hub:"):
        return _read_hub(name, source_lang, target_lang)
    path = local_path(name)
    if path.suffix.lower() != ".tsv":
        raise DataError(
            f"{name} is neither FILE.tsv nor hub:NAME; write the pairs as source TAB target into a "
            ".tsv file"
        )
    return _read_tsv(path)


def _read_tsv(path: Path) -> Rows:
    rows: list[list[str]] = []
    source, sha256, lines = _read_lines(path)
    for number, line in enumerate(lines, start=1):
        fields = [part.strip() for part in line.split("\t")]
        where = f"{source} line {number}"
        if len(fields) == 1:
            problem = "has no tab" if fields[0] else "is empty"
            raise DataError(f"{where} {problem}; write source TAB target, or delete the line")
        if len(fields) > 3:
            raise DataError(
                f"{where} has {len(fields)} fields; write source TAB target, or source TAB target "
                "TAB origin"
            )
        if rows and len(fields) != len(rows[0]):
            raise DataError(
                f"{where} has {len(fields)} fields, but line 1 has {len(rows[0])}; give every line "
                "an origin, or none"
            )
        for name, text in zip(("source", "target", "origin"), fields, strict=False):
            if not text:
                raise DataError(f"{where} has an empty {name}; fill it in or delete the line")
        rows.append(fields)
    columns = map(list, zip(*rows, strict=True))
    return Rows(dict(zip(("source", "target", "origin"), columns, strict=False)), source, sha256)


def _read_moses(source_file: Path, target_file: Path) -> Rows:
    files = [_read_lines(source_file), _read_lines(target_file)]
    sides = [[line.strip() for line in lines] for _, _, lines in files]
    if len(sides[0]) != len(sides[1]):
        raise DataError(
            f"{source_file} has {len(sides[0])} lines and {target_file} has "
            f"{len(sides[1])}; each line needs its translation in the same line of the other file"
        )
    for file, lines in zip((source_file, target_file), sides, strict=True):
        blank = [number for number, line in enumerate(lines, start=1) if not line]
        if blank:
            verb = "is" if len(blank) == 1 else "are"
            raise DataError(
                f"{file}: {numbered('line', blank)} {verb} empty; delete "
                f"{'that line' if len(blank) == 1 else 'those lines'} from both files"
            )
    both = "\n".join(sha256 for _, sha256, _ in files)
    return Rows(
        {"source": sides[0], "target": sides[1]},
        source=f"{source_file} and {target_file}",
        sha256=hashlib.sha256(both.encode()).hexdigest(),
    )


def _read_hub(source: str, source_lang: str, target_lang: str) -> Rows:
    data = open_hub(source.removeprefix("hub:"))
    if "translation" not in data.column_names:
        raise DataError(
            f"{source} has no column 'translation', only {quoted(data.column_names)}; save its "
            "pairs as source TAB target in a .tsv file"
        )
    pairs = []
    dropped = 0
    budget = Budget(source)
    for row, value in enumerate(data["translation"], start=1):
        if not isinstance(value, dict):
            raise DataError(
                f"{source} row {row} has {kind_of(value)} as 'translation'; it must be an object "
                "{language: sentence}"
            )
        sides = [_side(value, language, f"{source} row {row}") for language in
                 (source_lang, target_lang)]  # fmt: skip
        budget.take("row", row, *sides)
        if all(sides):
            pairs.append((sides[0], sides[1]))
        else:
            dropped += 1
    if not pairs:
        raise DataError(f"{source} has no row with a sentence and its translation")
    return Rows(
        {"source": [pair[0] for pair in pairs], "target": [pair[1] for pair in pairs]},
        source=source,
        sha256=hashlib.sha256(json.dumps(pairs).encode()).hexdigest(),
        dropped={"rows with an empty side": dropped} if dropped else {},
    )


def _side(translation: dict[str, Any], language: str, where: str) -> str:
    if language not in translation:
        raise DataError(
            f"{where} has no {language!r} in 'translation', only {quoted(list(translation))}; "
            "choose with --source_lang and --target_lang"
        )
    text = translation[language]
    if text is not None and not isinstance(text, str):
        raise DataError(f"{where} has {kind_of(text)} as {language!r}; it must be a string")
    # A sentence is one line everywhere else, so it is here.
    return " ".join((text or "").split())


def _joined(tables: Sequence[Rows], names: Sequence[str]) -> Rows:
    origins: list[str] = []
    dropped: dict[str, int] = {}
    for table, name in zip(tables, names, strict=True):
        own = [Path(name.removeprefix("hub:")).stem] * len(table)
        origins += table.fields.get("origin", own)
        for what, count in table.dropped.items():
            dropped[what] = dropped.get(what, 0) + count
    return Rows(
        {
            "source": [text for table in tables for text in table["source"]],
            "target": [text for table in tables for text in table["target"]],
            "origin": origins,
        },
        source=" and ".join(table.source for table in tables),
        sha256=hashlib.sha256("\n".join(table.sha256 for table in tables).encode()).hexdigest(),
        dropped=dropped,
        notes=[note for table in tables for note in table.notes],
    )


def _read_lines(path: Path) -> tuple[str, str, list[str]]:
    """A file's name, the hash of its bytes, and its lines.

    Other characters that Unicode counts as line ends stay in the lines.
    """
    budget = Budget(str(path))
    lines = []
    with open_text(path) as file:
        for number, line in enumerate(file.lines(), start=1):
            line = line.removesuffix("\n").removesuffix("\r")
            budget.take("line", number, line)
            lines.append(line)
    return file.source, file.sha256, lines
