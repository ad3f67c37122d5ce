"""DeBERTa, versions 2 and 3: a family of encoders."""

from harness.architecture_case import ArchitectureCase


class TestDebertaV2(ArchitectureCase):
    name = "deberta-v2"
    heads = {
        "": ({"pooler.dense", "classifier"}, set()),
        "ForMaskedLM": ({"pooler.dense", "classifier"}, {"cls"}),
        "ForQuestionAnswering": ({"pooler.dense", "classifier"}, {"qa_outputs"}),
    }
    settings = {
        "relative_attention": True, "position_buckets": 8, "max_relative_positions": -1,
        "pos_att_type": ["c2p", "p2c"], "share_att_key": True, "norm_rel_ebd": "layer_norm",
        "position_biased_input": False, "type_vocab_size": 0, "cls_dropout": 0.25,
    }  # fmt: skip
    variants = [
        {"share_att_key": False, "position_biased_input": True, "type_vocab_size": 2,
         "norm_rel_ebd": "none", "position_buckets": -1, "max_relative_positions": 4},
        {"conv_kernel_size": 3, "conv_groups": 2, "conv_act": "gelu", "layers": 2,
         "embedding_size": 24},
        {"pos_att_type": "c2p", "share_att_key": False, "pooler_hidden_act": "relu",
         "layer_norm_eps": 0.1, "num_labels": 7},
        {"pos_att_type": "p2c", "conv_kernel_size": 5, "layers": 1, "heads": 1},
        {"pos_att_type": []},
    ]  # fmt: skip
