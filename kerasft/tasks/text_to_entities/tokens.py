"""How a text-to-text model reads sentences and writes their entities, token by token."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kerasft.tasks.entities.sentence import Sentence
from kerasft.tasks.seq2seq import check_prefix
from kerasft.tasks.text_to_entities.entity_format import target_of
from kerasft.text.encodings import Encodings
from kerasft.text.tokenizer import Tokenizer

if TYPE_CHECKING:
    from kerasft.architectures import Seq2SeqModel
    from kerasft.generation.hypotheses import Generates


@dataclass(frozen=True)
class EntityTokens:
    """How a text-to-text model reads sentences and writes their entities.

    Attributes:
        tokenizer: Of sources and targets.
        prefix: Text before every sentence.
        start_id: What every target begins with.
        max_length: Most tokens of a source, prefix and end token included.
        max_target_length: Most tokens of a target, end token included.

    Raises:
        ConfigError: The prefix alone fills a source.
    """

    tokenizer: Tokenizer
    prefix: str
    start_id: int = 0
    max_length: int = 128
    max_target_length: int = 64

    def __post_init__(self) -> None:
        check_prefix(self.tokenizer, self.prefix, self.max_length)

    def generator(self, model: Seq2SeqModel, beam_size: int) -> Generates:
        """What searches for the outputs of a model with Keras.

        Args:
            model: The model; adapters on it may be merged or not.
            beam_size: Hypotheses followed at a time; 1 is greedy search.

        Raises:
            ConfigError: The beam size is out of range.
        """
        from kerasft.generation import TextGenerator

        return TextGenerator(
            model,
            self.tokenizer,
            self.max_target_length,
            beam_size,
            max_source_length=self.max_length,
            early_stopping=True,
        )

    def sources(self, texts: Sequence[str]) -> Encodings:
        """The sources of texts; what is too long is cut."""
        return self.tokenizer.encode([self.prefix + t for t in texts], self.max_length)

    def targets(self, texts: Sequence[str]) -> Encodings:
        """The targets without their start token; what is too long is cut."""
        return self.tokenizer.encode(texts, self.max_target_length)

    def fits(self, sentence: Sentence) -> bool:
        """Whether neither the sentence nor its target is too long."""
        source, target = self.sources([sentence.text]), self.targets([target_of(sentence)])
        return not source.cut and not target.cut
