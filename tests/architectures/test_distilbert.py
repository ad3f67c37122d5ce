"""DistilBERT: a family of encoders."""

from harness.architecture_case import ArchitectureCase


class TestDistilBert(ArchitectureCase):
    name = "distilbert"
    heads = {
        "": ({"pre_classifier", "classifier"}, set()),
        "ForMaskedLM": (
            {"pre_classifier", "classifier"},
            {"vocab_transform", "vocab_layer_norm", "vocab_projector"},
        ),
        "ForQuestionAnswering": ({"pre_classifier", "classifier"}, {"qa_outputs"}),
    }
    settings = {"dropout": 0.25}
    activation = "activation"
    variants = [
        {"layers": 1, "heads": 8, "num_labels": 2, "sinusoidal_pos_embds": True},
    ]
