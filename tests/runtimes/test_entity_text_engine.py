"""What a text-to-text model writes, and the entities in it."""

import dataclasses
import math
import shutil

import numpy as np
import pytest
from scipy.special import log_softmax

from harness import entity_writers
from harness.folders import task_engine
from kerasft import backends
from kerasft.architectures import shift_right
from kerasft.errors import FolderError
from kerasft.exports.engines import make_export
from kerasft.generation import TextGenerator
from kerasft.tasks.entities.sentence import Entity, Sentence, Span
from kerasft.tasks.text_to_entities.engine import EntityTextEngine, describe_reading, read_spans
from kerasft.tasks.text_to_entities.entity_format import CUTS_A_TOKEN, UNKNOWN_TYPE, parse_spans

SENTENCES = entity_writers.sentences(40, seed=9)


@pytest.fixture(scope="module")
def model():
    return entity_writers.build()


@pytest.fixture(scope="module")
def engine(model):
    return entity_writers.engine(model)


def test_it_finds_what_it_has_learned(engine):
    written = engine.read(SENTENCES)
    found = [read_spans(*pair) for pair in zip(SENTENCES, written, strict=True)]
    right = sum(each.spans == row.spans for each, row in zip(found, SENTENCES, strict=True))
    assert right >= 36
    for sentence, each, spans in zip(SENTENCES, written, found, strict=True):
        assert spans.spans == parse_spans(each.outputs[0], sentence).spans
        assert len(spans.spans) == len(spans.scores)
    assert engine.read([]) == []


@pytest.mark.parametrize("beams", [1, 3])
def test_scores_are_the_mean_probability_of_the_tokens(model, beams):
    tokens = entity_writers.tokens()
    engine = EntityTextEngine(tokens.generator(model, beams), tokens, entity_writers.TYPES)
    # Beams may write a text with other tokens than the tokenizer would: take theirs.
    generator = TextGenerator(
        model, tokens.tokenizer, entity_writers.TARGET_LENGTH, beams,
        max_source_length=entity_writers.MAX_LENGTH, early_stopping=True,
    )  # fmt: skip
    ids = tokens.sources([row.text for row in SENTENCES]).token_ids
    rows = zip(ids, generator.generate(ids), engine.read(SENTENCES), strict=True)
    rows = [row for row in rows if row[2].entities]
    assert len(rows) > 20
    sources = np.zeros((len(rows), entity_writers.MAX_LENGTH), "int32")
    targets = np.zeros((len(rows), entity_writers.TARGET_LENGTH), "int32")
    for row, (source_ids, (best,), _) in enumerate(rows):
        sources[row, : len(source_ids)] = source_ids
        targets[row, : len(best.token_ids) + 1] = [*best.token_ids, 1]
    forward = backends.compile_forward(model)
    logits = forward({"source_ids": sources, "target_ids": shift_right(targets)})
    said = log_softmax(logits.astype(float), axis=-1)  # (rows, t, vocabulary)
    for each, target, (_, _, written) in zip(said, targets, rows, strict=True):
        assert not written.truncated and len(set(written.scores)) == 1
        (places,) = target.nonzero()
        mean = each[places, target[places]].mean()
        assert written.scores[0] == pytest.approx(math.exp(mean), abs=1e-4)


def test_long_texts_are_read_in_parts_to_their_end(model):
    # Parts of about one sentence: the model has seen no more at once.
    tokens = dataclasses.replace(entity_writers.tokens(), max_length=15)
    engine = EntityTextEngine(tokens.generator(model, 1), tokens, entity_writers.TYPES)
    text = " ".join(row.text for row in SENTENCES[:12])
    sentence = Sentence.from_text(f"  {text}")
    (written,) = engine.read([sentence])
    assert len(written.outputs) > 3
    true = sum(len(row.spans) for row in SENTENCES[:12])
    names = {*entity_writers.PEOPLE, *entity_writers.PLACES}
    right = [e for e in written.entities if sentence.text[e.start : e.end] in names]
    assert len(right) >= 0.7 * true and max(e.end for e in right) > 0.8 * len(sentence.text)
    assert sorted(written.entities) == list(written.entities)
    assert written.starts[0] == 2 and len(written.starts) == len(written.outputs)
    short = engine.read(SENTENCES[:3])
    beside = engine.read([*SENTENCES[:3], sentence])
    assert [each.outputs for each in beside[:3]] == [each.outputs for each in short]


