"""A tiny model that decodes step by step, and two beams that change places, for every model."""

from typing import Any

import keras
import numpy as np
from keras import ops

from kerasft import backends

PAD, START, END = 1, 2, 3
WIDTH = 6
MAX_POSITIONS = 40


class BagModel(keras.Model):
    """Written twice: with a cache, and plainly in NumPy.

    The next token depends on the source, on the last token, and on the mean over all tokens so far
    of an embedding that knows their positions: enough for the order of the tokens to matter.
    """

    def __init__(self, vocabulary: int = 8, seed: int = 3, sharpness: float = 1.0) -> None:
        super().__init__()
        rng = np.random.default_rng(seed)
        self.vocabulary = vocabulary
        shapes = {
            "source": (vocabulary, WIDTH),
            "target": (vocabulary, WIDTH),
            "position": (MAX_POSITIONS, WIDTH),
            "last": (vocabulary, WIDTH),
            "out": (WIDTH, vocabulary),
        }
        self.weight = {}
        for name, shape in shapes.items():
            value = (rng.normal(size=shape) * sharpness).astype("float32")
            self.weight[name] = self.add_weight(name=name, shape=shape, initializer="zeros")
            self.weight[name].assign(value)
        self.built = True

    def start_decoding(self, source_ids, length, beams=1):
        real = ops.cast(source_ids != PAD, "float32")[..., None]
        embedded = ops.take(self.weight["source"], source_ids, axis=0) * real
        batch = source_ids.shape[0]
        return {
            "source": ops.sum(embedded, axis=1) / ops.sum(real, axis=1),  # (batch, WIDTH)
            "slots": ops.zeros((batch, length * beams, WIDTH)),
        }

    def decode_step(self, state, token_ids, visible, position):
        beams = token_ids.shape[1]
        place = ops.take(self.weight["position"], position, axis=0)
        new = ops.tanh(ops.take(self.weight["target"], token_ids, axis=0) + place)
        slots = ops.slice_update(state["slots"], (0, position * beams, 0), new)
        seen = ops.cast(visible, "float32")
        mean = ops.matmul(seen, slots) / ops.cast(position + 1, "float32")  # (batch, beams, WIDTH)
        last = ops.take(self.weight["last"], token_ids, axis=0)
        hidden = ops.tanh(mean + last + state["source"][:, None])
        log_probs = ops.log_softmax(ops.matmul(hidden, self.weight["out"]), axis=-1)
        return log_probs, {"source": state["source"], "slots": slots}

    def next_log_probs(self, source: np.ndarray, tokens: tuple[int, ...]) -> np.ndarray:
        """(vocabulary,) after the given tokens, [SOS] first; nothing shared with the above."""
        weight = {
            name: ops.convert_to_numpy(w).astype("float64") for name, w in self.weight.items()
        }
        mean = np.tanh(weight["target"][list(tokens)] + weight["position"][: len(tokens)]).mean(0)
        hidden = np.tanh(mean + weight["last"][tokens[-1]] + weight["source"][source].mean(0))
        logits = hidden @ weight["out"]
        return logits - np.log(np.exp(logits - logits.max()).sum()) - logits.max()


def sources(count: int, vocabulary: int = 8, seed: int = 0, longest: int = 16) -> list[np.ndarray]:
    """Sources of many lengths, none with padding inside."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, longest + 1, count)
    return [rng.integers(3, vocabulary, size).astype("int32") for size in sizes]


# Two beams of a row that change places at position 2.
LENGTH = 4
ANCESTORS = np.array([[0, 1, 0, 0], [0, 0, 1, 1]])  # of the beams at position 3


def cached(start_id: int) -> np.ndarray:
    """The tokens as they stand in the cache, (beams, length) int32."""
    return np.array([[start_id, 9, 6, 4], [start_id, 7, 8, 10]], "int32")


def pasts(start_id: int) -> np.ndarray:
    """The tokens that each beam has behind it at position 3, (beams, length) int32."""
    return np.array([[start_id, 7, 6, 4], [start_id, 9, 8, 10]], "int32")


def last_log_probs(model: Any, source_ids: Any, start_id: int) -> Any:
    """Decodes `cached` step by step, each beam seeing its own past alone.

    Args:
        model: A Transformer or a T5.
        source_ids: (1, s) int32.
        start_id: The token at position 0.

    Returns:
        The log-probabilities at position 3, (1, beams, vocabulary).
    """
    tokens, beams = cached(start_id), np.arange(2)
    state = model.start_decoding(source_ids, LENGTH, beams=2)
    for position in range(LENGTH):
        owners = beams[:, None] if position < 2 else ANCESTORS
        place = np.arange(LENGTH) <= position
        slots = place[:, None] & (beams == owners[:, :, None])  # (beams, length, beams)
        token_ids = ops.convert_to_tensor(tokens[None, :, position])
        visible = ops.convert_to_tensor(slots.reshape(1, 2, -1))
        log_probs, state = model.decode_step(state, token_ids, visible, position)
    return log_probs


def step_by_step(model: keras.Model, batch: dict[str, np.ndarray], tokens: int) -> np.ndarray:
    """What a model says of each target's tokens, decoded with its cache, compiled, in a loop.

    Args:
        batch: {"source_ids": (rows, s), "target_ids": (rows, t)}.
        tokens: Of its vocabulary of targets.

    Returns:
        (rows, t, tokens) log-probabilities.
    """
    rows, length = batch["target_ids"].shape

    def run(inputs):
        def step(position, collected, state):
            token_ids = ops.take(inputs["target_ids"], position, axis=1)[:, None]
            visible = (ops.arange(length) <= position)[None, None, :]
            log_probs, state = model.decode_step(state, token_ids, visible, position)
            here = (ops.arange(length) == position)[None, :, None]
            return position + 1, ops.where(here, log_probs, collected), state

        state = model.start_decoding(inputs["source_ids"], length)
        start = (ops.zeros((), "int32"), ops.zeros((rows, length, tokens)), state)
        return ops.while_loop(lambda position, *_: position < length, step, start)[1]

    return backends.current().compile_function(model, run)(batch)
