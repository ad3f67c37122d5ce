"""Opening a saved translator or text-to-text model with one of its engines."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from kerasft.folder.opened import KERAS, Opened
from kerasft.runtimes.prepare import open_prepared
from kerasft.tasks.saved import load
from kerasft.tasks.text_exports import load_exported
from kerasft.tasks.text_to_text.task import EntityWriter, TextWriter
from kerasft.tasks.translation.task import Translator

if TYPE_CHECKING:
    from kerasft.tasks.text_to_text.engine import TextToTextEngine
    from kerasft.tasks.text_to_text.entity_engine import EntityTextEngine
    from kerasft.tasks.translation.engine import TranslationEngine


def open_translator(
    path: str | Path | Opened, engine: str = KERAS, beam_size: int = 4
) -> TranslationEngine:
    """Loads a saved translator.

    Args:
        path: The folder, or what `open_saved` read of it, which knows its engine.
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
    opened = open_prepared(path, engine)
    if opened.engine == KERAS:
        from kerasft.tasks.translation.engine import TranslationEngine

        return TranslationEngine(load(opened, Translator), beam_size)
    from kerasft.runtimes.ctranslate2.engine import translation_engine

    return translation_engine(load_exported(opened, opened.engine), beam_size)


def open_text_writer(
    path: str | Path | Opened, engine: str = KERAS, beam_size: int | None = None
) -> TextToTextEngine:
    """Loads a saved text-to-text model, which writes a text for a text.

    Args:
        path: As for `open_translator`, like the engine.
        engine: See there.
        beam_size: Hypotheses followed at a time; as the folder says where it is None.

    Raises:
        BundleError: The folder is missing, broken or was changed.
        ConfigError: As `open_translator`.

    Example:
        >>> engine = open_text_writer("saved_models/tasks", "ctranslate2")
        >>> engine.write(["summarize: It rained all day. We stayed."])[0].text
    """
    opened = open_prepared(path, engine)
    if opened.engine == KERAS:
        from kerasft.tasks.text_to_text.engine import TextToTextEngine

        parts = load(opened, TextWriter)
        return TextToTextEngine(parts, parts.beam_size if beam_size is None else beam_size)
    from kerasft.runtimes.ctranslate2.engine import text_to_text_engine

    exported = load_exported(opened, opened.engine)
    beams = exported.parts.beam_size if beam_size is None else beam_size
    return text_to_text_engine(exported, beams)


def open_entity_writer(
    path: str | Path | Opened, engine: str = KERAS, beam_size: int | None = None
) -> tuple[EntityTextEngine, EntityWriter]:
    """Loads a saved text-to-text model that writes the entities of sentences.

    Args:
        path: As for `open_text_writer`, like the others.
        engine: See there.
        beam_size: See there.

    Returns:
        What writes, and what the folder holds.

    Raises:
        BundleError: The folder is missing, broken or was changed.
        ConfigError: As `open_translator`.

    Example:
        >>> engine, _ = open_entity_writer("saved_models/t5_ner_lora", "ctranslate2")
        >>> engine.read([Sentence.from_text("Ann is in Rome.")])[0].outputs
    """
    opened = open_prepared(path, engine)
    if opened.engine != KERAS:
        from kerasft.runtimes.ctranslate2 import engine as ctranslate2_engine

        exported = load_exported(opened, opened.engine)
        beams = exported.parts.beam_size if beam_size is None else beam_size
        return ctranslate2_engine.entity_text_engine(exported, beams), exported.parts
    parts = load(opened, EntityWriter)
    from kerasft import peft
    from kerasft.tasks.text_to_text.entity_engine import EntityTextEngine
    from kerasft.tasks.text_to_text.tokens import TextToTextTokens

    peft.fold(parts.model)  # for speed
    tokens = TextToTextTokens(
        parts.tokenizer,
        parts.tasks[0].prefix,
        parts.model.arguments.start_id,
        parts.max_length,
        parts.max_target_length,
    )
    beams = parts.beam_size if beam_size is None else beam_size
    return EntityTextEngine(parts.model, tokens, parts.entity_types, beams), parts
