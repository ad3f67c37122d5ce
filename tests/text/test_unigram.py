"""T5's tokenizer: ids against transformers' on the same directories; one of one's own texts."""

import contextlib
import json
import random
import shutil
from pathlib import Path

import pytest
from transformers import AutoTokenizer, T5Tokenizer

from harness.texts import AWKWARD
from harness.tokenizer_directories import assert_like_transformers, describe
from kerasft.architectures import read_tokenizer
from kerasft.errors import ConfigError, DataError, PresetError
from kerasft.text.tokenizer import Tokenizer
from kerasft.text.trained_unigram import train_unigram
from kerasft.text.unigram import sentinels

pytestmark = pytest.mark.any_backend

SENTINELS = [
    "<extra_id_0> cute dog <extra_id_1> the <extra_id_2>",
    "The <extra_id_0>walks<extra_id_99>, <extra_id_12>",
    "  <extra_id_5>  x",
    "<extra_id_100> <EXTRA_ID_1> <extra_id_>",
    "hello</s>world <pad> <unk>",
]
TEXTS = [
    "The house is wonderful, and the garden is wonderful too.",
    "Das Haus ist wunderbar. translate English to German: the house",
    "summarize: what the committee said on Tuesday about 3.14 and 1,000,000",
    *AWKWARD[3:12],
]


def train_sentencepiece(root: Path, **options) -> None:
    """Writes a spiece.model."""
    trainer = pytest.importorskip("sentencepiece").SentencePieceTrainer
    (root / "texts").write_text("\n".join(TEXTS * 3), encoding="utf-8")
    trainer.train(
        input=str(root / "texts"), model_prefix=str(root / "spiece"), model_type="unigram",
        vocab_size=160, pad_id=0, eos_id=1, unk_id=2, bos_id=-1, hard_vocab_limit=False,
        minloglevel=2, **options,
    )  # fmt: skip


@pytest.fixture(scope="module")
def original(tmp_path_factory) -> Path:
    """A directory with a SentencePiece model, like those of the published T5s, as a tokenizer.json.

    It is small, but its table of characters (nmt_nfkc) is the real one.
    """
    root = tmp_path_factory.mktemp("t5")
    train_sentencepiece(root)
    T5Tokenizer.from_pretrained(root).save_pretrained(root / "whole")
    (root / "whole" / "config.json").write_text(json.dumps({"model_type": "t5"}))
    return root / "whole"


def assert_equal_ids(directory: Path) -> Tokenizer:
    theirs = AutoTokenizer.from_pretrained(directory)
    ours = read_tokenizer(directory)
    texts = [*AWKWARD, *SENTINELS, *TEXTS]
    expected = theirs(texts)["input_ids"]
    found = ours.encode(texts, 10_000)
    for text, ids, theirs_ids in zip(texts, found.token_ids, expected, strict=True):
        assert ids.tolist() == theirs_ids, text
        assert ours.decode(ids) == theirs.decode(theirs_ids, skip_special_tokens=True).strip(), text
    assert found.unknown == sum(ids.count(theirs.unk_token_id) for ids in expected) > 0
    assert (ours.pad_id, ours.unknown_id) == (theirs.pad_token_id, theirs.unk_token_id) == (0, 2)
    assert ours.vocab_size == len(theirs)
    return ours


def test_an_mt5s_is_a_t5s(original, tmp_path):
    pytest.importorskip("sentencepiece")
    for file in ("spiece.model", "tokenizer.json"):
        (tmp_path / file).mkdir()
        source = original if file == "tokenizer.json" else original.parent
        shutil.copy(source / file, tmp_path / file)
        assert_like_transformers(describe(tmp_path / file, "mt5"))


def test_a_umt5s_is_read_as_it_stands(original, tmp_path):
    """Whatever class a file names, and not without a tokenizer.json."""
    directory = shutil.copytree(original, tmp_path / "copy")
    settings = json.loads((directory / "tokenizer_config.json").read_text())
    assert settings["tokenizer_class"] == "T5Tokenizer"
    content = json.loads((directory / "tokenizer.json").read_text())
    content["normalizer"] = {"type": "Lowercase"}
    (directory / "tokenizer.json").write_text(json.dumps(content))
    assert_like_transformers(describe(directory, "umt5", **settings))
    (directory / "tokenizer.json").rename(directory / "spiece.model")
    with pytest.raises(PresetError, match=r"no tokenizer\.json, without which .* of a umt5 is not"):
        read_tokenizer(directory)


