"""What the server answers, by the task of the folder that it serves.

A further task is a further file with the shapes of its answers, and an entry in `TASKS`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kerasft.serving import classification, entity_texts, tagging, text_to_text, translation
from kerasft.serving.schemas import Body


@dataclass(frozen=True)
class Task:
    """One task.

    Attributes:
        summary: What /predict does, in a few words.
        description: What it does, in a sentence.
        example: Texts to try it with.
        prediction: The shape of what is said of one text; made from the fields of the predictor's
            own dataclass.
        answer: The shape of the whole answer: `predictions` and `model`.
        metadata: The shape of /metadata.
        own_facts: From the predictor, the fields of `metadata` that are the task's own.
    """

    summary: str
    description: str
    example: tuple[str, ...]
    prediction: type[Body]
    answer: Callable[..., Body]
    metadata: Callable[..., Body]
    own_facts: Callable[[Any], dict[str, Any]]


TASKS = {
    "classification": Task(
        summary="Predict the labels of texts",
        description="Predicts one label per text, with the probability of every label.",
        example=("I loved every minute of it.", "Never again."),
        prediction=classification.TextPrediction,
        answer=classification.PredictAnswer,
        metadata=classification.Metadata,
        own_facts=classification.own_facts,
    ),
    "tagging": Task(
        summary="Find the entities of texts",
        description="Finds the named entities of each text: where they stand, and what they are.",
        example=("Ann Lee flew from Rome to Oslo.", "It rained."),
        prediction=tagging.TextEntities,
        answer=tagging.PredictAnswer,
        metadata=tagging.Metadata,
        own_facts=tagging.own_facts,
    ),
    "translation": Task(
        summary="Translate texts",
        description="Translates each text, and says which of its words the model does not know.",
        example=("Where is the station?", "Good morning!"),
        prediction=translation.TextTranslation,
        answer=translation.PredictAnswer,
        metadata=translation.Metadata,
        own_facts=translation.own_facts,
    ),
    "text_to_text": Task(
        summary="Write a text for each text",
        description="Writes an output for each text; the text's prefix says what is to be done.",
        example=("summarize: The airport was closed all day.", "classify: Shares fell again."),
        prediction=text_to_text.TextOutput,
        answer=text_to_text.PredictAnswer,
        metadata=text_to_text.Metadata,
        own_facts=text_to_text.own_facts,
    ),
    "text_to_entities": Task(
        summary="Find the entities of texts",
        description="Writes the named entities of each text, and says where in it they stand.",
        example=("Ann Lee flew from Rome to Oslo.", "It rained."),
        prediction=entity_texts.TextEntities,
        answer=entity_texts.PredictAnswer,
        metadata=entity_texts.Metadata,
        own_facts=entity_texts.own_facts,
    ),
}
"""By the `task` of the manifest."""
