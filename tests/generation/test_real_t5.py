"""The real flan-t5-small against transformers (real: the weights do not ship with the package)."""

import keras
import numpy as np
import pytest
import torch
import transformers

from harness import gradients
from kerasft.architectures import layers_by_path, shift_right
from kerasft.generation import TextGenerator
from kerasft.presets import load_seq2seq
from kerasft.training import LabelSmoothedCrossEntropy

HOUSE = "translate English to German: The house is wonderful."
LONGEST = 32
pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def twins(real_weights):
    directory = real_weights / "flan-t5-small"
    if not directory.is_dir():
        pytest.skip(f"no real checkpoint at {directory}")
    theirs = transformers.T5ForConditionalGeneration.from_pretrained(directory).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(directory)
    return load_seq2seq(str(directory)), theirs, tokenizer


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
        generator = TextGenerator(
            pretrained.model, pretrained.tokenizer, LONGEST, beam_size, max_source_length=64
        )
        assert generator.texts([HOUSE]) == ["Das Haus ist wunderbar."]


def test_states_logits_loss_and_gradients_equal_those_of_transformers(twins, sentences):
    pretrained, theirs, their_tokenizer = twins
    model = pretrained.model
    texts = [HOUSE, *sentences[:7]]
    inputs = their_tokenizer(texts, padding=True, return_tensors="pt")
    labels = their_tokenizer(sentences[8:16], padding=True, return_tensors="pt").input_ids
    ids = pretrained.tokenizer.encode(texts, 512).token_ids
    source_ids = inputs.input_ids.numpy().astype("int32")
    for row, tokens in zip(source_ids, ids, strict=True):
        np.testing.assert_array_equal(row[: len(tokens)], tokens)
    real = labels.numpy() != 0
    # transformers moves the labels to the right by itself, and leaves out those of -100.
    expected = theirs(**inputs, labels=labels.masked_fill(labels == 0, -100))
    expected.logits.retain_grad()
    expected.loss.backward()
    inputs_here = {
        "source_ids": source_ids,
        "target_ids": shift_right(labels.numpy().astype("int32")),
    }
    memory = model.encode(source_ids, model.source_mask(source_ids), training=False)
    memory = keras.ops.convert_to_numpy(memory)[source_ids != 0]
    wanted = expected.encoder_last_hidden_state.detach().numpy()[source_ids != 0]
    assert relative(memory, wanted) < 1e-4
    logits, found = gradients.value_and_gradients(
        lambda: model(inputs_here, training=False), [], model.weights, expected.logits.grad.numpy()
    )
    logits = keras.ops.convert_to_numpy(logits)
    assert relative(logits[real], expected.logits.detach().numpy()[real]) < 1e-4
    loss = LabelSmoothedCrossEntropy(0.0, from_logits=True)
    value = float(loss(labels.numpy(), logits, sample_weight=real.astype("float32")))
    assert value == pytest.approx(expected.loss.item(), rel=1e-4)

    wanted = {name: p.grad.numpy() for name, p in theirs.named_parameters()}
    by_weight = {id(weight): array for weight, array in zip(model.weights, found, strict=True)}
    layers = layers_by_path(model)
    for entry in model.entries():
        for parameter in entry.parameters:
            weight = getattr(layers[entry.layer], parameter.attribute)
            gradient = entry.to_hugging_face(by_weight.pop(id(weight)), parameter)
            assert relative(gradient, wanted.pop(parameter.name)) < 1e-3, parameter.name
    assert not by_weight and not wanted


def relative(found: np.ndarray, expected: np.ndarray) -> float:
    """The largest deviation, as a share of the largest value."""
    return float(np.abs(found - expected).max() / np.abs(expected).max())


@pytest.mark.parametrize("beams", [1, 4])
def test_outputs_equal_those_of_transformers(twins, sentences, beams):
    pretrained, theirs, their_tokenizer = twins
    generator = TextGenerator(
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
