"""ModernBERT: a family of encoders."""

from harness.architecture_case import ArchitectureCase


class TestModernBert(ArchitectureCase):
    name = "modernbert"
    heads = {
        "": ({"head.dense", "head.norm", "classifier"}, set()),
        "ForMaskedLM": ({"classifier"}, {"decoder"}),
    }
    settings = {"pad_token_id": 0, "local_attention": 4, "classifier_dropout": 0.25}
    activation = "hidden_activation"
    variants = [
        {"layers": 5, "global_attn_every_n_layers": 2, "classifier_activation": "relu",
         "global_rope_theta": 100.0, "norm_eps": 0.1},
        {"attention_bias": True, "mlp_bias": True, "norm_bias": True, "classifier_bias": True,
         "num_labels": 7, "heads": 2, "layers": 1},
    ]  # fmt: skip
