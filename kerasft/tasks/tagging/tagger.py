"""A tagger of tokens: the model, its tokenizer and tags, and the facts about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kerasft.tasks.columns import said

if TYPE_CHECKING:
    from kerasft.architectures import Tagger
    from kerasft.tasks.entities.dataset import EntityDataset
    from kerasft.tasks.tagging.batches import TaggedParts
    from kerasft.text.labels import LabelMap
    from kerasft.text.tokenizer import Tokenizer


@dataclass(frozen=True)
class TokenTagger:
    """A tagger of tokens, which finds entities.

    Attributes:
        model: The tagger, with its adapters on it (unmerged) if it has any.
        labels: Its BIO tags, as `EntityDataset.tags` has them.
        max_length: Tokens that are read at once; longer texts are read in windows.

    Example:
        >>> data = load_entities("train.conll")
        >>> tagger = TokenTagger(model, pretrained.tokenizer, data.tags, max_length=128)
    """

    model: Tagger
    tokenizer: Tokenizer
    labels: LabelMap
    max_length: int

    def batches(
        self,
        data: EntityDataset,
        *,
        batch_size: int = 16,
        seed: int = 0,
        group_by_length: bool | None = None,
    ) -> TaggedParts:
        """The training and validation sentences as this model reads them; see `tagged_batches`.

        Raises:
            ConfigError: The parts do not fit each other (tags and head, `max_length` and
                positions).

        Example:
            >>> batches = tagger.batches(load_entities("train.conll"))
            >>> tagger.model.fit(batches.train, validation_data=batches.validation)
        """
        from kerasft.tasks.headed_encoder import check_fit
        from kerasft.tasks.tagging.batches import tagged_batches

        check_fit(self)
        return tagged_batches(
            data,
            self.tokenizer,
            self.labels,
            max_length=self.max_length,
            batch_size=batch_size,
            seed=seed,
            group_by_length=group_by_length,
        )


@dataclass(frozen=True)
class TaggerFacts:
    """The facts about a tagger, for its metadata."""

    types: tuple[str, ...] = said("The types of entity that the model finds.")
    adapter: bool = said("Whether the folder holds an adapter beside the base model.")
