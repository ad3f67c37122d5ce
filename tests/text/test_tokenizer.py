"""Token ids against transformers' AutoTokenizer on the same directories."""

import json
import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest
from transformers import AutoTokenizer

from harness import wordpieces
from harness.checkpoints import vocabulary, write_checkpoint
from harness.texts import AWKWARD
from kerasft.architectures import read_tokenizer
from kerasft.errors import ConfigError, DataError, PresetError
from kerasft.text.tokenizer import Tokenizer

# Directories whose files disagree about the case are read on purpose.
pytestmark = [
    pytest.mark.any_backend,
    pytest.mark.filterwarnings("ignore:the tokenizer of:UserWarning"),
]

assert len(set(AWKWARD)) >= 60


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, bool, str], Path]:
    """(model type, cased, tokenizer files) -> a directory with a tokenizer."""
    root = tmp_path_factory.mktemp("checkpoints")
    found = {}
    for model_type in ("bert", "distilbert"):
        for cased in (False, True):
            for files in ("both", "json", "vocab"):
                directory = root / f"{model_type}-{cased}-{files}"
                write_checkpoint(directory, model_type, layers=1, cased=cased, tokenizer=files)
                (directory / "model.safetensors").unlink()
                found[model_type, cased, files] = directory
    return found


def assert_equal_ids(directory: Path, texts: list[str], max_length: int) -> Tokenizer:
    theirs = AutoTokenizer.from_pretrained(directory)
    ours = read_tokenizer(directory)
    encodings = ours.encode(texts, max_length)
    expected = theirs(texts, truncation=True, max_length=max_length)["input_ids"]
    full = theirs(texts)["input_ids"]
    assert [ids.tolist() for ids in encodings.token_ids] == expected
    assert encodings.full_lengths.tolist() == [len(ids) for ids in full]
    assert encodings.unknown == sum(ids.count(theirs.unk_token_id) for ids in expected)
    assert encodings.cut == sum(len(ids) > max_length for ids in full)
    assert encodings.cut_tokens == sum(map(len, full)) - sum(map(len, expected))
    assert (ours.pad_id, ours.unknown_id) == (theirs.pad_token_id, theirs.unk_token_id)
    assert ours.vocab_size == len(theirs)
    return ours


def change(directory: Path, target: Path, **settings: object) -> Path:
    """Copies a checkpoint and changes its tokenizer_config.json."""
    shutil.copytree(directory, target)
    file = target / "tokenizer_config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **settings}))
    return target


@pytest.mark.parametrize("model_type", ["bert", "distilbert"])
@pytest.mark.parametrize("cased", [False, True])
@pytest.mark.parametrize("files", ["both", "json", "vocab"])
@pytest.mark.parametrize("config", ["as written", "none", "empty", "other case", "no case"])
def test_ids_equal_those_of_transformers(checkpoints, tmp_path, model_type, cased, files, config):
    directory = tmp_path / "checkpoint"
    shutil.copytree(checkpoints[model_type, cased, files], directory)
    file = directory / "tokenizer_config.json"
    settings = json.loads(file.read_text())
    if config == "none":
        file.unlink()
    elif config == "empty":
        file.write_text("{}")
    elif config == "other case":
        file.write_text(json.dumps({**settings, "do_lower_case": cased}))
    elif config == "no case":
        del settings["do_lower_case"]
        file.write_text(json.dumps(settings))
    ours = assert_equal_ids(directory, AWKWARD, max_length=64)

    # The whole machinery is the same, not only what these strings show.
    theirs = AutoTokenizer.from_pretrained(directory).backend_tokenizer
    assert json.loads(ours._backend.to_str()) == {
        **json.loads(theirs.to_str()),
        "truncation": None,
        "padding": None,
    }

    ours.save(tmp_path / "tokenizer.json")
    again = Tokenizer.from_file(tmp_path / "tokenizer.json")
    for mine, other in zip(
        ours.encode(AWKWARD, 512).token_ids, again.encode(AWKWARD, 512).token_ids, strict=True
    ):
        np.testing.assert_array_equal(mine, other)
    assert (again.pad_id, again.unknown_id) == (ours.pad_id, ours.unknown_id)
    assert again.vocab_size == ours.vocab_size


@pytest.mark.parametrize("max_length", [3, 4, 17, 512, 100_000])
def test_texts_are_cut_as_transformers_cuts_them(checkpoints, max_length):
    assert_equal_ids(checkpoints["bert", False, "json"], AWKWARD, max_length)


