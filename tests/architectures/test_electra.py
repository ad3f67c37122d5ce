"""ELECTRA: a family of encoders."""

from harness.architecture_case import ArchitectureCase


class TestElectra(ArchitectureCase):
    name = "electra"
    heads = {
        "": ({"classifier.dense", "classifier.out_proj"}, set()),
        "ForPreTraining": (
            {"classifier.dense", "classifier.out_proj"},
            {"discriminator_predictions"},
        ),
        "ForMaskedLM": (
            {"classifier.dense", "classifier.out_proj"},
            {"generator_predictions", "generator_lm_head"},
        ),
    }
    settings = {"classifier_dropout": 0.25, "embedding_size": 12}
    variants = [
        {"embedding_size": 16, "type_vocab_size": 1, "layer_norm_eps": 1e-3},
        {"embedding_size": 24, "layers": 1, "heads": 1, "num_labels": 7},
    ]
