"""What kerasft needs of torch beyond Keras."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

if TYPE_CHECKING:
    import keras

COMPILES = False  # functions run as they are


def compile_function(
    model: "keras.Model", function: Callable[[dict[str, Any]], Any]
) -> Callable[[Mapping[str, np.ndarray]], Any]:
    """A function of tensors as a plain function over numpy arrays, without gradients.

    Nothing is compiled (on a CPU that costs minutes and gains little). Later changes of the weights
    are seen.

    Args:
        model: The model whose variables `function` reads.
        function: From a dict of tensors to nested tensors, written with `keras.ops`.

    Returns:
        A function from a dict of arrays to the same nest of arrays.
    """
    import keras

    def run(inputs: Mapping[str, np.ndarray]) -> Any:
        with torch.inference_mode():
            tensors = {name: keras.ops.convert_to_tensor(array) for name, array in inputs.items()}
            return keras.tree.map_structure(lambda tensor: tensor.cpu().numpy(), function(tensors))

    return run


def write(tensor: Any, start: Sequence[Any], values: Any) -> Any:
    """`keras.ops.slice_update`, but into the tensor itself: torch would copy it all first.

    Use it only if the old tensor is no longer needed, and without gradients.

    Args:
        tensor: Of any shape.
        start: Where the values begin, an int a dimension.
        values: As many dimensions as the tensor.

    Returns:
        The tensor with the values in it.
    """
    places = zip(start, values.shape, strict=True)
    tensor[tuple(slice(int(first), int(first) + size) for first, size in places)] = values
    return tensor


def fix_shapes(model: "keras.Model") -> None:
    """Nothing to do: torch compiles nothing."""


def fuse_updates(optimizer: "keras.optimizers.Optimizer") -> None:
    """Lets a compiled Adam or AdamW update each variable in one pass over memory instead of ten.

    The formula is Keras's own. Keras adds epsilon to the root of the raw second moment, torch to
    that of the corrected one, so epsilon is corrected too. Other optimizers, and `amsgrad`, are
    left alone.
    """
    import keras
    from torch.optim.adam import adam as fused_adam

    adam: Any = optimizer
    if not isinstance(optimizer, keras.optimizers.Adam) or adam.amsgrad:
        return

    def update(gradients: Sequence[Any], variables: Sequence[Any], learning_rate: Any) -> None:
        step = int(adam.iterations.value)
        places = [adam._get_variable_index(variable) for variable in variables]
        fused_adam(
            [variable.value for variable in variables],
            list(gradients),
            [adam._momentums[place].value for place in places],
            [adam._velocities[place].value for place in places],
            [],
            [torch.tensor(float(step), device=variables[0].value.device) for _ in places],
            fused=True,
            amsgrad=False,
            beta1=adam.beta_1,
            beta2=adam.beta_2,
            lr=float(learning_rate),
            weight_decay=0.0,  # AdamW's has been applied before
            eps=adam.epsilon / math.sqrt(1 - adam.beta_2 ** (step + 1)),
            maximize=False,
        )

    adam._parallel_update_step = update


def seed_step(seed: int, step: int) -> None:
    """Seeds torch's global generator, from which Keras's dropout draws, for one training step."""
    state = np.random.SeedSequence([seed, step]).generate_state(2, np.uint32)
    torch.manual_seed(int(state[0]) << 32 | int(state[1]))


def sync_state(model: "keras.Model") -> None:
    """Nothing to do: `fit` trains the model's own variables."""


def set_threads(count: int) -> None:
    """Lets torch compute with `count` threads."""
    torch.set_num_threads(count)


def threads() -> int:
    """How many threads torch computes with."""
    return torch.get_num_threads()


def device() -> str:
    """Where models run: "cpu", "cuda (NVIDIA ...)" or "mps"."""
    if torch.cuda.is_available():
        return f"cuda ({torch.cuda.get_device_name()})"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def version() -> str:
    """The version of torch."""
    return torch.__version__
