"""RoBERTa, XLM-R and CamemBERT: a family of encoders."""

import pytest

from harness.architecture_case import (
    ArchitectureCase,
    assert_close,
    hidden_of,
    logits_of,
    theirs_of,
)
from harness.checkpoints import write_checkpoint
from kerasft.presets import load_preset

HEAD = {"classifier.dense", "classifier.out_proj"}


class TestRoberta(ArchitectureCase):
    name = "roberta"
    heads = {
        "": (HEAD, {"pooler"}),
        "ForMaskedLM": (HEAD, {"lm_head"}),
        "ForQuestionAnswering": (HEAD, {"qa_outputs"}),
    }
    variants = [
        {"layer_norm_eps": 1e-3, "type_vocab_size": 1},
        {"layers": 1, "heads": 1, "num_labels": 7, "pad_token_id": 4},
    ]


@pytest.mark.parametrize("model_type", ["xlm-roberta", "camembert"])
def test_who_is_called_otherwise_loads_with_its_head(tmp_path, model_type):
    theirs = write_checkpoint(tmp_path, model_type, "ForSequenceClassification")
    preset = load_preset(str(tmp_path))
    ours, report = preset.build_classifier(3)
    assert (preset.architecture, report.new, report.unread) == ("roberta", [], [])
    hidden, logits = theirs_of(theirs)
    assert_close(hidden_of(ours), hidden)
    assert_close(logits_of(ours), logits)
