"""T5 against transformers on the same random weights; its paths, cached decoding and training."""

import dataclasses

import keras
import numpy as np
import pytest
import torch
from keras import ops

from harness import decoding, gradients, t5_twins
from kerasft import backends
from kerasft.architectures import T5, T5Arguments, layers_by_path, shift_right
from kerasft.errors import ConfigError, FolderError

SMALL = T5Arguments(
    20, d_model=8, d_kv=5, d_ff=12, encoder_layers=2, decoder_layers=1, heads=2, relative_buckets=6,
    relative_max_distance=8,
)  # fmt: skip
BATCH = t5_twins.batch(rows=5, source=23, target=14)  # longer than some of the farthest distances
INPUTS = {"source_ids": BATCH["source_ids"], "target_ids": shift_right(BATCH["labels"])}
REAL = BATCH["labels"] != 0


def numpy(tensor) -> np.ndarray:
    return ops.convert_to_numpy(tensor)


@pytest.fixture(scope="module", params=t5_twins.PARAMS)
def twins(request, tmp_path_factory):
    """A T5 of transformers and ours with its weights."""
    directory = tmp_path_factory.mktemp("t5")
    theirs = t5_twins.write(directory, **t5_twins.CONFIGS[request.param])
    return theirs, t5_twins.ours(directory)


def their_outputs(theirs):
    labels = torch.tensor(np.where(REAL, BATCH["labels"], -100), dtype=torch.long)
    return theirs(**t5_twins.their_inputs(BATCH["source_ids"]), labels=labels)


def logits(model: T5, inputs: dict) -> np.ndarray:
    """What the model says, compiled: so many single operations take JAX far longer."""
    return backends.compile_forward(model)(inputs)


def relative(found: np.ndarray, expected: np.ndarray) -> float:
    """The largest deviation, as a share of the largest value."""
    return float(np.abs(found - expected).max() / np.abs(expected).max())


def test_equals_transformers(twins):
    theirs, ours = twins
    with torch.no_grad():
        expected = their_outputs(theirs)

    def run(inputs):
        mask = ours.source_mask(inputs["source_ids"])
        memory = ours.encode(inputs["source_ids"], mask, training=False)
        return {"memory": memory, "logits": ours(inputs, training=False)}

    found = backends.current().compile_function(ours, run)(INPUTS)
    real = BATCH["source_ids"] != 0
    memory = expected.encoder_last_hidden_state.numpy()
    assert relative(found["memory"][real], memory[real]) < 1e-4
    assert relative(found["logits"][REAL], expected.logits.numpy()[REAL]) < 1e-4
    loss = keras.losses.SparseCategoricalCrossentropy(True, reduction="mean_with_sample_weight")
    value = float(loss(BATCH["labels"], found["logits"], sample_weight=REAL.astype("float32")))
    assert value == pytest.approx(expected.loss.item(), rel=1e-4)


def test_gradients_equal_those_of_transformers(twins):
    theirs, ours = twins
    output = their_outputs(theirs)
    output.logits.retain_grad()
    output.loss.backward()
    expected = {name: p.grad.numpy() for name, p in theirs.named_parameters()}
    _, found = gradients.value_and_gradients(
        lambda: ours(INPUTS, training=False), [], ours.weights, output.logits.grad.numpy()
    )
    by_weight = {id(weight): array for weight, array in zip(ours.weights, found, strict=True)}
    layers = layers_by_path(ours)
    for entry in ours.entries():
        for parameter in entry.parameters:
            weight = getattr(layers[entry.layer], parameter.attribute)
            gradient = entry.to_hugging_face(by_weight.pop(id(weight)), parameter)
            assert relative(gradient, expected.pop(parameter.name)) < 1e-3, parameter.name
    assert not by_weight and not expected


def test_paths_are_the_originals():
    model = T5(SMALL)
    paths = [weight.path.removeprefix("t5/") for weight in model.weights]
    assert len(set(paths)) == len(paths)
    assert paths == [weight.path.removeprefix("t5/") for weight in T5(SMALL).weights]
    for path in (
        *("shared/embeddings", "encoder/block_1/self_attention/q/kernel", "decoder/norm/scale"),
        *("decoder/block_0/cross_attention/v/kernel", "encoder/block_0/feed_forward/wi/kernel"),
        *("decoder/relative_position_bias/embeddings", "encoder/block_1/feed_forward/wo/kernel"),
    ):
        assert path in paths
    untied = T5(dataclasses.replace(SMALL, tie_embeddings=False, gated=True))
    paths = [weight.path.removeprefix("t5/") for weight in untied.weights]
    assert "lm_head/kernel" in paths and "encoder/block_0/feed_forward/wi_1/kernel" in paths
    assert not any(path.endswith("bias") for path in paths)


