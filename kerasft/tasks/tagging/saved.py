"""Saving a trained tagger as one folder, and loading it: everything is checked before."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kerasft.errors import BundleError, ConfigError, DataError
from kerasft.folder import contents
from kerasft.folder.contents import TaggingManifest
from kerasft.folder.opened import Opened, as_opened
from kerasft.folder.writing import Report, new_folder, versions
from kerasft.tasks.headed_encoder import Parts, check_parts, read_parts, write_parts

if TYPE_CHECKING:
    from kerasft.architectures import Tagger
    from kerasft.text.labels import LabelMap
    from kerasft.text.tokenizer import Tokenizer


@dataclass(frozen=True)
class TaggerBundle:
    """A loaded tagger.

    Attributes:
        path: The folder.
        manifest: What its `bundle.json` says.
        model: The tagger, with its adapters on it (unmerged) if the folder has any.
        tokenizer: The tokenizer.
        tags: The names of the BIO tags.
    """

    path: Path
    manifest: TaggingManifest
    model: Tagger
    tokenizer: Tokenizer
    tags: LabelMap


def save_tagger(
    destination: str | Path,
    *,
    model: Tagger,
    tokenizer: Tokenizer,
    tags: LabelMap,
    max_length: int,
    config_yaml: str,
    card: str,
    report: Report | None = None,
    base_model: str = "",
) -> Path:
    """Writes the saved folder; see `kerasft.folder.contents` for what is in it.

    Args:
        destination: The folder; it may exist if it is empty or a saved folder, which is replaced.
        model: The trained tagger, with its adapters on it (unmerged) if it has any.
        tokenizer: Its tokenizer.
        tags: The names of its BIO tags, as `tag_names` gives them.
        max_length: Tokens that are read at once.
        config_yaml: The resolved config of the run.
        card: The text of README.md, to which versions and the way to predict are added;
            `Facts.card` makes one.
        report: Called with the folder `report/` to write plots and metrics into it; a failure is
            a sentence of the card. `adding_report` adds one to a folder that is saved already.
        base_model: Where the pretrained weights came from.

    Returns:
        The destination.

    Raises:
        ConfigError: The folder cannot be written, or the parts do not fit each other.

    Example:
        >>> save_tagger(
        ...     "saved_models/names", model=model, tokenizer=pretrained.tokenizer, tags=tags,
        ...     max_length=128, config_yaml=to_yaml(config), card=facts.card("names"),
        ... )
    """
    manifest = TaggingManifest(
        architecture=model.architecture,
        arguments=model.arguments.to_dict(),
        num_labels=model.num_labels,
        max_length=max_length,
        base_model=base_model,
        versions=versions(),
    )
    parts = Parts(model, tokenizer, tags)
    check_parts(parts, max_length)
    wrong = _wrong_tags(tags)
    if wrong:
        raise ConfigError(wrong)
    with new_folder(
        destination, manifest, config_yaml=config_yaml, card=card, report=report
    ) as folder:
        write_parts(parts, folder, base_model)
    return Path(destination)


def load_tagger(path: str | Path | Opened) -> TaggerBundle:
    """Loads a saved tagger on the current backend, with the care of a classifier's `load`.

    Args:
        path: The folder that `save_tagger` wrote, or what `open_saved` read of it.

    Raises:
        BundleError: One sentence that names the file that is missing, changed or does not fit; or
            the folder is of another task.

    Example:
        >>> load_tagger("saved_models/names").tags.names
        ('O', 'B-LOC', 'I-LOC', 'B-PER', 'I-PER')
    """
    opened = as_opened(path)
    folder, manifest = opened.path, opened.of(TaggingManifest)
    if manifest.preprocessing:
        raise BundleError(
            f"{folder / contents.MANIFEST} asks for preprocessing, but a tagger reads texts as "
            "they are."
        )

    # Only now, since it takes seconds: a folder that is no good is refused at once.
    from kerasft.architectures import Tagger

    parts = read_parts(
        opened,
        manifest,
        lambda arguments: Tagger(
            manifest.architecture, arguments, manifest.num_labels, initialize=False
        ),
    )
    wrong = _wrong_tags(parts.label_map)
    if wrong:
        raise BundleError(f"{folder / contents.LABEL_MAP}: {wrong}.")
    return TaggerBundle(folder, manifest, parts.model, parts.tokenizer, parts.label_map)


def _wrong_tags(tags: LabelMap) -> str:
    """What is wrong with tags that are not the BIO tags of some types; nothing where they are."""
    from kerasft.text.tag_schemes import OUTSIDE, split_tag, tag_names

    try:
        split = [split_tag(tag) for tag in tags.names]
    except DataError as problem:
        return str(problem)
    types = sorted({kind for letter, kind in split if letter != OUTSIDE})
    wanted = set(tag_names(types))
    if wanted != set(tags.names):
        odd = min(wanted ^ set(tags.names))
        return f"the tags are not O, and B- and I- of each type: {odd!r} is missing or too many"
    return ""
