"""DeBERTa, versions 2 and 3: a family of encoders."""

import keras
import numpy as np
import pytest
import torch
from transformers.models.deberta_v2.modeling_deberta_v2 import make_log_bucket_position

from harness.architecture_case import INPUTS, THEIR_INPUTS, ArchitectureCase, assert_close
from harness.checkpoints import VOCABULARY
from harness.spoken import assert_same_everywhere, write_classifier
from harness.tokenizer_directories import train_sentencepiece
from kerasft import peft
from kerasft.architectures import config_to_arguments
from kerasft.errors import AdapterError, PresetError
from kerasft.layers.relative_position_embedding import logarithmic_buckets
from kerasft.presets import load_preset


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

    @pytest.mark.any_backend
    def test_far_distances_share_buckets_as_in_transformers(self, tmp_path):
        settings = {"max_position_embeddings": 300, "position_buckets": 32}
        theirs = self.write(tmp_path, **settings)
        ids = np.random.default_rng(0).integers(5, len(VOCABULARY), (1, 300)).astype("int32")
        ours, _ = load_preset(str(tmp_path)).build_classifier(3)
        inputs = {"token_ids": ids, "padding_mask": np.ones(ids.shape, bool)}
        found = keras.ops.convert_to_numpy(ours.backbone(inputs, training=False))
        with torch.no_grad():
            expected = theirs.deberta(torch.tensor(ids, dtype=torch.long)).last_hidden_state.numpy()
        np.testing.assert_allclose(found, expected, atol=1e-4)

    @pytest.mark.any_backend
    def test_segments_are_read_where_there_are_any(self, tmp_path):
        theirs = self.write(tmp_path, type_vocab_size=2)
        ours, _ = load_preset(str(tmp_path)).build_classifier(3)
        segments = np.arange(9)[None, :].repeat(4, 0) // 3 % 2
        found = keras.ops.convert_to_numpy(ours({**INPUTS, "segment_ids": segments}))
        with torch.no_grad():
            expected = theirs(**THEIR_INPUTS, token_type_ids=torch.tensor(segments)).logits
        assert_close(found, expected.numpy())

    def test_it_takes_no_prefix(self, classifier):
        ours, _ = load_preset(str(classifier.folder)).build_classifier(3)
        with pytest.raises(AdapterError, match="DisentangledAttention attends in a way of its own"):
            peft.apply(ours, peft.PrefixTuningConfig())


@pytest.mark.any_backend
def test_texts_get_the_same_logits_saved_exported_and_in_onnx(tmp_path):
    """With the convolution, of one group and of several."""
    pytest.importorskip("sentencepiece")
    names = {"pad": "[PAD]", "unk": "[UNK]", "bos": "[CLS]", "eos": "[SEP]"}
    options = {f"{name}_piece": piece for name, piece in names.items()}
    train_sentencepiece(
        tmp_path, "spm.model", pad_id=0, unk_id=3, bos_id=1, eos_id=2, **options
    )  # fmt: skip
    settings = {**TestDebertaV2.settings, "conv_kernel_size": 3}
    for groups in (1, 2):
        write_classifier(tmp_path, "deberta-v2", **settings, conv_groups=groups)
        (tmp_path / str(groups)).mkdir()
        assert_same_everywhere(tmp_path, tmp_path / str(groups), plain=False)


@pytest.mark.any_backend
@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"relative_attention": False}, "sets relative_attention to False"),
        ({"pos_att_type": "p2p|c2p"}, "sets pos_att_type .* of which 'p2p' is not supported"),
        ({"norm_rel_ebd": "batch_norm"}, "of which 'batch_norm' is not supported"),
        ({"conv_kernel_size": 4}, "conv_kernel_size must be odd, not 4"),
        ({"conv_kernel_size": 3, "conv_groups": 3}, r"conv_groups \(3\) must divide hidden_size"),
        ({"conv_act": "mish"}, "sets conv_act to 'mish'"),
        ({"pooler_hidden_act": "mish"}, "sets pooler_hidden_act to 'mish'"),
        ({"pooler_hidden_size": 8}, "sets pooler_hidden_size to 8"),
        ({"attention_head_size": 8}, "sets attention_head_size to 8"),
        ({"position_buckets": 256, "max_relative_positions": 64}, "must be 4 or more, and half"),
    ],
)
def test_what_computes_something_else_is_refused(settings, words):
    sizes = {"model_type": "deberta-v2", "num_hidden_layers": 3, "hidden_size": 16,
             "num_attention_heads": 4, "vocab_size": 50}  # fmt: skip
    with pytest.raises(PresetError, match=words):
        config_to_arguments({**sizes, **settings})


@pytest.mark.any_backend
@pytest.mark.parametrize(("buckets", "most"), [(256, 512), (32, 128), (7, 40), (4, 10_000)])
def test_buckets_are_those_of_transformers(buckets, most):
    distances = np.arange(-2000, 2001)
    expected = make_log_bucket_position(torch.tensor(distances), buckets, most)
    found = logarithmic_buckets(distances, buckets, most)
    np.testing.assert_array_equal(found, expected.numpy().astype(int))
