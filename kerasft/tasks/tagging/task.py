"""Tagging of tokens, which finds entities: what is saved of a tagger, and how it is read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerasft.errors import ConfigError, DataError, FolderError
from kerasft.folder.opened import Opened
from kerasft.tasks.entities.results import Entities
from kerasft.tasks.headed_encoder import LABEL_MAP, EncoderTask
from kerasft.tasks.tagging.tagger import TaggerFacts, TokenTagger
from kerasft.tasks.task import NO_MODEL, TaskPredictor

if TYPE_CHECKING:
    from kerasft.architectures import EncoderArguments, Tagger
    from kerasft.runtimes.gate import GateRows
    from kerasft.text.labels import LabelMap


class TaggingTask(EncoderTask[TokenTagger]):
    """The entities of a text, from a BIO tag for each token."""

    name = "tagging"
    parts = TokenTagger
    settings = ("num_labels",)
    each_token = True
    formats = ("onnx",)
    result = Entities
    facts = TaggerFacts
    summary = "Find the entities of texts"
    description = "Finds the named entities of each text: where they are, and their types."
    example = ("Ann Lee flew from Rome to Oslo.", "It rained.")

    def check(self, parts: TokenTagger) -> None:
        """See `Task.check`."""
        super().check(parts)
        if wrong := _wrong_tags(parts.labels):
            raise ConfigError(wrong)

    def read(self, opened: Opened) -> TokenTagger:
        """See `Task.read`."""
        tokenizer, tags = self.read_common(opened)
        if wrong := _wrong_tags(tags):
            raise FolderError(f"{opened.path / LABEL_MAP}: {wrong}.")
        return TokenTagger(NO_MODEL, tokenizer, tags, opened.manifest.max_length)

    def make(self, opened: Opened, arguments: EncoderArguments) -> Tagger:
        """See `EncoderTask.make`."""
        from kerasft.architectures import Tagger

        manifest = opened.manifest
        count = manifest.settings["num_labels"]
        return Tagger(manifest.architecture, arguments, count, initialize=False)

    def open(self, opened: Opened, **options: Any) -> TaskPredictor[TokenTagger]:
        """See `Task.open`."""
        from kerasft.tasks.tagging.predictor import EntityFinder

        return EntityFinder(opened, *self.load_encoder(opened), **options)

    def gate_rows(
        self, folder: Path, parts: TokenTagger, data: str | None, columns: Mapping[str, str]
    ) -> GateRows:
        """See `Task.gate_rows`."""
        from kerasft.tasks.entities.gate import entity_rows

        return entity_rows(folder, data)


def _wrong_tags(tags: LabelMap) -> str:
    """What is wrong with tags that are not the BIO tags of some types; nothing where they are."""
    from kerasft.tasks.entities.tag_schemes import OUTSIDE, split_tag, tag_names

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
