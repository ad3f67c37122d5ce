"""ModernBERT: a family of encoders."""

import keras
import numpy as np
import pytest
import torch

from harness.architecture_case import ArchitectureCase, assert_close, logits_of, theirs_of
from harness.checkpoints import VOCABULARY
from harness.spoken import assert_same_everywhere, write_classifier
from harness.tokenizer_directories import train_composed_bytes
from kerasft import peft
from kerasft.architectures import config_to_arguments
from kerasft.errors import AdapterError, PresetError
from kerasft.presets import load_preset


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

    def test_a_trained_head_over_the_mean_is_loaded_and_written(self, tmp_path):
        theirs = self.write(tmp_path, classifier_pooling="mean")
        preset = load_preset(str(tmp_path))
        ours, report = preset.build_classifier(3)
        assert (preset.pooling, ours.pooling, report.new) == ("mean", "mean", [])
        assert_close(logits_of(ours), theirs_of(theirs)[1])
        assert ours.to_config(["a", "b", "c"])["classifier_pooling"] == "mean"
        other, report = preset.build_classifier(3, "first")
        assert report.new == ["classifier.weight", "classifier.bias"]
        assert other.to_config(["a", "b", "c"])["classifier_pooling"] == "cls"

    @pytest.mark.any_backend
    def test_far_positions_turn_as_in_transformers(self, tmp_path):
        """Beyond all windows, and where float32 no longer tells angles apart."""
        theirs = self.write(tmp_path, max_position_embeddings=8192, local_attention=64)
        ids = np.random.default_rng(0).integers(5, len(VOCABULARY), (1, 700)).astype("int32")
        ours, _ = load_preset(str(tmp_path)).build_classifier(3)
        inputs = {"token_ids": ids, "padding_mask": np.ones(ids.shape, bool)}
        found = keras.ops.convert_to_numpy(ours.backbone(inputs, training=False))
        with torch.no_grad():
            expected = theirs.model(torch.tensor(ids, dtype=torch.long)).last_hidden_state.numpy()
        np.testing.assert_allclose(found, expected, atol=1e-4)

    def test_it_takes_no_prefix(self, classifier):
        ours, _ = load_preset(str(classifier.folder)).build_classifier(3)
        with pytest.raises(AdapterError, match="RotaryAttention attends in a way of its own"):
            peft.apply(ours, peft.PrefixTuningConfig())


@pytest.mark.any_backend
def test_texts_get_the_same_logits_saved_exported_and_in_onnx(tmp_path):
    roles = train_composed_bytes(tmp_path)
    classes = {"tokenizer_class": "PreTrainedTokenizerFast", **roles}
    ids = {"pad_token_id": 3, "cls_token_id": 1, "sep_token_id": 2}
    write_classifier(tmp_path, "modernbert", classes, local_attention=4, **ids)
    assert_same_everywhere(tmp_path, tmp_path)


@pytest.mark.any_backend
@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"layer_types": ["full_attention", "full_attention", "sliding_attention"]},
         "sets layer_types to another order"),
        ({"layer_types": ["sliding_attention", "full_attention", "sliding_attention"]},
         "sets layer_types to another order"),
        ({"rope_parameters": {"full_attention": {"rope_type": "yarn", "factor": 4.0}}},
         "sets rope_parameters of full_attention"),
        ({"rope_scaling": {"factor": 2.0}}, "sets rope_scaling"),
        ({"classifier_activation": "mish"}, "has the classifier_activation 'mish'"),
        ({"classifier_pooling": "max"}, "classifier_pooling 'max' is not one of cls, mean"),
        ({"local_rope_theta": 0.0}, "local_rope_theta must be at least 1"),
        ({"num_attention_heads": 16}, "must be even"),
    ],
)  # fmt: skip
def test_what_computes_something_else_is_refused(settings, words):
    sizes = {"model_type": "modernbert", "num_hidden_layers": 3, "hidden_size": 16,
             "num_attention_heads": 4, "vocab_size": 50}  # fmt: skip
    with pytest.raises(PresetError, match=words):
        config_to_arguments({**sizes, **settings})
