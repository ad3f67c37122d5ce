"""RoBERTa's tokenizer: ids against transformers' on the same directories."""

import json
import shutil

import pytest
from transformers import AutoTokenizer, RobertaTokenizer

from harness.tokenizer_directories import assert_like_transformers, describe, train_byte_level
from kerasft.architectures import read_tokenizer
from kerasft.errors import PresetError
from kerasft.text.tokenizer import Tokenizer

pytestmark = pytest.mark.any_backend

MASK = {"__type": "AddedToken", "content": "<mask>", "lstrip": True, "rstrip": False,
        "normalized": True, "single_word": False}  # fmt: skip
CONFIGURATIONS = {
    "none": {},
    "of a class": {"tokenizer_class": "RobertaTokenizer", "add_prefix_space": True},
    "as transformers 4 wrote it": {
        "tokenizer_class": "RobertaTokenizerFast", "add_prefix_space": False, "trim_offsets": True,
        "mask_token": MASK, "bos_token": "<s>", "errors": "replace",
    },
    "other tokens": {"sep_token": "</s>", "mask_token": "<hidden>", "pad_token": "<fill>",
                     "extra_special_tokens": ["<a>", "<b>"], "trim_offsets": False},
    "added tokens": {"added_tokens_decoder": {
        "4": {"content": "<mask>", "lstrip": True, "special": True, "normalized": False,
              "rstrip": False, "single_word": False},
        "900": {"content": "wonderful", "lstrip": False, "special": False, "normalized": True,
                "rstrip": True, "single_word": True}}},
}  # fmt: skip


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """A directory as older repositories are: vocab.json and merges.txt."""
    root = tmp_path_factory.mktemp("byte_level")
    train_byte_level(root)
    return describe(root, "roberta")


@pytest.fixture(scope="module")
def saved(original):
    """The same with a tokenizer.json, as transformers 5 writes it."""
    RobertaTokenizer.from_pretrained(original).save_pretrained(original / "saved")
    return describe(original / "saved", "roberta")


@pytest.mark.parametrize("case", CONFIGURATIONS)
def test_ids_equal_those_of_transformers_from_the_older_files(original, tmp_path, case):
    for name in ("vocab.json", "merges.txt"):
        shutil.copy(original / name, tmp_path)
    ours = assert_like_transformers(describe(tmp_path, "roberta", **CONFIGURATIONS[case]))
    ours.save(tmp_path / "again.json")
    again = Tokenizer.from_file(tmp_path / "again.json")
    texts = ["Hello  world <mask>", "à l'eau\n"]
    for one, other in zip(ours.encode(texts, 64).token_ids, again.encode(texts, 64).token_ids,
                          strict=True):  # fmt: skip
        assert one.tolist() == other.tolist()


@pytest.mark.parametrize("case", CONFIGURATIONS)
@pytest.mark.parametrize("merges", ["pairs", "strings"])
def test_ids_equal_those_of_transformers_from_tokenizer_json(saved, tmp_path, case, merges):
    content = json.loads((saved / "tokenizer.json").read_text("utf-8"))
    if merges == "strings":
        content["model"]["merges"] = [" ".join(each) for each in content["model"]["merges"]]
    (tmp_path / "tokenizer.json").write_text(json.dumps(content))
    assert_like_transformers(describe(tmp_path, "roberta", **CONFIGURATIONS[case]))


def test_a_class_that_says_nothing_takes_tokenizer_json_as_it_stands(saved, tmp_path):
    content = json.loads((saved / "tokenizer.json").read_text("utf-8"))
    content["pre_tokenizer"]["add_prefix_space"] = True
    (tmp_path / "tokenizer.json").write_text(json.dumps(content))
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "unk_token": "<unk>",
                "pad_token": "<pad>"}  # fmt: skip
    assert_like_transformers(describe(tmp_path, "roberta", **settings))


def test_special_tokens_of_an_older_map_count(original, tmp_path):
    for name in ("vocab.json", "merges.txt"):
        shutil.copy(original / name, tmp_path)
    mask = {key: value for key, value in MASK.items() if key != "__type"}
    (tmp_path / "special_tokens_map.json").write_text(json.dumps({"mask_token": mask}))
    (tmp_path / "added_tokens.json").write_text(json.dumps({"<new>": 400, "<mask>": 4}))
    assert_like_transformers(describe(tmp_path, "roberta"))


@pytest.mark.parametrize("prefix", [False, True])
def test_words_of_a_sentence_begin_with_a_space(saved, tmp_path, prefix):
    """As transformers reads words, which it only does with add_prefix_space."""
    shutil.copy(saved / "tokenizer.json", tmp_path)
    directory = describe(tmp_path, "roberta", add_prefix_space=prefix)
    theirs = AutoTokenizer.from_pretrained(directory, add_prefix_space=True)
    sentences = [["The", "house", "is", "wonderful", ",", "déjà", "vu", "\u200b", "it's"], ["x"]]
    expected = theirs(sentences, is_split_into_words=True, add_special_tokens=False)
    found = read_tokenizer(directory).encode_words(sentences)
    for number, sentence in enumerate(found):
        assert sentence.token_ids.tolist() == expected["input_ids"][number]
        assert sentence.words.tolist() == expected.word_ids(number)


def test_broken_files_are_refused(original, saved, tmp_path):
    content = json.loads((saved / "tokenizer.json").read_text("utf-8"))
    vocabulary = json.loads((original / "vocab.json").read_text("utf-8"))
    merges = (original / "merges.txt").read_text("utf-8")

    def refused(words: str, **files: object) -> None:
        for path in tmp_path.iterdir():
            path.unlink()
        describe(tmp_path, "roberta", **files.pop("settings", {}))
        for name, text in files.items():
            file = tmp_path / {"json": "tokenizer.json", "vocab": "vocab.json"}.get(
                name, "merges.txt"
            )
            file.write_text(text if isinstance(text, str) else json.dumps(text))
        with pytest.raises(PresetError, match=words):
            read_tokenizer(tmp_path)

    refused(r"neither tokenizer\.json nor merges\.txt", vocab=vocabulary)
    refused("must give each token a number", vocab={**vocabulary, "a": "1"}, merges=merges)
    refused(r"is not a JSON object", vocab=[], merges=merges)
    refused("cannot read|is not a tokenizer", vocab=vocabulary, merges=merges + "zzz qqq\n")
    refused("cannot read", vocab=vocabulary, merges=merges + "three in one\n")
    wrong = {**content["model"], "merges": [["a", "b", "c"]]}
    refused("which is not one of two pieces", json={**content, "model": wrong})
    refused("has a WordLevel model where its class has a BPE one",
            json={"model": {"type": "WordLevel", "vocab": {"a": 0}}})  # fmt: skip
    refused("'maybe' as add_prefix_space; it must be true or false", vocab=vocabulary,
            merges=merges, settings={"add_prefix_space": "maybe"})  # fmt: skip
    refused("has no cls_token", vocab=vocabulary, merges=merges, settings={"cls_token": None})
