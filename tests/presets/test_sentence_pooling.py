"""What a head reads: from the preset, from sentence-transformers' own file, or as it is told."""

import json
import shutil

import pytest

from harness.checkpoints import write_checkpoint
from kerasft.errors import PresetError
from kerasft.presets import load_preset
from kerasft.presets.convert_directory import convert_directory

FLAGS = ("cls_token", "mean_tokens", "max_tokens", "mean_sqrt_len_tokens", "lasttoken")


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    directory = tmp_path_factory.mktemp("bare")
    write_checkpoint(directory, "bert", layers=1)
    return directory


def with_pooling(bare, target, content) -> str:
    shutil.copytree(bare, target)
    (target / "1_Pooling").mkdir()
    (target / "1_Pooling" / "config.json").write_text(
        content if isinstance(content, str) else json.dumps(content)
    )
    return str(target)


def flags(*on, **more):
    """The file as sentence-transformers 2 to 4 write it."""
    modes = {f"pooling_mode_{name}": name in on for name in FLAGS}
    return {"word_embedding_dimension": 16, **modes, "include_prompt": True, **more}


@pytest.mark.parametrize(
    ("content", "pooling", "says"),
    [
        (flags("mean_tokens"), "mean", "the mean over the tokens, as 1_Pooling/config.json says"),
        (flags("cls_token"), "first", "the first token, as 1_Pooling/config.json says"),
        ({"embedding_dimension": 16, "pooling_mode": "mean"}, "mean", "the mean over"),
        ({"pooling_mode": ["cls"]}, "first", "the first token, as 1_Pooling"),
        (flags("max_tokens"), "first", "kerasft lacks the pooling .* asks for (max_tokens)"),
        (flags("mean_tokens", "max_tokens"), "first", "(mean_tokens with max_tokens)"),
        ({"pooling_mode": ["cls", "mean"]}, "first", "(cls with mean)"),
        ({"pooling_mode": "lasttoken"}, "first", "(lasttoken)"),
        (flags(), "first", "asks for (none)"),
    ],
)
def test_a_directory_of_sentence_transformers_says(bare, tmp_path, content, pooling, says):
    pretrained = load_preset(with_pooling(bare, tmp_path / "model", content))
    assert pretrained.pooling == pooling
    said = pretrained.describe_pooling(pooling)
    assert all(part in said for part in says.split(" .* "))
    model, report = pretrained.build_classifier(3)
    assert model.pooling == pooling
    # A mean has no pooler to go through.
    assert ("pooler.dense.weight" in report.unread) == (pooling == "mean")
    other = {"first": "mean", "mean": "first"}[pooling]
    assert pretrained.build_classifier(3, other)[0].pooling == other
    assert f"as --pooling says; by itself it would be '{pooling}'" in (
        pretrained.describe_pooling(other)
    )


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "not valid JSON"),
        ("[]", "must hold a JSON object"),
        (flags("mean_tokens", word_embedding_dimension=384), "width 384, but config.json says 16"),
        (flags(pooling_mode_cls_token="yes"), "pooling_mode_cls_token must be true or false"),
        ({"pooling_mode": 3}, "pooling_mode must be a name or names, not 3"),
        ({"pooling_mode": [None]}, r"must be a name or names, not \[None\]"),
        ({"word_embedding_dimension": 16}, "names no pooling_mode"),
    ],
)
def test_a_broken_file_is_one_sentence(bare, tmp_path, content, words):
    with pytest.raises(PresetError, match=words) as raised:
        load_preset(with_pooling(bare, tmp_path / "model", content))
    assert "1_Pooling" in str(raised.value) and "\n" not in str(raised.value)


def test_without_the_file_it_is_the_first_token(bare):
    pretrained = load_preset(str(bare))
    assert pretrained.pooling == "first"
    assert pretrained.describe_pooling("first") == (
        "the head reads the first token, as transformers' own heads do"
    )


def test_a_trained_head_goes_before_the_file(tmp_path):
    """It stands on the first token, whatever the sentences' vectors were."""
    write_checkpoint(tmp_path / "headed", "bert", "ForSequenceClassification", layers=1)
    pretrained = load_preset(
        with_pooling(tmp_path / "headed", tmp_path / "model", flags("mean_tokens"))
    )
    assert pretrained.pooling == "first"
    assert pretrained.build_classifier(3)[1].new == []


def test_a_conversion_keeps_it(bare, tmp_path):
    import torch
    from safetensors.torch import load_file

    source = tmp_path / "pickled"
    with_pooling(bare, source, flags("mean_tokens"))
    torch.save(load_file(source / "model.safetensors"), source / "pytorch_model.bin")
    (source / "model.safetensors").unlink()
    conversion = convert_directory(source, tmp_path / "new")
    assert conversion.left == ()
    assert load_preset(str(tmp_path / "new")).pooling == "mean"