FILES = {
    "as transformers 5 wrote it": lambda content, config: None,
    "no configuration": lambda content, config: config.clear(),
    "as transformers 4 wrote it": lambda content, config: (
        config.clear(),
        config.update(
            tokenizer_class="T5TokenizerFast", eos_token="</s>", unk_token="<unk>",
            pad_token="<pad>", extra_ids=100, additional_special_tokens=sentinels(100),
        ),
    ),
    "added tokens in the configuration": lambda content, config: config.update(
        added_tokens_decoder={str(token["id"]): {k: v for k, v in token.items() if k != "id"}
                              for token in content["added_tokens"]},
    ),
    "as Google's are": lambda content, config: (
        config.clear(),
        content.update(
            normalizer={"type": "Sequence", "normalizers": [
                content["normalizer"], {"type": "Strip", "strip_left": False, "strip_right": True},
                {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": "▁"}]},
            pre_tokenizer={"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always",
                           "split": True},
        ),
    ),
    "no sentinels": lambda content, config: (
        config.clear(),
        content["model"].update(vocab=content["model"]["vocab"][:-100]),
        content.update(added_tokens=content["added_tokens"][:3]),
    ),
    "no table of characters": lambda content, config: content.update(normalizer=None),
}  # fmt: skip


@pytest.mark.parametrize("files", FILES)
def test_ids_equal_those_of_transformers(original, tmp_path, files):
    content = json.loads((original / "tokenizer.json").read_text("utf-8"))
    config = json.loads((original / "tokenizer_config.json").read_text("utf-8"))
    FILES[files](content, config)
    (tmp_path / "tokenizer.json").write_text(json.dumps(content))
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "t5"}))
    if config:
        (tmp_path / "tokenizer_config.json").write_text(json.dumps(config))
    assert_equal_ids(tmp_path)


CONFIGURATIONS = {
    "alone": {},
    "as Google's are": {
        "tokenizer_class": "T5Tokenizer", "eos_token": "</s>", "unk_token": "<unk>",
        "pad_token": "<pad>", "extra_ids": 100, "additional_special_tokens": sentinels(100),
    },
    "fewer sentinels": {"tokenizer_class": "T5Tokenizer", "extra_ids": 3},
    "none": {"extra_ids": 0},
}  # fmt: skip


@pytest.mark.parametrize("case", CONFIGURATIONS)
def test_a_sentencepiece_model_is_enough(original, tmp_path, case):
    shutil.copyfile(original.parent / "spiece.model", tmp_path / "spiece.model")
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "t5"}))
    if config := CONFIGURATIONS[case]:
        (tmp_path / "tokenizer_config.json").write_text(json.dumps(config))
    if case == "as Google's are":
        roles = {role: config[role] for role in ("eos_token", "unk_token", "pad_token")}
        extra = {"additional_special_tokens": config["additional_special_tokens"]}
        (tmp_path / "special_tokens_map.json").write_text(json.dumps(roles | extra))
    assert_equal_ids(tmp_path)


def test_symbols_of_a_sentencepiece_models_own(tmp_path):
    train_sentencepiece(tmp_path, user_defined_symbols="<mask>,▁house", control_symbols="<ctrl>")
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "t5"}))
    ours = assert_equal_ids(tmp_path)
    theirs = AutoTokenizer.from_pretrained(tmp_path)
    for text in ("a <mask>b", "the▁house <ctrl> the", "<ctrl>"):
        assert ours.encode([text], 64).token_ids[0].tolist() == theirs(text)["input_ids"], text


def test_broken_sentencepiece_models_are_refused(original, tmp_path):
    whole = (original.parent / "spiece.model").read_bytes()
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "t5"}))
    cases = {
        whole[:-3]: "ends within",
        b"": "holds no pieces",
        b"\x0a\xff\xff\xff\xff\x7fx": "ends within the field",
        b"\x0a" + b"\xff" * 12: "not part of a number",
        b"\x08\x01": "a number stands where",
        b"\x0b": "begins no field",
        b"\x0a\x03\x0a\x01\xff": "codec can't decode",
        b"\x0a\x05\x0a\x01a\x15\x00": "ends within the field",
        b"\x0a\x03\x0a\x01a": "for unknown characters is number None, not 2",
        whole + b"\x12\x02\x18\x02": "not of the type unigram",
    }
    for content, words in cases.items():
        (tmp_path / "spiece.model").write_bytes(content)
        with pytest.raises(PresetError, match=words) as caught:
            read_tokenizer(tmp_path)
        assert "spiece.model" in str(caught.value) and "\n" not in str(caught.value)
    # Whatever the bytes are, there is a tokenizer or a sentence.
    randomness = random.Random(0)
    for _ in range(150):
        content = bytearray(whole)
        for _ in range(randomness.choice([1, 3, 30])):
            content[randomness.randrange(len(content))] = randomness.randrange(256)
        (tmp_path / "spiece.model").write_bytes(content)
        with contextlib.suppress(PresetError):
            read_tokenizer(tmp_path)


