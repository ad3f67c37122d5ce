"""What the server answers for a folder that writes texts for texts."""

from typing import Any

from pydantic import Field

from kerasft.serving.schemas import Body, ModelInfo, ServerLimits


class TextOutput(Body):
    """What the model makes of one text."""

    output: str = Field(description="The best output that the search found.")
    task: str = Field(
        description="The task that the text's prefix asks for; empty where the model knows none."
    )
    warning: str = Field(
        description="A sentence where the text begins with no prefix that the model was trained "
        "on; else empty."
    )
    score: float = Field(
        description="The sum of the log-probabilities of the output's tokens: 0 is certainty."
    )
    unknown_words: list[str] = Field(
        description="Words of the text that the model cannot read, each once."
    )
    cut: bool = Field(
        description="Whether the text was longer than max_length and the model saw only its start."
    )
    truncated: bool = Field(
        description="Whether the output reached the most tokens it may have, and was stopped."
    )


class PredictAnswer(Body):
    """The outputs, one per text and in the order of the texts."""

    predictions: list[TextOutput]
    model: ModelInfo


class TaskInfo(Body):
    """A task that the model was trained on."""

    name: str
    prefix: str = Field(description='What its texts begin with ("summarize: ").')
    metric: str = Field(description='How it was scored: "exact", "rouge" or "bleu".')


class Metadata(ModelInfo):
    """The model and the server around it."""

    tasks: list[TaskInfo] = Field(description="What the model was trained on.")
    default_task: str = Field(
        description="The task whose prefix the server puts before texts without it; empty for none."
    )
    beam_size: int = Field(description="Hypotheses that the search follows; 1 is greedy search.")
    engine: str = Field(description='What computes: "keras", "ctranslate2", ...')
    max_length: int = Field(
        description="Most tokens of a text, its prefix included, that the model reads."
    )
    max_target_length: int = Field(description="Most tokens of an output.")
    versions: dict[str, str] = Field(description="Versions of the packages that run the model.")
    limits: ServerLimits


def own_facts(predictor: Any) -> dict[str, Any]:
    """What /metadata says of a `TextToText` beside what it says in every task."""
    names = ("tasks", "default_task", "beam_size", "max_target_length", "engine")
    return {name: predictor.metadata[name] for name in names}
