"""What kerasft needs of JAX beyond Keras."""

import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from kerasft.errors import ConfigError

if TYPE_CHECKING:
    import keras

COMPILES = True  # each function, once for each shape


def compile_function(
    model: "keras.Model", function: Callable[[dict[str, Any]], Any]
) -> Callable[[Mapping[str, np.ndarray]], Any]:
    """A function of tensors as a plain function over numpy arrays, without gradients.

    Compiled once a shape. The weights are arguments of the compiled function, not constants in it,
    so later changes of the weights are seen.

    Args:
        model: The model whose variables `function` reads.
        function: From a dict of tensors to nested tensors, written with `keras.ops`.

    Returns:
        A function from a dict of arrays to the same nest of arrays.
    """
    import keras

    @jax.jit
    def compiled(values: Sequence[jax.Array], inputs: dict[str, jax.Array]) -> Any:
        # As `stateless_call`, but over one list of all variables: its order does not depend on
        # which of them are trainable, so freezing a layer later cannot mix them up.
        state = list(zip(model.variables, values, strict=True))
        with keras.StatelessScope(state_mapping=state):
            return function(inputs)

    def run(inputs: Mapping[str, np.ndarray]) -> Any:
        values = [variable.value for variable in model.variables]
        return jax.tree.map(np.asarray, compiled(values, dict(inputs)))

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
    """Nothing to do: JAX compiles for each shape."""


def fuse_updates(optimizer: "keras.optimizers.Optimizer") -> None:
    """Nothing to do: XLA fuses an optimizer's operations."""


def seed_step(seed: int, step: int) -> None:
    """Nothing to do: on JAX dropout draws from the seed generators among the model's variables."""


def sync_state(model: "keras.Model") -> None:
    """Writes what `fit` has trained so far back into the model's variables (JAX keeps it apart)."""
    model.jax_state_sync()


def set_threads(count: int) -> None:
    """Lets XLA compute with `count` threads on a CPU; only before JAX has run anything.

    Raises:
        ConfigError: JAX has started, and its threads can no longer be changed.
    """
    if jax._src.xla_bridge.backends_are_initialized() and count != threads():
        raise ConfigError(
            f"JAX has already started with {threads()} threads; set the number of threads first"
        )
    os.environ["NPROC"] = str(count)  # what XLA's CPU client reads when it starts


def threads() -> int:
    """How many threads XLA computes with on a CPU."""
    given = os.environ.get("NPROC", "")
    if given.isdigit() and int(given) > 0:
        return int(given)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def device() -> str:
    """Where models run: "cpu", "gpu (NVIDIA ...)" or "tpu (...)"."""
    first = jax.devices()[0]
    return "cpu" if first.platform == "cpu" else f"{first.platform} ({first.device_kind})"


def version() -> str:
    """The version of JAX."""
    return jax.__version__
