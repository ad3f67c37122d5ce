"""Log-probabilities over the vocabulary, with weights of its own or tied ones."""

import keras
import numpy as np

from harness.gradients import value_and_gradients
from kerasft.layers import InputEmbedding, Projection

RNG = np.random.default_rng(0)
X = RNG.normal(size=(2, 3, 8)).astype("float32")


def log_softmax(logits: np.ndarray) -> np.ndarray:
    return logits - np.log(np.exp(logits).sum(-1, keepdims=True))


def test_log_softmax_of_a_linear_map():
    layer = Projection(d_model=8, vocab_size=11)
    layer.build(X.shape)
    layer.bias.assign(RNG.normal(size=11).astype("float32"))
    kernel, bias = (keras.ops.convert_to_numpy(w) for w in (layer.kernel, layer.bias))
    assert 0.8 * np.sqrt(6 / 19) < np.abs(kernel).max() <= np.sqrt(6 / 19)
    found = keras.ops.convert_to_numpy(layer(X))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, log_softmax(X @ kernel + bias), atol=1e-5)
    np.testing.assert_allclose(np.exp(found).sum(-1), 1.0, rtol=1e-5)


def test_tied_it_uses_and_trains_the_embeddings_table():
    embedding = InputEmbedding(vocab_size=11, d_model=8)
    embedding.build((None, None))
    layer = Projection(d_model=8, vocab_size=11, tied=True)
    layer.build(X.shape)
    assert [weight.shape for weight in layer.weights] == [(11,)]
    table = keras.ops.convert_to_numpy(embedding.embeddings)

    def project():
        return layer(
            keras.ops.convert_to_tensor(X), table=keras.ops.convert_to_tensor(embedding.embeddings)
        )

    direction = RNG.normal(size=(2, 3, 11)).astype("float32")
    found, [gradient] = value_and_gradients(project, [], [embedding.embeddings], direction)
    np.testing.assert_allclose(found, log_softmax(X @ table.T), atol=1e-5)
    # d log softmax(z)_i / d z_j = [i = j] - softmax(z)_j
    of_logits = direction - np.exp(found) * direction.sum(-1, keepdims=True)
    np.testing.assert_allclose(gradient, np.einsum("btv,btd->vd", of_logits, X), atol=1e-5)
