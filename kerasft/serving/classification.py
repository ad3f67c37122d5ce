"""What the server answers for a folder that labels texts."""

from typing import Any

from pydantic import Field

from kerasft.serving.schemas import Body, ModelInfo, ServerLimits


class TextPrediction(Body):
    """What the model says about one text."""

    label: str = Field(description="The label with the largest probability.")
    probabilities: dict[str, float] = Field(
        description="Every label's probability, in the order of the model's labels; they sum to 1."
    )
    cut: bool = Field(
        description="Whether the text was longer than max_length; the model saw only a part."
    )


class PredictAnswer(Body):
    """The predictions, one per text and in the order of the texts."""

    predictions: list[TextPrediction]
    model: ModelInfo


class Metadata(ModelInfo):
    """The model and the server around it."""

    labels: list[str] = Field(description="The labels, in the order of the model's outputs.")
    engine: str = Field(description='What computes: "keras", "onnx" or "onnx-int8".')
    max_length: int = Field(description="Most tokens of a text that the model reads.")
    versions: dict[str, str] = Field(description="Versions of the packages that run the model.")
    limits: ServerLimits


def own_facts(predictor: Any) -> dict[str, Any]:
    """What /metadata says of a `Predictor` beside what it says in every task."""
    return {name: predictor.metadata[name] for name in ("labels", "engine")}