def added(content: str, **flags: bool) -> dict:
    default = {"lstrip": False, "rstrip": False, "normalized": False, "single_word": False}
    return {"content": content, "special": True, **default, **flags}


@pytest.mark.parametrize("files", ["json", "vocab"])
@pytest.mark.parametrize(
    "settings",
    [
        {"strip_accents": True, "do_lower_case": False},
        {"strip_accents": False, "do_lower_case": True},
        {"tokenize_chinese_chars": False},
        {"mask_token": None},
        {"mask_token": {"__type": "AddedToken", **added("[MASK]", lstrip=True)}},
        {"pad_token": "<pad>"},
        {"extra_special_tokens": ["[X]", "hello"]},
        {"additional_special_tokens": ["[X]"]},
        {"added_tokens_decoder": {"4": added("[MASK]", lstrip=True), "900": added("[Y]")}},
        {"added_tokens_decoder": {"900": added("New", normalized=True, special=False)}},
        {"tokenizer_class": "BertTokenizerFast", "do_lower_case": False},
        {"tokenizer_class": "DistilBertTokenizer", "do_lower_case": False},
        {"model_max_length": 8, "padding_side": "left"},
    ],
    ids=str,
)
def test_settings_that_checkpoints_have(checkpoints, tmp_path, files, settings):
    directory = change(checkpoints["bert", False, files], tmp_path / "checkpoint", **settings)
    texts = [*AWKWARD, "a [X] b [Y] New new [MASK] hello"]
    ours = assert_equal_ids(directory, texts, max_length=64)
    ours.save(tmp_path / "tokenizer.json")
    again = Tokenizer.from_file(tmp_path / "tokenizer.json")
    assert again.pad_id == ours.pad_id
    for mine, other in zip(
        ours.encode(texts, 64).token_ids, again.encode(texts, 64).token_ids, strict=True
    ):
        np.testing.assert_array_equal(mine, other)


@pytest.mark.parametrize("name", ["PreTrainedTokenizerFast", "TokenizersBackend", "NewTokenizer"])
def test_other_classes_take_the_file_as_it_stands(checkpoints, tmp_path, name):
    directory = change(
        checkpoints["bert", True, "json"],
        tmp_path / "checkpoint",
        tokenizer_class=name,
        do_lower_case=True,  # which only a BERT tokenizer heeds
    )
    ours = assert_equal_ids(directory, AWKWARD, max_length=64)
    upper, lower = ours.encode(["Hello", "hello"], 8).token_ids
    assert upper.tolist() != lower.tolist()


def test_without_any_config_the_file_counts(checkpoints, tmp_path):
    directory = tmp_path / "checkpoint"
    directory.mkdir()
    shutil.copy(checkpoints["bert", True, "json"] / "tokenizer.json", directory)
    theirs = AutoTokenizer.from_pretrained(directory)  # knows ids, but no token's role
    ours = read_tokenizer(directory).encode(AWKWARD, 64)
    expected = theirs(AWKWARD, truncation=True, max_length=64)["input_ids"]
    assert [ids.tolist() for ids in ours.token_ids] == expected


def test_a_doubtful_case_is_said(checkpoints, tmp_path):
    cased = tmp_path / "cased"
    shutil.copytree(checkpoints["bert", True, "json"], cased)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read_tokenizer(cased)
    (cased / "tokenizer_config.json").unlink()
    with pytest.warns(UserWarning, match="lower-cases.*keeps capitals.*do_lower_case.*false"):
        read_tokenizer(cased)
    other = change(checkpoints["bert", False, "json"], tmp_path / "other", do_lower_case=False)
    with pytest.warns(UserWarning, match="keeps capitals.*lower-cases.*true"):
        read_tokenizer(other)


def test_older_files_with_special_tokens(checkpoints, tmp_path):
    directory = change(checkpoints["bert", False, "vocab"], tmp_path / "checkpoint")
    (directory / "special_tokens_map.json").write_text(
        json.dumps({"mask_token": added("[MASK]", lstrip=True), "sep_token": "[SEP]"})
    )
    (directory / "added_tokens.json").write_text(json.dumps({"newword": 400, "[MASK]": 4}))
    assert_equal_ids(directory, [*AWKWARD, "a newword here [MASK] x"], max_length=64)


