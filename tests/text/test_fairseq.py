"""The tokenizers of XLM-R and CamemBERT: ids against transformers' on the same directories."""

import json
import shutil

import pytest
from transformers import AutoTokenizer, CamembertTokenizer, XLMRobertaTokenizer

from harness.tokenizer_directories import assert_like_transformers, describe, train_sentencepiece
from kerasft.architectures import read_tokenizer
from kerasft.errors import PresetError

pytestmark = pytest.mark.any_backend

FILE = "sentencepiece.bpe.model"
CLASSES = {"xlm-roberta": XLMRobertaTokenizer, "camembert": CamembertTokenizer}
MASK = {"__type": "AddedToken", "content": "<mask>", "lstrip": True, "rstrip": False,
        "normalized": True, "single_word": False}  # fmt: skip
CONFIGURATIONS = {
    "none": {},
    "as transformers 4 wrote it": {"mask_token": MASK, "bos_token": "<s>", "unk_token": "<unk>"},
    "other tokens": {"mask_token": "<hidden>", "extra_special_tokens": ["<a>", "<b>"]},
    "no space": {"add_prefix_space": False},
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """SentencePiece's own file, with the numbers that it gives by itself."""
    pytest.importorskip("sentencepiece")
    root = tmp_path_factory.mktemp("fairseq")
    train_sentencepiece(root, FILE)
    return root


@pytest.fixture(scope="module", params=CLASSES)
def original(request, trained, tmp_path_factory):
    """A directory as older repositories are."""
    root = tmp_path_factory.mktemp(request.param)
    shutil.copy(trained / FILE, root)
    return describe(root, request.param)


@pytest.fixture(scope="module")
def saved(original):
    """The same with a tokenizer.json, as transformers 5 writes it."""
    kind = json.loads((original / "config.json").read_text())["model_type"]
    CLASSES[kind].from_pretrained(original).save_pretrained(original / "saved")
    return describe(original / "saved", kind)


def copy(directory, file, target, **settings):
    shutil.copy(directory / file, target)
    kind = json.loads((directory / "config.json").read_text())["model_type"]
    return describe(target, kind, **settings)


@pytest.mark.parametrize("case", CONFIGURATIONS)
def test_ids_equal_those_of_transformers_from_the_older_file(original, tmp_path, case):
    assert_like_transformers(copy(original, FILE, tmp_path, **CONFIGURATIONS[case]))


@pytest.mark.parametrize("case", CONFIGURATIONS)
def test_ids_equal_those_of_transformers_from_tokenizer_json(saved, tmp_path, case):
    assert_like_transformers(copy(saved, "tokenizer.json", tmp_path, **CONFIGURATIONS[case]))


def test_words_of_a_sentence_begin_with_a_space(saved, tmp_path):
    directory = copy(saved, "tokenizer.json", tmp_path)
    theirs = AutoTokenizer.from_pretrained(directory)
    sentences = [["The", "house", "is", "wonderful", ",", "déjà", "vu", "\u200b", "it's"], ["x"]]
    expected = theirs(sentences, is_split_into_words=True, add_special_tokens=False)
    found = read_tokenizer(directory).encode_words(sentences)
    for number, sentence in enumerate(found):
        assert sentence.token_ids.tolist() == expected["input_ids"][number]
        assert sentence.words.tolist() == expected.word_ids(number)


def test_broken_files_are_refused(original, tmp_path):
    directory = copy(original, FILE, tmp_path)
    whole = (directory / FILE).read_bytes()
    (directory / FILE).write_bytes(whole[:-7])
    with pytest.raises(PresetError, match="is not a SentencePiece model that can be read"):
        read_tokenizer(directory)
    (directory / FILE).unlink()
    with pytest.raises(PresetError, match="has no tokenizer: neither"):
        read_tokenizer(directory)
    copy(original, FILE, tmp_path, bos_token=None)
    with pytest.raises(PresetError, match=r"has no bos_token; name one in tokenizer_config\.json"):
        read_tokenizer(directory)
