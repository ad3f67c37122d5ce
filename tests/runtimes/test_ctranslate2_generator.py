"""CTranslate2's search beside our own on the same models: the same tokens, scores and marks."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from harness import text_models, translators
from kerasft.errors import ConfigError, FolderError
from kerasft.generation import Generator, Hypothesis, Search
from kerasft.runtimes.ctranslate2.generator import CTranslate2Generator, batch_size, open_translator
from kerasft.runtimes.ctranslate2.write import write_ctranslate2

pytestmark = pytest.mark.any_backend

ROWS = 64
START, END, PAD = 2, 3, 1
TRANSLATIONS = {"max_length": 11}
OUTPUTS = {"max_length": 9, "rank_cut": True, "forbidden": ()}
# Added to the logits of [UNK], padding, [SOS] and [EOS]: a trained model never thinks of the two in
# the middle.
TRAINED = (0.0, -30.0, -30.0, 0.0)


def sources(vocabulary: int, rows: int = ROWS, longest: int = 16) -> list[np.ndarray]:
    """Random texts, (tokens,) int32 each; the first has no word."""
    rng = np.random.default_rng(5)
    sizes = [0, *rng.integers(1, longest - 2, rows - 1)]
    return [np.array([START, *rng.integers(4, vocabulary, size), END], "int32") for size in sizes]


class Side(NamedTuple):
    """A model, and what searches with it in Keras: greedily, and with four beams.

    Attributes:
        model: The model.
        bias: The bias of its last layer, as it was drawn, if it has one.
        keras: Beam size -> generator; it sees later changes of the weights.
    """

    model: Any
    bias: np.ndarray | None
    keras: dict[int, Generator]


def side(model: Any, ends: tuple[int, int, int], bias: Any, **settings: Any) -> Side:
    ids = dict(zip(("start_id", "end_id", "pad_id"), ends, strict=True))
    keras = {
        beam_size: Generator(
            model, max_source_length=16, beam_size=beam_size, **ids, **settings
        )
        for beam_size in (1, 4)
    }  # fmt: skip
    return Side(model, bias, keras)


@pytest.fixture(scope="module")
def translator() -> Side:
    model = translators.build()
    return side(model, (START, END, PAD), np.array(model.projection.bias), **TRANSLATIONS)


@pytest.fixture(scope="module")
def t5() -> Side:
    return side(text_models.build(decoder_layers=2), (0, 1, 0), None, **OUTPUTS)


def prefer(side: Side, added: tuple[float, ...]) -> None:
    """Adds something to the logits of a translator's first tokens."""
    assert side.bias is not None
    more = np.pad(np.float32(added), (0, len(side.bias) - len(added)))
    side.model.projection.bias.assign(side.bias + more)


def both(side: Side, folder: Path, beam_size: int) -> tuple[list[Any], list[Any]]:
    """What Keras finds for random texts, and what CTranslate2 finds."""
    generator = side.keras[beam_size]
    search = generator.search
    write_ctranslate2(side.model, folder, search.start_id, search.end_id)
    arguments = side.model.arguments
    rows = sources(getattr(arguments, "src_vocab_size", 0) or arguments.vocab_size)
    return generator.generate(rows), CTranslate2Generator(folder, search).generate(rows)


def differing(ours: list[list[Hypothesis]], theirs: list[list[Hypothesis]]) -> int:
    """Rows whose best tokens or marks are not the same; where they are, so must be the scores."""
    count = 0
    for (wanted, *_), (found, *_) in zip(ours, theirs, strict=True):
        if (found.token_ids, found.truncated) == (wanted.token_ids, wanted.truncated):
            assert found.score == pytest.approx(wanted.score, rel=1e-4, abs=1e-3)
        else:
            count += 1
    return count


def test_greedy_translations_are_identical(translator, tmp_path):
    prefer(translator, TRAINED)
    ours, theirs = both(translator, tmp_path, 1)
    assert differing(ours, theirs) == 0
    assert len({best.token_ids for best, *_ in ours}) > ROWS / 4  # they do differ
    assert {best.truncated for best, *_ in ours} == {False, True}
    # CTranslate2 by itself answers a source without words without the model.
    assert ours[0][0].token_ids


def test_greedy_outputs_of_t5_are_identical(t5, tmp_path):
    ours, theirs = both(t5, tmp_path, 1)
    assert differing(ours, theirs) == 0
    assert len({best.token_ids for best, *_ in ours}) > ROWS / 4


# How much more the end is worth: beams then end at once, on the way, or hardly ever.
@pytest.mark.parametrize("end", [4.0, 0.0, -4.0, -9.0])
def test_beams_of_translators(translator, end, tmp_path):
    prefer(translator, (0.0, -30.0, -30.0, end))
    ours, theirs = both(translator, tmp_path, 4)
    assert differing(ours, theirs) <= ROWS // 100
    cut = sum(best.truncated for best, *_ in ours)
    assert cut < ROWS / 2 if end >= 0 else cut > 0


def test_beams_of_t5(t5, tmp_path):
    ours, theirs = both(t5, tmp_path, 4)
    assert differing(ours, theirs) <= ROWS // 100


@pytest.mark.parametrize("beam_size", [1, 4])
def test_what_is_forbidden_is_not_put_out(translator, beam_size, tmp_path):
    """By an untrained model, which would like to."""
    prefer(translator, (0.0, 3.0, 2.0, 0.0))
    ours, theirs = both(translator, tmp_path, beam_size)
    for each in theirs:
        assert not {PAD, START}.intersection(each[0].token_ids)
    if beam_size == 1:
        assert differing(ours, theirs) == 0
    else:  # the order of beams moves where so much is taken out; of the same tokens scores agree
        assert differing(ours, theirs) < 0.8 * ROWS


def test_order_and_neighbors_do_not_matter(translator, tmp_path):
    prefer(translator, TRAINED)
    write_ctranslate2(translator.model, tmp_path, START, END, int8=True)
    search = Search(START, END, PAD, max_length=11, beam_size=3)
    generator = CTranslate2Generator(tmp_path, search, int8=True)
    rows = sources(translator.model.arguments.src_vocab_size, 40)
    together = generator.generate(rows)
    for ids, (best, *_) in zip(rows[:8], together, strict=False):
        ((alone, *_),) = generator.generate([ids])
        assert alone.token_ids == best.token_ids
        assert alone.score == pytest.approx(best.score, abs=1e-4)
    assert generator.generate([]) == []


def test_in_eight_bits_each_thread_searches_rows_of_its_own(translator, tmp_path):
    prefer(translator, TRAINED)
    write_ctranslate2(translator.model, tmp_path, START, END, int8=True)
    search = Search(START, END, PAD, max_length=11, beam_size=3)
    rows = sources(translator.model.arguments.src_vocab_size, 7)
    found = {}
    for threads, size in ((1, 7), (3, 3)):
        opened = open_translator(tmp_path, int8=True, threads=threads)
        assert (opened.num_translators, batch_size(opened, len(rows))) == (threads, size)
        generator = CTranslate2Generator(tmp_path, search, int8=True, threads=threads)
        found[threads] = [best for best, *_ in generator.generate(rows)]
    assert [best.token_ids for best in found[3]] == [best.token_ids for best in found[1]]
    assert open_translator(tmp_path, threads=3).num_translators == 1


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
    with pytest.raises(FolderError, match=r"model\.bin cannot be read"):
        CTranslate2Generator(tmp_path, search)
    write_ctranslate2(translators.build(N=1), tmp_path, START, END)
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(FolderError, match="CTranslate2 cannot read"):
        CTranslate2Generator(tmp_path, search)