def test_truncation_and_padding_in_the_file_do_not_count(checkpoints, tmp_path):
    directory = change(checkpoints["distilbert", False, "json"], tmp_path / "checkpoint")
    backend = read_tokenizer(directory)._backend
    backend.enable_truncation(6)
    backend.enable_padding(length=6)
    backend.save(str(directory / "tokenizer.json"))
    assert_equal_ids(directory, AWKWARD, max_length=32)


def test_from_wordpiece_equals_the_directory(checkpoints):
    for cased in (False, True):
        built = wordpieces.tokenizer(vocabulary(cased), lowercase=not cased)
        read = read_tokenizer(checkpoints["bert", cased, "vocab"])
        assert json.loads(built._backend.to_str()) == json.loads(read._backend.to_str())


def test_exported_directory_is_read_by_transformers(checkpoints, tmp_path):
    for key in (("bert", False, "json"), ("distilbert", True, "vocab")):
        ours = read_tokenizer(checkpoints[key])
        directory = tmp_path / key[0]
        ours.save_directory(directory, max_length=48)
        for model_config in (None, {"model_type": key[0]}):
            if model_config:
                (directory / "config.json").write_text(json.dumps(model_config))
            theirs = AutoTokenizer.from_pretrained(directory)
            result = theirs(AWKWARD, truncation=True)
            assert set(result) == {"input_ids", "attention_mask"}
            assert result["input_ids"] == [i.tolist() for i in ours.encode(AWKWARD, 48).token_ids]
            assert_equal_ids(directory, AWKWARD, max_length=48)


def test_many_texts_keep_their_order(checkpoints):
    tokenizer = read_tokenizer(checkpoints["bert", False, "json"])
    texts = [f"hello {'word ' * (i % 7)}{i}" for i in range(3000)]
    together = tokenizer.encode(texts, 16)
    assert together.full_lengths.shape == (3000,)
    for i in range(0, 3000, 97):
        np.testing.assert_array_equal(
            together.token_ids[i], tokenizer.encode([texts[i]], 16).token_ids[0]
        )


def test_nothing_to_encode(checkpoints):
    encodings = read_tokenizer(checkpoints["bert", False, "json"]).encode([], 16)
    assert encodings.token_ids == [] and encodings.cut == 0 and encodings.unknown == 0
    assert "0 of 0 texts" in encodings.summary()


def test_summary_states_the_loss(checkpoints):
    tokenizer = read_tokenizer(checkpoints["bert", False, "json"])
    encodings = tokenizer.encode(["hello world hello world", "hello", "☃"], 4)
    # [CLS] hello world [SEP], [CLS] hello [SEP], [CLS] [UNK] [SEP]
    assert encodings.summary() == (
        "1 of 3 texts were cut at 4 tokens (16.7% of all tokens lost); "
        "10.00% of the tokens kept are unknown words"
    )


def test_decode(checkpoints):
    tokenizer = read_tokenizer(checkpoints["bert", False, "json"])
    ids = tokenizer.encode(["Hello world, isn't it?"], 32).token_ids[0]
    assert tokenizer.decode(ids).startswith("hello world")


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        (["fine", "half \ud83d"], ["text 1", "surrogate", "position 5"]),
        (["\udc80"], ["text 0", "surrogate"]),
        (["fine", None], ["text 1", "NoneType"]),
        ([3], ["text 0", "int"]),
        ([b"bytes"], ["bytes"]),
        ([["nested"]], ["list"]),
        ([float("nan")], ["float"]),
    ],
)
def test_texts_that_are_none(checkpoints, texts, words):
    tokenizer = read_tokenizer(checkpoints["bert", False, "json"])
    with pytest.raises(DataError) as caught:
        tokenizer.encode(texts, 16)
    assert all(word in str(caught.value) for word in words)


def test_a_single_string_is_refused(checkpoints):
    tokenizer = read_tokenizer(checkpoints["bert", False, "json"])
    with pytest.raises(DataError, match="list"):
        tokenizer.encode("hello", 16)


@pytest.mark.parametrize("max_length", [2, 0, -1])
def test_no_room_for_text(checkpoints, max_length):
    with pytest.raises(ConfigError, match="3 or more"):
        read_tokenizer(checkpoints["bert", False, "json"]).encode(["a"], max_length)


