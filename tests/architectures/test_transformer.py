"""The Transformer: its paths, masks, cached decoding, its loss by tokens, and training."""

import dataclasses

import keras
import numpy as np
import pytest
from keras import ops

from harness import decoding
from kerasft import backends
from kerasft.architectures import Transformer, TransformerArguments, build_transformer
from kerasft.errors import ConfigError, DataError, FolderError

SMALL = TransformerArguments(
    src_vocab_size=20, tgt_vocab_size=24, src_seq_len=9, tgt_seq_len=8, d_model=8, N=2, h=2, d_ff=12
)
PAD = SMALL.pad_id
SOURCE_LENGTHS, TARGET_LENGTHS = [7, 4, 2], [6, 3, 1]
KINDS = {"norm first": {}, "norm last, tied": {"N": 1, "norm_first": False, "tie_embeddings": True}}


def padded(lengths: list[int], vocabulary: int, seed: int) -> np.ndarray:
    """Rows of random tokens, (rows, max(lengths)) int32."""
    ids = np.random.default_rng(seed).integers(4, vocabulary, (len(lengths), max(lengths)))
    return np.where(np.arange(max(lengths)) < np.array(lengths)[:, None], ids, PAD).astype("int32")


BATCH = {"source_ids": padded(SOURCE_LENGTHS, 20, 0), "target_ids": padded(TARGET_LENGTHS, 24, 1)}


def numpy(tensor) -> np.ndarray:
    return ops.convert_to_numpy(tensor)


def sharpened(arguments: TransformerArguments) -> Transformer:
    """Random, with larger weights, so that every position counts."""
    keras.utils.set_random_seed(0)
    model = Transformer(arguments)
    for weight in model.weights:
        if weight.path.endswith("kernel"):
            weight.assign(weight * 2.0)
    return model


@pytest.fixture(scope="module", params=KINDS, ids=str)
def model(request):
    return sharpened(dataclasses.replace(SMALL, **KINDS[request.param]))


@pytest.fixture(scope="module")
def scores(model):
    """What the model says to `BATCH`, (rows, t, tgt_vocab_size)."""
    return backends.compile_forward(model)(BATCH)


def test_log_probabilities(model, scores):
    assert scores.shape == (3, 6, 24) and scores.dtype == np.float32
    np.testing.assert_allclose(np.exp(scores).sum(-1), 1.0, rtol=1e-5)
    assert scores.std(axis=1).max() > 0.01


def test_paths_are_unique_and_the_same_again(model):
    paths = [weight.path for weight in model.weights]
    assert len(set(paths)) == len(paths)
    assert paths == [weight.path for weight in Transformer(model.arguments).weights]
    assert {path.split("/")[0] for path in paths} == {"transformer"}
    assert "transformer/encoder/block_0/self_attention/query/kernel" in paths
    assert "transformer/decoder/block_0/cross_attention/output/bias" in paths
    assert "transformer/target_embedding/embeddings" in paths


def test_parameters_are_counted(model):
    assert model.arguments.parameter_count == sum(np.prod(w.shape) for w in model.weights)


def test_matrices_are_xavier_uniform():
    for weight in build_transformer(20, 24, 9, 8, d_model=8, N=1, h=2, d_ff=12).weights:
        values = numpy(weight)
        if values.ndim == 2:
            limit = np.sqrt(6 / sum(values.shape))
            assert 0.8 * limit < np.abs(values).max() <= limit, weight.path
        else:
            assert (values == (1.0 if weight.path.endswith("alpha") else 0.0)).all(), weight.path


def test_a_padded_batch_equals_its_rows_alone(model, scores):
    for row, (s, t) in enumerate(zip(SOURCE_LENGTHS[:2], TARGET_LENGTHS[:2], strict=True)):
        alone = {
            "source_ids": BATCH["source_ids"][row : row + 1, :s],
            "target_ids": BATCH["target_ids"][row : row + 1, :t],
        }
        np.testing.assert_allclose(scores[row, :t], numpy(model(alone))[0], atol=1e-5)


def test_later_target_tokens_change_nothing_before_them(model, scores):
    changed = {**BATCH, "target_ids": BATCH["target_ids"].copy()}
    changed["target_ids"][0, 4] = 4 + (changed["target_ids"][0, 4] - 3) % 20
    found = numpy(model(changed))
    np.testing.assert_allclose(found[0, :4], scores[0, :4], atol=1e-5)
    assert np.abs(found[0, 4:] - scores[0, 4:]).max(axis=-1).min() > 1e-3


def test_the_parts_make_the_whole(model, scores):
    source_ids, target_ids = (ops.convert_to_tensor(ids) for ids in BATCH.values())
    source_mask, target_mask = model.source_mask(source_ids), model.target_mask(target_ids)
    memory = model.encode(source_ids, source_mask)
    x = model.decode(memory, source_mask, target_ids, target_mask)
    assert memory.shape == (3, 7, 8) and x.shape == (3, 6, 8)
    np.testing.assert_allclose(numpy(model.project(x)), scores, atol=1e-5)


