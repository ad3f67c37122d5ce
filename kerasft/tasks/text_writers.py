"""Opening a saved translator or text-to-text model with one of its engines."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from kerasft.folder.opened import Opened
from kerasft.runtimes.keras import KERAS
from kerasft.runtimes.prepare import open_prepared
from kerasft.tasks.text_exports import (
    ExportedTextToText,
    load_exported_text_to_text,
    load_exported_translator,
)
from kerasft.tasks.text_to_text.saved import load_text_to_text
from kerasft.tasks.translation.saved import load_translator

if TYPE_CHECKING:
    from kerasft.tasks.text_to_text.engine import TextToTextEngine
    from kerasft.tasks.text_to_text.entity_engine import EntityTextEngine
    from kerasft.tasks.text_to_text.saved import TextToTextBundle
    from kerasft.tasks.translation.engine import TranslationEngine


def open_translator(
    path: str | Path | Opened, engine: str = KERAS, beam_size: int = 4
) -> TranslationEngine:
    """Loads a saved translator.

    Args:
        path: The folder, or what `open_saved` read of it for this engine.
        engine: "keras", "ctranslate2" or "ctranslate2-int8". With the last two, neither Keras nor
            a backend is imported into this process.
        beam_size: Hypotheses followed at a time; 1 is greedy search.

    Raises:
        BundleError: The folder is missing, broken or was changed.
        ConfigError: The engine is unknown, its export is missing and cannot be made, or the beam
            size is out of range.

    Example:
        >>> open_translator("saved_models/translate", "ctranslate2").translate(["Good morning."])
    """
    if engine == KERAS:
        from kerasft.tasks.translation.engine import TranslationEngine

        return TranslationEngine(load_translator(path), beam_size)
    from kerasft.runtimes.ctranslate2.engine import translation_engine

    opened = open_prepared(path, engine)
    return translation_engine(load_exported_translator(opened, engine), beam_size)


def load_writer(
    path: str | Path | Opened, engine: str = KERAS
) -> TextToTextBundle | ExportedTextToText:
    """Loads a saved text-to-text model, for `text_to_text_engine` or `entity_text_engine`.

    Args:
        path: The folder, or what `open_saved` read of it for this engine.
        engine: As for `open_translator`.

    Raises:
        BundleError: The folder is missing, broken or was changed.
        ConfigError: The engine is unknown, or its export is missing and cannot be made.

    Example:
        >>> load_writer("saved_models/tasks", "ctranslate2").manifest.beam_size
        4
    """
    if engine == KERAS:
        return load_text_to_text(path)
    return load_exported_text_to_text(open_prepared(path, engine), engine)


def text_to_text_engine(
    loaded: TextToTextBundle | ExportedTextToText, beam_size: int
) -> TextToTextEngine:
    """What writes a text for a text.

    Args:
        loaded: What `load_writer` returned.
        beam_size: Hypotheses followed at a time; 1 is greedy search.

    Raises:
        ConfigError: The beam size is out of range.

    Example:
        >>> engine = text_to_text_engine(load_writer("saved_models/tasks", "ctranslate2"), 4)
        >>> engine.write(["summarize: It rained all day. We stayed."])[0].text
    """
    if isinstance(loaded, ExportedTextToText):
        from kerasft.runtimes.ctranslate2 import engine as ctranslate2_engine

        return ctranslate2_engine.text_to_text_engine(loaded, beam_size)
    from kerasft.tasks.text_to_text.engine import TextToTextEngine

    return TextToTextEngine(loaded, beam_size)


def entity_text_engine(
    loaded: TextToTextBundle | ExportedTextToText, beam_size: int
) -> EntityTextEngine:
    """What writes the entities of sentences.

    Args:
        loaded: What `load_writer` returned, of a folder whose outputs are entities.
        beam_size: Hypotheses followed at a time; 1 is greedy search.

    Raises:
        ConfigError: The beam size is out of range.

    Example:
        >>> engine = entity_text_engine(load_writer("saved_models/t5_ner_lora", "ctranslate2"), 1)
        >>> engine.read([Sentence.from_text("Ann is in Rome.")])[0].outputs
    """
    if isinstance(loaded, ExportedTextToText):
        from kerasft.runtimes.ctranslate2 import engine as ctranslate2_engine

        return ctranslate2_engine.entity_text_engine(loaded, beam_size)
    from kerasft import peft
    from kerasft.tasks.text_to_text.entity_engine import EntityTextEngine
    from kerasft.tasks.text_to_text.tokens import TextToTextTokens

    if peft.adapted_layers(loaded.model):
        peft.remove(loaded.model)  # folds the adapters into the weights, for speed
    manifest = loaded.manifest
    tokens = TextToTextTokens(
        loaded.tokenizer,
        manifest.tasks[0].prefix,
        loaded.model.arguments.start_id,
        manifest.max_length,
        manifest.max_target_length,
    )
    return EntityTextEngine(loaded.model, tokens, manifest.entity_types, beam_size)