def test_what_is_read_in_parts_or_stopped_is_said(engine):
    tokens = entity_writers.tokens()
    plain = engine.read(SENTENCES[:3])
    assert describe_reading(SENTENCES[:3], plain, tokens) == (
        "none of 3 sentences is longer than 32 tokens with the prefix; the outputs of 0 were "
        "stopped at 24 tokens"
    )
    spans = (Span(0, 2, "PER"), Span(2, 3, "PER"))
    sentence = Sentence(("Ann", "Lee", "Bob"), spans)
    for starts, said in (((0, 4), "cut 1 of the entities"), ((0, 8), "cut none of the entities")):
        parts = dataclasses.replace(plain[0], outputs=("a", "b"), starts=starts, truncated=True)
        found = describe_reading([sentence, SENTENCES[0]], [parts, plain[0]], tokens)
        assert found.startswith("1 of 2 sentences is longer than 32 tokens") and said in found
        assert found.endswith("the outputs of 1 were stopped at 24 tokens")


def test_a_word_that_is_longer_than_a_part_is_said_to_be_cut(engine):
    tokens = entity_writers.tokens()
    rows = [SENTENCES[0], Sentence(("jon" * 60,)), Sentence(("jon", "at", "jon" * 60))]
    written = engine.read(rows)
    assert [each.cut for each in written] == [False, True, True]
    assert "; a word is longer than a window in 2, and its end was not read; the outputs" in (
        describe_reading(rows, written, tokens)
    )


def test_other_types_are_unreadable(model):
    engine = entity_writers.engine(model, ["PER"])
    written = engine.read(SENTENCES)
    reasons = {problem.reason for each in written for problem in each.problems}
    assert UNKNOWN_TYPE in reasons
    assert {entity.type for each in written for entity in each.entities} == {"PER"}


def test_an_output_that_is_too_long_is_said_to_be(model):
    short = dataclasses.replace(entity_writers.tokens(), max_target_length=2)
    assert any(
        each.truncated
        for each in EntityTextEngine(short.generator(model, 1), short, ["PER"]).read(SENTENCES)
    )


def test_an_entity_that_cuts_a_token_is_a_problem(engine):
    sentence = SENTENCES[0]
    written = dataclasses.replace(
        engine.read([sentence])[0], entities=(Entity(1, 2, "PER"),), scores=(0.5,), problems=()
    )
    found = read_spans(sentence, written)
    assert found.spans == found.scores == ()
    assert [problem.reason for problem in found.problems] == [CUTS_A_TOKEN]


def test_broken_weights_are_said_to_be():
    model = entity_writers.build()
    model.decoder.weights[0].assign(np.full(model.decoder.weights[0].shape, np.nan))
    engine = entity_writers.engine(model, ["PER"])
    with pytest.raises(FolderError, match="NaN or infinity"):
        engine.read(SENTENCES[:1])


def test_ctranslate2_finds_the_same_with_8_bits_too(tmp_path):
    folder = shutil.copytree(entity_writers.saved(), tmp_path / "run")
    data = tmp_path / "rows.conll"
    data.write_text(entity_writers.conll(40, seed=3), "utf-8")
    gate = make_export(folder, "ctranslate2-int8", data=str(data)).exports["ctranslate2-int8"]
    assert gate["rows"] == 40 and set(gate["scores"]) == {"F1"} and gate["scores"]["F1"] > 50
    rows = entity_writers.sentences(12, seed=9)
    ours, theirs = (
        task_engine(folder, engine, beam_size=2).read(rows) for engine in ("keras", "ctranslate2")
    )
    for wanted, found in zip(ours, theirs, strict=True):
        assert (found.outputs, found.entities) == (wanted.outputs, wanted.entities)
        assert found.scores == pytest.approx(wanted.scores, abs=1e-4)
    assert any(found.entities for found in theirs)
