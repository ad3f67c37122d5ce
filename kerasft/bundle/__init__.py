"""The saved folder: written whole, read with care, exported for other tools.

    storage.check_output(output, bundle.is_ours)          # before the work
    facts = bundle.Facts()                                # stated while it runs: the model card
    bundle.save(output, model=model, ..., card=facts.card("run"))
    with bundle.adding_report(output, facts) as reports:  # what fails here costs no model
        reports.append(evaluation.classifier_report(...))
    loaded = bundle.load(output)

That is a classifier; a tagger has `save_tagger` and `load_tagger`, a translator `save_translator`
and `load_translator`, a text-to-text model `save_text_to_text` and `load_text_to_text`. What a
folder of each task holds is in `contents.py`. Importing this room imports no Keras.
"""

from kerasft.bundle.add_report import adding_report
from kerasft.bundle.card import Facts
from kerasft.bundle.contents import (
    MAX_BEAMS,
    MAX_TEXT_TOKENS,
    ClassificationManifest,
    Manifest,
    SavedTask,
    TaggingManifest,
    TextToTextManifest,
    TranslationManifest,
)
from kerasft.bundle.load import Bundle, load
from kerasft.bundle.manifest import is_bundle, is_ours, verify
from kerasft.bundle.save import save
from kerasft.bundle.tagger import TaggerBundle, load_tagger, save_tagger
from kerasft.bundle.text_to_text import (
    TextToTextBundle,
    check_text_to_text,
    load_text_to_text,
    save_text_to_text,
)
from kerasft.bundle.translator import (
    TranslatorBundle,
    check_translator,
    load_translator,
    save_translator,
)

__all__ = [
    "MAX_BEAMS",
    "MAX_TEXT_TOKENS",
    "Bundle",
    "ClassificationManifest",
    "Facts",
    "Manifest",
    "SavedTask",
    "TaggerBundle",
    "TaggingManifest",
    "TextToTextBundle",
    "TextToTextManifest",
    "TranslationManifest",
    "TranslatorBundle",
    "adding_report",
    "check_text_to_text",
    "check_translator",
    "is_bundle",
    "is_ours",
    "load",
    "load_tagger",
    "load_text_to_text",
    "load_translator",
    "save",
    "save_tagger",
    "save_text_to_text",
    "save_translator",
    "verify",
]
