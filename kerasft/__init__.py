"""Fine-tune and serve text models with Keras 3 on torch, TensorFlow or JAX.

Importing the package chooses the backend (see `kerasft.backends.choose`) when Keras is not imported
yet, and imports nothing heavy.
"""

from kerasft import backends

__version__ = "0.1.0"

backends.choose()
