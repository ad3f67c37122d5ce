"""The saved folder: written whole, read with care, exported for other tools.

    storage.check_output(output, bundle.is_ours)          # before the work
    facts = bundle.Facts()                                # stated while it runs: the model card
    bundle.save(output, model=model, ..., card=facts.card("run"))
    loaded = bundle.load(output)

That is a classifier; a tagger has `save_tagger` and `load_tagger`, a translator `save_translator`
and `load_translator`. What a folder of
each task holds is in `contents.py`. Importing this room imports no Keras.
"""

from kerasft.bundle.card import Facts
from kerasft.bundle.contents import (
    ClassificationManifest,
    Manifest,
    TaggingManifest,
    TranslationManifest,
)
from kerasft.bundle.load import Bundle, load
from kerasft.bundle.manifest import is_bundle, is_ours, verify
from kerasft.bundle.save import save
from kerasft.bundle.tagger import TaggerBundle, load_tagger, save_tagger
from kerasft.bundle.translator import TranslatorBundle, load_translator, save_translator

__all__ = [
    "Bundle",
    "ClassificationManifest",
    "Facts",
    "Manifest",
    "TaggerBundle",
    "TaggingManifest",
    "TranslationManifest",
    "TranslatorBundle",
    "is_bundle",
    "is_ours",
    "load",
    "load_tagger",
    "load_translator",
    "save",
    "save_tagger",
    "save_translator",
    "verify",
]
