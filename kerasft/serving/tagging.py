"""What the server answers for a folder that finds entities."""

from typing import Any

from pydantic import Field

from kerasft.serving.schemas import Body, ModelInfo, ServerLimits


class FoundEntity(Body):
    """One entity."""

    start: int = Field(description="Its first character in the text, from 0 (Unicode code points).")
    end: int = Field(description="The character after its last.")
    text: str = Field(description="What stands there.")
    type: str = Field(description="What it is, one of the model's types.")
    score: float = Field(description="How sure the model is, 0 to 1.")


class TextEntities(Body):
    """What the model found in one text."""

    entities: list[FoundEntity] = Field(description="In the order of the text, none overlapping.")
    cut: bool = Field(
        description="Whether a word was too long for max_length, so that its end was not read; "
        "longer texts are read in parts."
    )


class PredictAnswer(Body):
    """The entities, one list per text and in the order of the texts."""

    predictions: list[TextEntities]
    model: ModelInfo


class Metadata(ModelInfo):
    """The model and the server around it."""

    types: list[str] = Field(description="The types of entity that the model finds.")
    max_length: int = Field(
        description="Most tokens that the model reads at once; longer texts are read in parts."
    )
    versions: dict[str, str] = Field(description="Versions of the packages that run the model.")
    limits: ServerLimits


def own_facts(predictor: Any) -> dict[str, Any]:
    """What /metadata says of an `EntityFinder` beside what it says in every task."""
    return {"types": predictor.metadata["types"]}