@pytest.mark.parametrize(
    "changes", [{}, {"tie_embeddings": False, "gated": True}, {"bias_per_block": True}]
)
def test_parameters_are_counted(changes):
    model = T5(dataclasses.replace(SMALL, **changes))
    assert model.arguments.parameter_count == sum(np.prod(w.shape) for w in model.weights)


def test_it_starts_as_the_original_does():
    arguments = T5Arguments(2000, d_model=64, d_kv=32, d_ff=128, encoder_layers=1,
                            decoder_layers=1, heads=4, gated=True)  # fmt: skip
    for tied in (True, False):
        model = T5(dataclasses.replace(arguments, tie_embeddings=tied, scale_outputs=tied))
        deviations = {
            "shared": 1.0, "lm_head": 64**-0.5, "q": (64 * 32) ** -0.5, "k": 64**-0.5,
            "v": 64**-0.5, "o": 128**-0.5, "wi_0": 64**-0.5, "wi_1": 64**-0.5, "wo": 128**-0.5,
            "relative_position_bias": 64**-0.5,
        }  # fmt: skip
        for weight in model.weights:
            layer = weight.path.split("/")[-2]
            if layer == "norm":
                assert (numpy(weight) == 1).all()
            else:
                assert numpy(weight).std() == pytest.approx(deviations[layer], rel=0.25), layer
        inputs = {"source_ids": np.array([[5, 6, 1]]), "target_ids": np.array([[0, 7, 8]])}
        found = logits(model, inputs)
        assert 0.2 < found.std() < 5  # neither is all the same nor is anything certain
    zeros = T5(arguments, initialize=False)
    assert not any(numpy(w).any() for w in zeros.weights if not w.path.endswith("scale"))


def test_a_row_of_a_padded_batch_equals_the_row_alone():
    model = T5(dataclasses.replace(SMALL, vocab_size=t5_twins.VOCABULARY))
    whole = logits(model, INPUTS)
    s, t = (int((ids[1] != 0).sum()) for ids in (BATCH["source_ids"], BATCH["labels"]))
    alone = {
        "source_ids": INPUTS["source_ids"][1:2, :s],
        "target_ids": INPUTS["target_ids"][1:2, :t],
    }
    np.testing.assert_allclose(whole[1, :t], logits(model, alone)[0], atol=1e-4)


def log_softmax(logits: np.ndarray) -> np.ndarray:
    logits = logits - logits.max(-1, keepdims=True)
    return logits - np.log(np.exp(logits).sum(-1, keepdims=True))


@pytest.mark.parametrize("tied", [True, False])
def test_cached_decoding_equals_the_whole(tied):
    """Compiled, inside a loop: as a search does it."""
    arguments = dataclasses.replace(
        SMALL, vocab_size=t5_twins.VOCABULARY, tie_embeddings=tied, gated=not tied,
        decoder_layers=2, bias_per_block=not tied,
    )  # fmt: skip
    model = T5(arguments)
    found = decoding.step_by_step(model, INPUTS, t5_twins.VOCABULARY)
    np.testing.assert_allclose(found, log_softmax(logits(model, INPUTS)), atol=1e-4)


def test_beams_of_a_row_do_not_see_each_other():
    """Two beams that change places at position 2: each one's past is where the mask says."""
    model = T5(SMALL)

    def run(inputs):
        return decoding.last_log_probs(model, inputs["source_ids"], SMALL.start_id)

    source_ids = np.array([[7, 9, 4, 1]], "int32")
    found = backends.current().compile_function(model, run)({"source_ids": source_ids})
    pasts = decoding.pasts(SMALL.start_id)
    whole = logits(model, {"source_ids": np.repeat(source_ids, 2, 0), "target_ids": pasts})
    np.testing.assert_allclose(found[0], log_softmax(whole)[:, 3], atol=1e-4)
    with pytest.raises(ConfigError, match="the length to decode is 0"):
        model.start_decoding(source_ids, 0)


def test_keras_can_make_it_again():
    model = T5(SMALL)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(model))
    assert type(again) is T5 and again.arguments == SMALL


