"""The masked language model: transformers' numbers, and the classifier's own encoder."""

from pathlib import Path

import keras
import numpy as np
import pytest
import torch

from harness import wordpieces
from harness.checkpoints import write_checkpoint
from kerasft import backends
from kerasft.architectures import Classifier, EncoderArguments, MaskedLanguageModel
from kerasft.data.masked_batches import MaskedBatches
from kerasft.presets import load_preset

# Without dropout and with one layer: XLA compiles a training step in seconds instead of minutes.
QUICK = EncoderArguments(
    vocab_size=45,
    num_layers=1,
    num_heads=2,
    hidden_size=16,
    intermediate_size=32,
    max_length=8,
    dropout=0.0,
    attention_dropout=0.0,
    head_dropout=0.0,
    num_segments=2,
)
SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
TOKENIZER = wordpieces.tokenizer([*SPECIALS, *(f"w{i}" for i in range(40))])


def heads_of(twin: torch.nn.Module) -> tuple[torch.nn.Module, torch.nn.Module, torch.Tensor]:
    """Dense, normalization and bias of a transformers model's head."""
    if hasattr(twin, "cls"):
        head = twin.cls.predictions
        return head.transform.dense, head.transform.LayerNorm, head.bias
    if hasattr(twin, "predictions"):
        return twin.predictions.dense, twin.predictions.LayerNorm, twin.predictions.bias
    if hasattr(twin, "generator_predictions"):
        head = twin.generator_predictions
        return head.dense, head.LayerNorm, twin.generator_lm_head.bias
    if hasattr(twin, "lm_head"):
        return twin.lm_head.dense, twin.lm_head.layer_norm, twin.lm_head.bias
    return twin.vocab_transform, twin.vocab_layer_norm, twin.vocab_projector.bias


@pytest.mark.parametrize(
    "architecture",
    [
        "bert",
        *(
            pytest.param(name, marks=pytest.mark.any_backend)
            for name in ("albert", "distilbert", "electra", "mpnet", "roberta")
        ),
    ],
)
def test_logits_are_those_of_transformers(tmp_path: Path, architecture: str):
    twin = write_checkpoint(tmp_path, architecture, "ForMaskedLM", layers=2)
    classifier, _ = load_preset(str(tmp_path)).build_classifier(3, "first", ["a", "b", "c"])
    model = MaskedLanguageModel(classifier)
    dense, norm, bias = heads_of(twin)
    model.head.dense.set_weights([dense.weight.detach().numpy().T, dense.bias.detach().numpy()])
    model.head.norm.set_weights([norm.weight.detach().numpy(), norm.bias.detach().numpy()])
    model.head.bias.assign(bias.detach().numpy())

    rng = np.random.default_rng(0)
    lengths = np.array([12, 7, 3])
    mask = np.arange(12) < lengths[:, None]
    token_ids = np.where(mask, rng.integers(1, 60, (3, 12)), 0).astype("int32")
    positions = np.array([[1, 4, 11], [6, 2, 0], [1, 0, 0]], dtype="int32")
    with torch.no_grad():
        everywhere = twin(
            input_ids=torch.tensor(token_ids).long(), attention_mask=torch.tensor(mask).long()
        ).logits.numpy()  # (3, 12, vocabulary)
    expected = np.take_along_axis(everywhere, positions[..., None], axis=1)
    found = backends.compile_forward(model)(
        {"token_ids": token_ids, "padding_mask": mask, "mask_positions": positions}
    )
    assert found.shape == (3, 3, everywhere.shape[-1]) and found.dtype == np.float32
    assert np.abs(expected).max() > 1  # numbers that would show a difference
    np.testing.assert_allclose(found, expected, atol=1e-4)


# Texts that say one word six times: what is hidden stands beside itself.
WORDS = np.random.default_rng(0).integers(5, 45, 32)
TEXTS = [np.array([2, *[word] * 6, 3], dtype="int32") for word in WORDS]
INPUTS = {"token_ids": np.stack(TEXTS), "padding_mask": np.ones((32, 8), bool)}


def make_batches() -> MaskedBatches:
    return MaskedBatches(TEXTS, TOKENIZER, batch_size=16, max_length=8, shuffle=True, seed=0)


def values(model: keras.Model) -> dict[str, np.ndarray]:
    return {weight.path: keras.ops.convert_to_numpy(weight).copy() for weight in model.weights}


def test_what_it_learns_the_classifier_knows():
    keras.utils.set_random_seed(0)
    classifier = Classifier("bert", QUICK, 3)
    model = MaskedLanguageModel(classifier)
    heads = {w.path for name in classifier.head_layers for w in classifier.get_layer(name).weights}
    assert {id(w) for w in classifier.weights if w.path not in heads} <= {
        id(w) for w in model.weights
    }
    assert not heads & {w.path for w in model.weights}
    assert len({w.path for w in model.weights}) == len(model.weights)

    before = values(classifier)
    model.compile(
        keras.optimizers.Adam(2e-2),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    losses = model.fit(make_batches(), epochs=15, verbose=0).history["loss"]
    assert losses[-1] < 0.8 * losses[0]

    after, of_model = values(classifier), values(model)
    for path, value in after.items():
        if path in heads:
            np.testing.assert_array_equal(value, before[path])
        else:
            np.testing.assert_array_equal(value, of_model[path])
            # Of one segment the other's row is never read; attention does not see the key's bias.
            if not path.endswith("key/bias"):
                assert np.abs(value - before[path]).max() > 1e-4, path

    # And the classifier computes with them.
    forward = backends.compile_forward
    fresh = Classifier("bert", QUICK, 3)
    for weight in fresh.weights:
        weight.assign(after[weight.path])
    np.testing.assert_allclose(forward(classifier)(INPUTS), forward(fresh)(INPUTS), atol=1e-6)


def test_the_classifier_trains_on_after_it():
    keras.utils.set_random_seed(0)
    classifier = Classifier("bert", QUICK, 2)
    model = MaskedLanguageModel(classifier)
    entropy = keras.losses.SparseCategoricalCrossentropy
    model.compile(keras.optimizers.Adam(1e-3), entropy(from_logits=True))
    model.fit(make_batches(), epochs=1, verbose=0)
    learned = values(model)
    classifier.compile(keras.optimizers.Adam(1e-2), entropy(from_logits=True))
    labels = (WORDS > 20).astype("int32")
    losses = classifier.fit(INPUTS, labels, batch_size=16, epochs=12, verbose=0).history["loss"]
    assert losses[-1] < 0.6 * losses[0]
    moved = values(model)
    path = "transformer_layer_0/self_attention_layer/query/kernel"
    assert np.abs(moved[path] - learned[path]).max() > 1e-3  # the encoder is one and the same
    assert all(
        (moved[name] == learned[name]).all() for name in learned if "language_model_head" in name
    )
