"""ALBERT: a family of encoders."""

import pytest

from harness.architecture_case import ArchitectureCase
from harness.spoken import assert_same_everywhere, assert_same_words, write_classifier
from harness.tokenizer_directories import train_sentencepiece
from kerasft import peft
from kerasft.errors import AdapterError, PresetError
from kerasft.presets import load_preset


class TestAlbert(ArchitectureCase):
    name = "albert"
    heads = {
        "": ({"classifier"}, set()),
        "ForMaskedLM": ({"albert.pooler", "classifier"}, {"predictions"}),
        "ForPreTraining": ({"classifier"}, {"predictions", "sop_classifier"}),
        "ForQuestionAnswering": ({"albert.pooler", "classifier"}, {"qa_outputs"}),
    }
    # Of three layers the first two are one and the same.
    settings = {
        "classifier_dropout_prob": 0.25,
        "hidden_dropout_prob": 0.1,
        "embedding_size": 12,
        "num_hidden_groups": 2,
    }
    variants = [
        {"num_hidden_groups": 2, "inner_group_num": 2, "embedding_size": 16},
        {"num_hidden_groups": 3, "layers": 7, "type_vocab_size": 1},
        {"num_hidden_groups": 1, "layers": 1, "heads": 1, "num_labels": 7},
    ]

    def test_groups_that_no_layer_is_in_are_refused(self, tmp_path):
        self.write(tmp_path, layers=1)
        with pytest.raises(PresetError, match=r"num_hidden_groups \(2\) .* num_layers \(1\)"):
            load_preset(str(tmp_path))

    @pytest.mark.any_backend
    def test_the_last_layers_are_the_last_that_a_text_passes(self, classifier):
        """Of the blocks 0, 0, 1."""
        for count, numbers in ((1, [1]), (2, [0, 1]), (3, [0, 1])):
            found = peft.last_layers(classifier.ours, count)
            assert [pattern.split("/")[0] for pattern in found] == [
                f"transformer_layer_{number}" for number in numbers
            ]
        with pytest.raises(AdapterError, match="The last 4 blocks cannot be adapted"):
            peft.last_layers(classifier.ours, 4)


@pytest.mark.any_backend
def test_texts_get_the_same_logits_saved_exported_and_in_onnx(tmp_path):
    """With SentencePiece's own file."""
    pytest.importorskip("sentencepiece")
    special = {"pad_id": 0, "unk_id": 1, "bos_id": -1, "eos_id": -1}
    train_sentencepiece(tmp_path, "spiece.model", control_symbols="[CLS],[SEP],[MASK]", **special)
    write_classifier(tmp_path, "albert", embedding_size=12)
    assert_same_everywhere(tmp_path, tmp_path)
    assert_same_words(tmp_path)