def test_it_learns_to_copy():
    keras.utils.set_random_seed(1)
    arguments = {**SMALL.to_dict(), "vocab_size": 12, "d_model": 32, "d_ff": 32}
    model = T5(T5Arguments(**{**arguments, "encoder_layers": 1, "dropout": 0.0}))
    source = np.random.default_rng(0).integers(2, 12, (64, 4)).astype("int32")
    source[:, -1] = 1
    source[::2, 2:] = [1, 0]
    inputs = {"source_ids": source, "target_ids": shift_right(source)}
    weights = (source != 0).astype("float32")
    loss = keras.losses.SparseCategoricalCrossentropy(True, reduction="mean_with_sample_weight")
    model.compile(keras.optimizers.Adam(0.005), loss)
    history = model.fit(inputs, source, 8, epochs=25, sample_weight=weights, verbose=0).history
    assert history["loss"][-1] < 0.25 * history["loss"][0]
    assert set(history) == {"loss"}


class SeveralLengths(keras.utils.PyDataset):
    """Two batches that differ in both lengths."""

    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: int):
        batch = t5_twins.batch(rows=4, source=6 + 5 * index, target=4 + 3 * index)
        inputs = {"source_ids": batch["source_ids"], "target_ids": shift_right(batch["labels"])}
        return inputs, batch["labels"], (batch["labels"] != 0).astype("float32")


def test_batches_of_several_lengths_train_and_the_loss_counts_tokens():
    model = T5(dataclasses.replace(SMALL, vocab_size=t5_twins.VOCABULARY, dropout=0.0))
    loss = keras.losses.SparseCategoricalCrossentropy(True, reduction="mean_with_sample_weight")
    model.compile(keras.optimizers.SGD(0.0), loss)
    found = model.fit(SeveralLengths(), epochs=1, verbose=0).history["loss"][0]
    total = tokens = 0.0
    for inputs, labels, weights in (SeveralLengths()[0], SeveralLengths()[1]):
        log_probs = log_softmax(logits(model, inputs))
        total -= (np.take_along_axis(log_probs, labels[..., None], -1)[..., 0] * weights).sum()
        tokens += weights.sum()
    assert found == pytest.approx(total / tokens, rel=1e-4)


def test_dropout_is_drawn_in_training_alone():
    model = T5(dataclasses.replace(SMALL, dropout=0.5))
    inputs = {"source_ids": np.array([[5, 6, 1]]), "target_ids": np.array([[0, 7, 8]])}
    plain = numpy(model(inputs))
    np.testing.assert_array_equal(numpy(model(inputs, training=False)), plain)
    drawn = [numpy(model(inputs, training=True)) for _ in range(2)]
    assert min(np.abs(drawn[0] - plain).max(), np.abs(drawn[0] - drawn[1]).max()) > 0.01
    without = T5(dataclasses.replace(SMALL, dropout=0.0))
    np.testing.assert_array_equal(numpy(without(inputs, training=True)), numpy(without(inputs)))


def test_shift_right():
    labels = np.array([[9, 5, 1], [4, 1, 0]], "int32")
    shifted = shift_right(labels, start_id=3)
    np.testing.assert_array_equal(shifted, [[3, 9, 5], [3, 4, 1]])
    assert shifted.dtype == labels.dtype and labels[0, 0] == 9


def test_arguments_survive_json():
    assert T5Arguments.from_dict(SMALL.to_dict()) == SMALL


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"heads": 0}, "heads must be between 1 and 1,000, not 0"),
        ({"d_kv": 8.0}, "d_kv must be int, not 8.0"),
        ({"activation": "elu"}, "activation 'elu' is not one of gelu, "),
        ({"gated": 1}, "gated must be bool, not 1"),
        ({"dropout": 1.0}, "dropout must be at least 0 and less than 1"),
        ({"relative_buckets": 2}, "relative_buckets must be between 4 and"),
        ({"relative_max_distance": 3}, "the largest relative distance is 3"),
        ({"layer_norm_epsilon": 0.0}, "layer_norm_epsilon must be between 0 and 1"),
        ({"end_id": 20}, "end_id (20) must be a token of the vocabulary of 20 tokens"),
        ({"end_id": 0}, "end_id (0) must be another token than pad_id and start_id"),
        ({"d_model": 20_000, "d_ff": 200_000, "encoder_layers": 200}, "over the limit"),
        ({"colour": 1}, "unknown T5 arguments: colour"),
    ],
)
def test_bad_arguments_are_named(changes, words):
    with pytest.raises(FolderError) as caught:
        T5Arguments.from_dict({**SMALL.to_dict(), **changes}, FolderError)
    assert words in str(caught.value)
