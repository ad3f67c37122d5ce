"""What the server answers for a folder whose text-to-text model writes entities."""

from typing import Any

from pydantic import Field

from kerasft.serving.schemas import Body, ModelInfo, ServerLimits
from kerasft.serving.tagging import FoundEntity


class TextEntities(Body):
    """What the model wrote of one text, and the entities in it."""

    entities: list[FoundEntity] = Field(
        description="In the order of the text, none overlapping. Their score is the geometric mean "
        "of the probabilities of the output's tokens, one for all entities of an output."
    )
    cut: bool = Field(
        description="Whether a word was too long for max_length, so that its end was not read; "
        "longer texts are read in parts."
    )
    output: str = Field(description="What the model wrote.")
    unreadable: list[str] = Field(
        description="Pieces of the output that name no entity of the text, each with the reason."
    )
    truncated: bool = Field(description="Whether the output was stopped at the most tokens.")


class PredictAnswer(Body):
    """The entities, one list per text and in the order of the texts."""

    predictions: list[TextEntities]
    model: ModelInfo


class Metadata(ModelInfo):
    """The model and the server around it."""

    types: list[str] = Field(description="The types of entity that the model finds.")
    prefix: str = Field(description="What is put before each text; do not send it.")
    beam_size: int = Field(description="Hypotheses followed at a time; 1 is greedy search.")
    engine: str = Field(description='What computes: "keras", "ctranslate2", ...')
    max_length: int = Field(
        description="Most tokens that the model reads at once; longer texts are read in parts."
    )
    versions: dict[str, str] = Field(description="Versions of the packages that run the model.")
    limits: ServerLimits


def own_facts(predictor: Any) -> dict[str, Any]:
    """What /metadata says of an `EntityWriter` beside what it says in every task."""
    names = ("types", "prefix", "beam_size", "engine")
    return {name: predictor.metadata[name] for name in names}