def test_cached_decoding_equals_the_whole(model, scores):
    """Compiled, inside a loop: as a search does it."""
    found = decoding.step_by_step(model, BATCH, 24)
    for row, t in enumerate(TARGET_LENGTHS):
        np.testing.assert_allclose(found[row, :t], scores[row, :t], atol=1e-5)


def test_beams_of_a_row_do_not_see_each_other(model):
    """Two beams that change places at position 2: each one's past is where the mask says."""
    source_ids = ops.convert_to_tensor(BATCH["source_ids"][:1])
    log_probs = decoding.last_log_probs(model, source_ids, start_id=5)
    sources, pasts = ops.repeat(source_ids, 2, axis=0), decoding.pasts(start_id=5)
    whole = model({"source_ids": sources, "target_ids": pasts})
    np.testing.assert_allclose(numpy(log_probs)[0], numpy(whole)[:, 3], atol=1e-5)


def test_attention_to_the_source_for_a_picture(model):
    found = numpy(model.cross_attention(BATCH))
    assert found.shape == (3, 2, 6, 7)
    np.testing.assert_allclose(found.sum(-1), 1.0, rtol=1e-5)
    padding = BATCH["source_ids"] == PAD
    assert (found.transpose(0, 3, 1, 2)[padding] == 0.0).all()


def test_keras_can_make_it_again(model):
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(model))
    assert type(again) is Transformer and again.arguments == model.arguments


def test_it_learns_to_copy_and_counts_the_loss_by_tokens():
    keras.utils.set_random_seed(1)
    model = build_transformer(12, 12, 6, 6, d_model=16, N=1, h=2, dropout=0.0, d_ff=16)
    source = padded([3] * 24 + [1] * 8, 12, 3)
    target = np.roll(source, 1, axis=1)
    target[:, 0] = 2
    weights = (source != PAD).astype("float32")
    model.compile(
        keras.optimizers.Adam(0.01),
        keras.losses.SparseCategoricalCrossentropy(True, reduction="mean_with_sample_weight"),
    )
    data = {"source_ids": source, "target_ids": target}

    def token_loss() -> float:
        scores = backends.compile_forward(model)(data)
        losses = -np.take_along_axis(scores, source[..., None], axis=-1)[..., 0]
        return (losses * weights).sum() / weights.sum()

    # The last batch of 8 rows has 8 tokens, the others 24: a mean by rows would be another.
    before = token_loss()
    logs = model.evaluate(data, source, 8, sample_weight=weights, verbose=0, return_dict=True)
    assert logs["loss"] == pytest.approx(before, rel=1e-5)
    history = model.fit(
        data, source, 8, epochs=25, sample_weight=weights, verbose=0, shuffle=False,
        validation_data=(data, source, weights), validation_batch_size=8,
    ).history  # fmt: skip
    backends.current().sync_state(model)
    assert history["val_loss"][-1] == pytest.approx(token_loss(), rel=1e-4)
    assert history["val_loss"][-1] < 0.2 * before
    assert set(history) == {"loss", "val_loss"}


def test_dropout_is_drawn_in_training_alone():
    model = sharpened(dataclasses.replace(SMALL, N=1, dropout=0.5))
    scores = numpy(model(BATCH))
    np.testing.assert_array_equal(numpy(model(BATCH, training=False)), scores)
    assert np.abs(numpy(model(BATCH, training=True)) - scores).max() > 0.01
    without = sharpened(dataclasses.replace(SMALL, N=1, dropout=0.0))
    np.testing.assert_array_equal(numpy(without(BATCH, training=True)), numpy(without(BATCH)))


def test_arguments_survive_json():
    assert TransformerArguments.from_dict(SMALL.to_dict()) == SMALL
    made = build_transformer(20, 24, 9, 8, 8, 2, 2, 0.1, 12)
    assert made.arguments == SMALL


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"h": 3}, "the number of heads h (3) must divide d_model (8)"),
        ({"N": 0}, "N must be between 1 and 200, not 0"),
        ({"d_model": 8.0}, "d_model must be int, not 8.0"),
        ({"dropout": 1.0}, "dropout must be at least 0 and less than 1"),
        ({"tie_embeddings": 1}, "tie_embeddings must be bool, not 1"),
        ({"N": True}, "N must be int, not True"),
        ({"pad_id": 20}, "pad_id (20) must be a token of both vocabularies"),
        ({"tgt_vocab_size": 4_000_000, "d_model": 20_000}, "over the limit"),
        ({"colour": 1}, "unknown transformer arguments: colour"),
    ],
)
def test_bad_arguments_are_named(changes, words):
    with pytest.raises(FolderError) as caught:
        TransformerArguments.from_dict({**SMALL.to_dict(), **changes}, FolderError)
    assert words in str(caught.value)


def test_texts_over_the_models_lengths_are_refused_in_one_sentence():
    model = Transformer(dataclasses.replace(SMALL, N=1))
    long = np.full((1, 9), 5, "int32")
    with pytest.raises(DataError, match=r"^a text of 9 tokens is longer than the model's 8 pos"):
        model({"source_ids": long, "target_ids": long})
    with pytest.raises(ConfigError, match="the length to decode is 9; the model has positions"):
        model.start_decoding(long, 9)