def test_what_we_save_transformers_reads(original, tmp_path):
    ours = read_tokenizer(original)
    ours.save_directory(tmp_path / "saved", max_length=512)
    again = assert_equal_ids(tmp_path / "saved")
    theirs = AutoTokenizer.from_pretrained(tmp_path / "saved")
    assert (theirs.eos_token_id, again.pad_token) == (1, "<pad>")
    ours.save(tmp_path / "tokenizer.json")
    from_file = Tokenizer.from_file(tmp_path / "tokenizer.json")
    texts = [*AWKWARD, *SENTINELS]
    for a, b in zip(ours.encode(texts, 64).token_ids, from_file.encode(texts, 64).token_ids,
                    strict=True):  # fmt: skip
        assert a.tolist() == b.tolist()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"model": {"type": "BPE", "vocab": {}}},
            "BPE model where its class has a Unigram one",
        ),
        ({"model": {"type": "Unigram", "vocab": ["a"]}}, "its vocabulary must be"),
        ({"model": {"type": "Unigram", "vocab": [["a", 0.0]]}}, "no piece 2 for unknown"),
        ({"normalizer": {"type": "Precompiled", "precompiled_charsmap": "?"}}, "is not base64"),
        ({"normalizer": {"type": "Precompiled", "precompiled_charsmap": "AAAA"}}, "tokenizer"),
    ],
)
def test_broken_files_are_refused(tmp_path, change, words):
    content = {"model": {"type": "Unigram", "vocab": [[piece, -1.0] for piece in "abcde"]}}
    (tmp_path / "tokenizer.json").write_text(json.dumps({**content, **change}))
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "t5"}))
    with pytest.raises(PresetError, match=words):
        read_tokenizer(tmp_path)


OWN = [
    "L'acqua è fredda. The water is cold.",
    "L'acqua del mare è calda: the water of the sea is warm.",
    "classify: the committee will announce its decision.",
    "The decision of the committee was announced.",
] * 3


def test_a_vocabulary_of_ones_own_texts():
    tokenizer = train_unigram(OWN, vocab_size=120, extra_ids=10)
    assert tokenizer.vocab_size <= 120
    assert tokenizer.tokens(range(3)) == ["<pad>", "</s>", "<unk>"]
    assert (tokenizer.pad_id, tokenizer.unknown_id) == (0, 2)
    size = tokenizer.vocab_size
    assert tokenizer.tokens(range(size - 10, size)) == sentinels(10)[::-1]
    for text in OWN[:4]:
        ids = tokenizer.encode([text], 200).token_ids[0]
        assert tokenizer.decode(ids) == text and ids[-1] == 1
        assert len(ids) < 0.9 * len(text)  # pieces longer than a character
    assert max(len(token) for token in tokenizer.tokens(range(3, size - 10))) > 2


def test_what_it_does_to_characters():
    tokenizer = train_unigram(OWN, vocab_size=120, extra_ids=2)

    def tokens(text: str) -> list[str]:
        return tokenizer.tokens(tokenizer.encode([text], 200).token_ids[0])

    assert tokens("  the \t\n the ") == tokens("the the")
    assert tokens("\uff54\uff48\uff45") == tokens("the")  # full width
    assert "<unk>" in tokens("the Ω")
    assert tokens("the <extra_id_1>the") == [*tokens("the")[:-1], "<extra_id_1>", *tokens("the")]
    assert tokens("") == tokens("<extra_id_0>")[1:] == ["</s>"]


SCRIPT = """
import json, sys
from kerasft.text.trained_unigram import train_unigram
texts = json.loads(sys.argv[1])
print(json.dumps(train_unigram(texts, 120, 10)._backend.to_str()))
"""


def test_the_same_texts_give_the_same_vocabulary(run_python):
    """In every process and any order."""
    expected = train_unigram(OWN, 120, 10)._backend.to_str()
    for texts in (OWN, OWN[::-1]):
        found = run_python("-c", SCRIPT, json.dumps(texts))
        assert found.returncode == 0, found.stderr
        assert json.loads(found.stdout) == expected


def test_transformers_reads_it(tmp_path):
    train_unigram([*OWN, *TEXTS], 200).save_directory(tmp_path, max_length=64)
    assert_equal_ids(tmp_path)


@pytest.mark.parametrize(
    ("texts", "settings", "error", "words"),
    [
        ([], (100, 10), DataError, "there are no texts"),
        ([" ", "\n"], (100, 10), DataError, "nothing but whitespace"),
        (OWN, (30, 10), ConfigError, "the vocabulary size is 30, but the 3 special tokens, the 10"),
        (OWN, (200, -1), ConfigError, "extra_ids is -1"),
    ],
)
def test_what_cannot_be_made_is_refused(texts, settings, error, words):
    with pytest.raises(error, match=words):
        train_unigram(texts, *settings)
