"""The tokenizers of several encoders, against transformers' on the same directories."""

import json
import shutil
from pathlib import Path

import pytest
from transformers import AutoTokenizer

from harness.checkpoints import vocabulary
from harness.texts import AWKWARD
from harness.tokenizer_directories import (
    assert_like_transformers,
    describe,
    train_composed_bytes,
    train_sentencepiece,
)
from kerasft.architectures import read_tokenizer
from kerasft.errors import PresetError

pytestmark = pytest.mark.any_backend

OLDER = {
    "albert": "spiece.model",
    "deberta-v2": "spm.model",
    "electra": "vocab.txt",
    "mpnet": "vocab.txt",
}
ADDED = {"__type": "AddedToken", "rstrip": False, "normalized": False, "single_word": False}
CONFIGURATIONS = {
    "none": ("albert", {}),
    "with accents and capitals": ("albert", {"keep_accents": True, "do_lower_case": False}),
    "capitals alone": ("albert", {"do_lower_case": False}),
    "as ALBERT's are in version 4": (
        "albert",
        {"tokenizer_class": "AlbertTokenizerFast", "remove_space": True, "keep_accents": False,
         "mask_token": {**ADDED, "content": "[MASK]", "lstrip": True}},
    ),
    "DeBERTa": ("deberta-v2", {}),
    "as DeBERTa's are in version 4": (
        "deberta-v2",
        {"tokenizer_class": "DebertaV2TokenizerFast", "do_lower_case": False,
         "vocab_type": "spm", "split_by_punct": False, "sp_model_kwargs": {}},
    ),
    "DeBERTa in small letters, by punctuation": (
        "deberta-v2", {"do_lower_case": True, "split_by_punct": True, "add_prefix_space": False}
    ),
    "DeBERTa with another mask": (
        "deberta-v2", {"mask_token": {**ADDED, "content": "<mask>", "lstrip": True}}
    ),
    "ELECTRA": ("electra", {}),
    "ELECTRA by its class": ("electra", {"tokenizer_class": "ElectraTokenizerFast"}),
    "ELECTRA with capitals": ("electra", {"do_lower_case": False, "strip_accents": False}),
    "MPNet": ("mpnet", {}),
    "MPNet with capitals": ("mpnet", {"do_lower_case": False, "tokenize_chinese_chars": False}),
    "as MPNet's are in version 4": (
        "mpnet",
        {"tokenizer_class": "MPNetTokenizer", "bos_token": "<s>", "sep_token": "</s>",
         "unk_token": "[UNK]", "mask_token": {**ADDED, "content": "<mask>", "lstrip": True}},
    ),
    "MPNet with another mask": ("mpnet", {"mask_token": "[MASK]"}),
}  # fmt: skip


@pytest.fixture(scope="module")
def older(tmp_path_factory) -> dict[str, Path]:
    """Model type -> the file that older repositories hold."""
    pytest.importorskip("sentencepiece")
    root = tmp_path_factory.mktemp("older")
    options = {"pad_id": 0, "unk_id": 1, "bos_id": -1, "eos_id": -1}
    train_sentencepiece(root, "spiece.model", control_symbols="[CLS],[SEP],[MASK]", **options)
    options = {"pad_id": 0, "unk_id": 3, "bos_id": 1, "eos_id": 2}
    names = {"pad": "[PAD]", "unk": "[UNK]", "bos": "[CLS]", "eos": "[SEP]"}
    named = {f"{name}_piece": piece for name, piece in names.items()}
    train_sentencepiece(root, "spm.model", **options, **named)
    pieces = vocabulary(cased=True)
    for name, first, last in (("electra", [], []), ("mpnet", ["<s>", "<pad>", "</s>"], ["<mask>"])):
        (root / name).mkdir()
        lines = "\n".join([*first, *pieces, *last])
        (root / name / "vocab.txt").write_text(lines + "\n", encoding="utf-8")
    return {
        kind: (root if name.endswith(".model") else root / kind) / name
        for kind, name in OLDER.items()
    }


@pytest.mark.parametrize("case", CONFIGURATIONS)
@pytest.mark.filterwarnings("ignore:the tokenizer of:UserWarning")
def test_ids_equal_those_of_transformers(older, tmp_path, case):
    """From the older file, and from the tokenizer.json that transformers writes."""
    kind, settings = CONFIGURATIONS[case]
    shutil.copy(older[kind], tmp_path)
    assert_like_transformers(describe(tmp_path, kind, **settings))
    AutoTokenizer.from_pretrained(tmp_path).save_pretrained(tmp_path / "saved")
    assert_like_transformers(describe(tmp_path / "saved", kind, **settings))


@pytest.mark.parametrize("kind", OLDER)
def test_a_written_directory_is_read_by_transformers(older, tmp_path, kind):
    shutil.copy(older[kind], tmp_path)
    ours = read_tokenizer(describe(tmp_path, kind))
    ours.save_directory(tmp_path / "written", max_length=48)
    (tmp_path / "written" / "config.json").write_text(json.dumps({"model_type": kind}))
    theirs = AutoTokenizer.from_pretrained(tmp_path / "written")
    expected = theirs(AWKWARD, truncation=True)["input_ids"]
    assert [ids.tolist() for ids in ours.encode(AWKWARD, 48).token_ids] == expected
    assert (theirs.pad_token, theirs.mask_token) == (
        ours.pad_token,
        "<mask>" if kind == "mpnet" else "[MASK]",
    )


def test_words_of_a_sentence_are_those_of_transformers(older, tmp_path):
    sentences = [["The", "house", "is", "wonderful", ",", "déjà", "vu", "\u200b", "it's"], ["x"]]
    for kind, file in older.items():
        (tmp_path / kind).mkdir()
        shutil.copy(file, tmp_path / kind)
        directory = describe(tmp_path / kind, kind)
        theirs = AutoTokenizer.from_pretrained(directory)
        expected = theirs(sentences, is_split_into_words=True, add_special_tokens=False)
        for number, found in enumerate(read_tokenizer(directory).encode_words(sentences)):
            assert found.token_ids.tolist() == expected["input_ids"][number], kind
            assert found.words.tolist() == expected.word_ids(number), kind


@pytest.mark.parametrize("name", ["PreTrainedTokenizerFast", "RobertaTokenizer", None])
def test_where_no_class_counts_the_file_is_read_as_it_stands(tmp_path, name):
    """ModernBERT's: bytes, as RoBERTa's, but composed, and with BERT's tokens around."""
    settings = train_composed_bytes(tmp_path)
    if name:
        settings["tokenizer_class"] = name
    assert_like_transformers(describe(tmp_path, "modernbert", **settings))


def test_a_vocabulary_of_another_family_is_refused(older, tmp_path):
    shutil.copy(older["electra"], tmp_path)
    with pytest.raises(PresetError, match=r"has no <s> \(cls_token\)"):
        read_tokenizer(describe(tmp_path, "mpnet"))
