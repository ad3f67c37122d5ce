"""Tag schemes: entities as one tag a token, and back.

    tokens   Ann    Lee    left   New    York   Paris  .
    IO       I-PER  I-PER  O      I-LOC  I-LOC  I-LOC  O      neighbors of one type run together
    IOB1     I-PER  I-PER  O      I-LOC  I-LOC  B-LOC  O      B- only where they would
    BIO      B-PER  I-PER  O      B-LOC  I-LOC  B-LOC  O      B- at every beginning (IOB2)
    BIOES    B-PER  E-PER  O      B-LOC  E-LOC  S-LOC  O      the last token and single ones, too
    BILOU    B-PER  L-PER  O      B-LOC  L-LOC  U-LOC  O      BIOES by other letters

Sources: Ramshaw and Marcus, "Text Chunking using Transformation-Based Learning" (1995), section
3.2; Tjong Kim Sang and Veenstra, "Representing Text Chunks" (1999), section 2; Ratinov and Roth,
"Design Challenges and Misconceptions in Named Entity Recognition" (2009), section 3.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from kerasft.errors import ConfigError, DataError
from kerasft.tasks.entities.sentence import Span

OUTSIDE = "O"
SCHEMES = {"IO": "I", "IOB1": "BI", "BIO": "BI", "BIOES": "BIES", "BILOU": "BILU"}
"""The schemes, and the letters that each puts before a type."""

_OTHER_NAMES = {"IOB2": "BIO", "IOBES": "BIOES", "IOB": "IOB1"}
# BILOU and BIOES differ in letters alone.
_AS_BIOES = {"L": "E", "U": "S"}


@dataclass(frozen=True)
class Violation:
    """A tag that its scheme does not allow where it stands.

    Attributes:
        position: Which token, from 0.
        reason: What is wrong, in words that follow the tag.
    """

    position: int
    reason: str


def scheme_named(name: str) -> str:
    """The scheme of a name as people write it: "iob2" is "BIO".

    Raises:
        ConfigError: There is none; the message names those that there are.
    """
    wanted = name.upper().replace("-", "").replace("_", "")
    wanted = _OTHER_NAMES.get(wanted, wanted)
    if wanted not in SCHEMES:
        known = ", ".join([*SCHEMES, "IOB2 (which is BIO)"])
        raise ConfigError(f"there is no tag scheme {name!r}; the schemes are {known}")
    return wanted


def split_tag(tag: str) -> tuple[str, str]:
    """The letter and the type of a tag: "B-PER" is ("B", "PER"); "O" is ("O", "").

    Raises:
        DataError: The tag is neither.
    """
    if tag == OUTSIDE:
        return OUTSIDE, ""
    letter, dash, kind = tag.partition("-")
    if not dash or letter not in set("BIESLU") or not kind.strip():
        raise DataError(
            f"the tag {tag!r} is neither {OUTSIDE} nor one of the letters B, I, E, S, L and U with "
            "a dash and a type, such as B-PER"
        )
    return letter, kind


def spans_of(tags: Sequence[str], scheme: str) -> tuple[tuple[Span, ...], list[Violation]]:
    """Reads the tags of one sentence.

    Where a tag breaks its scheme, the reading is that of `conlleval`: a tag that continues nothing
    begins an entity, and an entity without an end ends with its type.

    Args:
        tags: (tokens,) tags. With "IO" they may be types alone, without "I-".
        scheme: A key of `SCHEMES`.

    Returns:
        The entities, in order, and the tags that break the scheme.

    Raises:
        DataError: A tag does not belong to the scheme; the message names it.

    Example:
        >>> spans_of(["B-PER", "I-PER", "O"], "BIO")
        ((Span(start=0, end=2, type='PER'),), [])
    """
    spans: list[Span] = []
    violations: list[Violation] = []
    begun: int | None = None
    open_type, ended = "", True  # what the last token belongs to, and whether it closed it

    def close(end: int) -> None:
        if begun is not None:
            spans.append(Span(begun, end, open_type))

    for position, tag in enumerate(tags):
        letter, kind = _letter(tag, scheme)
        continues = begun is not None and not ended and kind == open_type
        reason = _violation(letter, continues, begun is not None and not ended, scheme)
        if reason:
            violations.append(Violation(position, reason))
        if letter in "IE" and continues:
            ended = letter == "E"
            continue
        close(position)
        begun = None if letter == OUTSIDE else position
        open_type, ended = kind, letter in "ES"
    if begun is not None and not ended and scheme in ("BIOES", "BILOU"):
        violations.append(Violation(len(tags) - 1, "is the last of its sentence, but ends nothing"))
    close(len(tags))
    return tuple(spans), violations


def tags_of(spans: Iterable[Span], length: int, scheme: str = "BIO") -> list[str]:
    """Writes entities as tags, one per token.

    Args:
        spans: Entities in order, without overlap.
        length: Tokens of the sentence.
        scheme: A key of `SCHEMES`.

    Example:
        >>> tags_of([Span(0, 2, "PER")], 3)
        ['B-PER', 'I-PER', 'O']
    """
    tags = [OUTSIDE] * length
    before: Span | None = None
    for span in spans:
        size = span.end - span.start
        touches = before is not None and before.end == span.start and before.type == span.type
        letters = ["I"] * size
        if scheme in ("BIOES", "BILOU"):
            last, single = "ES" if scheme == "BIOES" else "LU"
            letters = [single] if size == 1 else ["B", *letters[2:], last]
        elif scheme == "BIO" or (scheme == "IOB1" and touches):
            letters[0] = "B"
        for token, letter in enumerate(letters, start=span.start):
            tags[token] = f"{letter}-{span.type}"
        before = span
    return tags


def tag_names(types: Iterable[str]) -> tuple[str, ...]:
    """The BIO tags of some types, "O" first: what a tagger chooses from."""
    return (OUTSIDE, *(f"{letter}-{kind}" for kind in types for letter in "BI"))


def detect(sentences: Iterable[Sequence[str]]) -> str:
    """Detects which scheme the tags of a corpus follow.

    The letters decide; between BIO and IOB1, the one that the corpus never breaks. Tags that fit
    both (I- alone) are IO, which reads them the same.

    Args:
        sentences: The tags of each sentence.

    Raises:
        DataError: A tag belongs to no scheme, or the corpus follows none throughout.
    """
    sentences = list(sentences)
    letters = {split_tag(tag)[0] for tags in sentences for tag in tags} - {OUTSIDE}
    if letters & set("ES") and letters & set("LU"):
        raise DataError(
            f"the tags begin with {', '.join(sorted(letters))}, which mixes BIOES and BILOU"
        )
    if letters & set("ES"):
        return "BIOES"
    if letters & set("LU"):
        return "BILOU"
    if letters == {"I"}:
        return "IO"
    if all(not found for found in _all_violations(sentences, "BIO")):
        return "BIO"
    if all(not found for found in _all_violations(sentences, "IOB1")):
        return "IOB1"
    raise DataError(
        "the tags follow neither BIO (where B- begins every entity) nor IOB1 (where B- only parts "
        "neighbors of one type)"
    )


def _all_violations(sentences: Iterable[Sequence[str]], scheme: str) -> Iterator[list[Violation]]:
    for tags in sentences:
        yield spans_of(tags, scheme)[1]


def _letter(tag: str, scheme: str) -> tuple[str, str]:
    """The letter of a tag, in those of BIOES, and its type."""
    if scheme == "IO" and tag != OUTSIDE and not tag.startswith("I-"):
        if tag[:2] in ("B-", "E-", "S-", "L-", "U-") or not tag.strip():
            raise DataError(f"the tag {tag!r} does not belong to the scheme IO")
        return "I", tag
    letter, kind = split_tag(tag)
    if letter != OUTSIDE and letter not in SCHEMES[scheme]:
        raise DataError(f"the tag {tag!r} does not belong to the scheme {scheme}")
    if scheme == "BILOU":
        letter = _AS_BIOES.get(letter, letter)
    return letter, kind


def _violation(letter: str, continues: bool, within: bool, scheme: str) -> str:
    """What is wrong with a letter, given what comes before it; nothing where nothing is."""
    if scheme == "BIO" and letter == "I" and not continues:
        return "continues no entity of its type"
    if scheme == "IOB1" and letter == "B" and not continues:
        return "follows no entity of its type, where IOB1 begins with I-"
    if scheme in ("BIOES", "BILOU"):
        if letter in "IE" and not continues:
            return "continues no entity of its type"
        if letter not in "IE" and within:
            return "follows an entity that was not ended"
    return ""
