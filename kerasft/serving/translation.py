"""What the server answers for a folder that translates texts."""

from typing import Any

from pydantic import Field

from kerasft.serving.schemas import Body, ModelInfo, ServerLimits


class TextTranslation(Body):
    """What the model makes of one text."""

    translation: str = Field(description="The best translation that the search found.")
    score: float = Field(
        description="The sum of the log-probabilities of the translation's tokens: 0 is certainty."
    )
    unknown_words: list[str] = Field(
        description="Words of the text that the model does not know, each once."
    )
    cut: bool = Field(
        description="Whether the text was longer than max_length and the model saw only its start."
    )
    truncated: bool = Field(
        description="Whether the translation reached the most tokens it may have, and was stopped."
    )


class PredictAnswer(Body):
    """The translations, one per text and in the order of the texts."""

    predictions: list[TextTranslation]
    model: ModelInfo


class Languages(Body):
    """What is translated into what."""

    source: str = Field(description='The language of the texts, as the data called it ("en").')
    target: str = Field(description='The language of the translations ("it").')


class Metadata(ModelInfo):
    """The model and the server around it."""

    languages: Languages
    beam_size: int = Field(description="Hypotheses that the search follows; 1 is greedy search.")
    engine: str = Field(description='What computes: "keras", "ctranslate2", ...')
    max_length: int = Field(description="Most tokens of a text that the model reads.")
    versions: dict[str, str] = Field(description="Versions of the packages that run the model.")
    limits: ServerLimits


def own_facts(predictor: Any) -> dict[str, Any]:
    """What /metadata says of a `Translator` beside what it says in every task."""
    return {name: predictor.metadata[name] for name in ("languages", "beam_size", "engine")}
