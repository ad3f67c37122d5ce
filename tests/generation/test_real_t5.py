"""The real flan-t5-small against transformers (real: the weights do not ship with the package)."""

import keras
import numpy as np
import pytest
import torch
import transformers

from kerasft.generation import TextToTextGenerator
from kerasft.models import shift_right
from kerasft.presets import load_t5

HOUSE = "translate English to German: The house is wonderful."
LONGEST = 32
pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def twins(real_weights):
    directory = real_weights / "flan-t5-small"
    if not directory.is_dir():
        pytest.skip(f"no real checkpoint at {directory}")
    theirs = transformers.T5ForConditionalGeneration.from_pretrained(directory).eval()
    return load_t5(str(directory)), theirs, transformers.AutoTokenizer.from_pretrained(directory)


@pytest.fixture(scope="module")
def sentences(shared) -> list[str]:
    """50 different sentences of Tatoeba."""
    lines = (shared / "data" / "en_it" / "tatoeba.tsv").read_text("utf-8").splitlines()
    english = dict.fromkeys(line.split("\t")[0] for line in lines)
    return [
        f"translate English to German: {text}" for text in [*english][:: len(english) // 50][:50]
    ]


def test_the_house_is_wonderful(twins):
    pretrained, _, _ = twins
    assert not pretrained.report.unread
    for beam_size in (1, 4):
        generator = TextToTextGenerator(
            pretrained.model, pretrained.tokenizer, LONGEST, beam_size, max_source_length=64
        )
        assert generator.texts([HOUSE]) == ["Das Haus ist wunderbar."]


def test_logits_equal_those_of_transformers(twins, sentences):
    pretrained, theirs, their_tokenizer = twins
    texts = [HOUSE, *sentences[:7]]
    inputs = their_tokenizer(texts, padding=True, return_tensors="pt")
    labels = their_tokenizer(sentences[8:16], padding=True, return_tensors="pt").input_ids
    ids = pretrained.tokenizer.encode(texts, 512).token_ids
    source_ids = inputs.input_ids.numpy().astype("int32")
    for row, tokens in zip(source_ids, ids, strict=True):
        np.testing.assert_array_equal(row[: len(tokens)], tokens)
    targets = shift_right(labels.numpy().astype("int32"))
    with torch.no_grad():
        expected = theirs(**inputs, decoder_input_ids=torch.tensor(targets, dtype=torch.long))
    found = pretrained.model({"source_ids": source_ids, "target_ids": targets}, training=False)
    found = keras.ops.convert_to_numpy(found)
    real = labels.numpy() != 0
    deviation = np.abs(found - expected.logits.numpy())[real].max()
    largest = np.abs(expected.logits.numpy())[real].max()
    print(f"logits deviate by {deviation:.1e} at most, of {largest:.1f}")
    assert deviation < 1e-4 * largest


@pytest.mark.parametrize("beams", [1, 4])
def test_outputs_equal_those_of_transformers(twins, sentences, beams):
    pretrained, theirs, their_tokenizer = twins
    generator = TextToTextGenerator(
        pretrained.model, pretrained.tokenizer, LONGEST, beams, max_source_length=64
    )
    inputs = their_tokenizer(sentences, padding=True, return_tensors="pt")
    with torch.no_grad():
        expected = theirs.generate(
            **inputs, max_new_tokens=LONGEST, num_beams=beams, do_sample=False
        )
    found = generator.generate(pretrained.tokenizer.encode(sentences, 64).token_ids)
    for text, (best, *_), row in zip(sentences, found, expected[:, 1:].tolist(), strict=True):
        wanted = row[: row.index(1)] if 1 in row else row
        assert list(best.token_ids) == wanted, text
