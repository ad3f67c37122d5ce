"""What kerasft needs of TensorFlow beyond Keras."""

import itertools
import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from kerasft.errors import ConfigError

if TYPE_CHECKING:
    import keras

COMPILES = True  # each function, once for each shape


def compile_function(
    model: "keras.Model", function: Callable[[dict[str, Any]], Any]
) -> Callable[[Mapping[str, np.ndarray]], Any]:
    """A function of tensors as a plain function over numpy arrays, without gradients.

    Compiled by XLA once a shape. Later changes of the weights are seen; after layers were exchanged
    or adapters added or removed, call it again.

    Args:
        model: The model whose variables `function` reads.
        function: From a dict of tensors to nested tensors, written with `keras.ops`.

    Returns:
        A function from a dict of arrays to the same nest of arrays.
    """
    traceable = tf.function(function, jit_compile=True, autograph=False)
    # Shapes are few (the length buckets), so one trace for each is wanted. The plain function would
    # warn of so many traces.
    compiled: dict[Any, Callable] = {}

    def run(inputs: Mapping[str, np.ndarray]) -> Any:
        tensors = {name: tf.convert_to_tensor(array) for name, array in inputs.items()}
        kinds = tuple((name, tensor.dtype, *tensor.shape) for name, tensor in tensors.items())
        if kinds not in compiled:
            compiled[kinds] = traceable.get_concrete_function(tensors)
        return tf.nest.map_structure(lambda tensor: tensor.numpy(), compiled[kinds](tensors))

    return run


def write(tensor: Any, start: Sequence[Any], values: Any) -> Any:
    """`keras.ops.slice_update`; XLA itself sees where no copy is needed.

    Args:
        tensor: Of any shape.
        start: Where the values begin, an int a dimension.
        values: As many dimensions as the tensor.

    Returns:
        The tensor with the values in it.
    """
    import keras

    return keras.ops.slice_update(tensor, start, values)


def fix_shapes(model: "keras.Model") -> None:
    """Lets `fit` and `evaluate` trace a step for each shape of batch, whatever came before it.

    Keras traces a step for the shape of the first batch, and for the second shape one of open
    lengths: which of the two computes a batch depends on where the process began. Here every shape
    has a step of its own, made by Keras. The shapes are few (the length buckets).

    Args:
        model: A compiled model. When it is compiled anew, it forgets this.
    """
    model.train_function = _steps_by_shape(model, "train")
    model.test_function = _steps_by_shape(model, "test")


def _steps_by_shape(model: "keras.Model", kind: str) -> Callable[[Any], Any]:
    """Replaces the `train_function` or `test_function` of Keras."""
    attribute = f"{kind}_function"
    steps: dict[Any, Callable] = {}

    def step_for(shapes: Any) -> Callable:
        if shapes not in steps:
            getattr(model, f"make_{attribute}")(force=True)  # sets the attribute to a new one
            steps[shapes] = getattr(model, attribute)
            setattr(model, attribute, run)
        return steps[shapes]

    def run(iterator: Any) -> Any:
        if isinstance(iterator, (tf.data.Iterator, tf.distribute.DistributedIterator)):
            return step_for("those of the iterator's signature")(iterator)
        logs = None
        for batch in itertools.islice(iterator, model.steps_per_execution):
            shapes = tuple(tuple(np.shape(array)) for array in tf.nest.flatten(batch))
            logs = step_for(shapes)(iter([batch]))
        return logs

    return run


def fuse_updates(optimizer: "keras.optimizers.Optimizer") -> None:
    """Nothing to do: XLA fuses an optimizer's operations."""


def seed_step(seed: int, step: int) -> None:
    """Nothing to do: dropout draws from the seed generators among the model's variables."""


def sync_state(model: "keras.Model") -> None:
    """Nothing to do: `fit` trains the model's own variables."""


def set_threads(count: int) -> None:
    """Lets TensorFlow compute with `count` threads; only before it has run anything.

    Raises:
        ConfigError: TensorFlow has started, and its threads can no longer be changed.
    """
    if count == threads():
        return
    try:
        tf.config.threading.set_intra_op_parallelism_threads(count)
    except RuntimeError as error:
        raise ConfigError(
            f"TensorFlow has already started with {threads()} threads; "
            "set the number of threads first"
        ) from error


def threads() -> int:
    """How many threads one TensorFlow operation computes with."""
    given = tf.config.threading.get_intra_op_parallelism_threads()
    if given:
        return given
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def device() -> str:
    """Where models run: "cpu" or "gpu (NVIDIA ...)"."""
    devices = tf.config.list_physical_devices("GPU")
    if not devices:
        return "cpu"
    details = tf.config.experimental.get_device_details(devices[0])
    return f"gpu ({details.get('device_name', 'unknown')})"


def version() -> str:
    """The version of TensorFlow."""
    return tf.__version__
