"""config.json: what is read from it and which models it refuses."""

import dataclasses

import pytest
import transformers

from kerasft.architectures import config_labels, config_to_arguments
from kerasft.errors import PresetError


def bert(**changes) -> dict:
    return {**transformers.BertConfig(hidden_size=24, num_attention_heads=3).to_dict(), **changes}


def test_bert_is_read():
    architecture, arguments = config_to_arguments(
        bert(
            hidden_dropout_prob=0.3,
            attention_probs_dropout_prob=0.2,
            hidden_act="gelu_new",
            layer_norm_eps=1e-6,
        )
    )
    assert architecture == "bert"
    assert dataclasses.astuple(arguments) == (
        *(30522, 12, 3, 24, 3072, 512),
        *(0.3, 0.2, 0.3, 2, "gelu_approximate", 1e-6),
    )
    assert config_to_arguments(bert(classifier_dropout=0.0))[1].head_dropout == 0.0


def test_distilbert_is_read():
    config = transformers.DistilBertConfig(
        dim=24, n_heads=3, dropout=0.3, attention_dropout=0.2, activation="relu"
    ).to_dict()
    architecture, arguments = config_to_arguments(config)
    assert architecture == "distilbert"
    assert dataclasses.astuple(arguments) == (
        *(30522, 6, 3, 24, 3072, 512),
        *(0.3, 0.2, 0.2, 0, "relu", 1e-12),
    )


@pytest.mark.parametrize(
    ("model_type", "reference"),
    [
        ("bert", transformers.BertConfig()),
        ("camembert", transformers.CamembertConfig()),
        ("distilbert", transformers.DistilBertConfig()),
        ("roberta", transformers.RobertaConfig()),
        ("xlm-roberta", transformers.XLMRobertaConfig()),
    ],
)
def test_what_is_left_out_is_the_default_of_transformers(model_type, reference):
    assert config_to_arguments({"model_type": model_type}) == config_to_arguments(
        reference.to_dict()
    )


def test_a_config_without_model_type_wants_to_be_told():
    config = bert()
    del config["model_type"]
    with pytest.raises(PresetError, match="`--architecture`"):
        config_to_arguments(config)
    assert config_to_arguments(config, architecture="bert")[0] == "bert"
    assert config_to_arguments(config, architecture="xlm-roberta")[0] == "roberta"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"model_type": "gpt2"}, "model_type 'gpt2', which is not supported"),
        ({"model_type": "distil_bert"}, "(the nearest is distilbert)"),
        ({"model_type": ["bert"]}, "not supported"),
        ({"is_decoder": True}, "is_decoder to True"),
        ({"add_cross_attention": True}, "add_cross_attention"),
        ({"position_embedding_type": "relative_key"}, "'relative_key'; only 'absolute'"),
        ({"hidden_act": "quick_gelu"}, "activation 'quick_gelu'"),
        ({"hidden_act": None}, "activation None"),
        ({"hidden_size": 25}, "num_heads (3) must divide hidden_size (25)"),
        ({"num_hidden_layers": -1}, "num_layers must be between"),
        ({"vocab_size": "many"}, "vocab_size must be int"),
        ({"hidden_size": 10**9}, "hidden_size must be between"),
        ({"hidden_dropout_prob": 7}, "dropout must be"),
    ],
)
def test_other_models_are_refused_in_one_sentence(changes, words):
    with pytest.raises(PresetError) as caught:
        config_to_arguments(bert(**changes), source="a/config.json")
    assert words in str(caught.value) and str(caught.value).startswith("a/config.json")


def test_a_contradicted_architecture_is_refused():
    with pytest.raises(PresetError, match="'bert', not 'distilbert' as asked"):
        config_to_arguments(bert(), architecture="distilbert")
    assert config_to_arguments({"model_type": "camembert"}, architecture="roberta")


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ({"0": "no", "1": "yes"}, ["no", "yes"]),
        ({"1": "yes", "0": "no"}, ["no", "yes"]),
        ({"0": "LABEL_0", "1": "LABEL_1"}, None),
        ({"0": "same", "1": "same"}, None),
        ({"0": "no", "2": "yes"}, None),
        ({"a": "no"}, None),
        ({}, None),
        (None, None),
    ],
)
def test_label_names(names, expected):
    assert config_labels({"id2label": names}) == expected
