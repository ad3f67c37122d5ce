"""Tokenizers of checkpoint directories, compared with transformers' of the same directory."""

import json
from pathlib import Path

from tokenizers import AddedToken, ByteLevelBPETokenizer, normalizers, processors
from transformers import AutoTokenizer

from harness.texts import AWKWARD
from kerasft.architectures import read_tokenizer
from kerasft.text.tokenizer import Tokenizer

TEXTS = [
    "The house is wonderful, and the garden is wonderful too.",
    "Das Haus ist wunderbar. translate English to German: the house",
    "summarize: what the committee said on Tuesday about 3.14 and 1,000,000",
    *AWKWARD[3:12],
]
MARKED = [
    "hello<mask> world", "hello <mask> world", " <mask>", "a </s></s> b", "<s>NOTUSED x",
    "x<pad> <unk>", "[MASK] [CLS] house[SEP]the", "<MASK> < mask >",
]  # fmt: skip
FAIRSEQ = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]


def train_byte_level(root: Path) -> None:
    """Writes a vocab.json and a merges.txt, as RoBERTa's repositories hold."""
    tokenizer = ByteLevelBPETokenizer()
    tokenizer.train_from_iterator(
        TEXTS * 3, vocab_size=400, min_frequency=2, special_tokens=FAIRSEQ, show_progress=False
    )
    tokenizer.save_model(str(root))


def train_composed_bytes(root: Path) -> dict[str, str]:
    """Writes ModernBERT's tokenizer.json: bytes, composed, with BERT's tokens around.

    Returns:
        Its special tokens, as a tokenizer_config.json names them.
    """
    special = ["[UNK]", "[CLS]", "[SEP]", "[PAD]"]
    trained = ByteLevelBPETokenizer()
    trained.train_from_iterator(
        TEXTS * 3, vocab_size=400, min_frequency=2, special_tokens=special, show_progress=False
    )
    trained.normalizer = normalizers.NFC()
    trained.add_special_tokens([AddedToken("[MASK]", lstrip=True, special=True)])
    trained.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 1), ("[SEP]", 2)],
    )
    trained.save(str(root / "tokenizer.json"))
    roles = {"unk": "[UNK]", "cls": "[CLS]", "sep": "[SEP]", "pad": "[PAD]", "mask": "[MASK]"}
    return {f"{role}_token": token for role, token in roles.items()}


def train_sentencepiece(root: Path, name: str, **options: object) -> None:
    """Writes a SentencePiece model with its real table of characters (nmt_nfkc)."""
    import sentencepiece

    (root / "texts").write_text("\n".join(TEXTS * 3), encoding="utf-8")
    sentencepiece.SentencePieceTrainer.train(
        input=str(root / "texts"), model_prefix=str(root / name.removesuffix(".model")),
        model_type="unigram", vocab_size=160, hard_vocab_limit=False, minloglevel=2, **options,
    )  # fmt: skip
    (root / "texts").unlink()


def describe(root: Path, model_type: str, **settings: object) -> Path:
    """Writes a config.json, and a tokenizer_config.json where there are settings."""
    (root / "config.json").write_text(json.dumps({"model_type": model_type}))
    (root / "tokenizer_config.json").unlink(missing_ok=True)
    if settings:
        (root / "tokenizer_config.json").write_text(json.dumps(settings))
    return root


def assert_like_transformers(directory: Path) -> Tokenizer:
    """Compares ids of texts and pairs, decoding, and all the machinery."""
    theirs = AutoTokenizer.from_pretrained(directory)
    ours = read_tokenizer(directory)
    texts = [*AWKWARD, *MARKED, *TEXTS]
    expected = theirs(texts)["input_ids"]
    found = ours.encode(texts, 10_000)
    for text, ids, theirs_ids in zip(texts, found.token_ids, expected, strict=True):
        assert ids.tolist() == theirs_ids, text
        assert ours.decode(ids) == theirs.decode(theirs_ids, skip_special_tokens=True).strip(), text
    seconds = [*texts[7:], *texts[:7]]
    pairs = list(zip(texts, seconds, strict=True))
    # Of what it cuts off two texts, the library keeps every combination: 5,000 letters fill the
    # memory.
    short = [pair for pair in pairs if max(map(len, pair)) < 100]
    for rows, length in ((pairs, 10_000), (short, 12), (short, 9)):  # uncut; the longest first
        both = theirs(
            *map(list, zip(*rows, strict=True)), truncation="longest_first", max_length=length,
            return_token_type_ids=True,
        )  # fmt: skip
        read = ours.encode(rows, length)
        assert [ids.tolist() for ids in read.token_ids] == both["input_ids"]
        assert [ids.tolist() for ids in read.segment_ids] == both["token_type_ids"]
    if ours.unknown_id is not None:  # bytes are all known
        assert found.unknown == sum(ids.count(theirs.unk_token_id) for ids in expected)
    assert (ours.pad_token, ours.pad_id) == (theirs.pad_token, theirs.pad_token_id)
    assert ours.vocab_size == len(theirs)
    whole = json.loads(theirs.backend_tokenizer.to_str())
    assert json.loads(ours._backend.to_str()) == {**whole, "truncation": None, "padding": None}
    return ours
