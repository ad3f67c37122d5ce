"""A T5's outputs: token for token those of transformers' `generate`."""

import functools

import keras
import numpy as np
import pytest
import torch

from harness import t5_twins
from kerasft.architectures import T5, T5Arguments
from kerasft.generation import Generator, TextGenerator
from kerasft.text.trained_unigram import train_unigram

ROWS, LONGEST = 50, 14
SETTINGS = {
    "greedy": {"beam_size": 1},
    "beams, as by default": {"beam_size": 4},
    "beams, stopped early": {"beam_size": 4, "early_stopping": True},
    "beams, never stopped, long ones preferred": {
        "beam_size": 4, "early_stopping": "never", "length_penalty": 2.0,
    },
    "three beams, a mild penalty": {"beam_size": 3, "length_penalty": 0.6},
}  # fmt: skip


def search(model: T5, **settings) -> Generator:
    a = model.arguments
    ids = {"start_id": a.start_id, "end_id": a.end_id, "pad_id": a.pad_id}
    settings = {"early_stopping": False, "max_length": LONGEST, **settings}
    return Generator(
        model, **ids, max_source_length=16, rank_cut=True, forbidden=(),
        n_best=settings["beam_size"], **settings,
    )  # fmt: skip


@pytest.fixture(scope="module", params=["v1.0", "many buckets, odd heads"])
def twins(request, tmp_path_factory):
    """A T5 of transformers (sure neither of all nor of nothing), sources, and our outputs."""
    directory = tmp_path_factory.mktemp("t5")
    theirs = t5_twins.random_twin(seed=4, **t5_twins.CONFIGS[request.param])
    with torch.no_grad():
        theirs.encoder.final_layer_norm.weight.mul_(2.0)
        theirs.decoder.final_layer_norm.weight.mul_(2.0)
        for block in theirs.decoder.block:
            block.layer[0].SelfAttention.o.weight.mul_(3.0)
            block.layer[1].EncDecAttention.o.weight.mul_(4.0)
        theirs.lm_head.weight[1].mul_(1.5)  # else few outputs end
    theirs.save_pretrained(directory)
    ours = t5_twins.ours(directory)
    sources = t5_twins.batch(ROWS, 16, seed=1)["source_ids"]

    @functools.cache
    def found(name: str):
        return search(ours, **SETTINGS[name]).generate([ids[ids != 0] for ids in sources])

    return theirs, sources, found


def their_rows(theirs, source_ids: np.ndarray, **settings):
    """For each row the token lists of all beams and their scores."""
    beams = settings.pop("beam_size")
    beam_settings = {"early_stopping": False, **settings} if beams > 1 else {}
    with torch.no_grad():
        found = theirs.generate(
            **t5_twins.their_inputs(source_ids), max_new_tokens=LONGEST, do_sample=False,
            num_beams=beams, num_return_sequences=beams, return_dict_in_generate=True,
            output_scores=beams > 1, **beam_settings,
        )  # fmt: skip
    rows = []
    for sequence in found.sequences[:, 1:].tolist():  # without the start token
        rows.append(tuple(sequence[: sequence.index(1)] if 1 in sequence else sequence))
    scores = found.sequences_scores.tolist() if beams > 1 else [None] * len(rows)
    pairs = list(zip(rows, scores, strict=True))
    return [pairs[row * beams : (row + 1) * beams] for row in range(len(source_ids))]


@pytest.mark.parametrize("name", SETTINGS)
def test_outputs_equal_those_of_transformers(twins, name):
    theirs, sources, search_once = twins
    settings, found = SETTINGS[name], search_once(name)
    expected = their_rows(theirs, sources, **settings)
    penalty = settings.get("length_penalty", 1.0)
    for row, wanted in zip(found, expected, strict=True):
        assert [hypothesis.token_ids for hypothesis in row] == [tokens for tokens, _ in wanted]
        for hypothesis, (_, score) in zip(row, wanted, strict=True):
            assert hypothesis.truncated == (len(hypothesis.token_ids) == LONGEST)
            if score is not None:
                assert hypothesis.rank(penalty) == pytest.approx(score, abs=1e-4)
    best = [row[0] for row in found]
    assert len({hypothesis.token_ids for hypothesis in best}) > 12
    cut = sum(hypothesis.truncated for hypothesis in best)
    assert 0 < cut < ROWS


def test_stopping_early_is_another_search(twins):
    """What the settings are there for: they give other outputs."""
    _, _, search_once = twins
    outputs = [
        [row[0].token_ids for row in search_once(name)]
        for name in ("beams, as by default", "beams, stopped early")
    ]
    assert outputs[0] != outputs[1]


def test_texts_in_and_texts_out():
    tokenizer = train_unigram(["the house is wonderful", "a garden of the house"], 60, extra_ids=4)
    keras.utils.set_random_seed(0)
    arguments = T5Arguments(
        tokenizer.vocab_size, d_model=16, d_kv=8, d_ff=24, encoder_layers=1,
        decoder_layers=1, heads=2,
    )  # fmt: skip
    generator = TextGenerator(
        T5(arguments), tokenizer, max_length=6, beam_size=2, max_source_length=9
    )
    sources = ["the house", "a garden of the house, which is far too long for it", ""]
    ids = tokenizer.encode(sources, 9).token_ids
    expected = [tokenizer.decode(row[0].token_ids) for row in generator.generate(ids)]
    assert generator.texts(sources) == expected
    assert generator.texts([]) == []
    assert generator.search.forbidden == () and generator.search.early_stopping is False
