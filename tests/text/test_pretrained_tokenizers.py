"""The files of special tokens beside a tokenizer, in a checkpoint directory."""

import json

import pytest

from kerasft.architectures import read_tokenizer
from kerasft.errors import PresetError

pytestmark = pytest.mark.any_backend


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("tokenizer_config.json", {"added_tokens_decoder": {"x": {"content": "y"}}}, "'id': 'x'"),
        ("tokenizer_config.json", {"added_tokens_decoder": [1]}, "added_tokens_decoder"),
        ("tokenizer_config.json", {"added_tokens_decoder": {"-1": {"content": "y"}}}, "'-1'"),
        ("tokenizer_config.json", {"added_tokens_decoder": {"5": {"content": 7}}}, "added token"),
        ("tokenizer_config.json", {"added_tokens_decoder": {"5": None}}, "added token None"),
        ("tokenizer_config.json", {"additional_special_tokens": "<a><b>"}, "no list"),
        ("tokenizer_config.json", {"additional_special_tokens": [7]}, "special token 7"),
        ("tokenizer_config.json", {"cls_token": "c" * 10**5}, "special token 'ccc"),
        ("special_tokens_map.json", {"cls_token": ["[CLS]"]}, "special token ['[CLS]']"),
        ("added_tokens.json", {"<new>": "seven"}, "'id': 'seven'"),
        ("added_tokens.json", {"<new>": 2**40}, "added token"),
    ],
)
def test_special_tokens_that_are_none(tmp_path, name, content, words):
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    (tmp_path / "vocab.txt").write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\na\n")
    (tmp_path / name).write_text(json.dumps(content))
    with pytest.raises(PresetError) as caught:
        read_tokenizer(tmp_path)
    assert words in str(caught.value) and str(tmp_path) in str(caught.value)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 400
