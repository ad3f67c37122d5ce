"""KerasHub and Keras without TensorFlow where another backend runs."""

import importlib
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import ModuleType

from kerasft.backends.choice import check
from kerasft.errors import ConfigError, missing_module

_TENSORFLOW = ("tensorflow", "tensorflow_text")


def import_keras_hub() -> ModuleType:
    """Imports keras_hub; on torch and JAX TensorFlow is hidden from it meanwhile.

    KerasHub imports TensorFlow for its own preprocessing, which kerasft does not use. Without it a
    run takes about 600 MB and 3 s less, and works where TensorFlow is not installed.

    Raises:
        ConfigError: It is not installed; the sentence names the extra. Or see
            `kerasft.backends.check`.
    """
    with without_tensorflow():
        try:
            return importlib.import_module("keras_hub")
        except ModuleNotFoundError as error:
            raise missing_module(error) or error from None


def seed_everything(seed: int) -> None:
    """`keras.utils.set_random_seed`, but on torch and JAX it does not import TensorFlow to seed it.

    Keras remembers that it found no TensorFlow: in this process, `fit` on torch and JAX no longer
    accepts `tf.data` datasets.

    Args:
        seed: Seeds Python, NumPy, Keras and the backend; from 0 to 2**32 - 1.

    Raises:
        ConfigError: It is out of this range.
    """
    if not 0 <= seed < 2**32:
        raise ConfigError(f"seed is {seed}; make it 0 or more and less than 2**32")
    import keras

    with without_tensorflow():
        keras.utils.set_random_seed(seed)


@contextmanager
def without_tensorflow() -> Iterator[None]:
    """Hides TensorFlow from `import` on the other backends; one already imported stays in sight."""
    with hidden(() if check().name == "tensorflow" else _TENSORFLOW):
        yield


@contextmanager
def without_torch() -> Iterator[None]:
    """Hides torch from `import` on the other backends; one already imported stays in sight.

    For packages that import torch where it is installed, only to know its tensors if they meet any.
    """
    with hidden(() if check().name == "torch" else ("torch",)):
        yield


@contextmanager
def hidden(names: Iterable[str]) -> Iterator[None]:
    """Hides modules from `import`, those that are imported already excepted."""
    absent = [name for name in names if name not in sys.modules]
    for name in absent:
        # None in sys.modules makes `import name` raise ImportError, as if it were not installed.
        sys.modules[name] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        for name in absent:
            sys.modules.pop(name, None)
