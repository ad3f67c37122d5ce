"""A tiny model that decodes step by step, written twice: with a cache, and plainly in NumPy.

The next token depends on the source, on the last token, and on the mean over all tokens so far of
an embedding that knows their positions: enough for the order of the tokens to matter.
"""

import keras
import numpy as np
from keras import ops

PAD, START, END = 1, 2, 3
WIDTH = 6
MAX_POSITIONS = 40


class BagModel(keras.Model):
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
