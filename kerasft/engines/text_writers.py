"""Opening a saved translator or text-to-text model with one of its engines."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from kerasft.bundle import load_text_to_text, load_translator
from kerasft.bundle.load_text_exports import load_exported_text_to_text, load_exported_translator
from kerasft.bundle.manifest import read, verify_task
from kerasft.bundle.contents import TextToTextManifest
from kerasft.engines.prepare import prepare
from kerasft.errors import BundleError

if TYPE_CHECKING:
    from kerasft.engines.entity_text_engine import EntityTextEngine
    from kerasft.engines.text_to_text_engine import TextToTextEngine
    from kerasft.engines.translation_engine import TranslationEngine
