"""KerasHub runs without TensorFlow on torch and JAX, and TensorFlow can be imported afterwards."""

from kerasft import backends


def test_tensorflow_stays_out(run_python):
    code = """
import importlib.util, sys
from kerasft import backends
hub = backends.import_keras_hub()
backbone = hub.models.BertBackbone(vocabulary_size=9, num_layers=1, num_heads=1, hidden_dim=4,
                                   intermediate_dim=4, max_sequence_length=8)
print(sorted(backbone.output), backends.import_keras_hub() is hub)
print([name for name in ("tensorflow", "tensorflow_text") if name in sys.modules])
print(importlib.util.find_spec("tensorflow") is not None)
"""
    name = backends.check().name
    done = run_python("-c", code, backend=name)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "['pooled_output', 'sequence_output'] True"
    if name != "tensorflow":
        assert lines[1:] == ["[]", "True"]


def test_seeding_keeps_tensorflow_out_and_seeds(run_python):
    code = """
import sys
from kerasft import backends
import keras, numpy, random
def draw():
    backends.seed_everything(7)
    return (random.random(), numpy.random.rand(), float(keras.random.normal(())))
print(draw() == draw())
print("tensorflow" in sys.modules)
"""
    name = backends.check().name
    done = run_python("-c", code, backend=name)
    assert done.stdout.splitlines() == ["True", str(name == "tensorflow")], done.stderr
