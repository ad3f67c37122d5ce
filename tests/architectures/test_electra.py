"""ELECTRA: a family of encoders."""

import pytest

from harness.architecture_case import ArchitectureCase
from harness.checkpoints import vocabulary
from harness.spoken import assert_same_everywhere, write_classifier


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


@pytest.mark.any_backend
def test_texts_get_the_same_logits_saved_exported_and_in_onnx(tmp_path):
    (tmp_path / "vocab.txt").write_text("\n".join(vocabulary()) + "\n", encoding="utf-8")
    write_classifier(tmp_path, "electra", embedding_size=12)
    assert_same_everywhere(tmp_path, tmp_path)
