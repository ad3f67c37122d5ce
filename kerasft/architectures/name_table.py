"""The rows of a name table: a Hugging Face module, a Keras layer, how their arrays relate."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import keras
import numpy as np

from kerasft.layers.inner_layers import all_layers

_ATTRIBUTES = {
    # torch's Linear keeps its weight as (out, in); Keras as (in..., out...).
    "linear": (("weight", "kernel"), ("bias", "bias")),
    "matrix": (("weight", "kernel"),),  # a Linear without a bias
    "norm": (("weight", "gamma"), ("bias", "beta")),
    "gain": (("weight", "gamma"),),  # a norm without a bias
    "scale": (("weight", "scale"),),  # a norm by the root mean square
    "convolution": (("weight", "kernel"), ("bias", "bias")),
    "embedding": (("weight", "embeddings"),),
}


class Parameter(NamedTuple):
    """One array of an entry: its Hugging Face name and shape, and the Keras layer's attribute."""

    name: str
    attribute: str
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Entry:
    """One module of a Hugging Face model and the Keras layer that computes the same.

    Attributes:
        module: The Hugging Face module: "distilbert.transformer.layer.0.attention.q_lin".
        layer: The Keras layer's path: "transformer_layer_0/self_attention_layer/query".
        kind: "linear", "matrix" (a linear map without bias), "norm", "gain" (a norm without bias),
            "scale" (one by the root mean square), "convolution" or "embedding".
        shape: Shape of the Hugging Face weight: (out, in) for "linear" and "matrix", (out, in,
            positions) for "convolution", (rows, width) for the tables, (width,) for the norms.
        head: Whether it belongs to the classification head, which a checkpoint may lack.
    """

    module: str
    layer: str
    kind: str
    shape: tuple[int, ...]
    head: bool = False

    @property
    def parameters(self) -> list[Parameter]:
        """Its arrays: (Hugging Face name, attribute of the Keras layer, Hugging Face shape)."""
        return [
            Parameter(
                f"{self.module}.{suffix}",
                attribute,
                self.shape if suffix == "weight" else self.shape[:1],
            )
            for suffix, attribute in _ATTRIBUTES[self.kind]
        ]

    def to_keras(self, array: np.ndarray, keras_shape: tuple[int, ...]) -> np.ndarray:
        """A Hugging Face array of this entry in the shape of the Keras variable."""
        if self.kind in ("linear", "matrix") and array.ndim == 2:
            return array.T.reshape(keras_shape)  # (out, in) -> (in, out) -> (in..., out...)
        if self.kind == "convolution" and array.ndim == 3:
            return array.T  # (out, in, positions) -> (positions, in, out)
        return array.reshape(keras_shape)  # biases of query, key and value: (out,) -> (heads, d)

    def to_hugging_face(self, array: np.ndarray, parameter: Parameter) -> np.ndarray:
        """A Keras variable's array of this entry in the shape of the Hugging Face tensor."""
        if self.kind in ("linear", "matrix") and len(parameter.shape) == 2:
            out, into = parameter.shape
            return np.ascontiguousarray(array.reshape(into, out).T)  # (in..., out...) -> (out, in)
        if self.kind == "convolution" and array.ndim == 3:
            return np.ascontiguousarray(array.T)
        return np.ascontiguousarray(array.reshape(parameter.shape))


class TwinModel(keras.Model):
    """Base of models that transformers has too, so that their weights have names there.

    Attributes:
        peft_task: What PEFT calls such a task (of the class).
    """

    peft_task: ClassVar[str]

    @abstractmethod
    def entries(self) -> list[Entry]:
        """The model's name table, from the bottom up."""

    def cached_attention(self) -> list[keras.layers.Layer]:
        """The attention layers to which transformers can give keys and values from before a text.

        Returns:
            In the order of its `past_key_values`; none where the model there takes none.
        """
        return []


def layers_by_path(model: keras.Model) -> dict[str, keras.layers.Layer]:
    """Every layer of a built model that has a path, however deep, by that path.

    Layers without weights, such as dropouts, are never built and have none.

    Raises:
        ValueError: Two layers share one path, so that their weights could be mixed up.
    """
    found: dict[str, keras.layers.Layer] = {}
    for layer in all_layers(model):
        if layer.path is None:
            continue
        if found.setdefault(layer.path, layer) is not layer:
            raise ValueError(f"two layers of {model.name} share the path {layer.path!r}")
    return found
