"""CTranslate2's search beside our own on the same models: the same tokens, scores and marks."""

from pathlib import Path

import numpy as np
import pytest

import text_models
import translators
from kerasft.bundle.export_ctranslate2 import write_ctranslate2
from kerasft.engines.ctranslate2_generator import CTranslate2Generator
from kerasft.errors import BundleError, ConfigError
from kerasft.generation import Generator, Hypothesis, Search

ROWS = 64
START, END, PAD = 2, 3, 1
# Added to the logits of [UNK], padding, [SOS] and [EOS]: a trained model never thinks of the two in
# the middle.
TRAINED = (0.0, -30.0, -30.0, 0.0)


def sources(rows: int, vocabulary: int, longest: int = 16) -> list[np.ndarray]:
    """Random texts, (tokens,) int32 each."""
    rng = np.random.default_rng(5)
    return [
        np.array([START, *rng.integers(4, vocabulary, rng.integers(1, longest - 2)), END], "int32")
        for _ in range(rows)
    ]


def translator(bias: tuple[float, ...] = TRAINED, **arguments: object):
    model = translators.build(**arguments)
    weight = model.projection.bias
    weight.assign(np.array(weight) + np.pad(np.array(bias, "float32"), (0, weight.shape[0] - 4)))
    return model


def both(
    model, folder: Path, rows: list[np.ndarray], ends: tuple[int, int, int], **settings: object
) -> tuple[list[list[Hypothesis]], list[list[Hypothesis]]]:
    """What Keras finds, and what CTranslate2 finds."""
    start, end, pad = ends
    write_ctranslate2(model, folder, start, end)
    search = Search(start, end, pad, **settings)  # type: ignore[arg-type]
    keras = Generator(
        model, start_id=start, end_id=end, pad_id=pad, max_source_length=16, **settings
    )  # fmt: skip
    return keras.generate(rows), CTranslate2Generator(folder, search).generate(rows)


def differing(ours: list[list[Hypothesis]], theirs: list[list[Hypothesis]]) -> int:
    """Rows whose best tokens or marks are not the same; where they are, so must be the scores."""
    count = 0
    for (wanted, *_), (found, *_) in zip(ours, theirs, strict=True):
        if (found.token_ids, found.truncated) == (wanted.token_ids, wanted.truncated):
            assert found.score == pytest.approx(wanted.score, rel=1e-4, abs=1e-3)
        else:
            count += 1
    return count


@pytest.mark.parametrize("tied", [False, True])
def test_greedy_translations_are_identical(tied, tmp_path):
    model = translator(tie_embeddings=tied, norm_first=not tied)
    rows = sources(ROWS, model.arguments.src_vocab_size)
    ours, theirs = both(model, tmp_path, rows, (START, END, PAD), max_length=11)
    assert differing(ours, theirs) == 0
    assert len({best.token_ids for best, *_ in ours}) > 5  # they do differ
    assert {best.truncated for best, *_ in ours} == {False, True}


def test_greedy_outputs_of_t5_are_identical(tmp_path):
    model = text_models.build(decoder_layers=2)
    rows = sources(ROWS, model.arguments.vocabulary_size)
    ours, theirs = both(model, tmp_path, rows, (0, 1, 0), max_length=9, rank_cut=True, forbidden=())
    assert differing(ours, theirs) == 0
    assert len({best.token_ids for best, *_ in ours}) > ROWS / 4


# How much more the end is worth: beams then end at once, on the way, or hardly ever.
@pytest.mark.parametrize("end", [4.0, 0.0, -4.0, -9.0])
def test_beams_of_translators(end, tmp_path):
    model = translator((0.0, -30.0, -30.0, end))
    rows = sources(ROWS, model.arguments.src_vocab_size)
    ours, theirs = both(model, tmp_path, rows, (START, END, PAD), max_length=11, beam_size=4)
    assert differing(ours, theirs) <= ROWS // 100
    cut = sum(best.truncated for best, *_ in ours)
    assert cut < ROWS / 2 if end >= 0 else cut > 0


def test_beams_of_t5(tmp_path):
    model = text_models.build(decoder_layers=2)
    rows = sources(ROWS, model.arguments.vocabulary_size)
    ours, theirs = both(
        model, tmp_path, rows, (0, 1, 0), max_length=9, beam_size=4, rank_cut=True, forbidden=()
    )
    assert differing(ours, theirs) <= ROWS // 100


@pytest.mark.parametrize("beam_size", [1, 4])
def test_what_is_forbidden_is_not_put_out(beam_size, tmp_path):
    """By an untrained model, which would like to."""
    model = translator((0.0, 3.0, 2.0, 0.0))
    rows = sources(ROWS, model.arguments.src_vocab_size)
    ours, theirs = both(
        model, tmp_path, rows, (START, END, PAD), max_length=11, beam_size=beam_size
    )
    for each in theirs:
        assert not {PAD, START}.intersection(each[0].token_ids)
    if beam_size == 1:
        assert differing(ours, theirs) == 0
    else:  # the order of beams moves where so much is taken out; of the same tokens scores agree
        assert differing(ours, theirs) < 0.8 * ROWS


def test_order_and_neighbors_do_not_matter(tmp_path):
    model = translator()
    write_ctranslate2(model, tmp_path, START, END)
    generator = CTranslate2Generator(tmp_path, Search(START, END, PAD, max_length=11, beam_size=3))
    rows = sources(40, model.arguments.src_vocab_size)
    together = generator.generate(rows)
    for ids, (best, *_) in zip(rows[:8], together, strict=False):
        ((alone, *_),) = generator.generate([ids])
        assert alone.token_ids == best.token_ids
        assert alone.score == pytest.approx(best.score, abs=1e-4)
    assert generator.generate([]) == []


def test_a_source_of_nothing_is_asked_about_too(tmp_path):
    """CTranslate2 by itself answers [SOS] [EOS] without the model."""
    rows = [np.array([START, END], "int32")]
    ours, theirs = both(translator(), tmp_path, rows, (START, END, PAD), max_length=11)
    assert differing(ours, theirs) == 0 and ours[0][0].token_ids


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"beam_size": 0}, "beam_size is 0"),
        ({"early_stopping": False}, "early_stopping=True"),
        ({"length_penalty": 0.0}, "length_penalty above 0"),
    ],
)
def test_settings_that_it_cannot_have(settings, message, tmp_path):
    with pytest.raises(ConfigError, match=message):
        CTranslate2Generator(tmp_path, Search(START, END, PAD, max_length=5, **settings))


def test_a_folder_that_is_no_model(tmp_path):
    search = Search(START, END, PAD, max_length=5)
    with pytest.raises(BundleError, match=r"model\.bin cannot be read"):
        CTranslate2Generator(tmp_path, search)
    write_ctranslate2(translators.build(N=1), tmp_path, START, END)
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(BundleError, match="CTranslate2 cannot read"):
        CTranslate2Generator(tmp_path, search)
