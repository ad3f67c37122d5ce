"""Fewer classes: overlapping ones merged by a mapping, or the largest alone."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from importlib import resources

from kerasft.data.class_names import class_key, tidy_label
from kerasft.data.rows import Rows, quoted
from kerasft.errors import ConfigError, DataError
from kerasft.tasks.labelled.steps import DataStep, counted

# New name -> the raw names that it stands for.
Mapped = Mapping[str, Sequence[str]]

SHIPPED = "complaints"
NONE = "none"


def merge_classes(
    table: Rows, classes: str | Mapped, *, complete: bool = True
) -> tuple[Rows, DataStep]:
    """Gives each row the new name of its class; rows of classes without one are dropped.

    Args:
        classes: New name -> raw names, all of which the rows must have; "complaints" for the
            mapping that ships, which may name more than the rows have; "none" to merge nothing.
        complete: Whether the rows are all that there are. A test file may lack classes.

    Raises:
        ConfigError: A class is named twice or not at all, or one that the rows lack.
        DataError: Fewer than two classes are left.

    Example:
        >>> table, step = merge_classes(table, {"Loans": ["Payday loan", "Student loan"], ...})
        >>> step.why
        "5 classes of 12; dropped: 'Mortgage' 310"
    """
    raw = set(table["label"])
    if classes == NONE:
        why = f"none merged, {len(raw)} classes"
        return table, DataStep("merged classes", len(table), len(table), why)
    mapping = shipped_mapping() if classes == SHIPPED else classes
    if isinstance(mapping, str):
        raise ConfigError(
            f"classes is {mapping!r}, but must be {SHIPPED}, {NONE}, or new names with the lists "
            "of the names that they stand for"
        )
    new_names = _invert(mapping)
    keys = {class_key(name) for name in raw}
    absent = [name for name in new_names if class_key(name) not in keys]
    if absent and complete and classes != SHIPPED:
        raise ConfigError(
            f"--classes names {quoted(absent)}, which {table.source} lacks; its classes are "
            f"{quoted(sorted(raw))}"
        )
    merged, step = _rename(table, new_names, "merged classes")
    if complete:
        _check_enough(merged, table, f"--classes {SHIPPED}" if classes == SHIPPED else "--classes")
    return merged, step


def keep_major(table: Rows, classes: int) -> tuple[Rows, DataStep]:
    """Keeps the rows of the largest classes (of equal ones, those first by name).

    Args:
        classes: How many classes.

    Raises:
        ConfigError: Fewer than two are asked for, or more than there are.
    """
    counts = Counter(table["label"])
    if not 2 <= classes <= len(counts):
        raise ConfigError(
            f"--major_classes is {classes}; give 2 to {len(counts)} (the classes that there are), "
            "or null to keep all"
        )
    largest = sorted(counts, key=lambda name: (-counts[name], name))[:classes]
    return _rename(table, {name: name for name in largest}, "major classes")


def keep_classes(table: Rows, names: Collection[str]) -> tuple[Rows, DataStep]:
    """Keeps the rows of these classes, for a test file that has others as well."""
    return _rename(table, {name: name for name in names}, "classes of the training rows")


def shipped_mapping() -> dict[str, list[str]]:
    """The mapping that ships: five classes out of the names that US consumer complaints have had.

    Source: the products of the Consumer Complaint Database of the Consumer Financial Protection
    Bureau, 2011 to 2025.
    """
    import yaml

    file = resources.files("kerasft.data") / "samples" / "complaint_classes.yaml"
    mapping: dict[str, list[str]] = yaml.safe_load(file.read_text(encoding="utf-8"))
    return mapping


def _invert(mapping: Mapped) -> dict[str, str]:
    """Raw name -> new name, both tidied as the labels of a table are."""
    new_names: dict[str, str] = {}
    for new, names in mapping.items():
        if not new.strip() or not names:
            raise ConfigError(f"--classes lists no names for {new!r}; list one or more")
        for name in map(tidy_label, names):
            if name in new_names:
                raise ConfigError(
                    f"--classes names {name!r} under {new_names[name]!r} and under {new!r}; leave "
                    "it under one"
                )
            new_names[name] = tidy_label(new)
    return new_names


def _check_enough(merged: Rows, raw: Rows, mapping: str) -> None:
    left = sorted(set(merged["label"]))
    if len(left) < 2:
        only = f"one class ({left[0]!r})" if left else "no class"
        raise DataError(
            f"the mapping {mapping} leaves {only} of {raw.source}, whose classes are "
            f"{quoted(sorted(set(raw['label'])))}; a classifier needs two or more (--classes none "
            "keeps them as they are)"
        )


def _rename(table: Rows, new_names: Mapping[str, str], step: str) -> tuple[Rows, DataStep]:
    by_key = {class_key(name): new for name, new in new_names.items()}
    keys = {label: class_key(label) for label in set(table["label"])}
    kept = [row for row, label in enumerate(table["label"]) if keys[label] in by_key]
    lost = [label for label in table["label"] if keys[label] not in by_key]
    labels = [by_key[keys[table["label"][row]]] for row in kept]
    left = sorted(set(labels))
    why = f"{len(left)} classes of {len(keys)}"
    if lost:
        why += f"; dropped: {counted(lost)}"
    taken = table.take(kept).replaced(label=labels)
    return taken, DataStep(step, len(table), len(taken), why)
