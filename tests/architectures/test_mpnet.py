"""MPNet: a family of encoders."""

import pytest

from harness.architecture_case import ArchitectureCase
from harness.checkpoints import vocabulary
from harness.spoken import assert_same_everywhere, assert_same_words, write_classifier
from kerasft.errors import PresetError
from kerasft.presets import load_preset

HEAD = {"classifier.dense", "classifier.out_proj"}


class TestMPNet(ArchitectureCase):
    name = "mpnet"
    heads = {
        "": (HEAD, {"pooler"}),
        "ForMaskedLM": (HEAD, {"lm_head"}),
        "ForQuestionAnswering": (HEAD, {"qa_outputs"}),
    }
    settings = {"hidden_dropout_prob": 0.25}
    variants = [
        {"layer_norm_eps": 1e-3},
        {"layers": 1, "heads": 1, "num_labels": 7},
    ]

    @pytest.mark.parametrize("buckets", [16, 64])
    def test_other_buckets_are_refused(self, buckets, tmp_path):
        self.write(tmp_path, layers=1, relative_attention_num_buckets=buckets)
        with pytest.raises(PresetError, match="relative_attention_num_buckets"):
            load_preset(str(tmp_path))


@pytest.mark.any_backend
def test_texts_get_the_same_logits_saved_exported_and_in_onnx(tmp_path):
    pieces = ["<s>", "<pad>", "</s>", *vocabulary(), "<mask>"]
    (tmp_path / "vocab.txt").write_text("\n".join(pieces) + "\n", encoding="utf-8")
    write_classifier(tmp_path, "mpnet")
    assert_same_everywhere(tmp_path, tmp_path, plain=False)
    assert_same_words(tmp_path)
