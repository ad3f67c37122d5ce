"""RoBERTa, XLM-R and CamemBERT: a family of encoders."""

import numpy as np
import peft as hugging_face_peft
import pytest
import torch

from harness import peft_twins, small
from harness.architecture_case import (
    ArchitectureCase,
    assert_close,
    hidden_of,
    logits_of,
    theirs_of,
)
from harness.checkpoints import write_checkpoint
from harness.spoken import assert_same_everywhere, assert_same_words, write_classifier
from harness.tokenizer_directories import train_byte_level
from kerasft import peft
from kerasft.presets import load_preset

HEAD = {"classifier.dense", "classifier.out_proj"}
VECTORS = {"num_virtual_tokens": 4, "token_dim": 16, "num_attention_heads": 4, "num_layers": 3}


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


@pytest.mark.any_backend
@pytest.mark.parametrize("model_type", ["xlm-roberta", "camembert"])
def test_who_is_called_otherwise_loads_with_its_head(tmp_path, model_type):
    theirs = write_checkpoint(tmp_path, model_type, "ForSequenceClassification")
    preset = load_preset(str(tmp_path))
    ours, report = preset.build_classifier(3)
    assert (preset.architecture, report.new, report.unread) == ("roberta", [], [])
    hidden, logits = theirs_of(theirs)
    assert_close(hidden_of(ours), hidden)
    assert_close(logits_of(ours), logits)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    folder = tmp_path_factory.mktemp("roberta")
    write_checkpoint(folder, "roberta", "ForSequenceClassification")
    return folder


@pytest.mark.any_backend
@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("method", ["PromptTuningConfig", "PrefixTuningConfig"])
def test_positions_go_on_behind_virtual_tokens_as_in_peft(checkpoint, tmp_path, method, side):
    """Those of prompts have positions; behind a prefix, the text's begin later."""
    config = getattr(hugging_face_peft, method)(task_type="SEQ_CLS", **VECTORS)
    theirs = hugging_face_peft.get_peft_model(peft_twins.theirs(checkpoint), config).eval()
    theirs.save_pretrained(tmp_path)
    ours = peft_twins.ours(checkpoint)
    plain = small.logits(ours)
    peft.load_adapter(ours, tmp_path)
    step = 1 if side == "right" else -1
    inputs = {name: values[:, ::step] for name, values in small.TOKENS.items()}
    inputs["token_ids"] = np.where(inputs["padding_mask"], inputs["token_ids"], 1).astype("int32")
    with torch.no_grad():
        expected = theirs(
            input_ids=torch.tensor(inputs["token_ids"], dtype=torch.long),
            attention_mask=torch.tensor(inputs["padding_mask"].astype("int64")),
        ).logits.numpy()
    found = small.numpy(ours(inputs, training=False))
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert np.abs(found - plain).max() > 0.01


@pytest.fixture(scope="module")
def spoken(tmp_path_factory):
    """A checkpoint with a tokenizer of its own kind: byte-level pieces in older files."""
    folder = tmp_path_factory.mktemp("spoken")
    train_byte_level(folder)
    return write_classifier(folder, "roberta", type_vocab_size=1)


@pytest.mark.any_backend
def test_texts_get_the_same_logits_saved_exported_and_in_onnx(spoken, tmp_path):
    assert_same_everywhere(spoken, tmp_path)


def test_a_taggers_words_begin_where_those_of_transformers_do(spoken):
    assert_same_words(spoken, add_prefix_space=True)