BROKEN = {
    "no directory": (None, "there is no directory"),
    "nothing in it": ({}, "neither tokenizer.json nor one of .*vocab.txt"),
    "not JSON": ({"tokenizer.json": "{"}, "tokenizer.json"),
    "not a tokenizer": ({"tokenizer.json": "{}"}, "tokenizer.json"),
    "no object": ({"tokenizer.json": "[]", "config.json": '{"model_type": "bert"}'}, "JSON object"),
    "no model": ({"tokenizer.json": "{}", "config.json": '{"model_type": "bert"}'}, "WordPiece"),
    "other model": (
        {
            "tokenizer.json": '{"model": {"type": "BPE", "vocab": {}}}',
            "config.json": '{"model_type": "bert"}',
        },
        "BPE",
    ),
    "no pieces": (
        {
            "tokenizer.json": '{"model": {"type": "WordPiece", "vocab": {"a": "b"}}}',
            "config.json": '{"model_type": "bert"}',
        },
        "vocabulary",
    ),
    "not BERT's pieces": ({"vocab.txt": "a\nb\n"}, r"no \[UNK\]"),
    "empty pieces": ({"vocab.txt": ""}, r"no \[UNK\]"),
    "pieces in latin-1": ({"vocab.txt": b"caf\xe9\n"}, "vocab.txt"),
    "another class": (
        {"vocab.txt": "a\n", "tokenizer_config.json": '{"tokenizer_class": "XlnetTokenizer"}'},
        "XlnetTokenizer",
    ),
    "wrong type": (
        {"vocab.txt": "[UNK]\n", "tokenizer_config.json": '{"do_lower_case": "yes"}'},
        "do_lower_case",
    ),
    "wrong special token": (
        {"vocab.txt": "[UNK]\n", "tokenizer_config.json": '{"cls_token": 3}'},
        "special token",
    ),
    "cut on the left": (
        {"vocab.txt": "[UNK]\n", "tokenizer_config.json": '{"truncation_side": "left"}'},
        "truncation_side",
    ),
    "config in latin-1": ({"vocab.txt": "a\n", "tokenizer_config.json": b'{"\xe9": 1}'}, "utf-8"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_directories(tmp_path, case):
    files, message = BROKEN[case]
    directory = tmp_path / "broken"
    if files is not None:
        directory.mkdir()
        for name, content in files.items():
            data = content if isinstance(content, bytes) else content.encode()
            (directory / name).write_bytes(data)
    with pytest.raises(PresetError, match=message):
        read_tokenizer(directory, "bert")


def test_files_of_nobody(tmp_path):
    (tmp_path / "vocab.txt").write_text("[UNK]\n")
    with pytest.raises(PresetError, match="says whose tokenizer its files are"):
        read_tokenizer(tmp_path)


def test_no_file(tmp_path):
    with pytest.raises(PresetError, match="there is no tokenizer file"):
        Tokenizer.from_file(tmp_path / "tokenizer.json")


def test_no_padding_token(tmp_path):
    content = {
        "version": "1.0",
        "model": {"type": "WordLevel", "vocab": {"a": 0, "?": 1}, "unk_token": "?"},
        "added_tokens": [],
    }
    (tmp_path / "tokenizer.json").write_text(json.dumps(content))
    with pytest.raises(PresetError, match="padding token"):
        Tokenizer.from_file(tmp_path / "tokenizer.json")


@pytest.mark.parametrize("unknown", ["?", "absent"])
def test_no_token_for_a_letter(tmp_path, unknown):
    model = {"type": "WordLevel", "vocab": {"[PAD]": 0, "!": 1}, "unk_token": unknown}
    content = {"version": "1.0", "model": model, "added_tokens": []}
    (tmp_path / "tokenizer.json").write_text(json.dumps(content))
    with pytest.raises(PresetError, match="for unknown words"):
        Tokenizer.from_file(tmp_path / "tokenizer.json")


@pytest.mark.real
@pytest.mark.parametrize("name", ["minilm", "distilbert"])
@pytest.mark.parametrize("max_length", [16, 512])
def test_real_checkpoints(real_weights, shared, name, max_length):
    directory = real_weights / name
    if not directory.is_dir():
        pytest.skip(f"no {directory}")
    corpora = shared / "data"
    lines = (corpora / "en_it" / "tatoeba.tsv").read_text(encoding="utf-8").split("\n")[::20]
    raw = (corpora / "complaints" / "complaints.csv").read_text(encoding="utf-8").split("\n")[:500]
    ours = assert_equal_ids(directory, [*AWKWARD, *lines, *raw], max_length)
    config = json.loads((directory / "config.json").read_text())
    assert ours.vocab_size == config["vocab_size"]
