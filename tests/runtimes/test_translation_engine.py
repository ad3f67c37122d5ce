import numpy as np
import pytest

from harness import translators
from harness.folders import task_engine
from kerasft import backends
from kerasft.errors import ConfigError, DataError, FolderError
from kerasft.generation import SentenceGenerator
from kerasft.tasks import load
from kerasft.tasks.text_engine import TextEngine
from kerasft.tasks.translation.translator import Translator


@pytest.fixture(scope="module", params=[1, 3])
def engine(request) -> TextEngine:
    return task_engine(translators.saved().folder, beam_size=request.param)


def test_translations_are_those_of_the_whole_forward_pass(engine):
    """The score of each translation, from one pass over all of its tokens without a cache."""
    source, target = translators.tokenizers()
    ids = source.encode(translators.TEXTS, translators.MAX_LENGTH).token_ids
    hypotheses = [best for best, *_ in engine._generator.generate(ids)]
    rows = [[target.token_id("[SOS]"), *best.token_ids] for best in hypotheses]
    inputs = {
        "source_ids": translators.inputs()["source_ids"],
        "target_ids": np.array([row + [1] * (12 - len(row)) for row in rows], "int32"),
    }
    model = load(translators.saved().folder, Translator).model
    log_probs = backends.compile_forward(model)(inputs)

    found = engine.write(translators.TEXTS)
    for row, (result, best) in enumerate(zip(found, hypotheses, strict=True)):
        labels = [*best.token_ids] + [target.token_id("[EOS]")] * (not best.truncated)
        expected = sum(log_probs[row, place, label] for place, label in enumerate(labels))
        assert result.score == pytest.approx(expected, abs=1e-4)
        assert (result.text, result.truncated) == (target.decode(best.token_ids), best.truncated)
    assert len({round(result.score, 3) for result in found}) > 1  # they do differ


def test_what_was_lost_is_told(engine):
    found = engine.write(translators.TEXTS)
    assert [result.unknown_words for result in found] == [(), (), ("zebra",), ()]
    assert [result.cut for result in found] == [False, False, False, True]


def test_order_and_neighbors_do_not_matter(engine):
    texts = translators.TEXTS * 3
    together = engine.write(texts)
    for text, result in zip(texts, together, strict=True):
        (alone,) = engine.write([text])
        assert alone[2:] == result[2:] and alone.text == result.text
        assert alone.score == pytest.approx(result.score, abs=1e-4)


def test_nothing_in_nothing_out(engine):
    assert engine.write([]) == []


def test_odd_texts_are_translated_too(engine):
    odd = ["☃", "\u0000", "a" * 10_000, "مرحبا", "!!!", "\u200b", "[PAD] [SOS]", "日本", ""]
    assert len(engine.write(odd)) == len(odd)


def test_what_is_no_text_is_refused_by_its_place(engine):
    for text in (3, None, b"bytes", "\ud800"):
        with pytest.raises(DataError, match="text 1"):
            engine.write(["good", text])


def engine_of(parts: Translator, beam_size: int) -> TextEngine:
    generator = SentenceGenerator(
        parts.model, parts.target_tokenizer, parts.model.arguments.tgt_seq_len, beam_size
    )
    return TextEngine(parts.source_tokenizer, parts.target_tokenizer, parts.max_length, generator)


@pytest.mark.parametrize("beam_size", [1, 4])
def test_a_model_that_computes_nan_is_refused(beam_size):
    loaded = load(translators.saved().folder, Translator)
    bias = loaded.model.projection.bias
    bias.assign(bias * float("nan"))
    with pytest.raises(FolderError, match="weights are broken"):
        engine_of(loaded, beam_size).write(["the station"])


def test_a_beam_of_nothing_is_refused():
    with pytest.raises(ConfigError, match="beam_size is 0"):
        task_engine(translators.saved().folder, beam_size=0)
