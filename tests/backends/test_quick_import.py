"""Keras without what it imports only in case, and everything still there afterwards."""

from kerasft import backends

UNUSED = ["pandas", "matplotlib", "sklearn", "torch", "jax", "tensorflow", "torch._dynamo"]


def test_only_the_backend_comes_along_and_the_rest_can_be_imported_later(run_python):
    name = backends.check().name
    done = run_python(
        "-c",
        f"""
import sys, importlib
from kerasft import backends
keras = backends.import_keras()
print(*[name for name in {UNUSED} if name in sys.modules], keras is backends.import_keras())
import numpy as np
model = keras.Sequential([keras.layers.Dense(3), keras.layers.Dropout(0.5)])
model.compile("adam", "mse")
x = np.ones((4, 2), "float32")
print(len(model.fit(x, np.ones((4, 3)), epochs=2, verbose=0).history["loss"]))
import pandas, sklearn, matplotlib
dynamo = importlib.import_module("torch._dynamo") if {name == "torch"} else None
print(dynamo is None or callable(dynamo.reset))
keras.utils.clear_session()
""",
        backend=name,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [name, "True", "2", "True"]
