"""The saved folder: written whole, read with care, exported for other tools.

    storage.check_output(output, bundle.is_ours)          # before the work
    facts = bundle.Facts()                                # stated while it runs: the model card
    bundle.save(output, model=model, ..., card=facts.card("run"))
    loaded = bundle.load(output)

Importing this room imports no Keras.
"""

from kerasft.bundle.card import Facts
from kerasft.bundle.load import Bundle, load
from kerasft.bundle.manifest import Manifest, is_bundle, is_ours, verify
from kerasft.bundle.save import save

__all__ = ["Bundle", "Facts", "Manifest", "is_bundle", "is_ours", "load", "save", "verify"]
