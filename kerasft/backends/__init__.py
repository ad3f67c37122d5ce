"""The only room that imports torch, TensorFlow or JAX.

`choose()` runs when kerasft is imported and imports nothing heavy; it notes a problem (an unknown
or missing backend) instead of raising it, so that a command can report it in one sentence: call
`check()` before anything imports keras. `current()` is the module of the chosen backend.

    forward = backends.compile_forward(model)
    logits = forward({"token_ids": token_ids, "padding_mask": padding_mask})
"""

from kerasft.backends.choice import (
    BACKENDS,
    Choice,
    check,
    choose,
    compile_forward,
    current,
    describe,
    machine,
)
from kerasft.backends.hub import (
    import_keras_hub,
    seed_everything,
    without_tensorflow,
    without_torch,
)
from kerasft.backends.memory import free_memory, peak_memory
from kerasft.backends.pickled_tensors import has_checksums, read_pickled_tensors
from kerasft.backends.quick_import import import_keras

__all__ = [
    "BACKENDS",
    "Choice",
    "check",
    "choose",
    "compile_forward",
    "current",
    "describe",
    "free_memory",
    "has_checksums",
    "import_keras",
    "import_keras_hub",
    "machine",
    "peak_memory",
    "read_pickled_tensors",
    "seed_everything",
    "without_tensorflow",
    "without_torch",
]
