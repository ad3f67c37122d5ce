"""Running the exports of translators and T5 with CTranslate2: Keras is not imported.

What goes around the model is that of the engines of Keras: the cleaning, the tokens and the cut
before the search, the words and the marks of what was lost after it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kerasft.generation.search import Search
from kerasft.runtimes.cpu_threads import asked_threads, cpu_cores
from kerasft.runtimes.ctranslate2.generator import CTranslate2Generator
from kerasft.runtimes.ctranslate2.write import import_ctranslate2
from kerasft.tasks.text_to_text.engine import TextToTextEngine
from kerasft.tasks.translation.engine import TranslationEngine
from kerasft.text.trained import END, START

if TYPE_CHECKING:
    from kerasft.tasks.text_exports import ExportedWriter
    from kerasft.tasks.text_to_text.entity_engine import EntityTextEngine

CTRANSLATE2, CTRANSLATE2_INT8 = "ctranslate2", "ctranslate2-int8"
FORMATS = (CTRANSLATE2, CTRANSLATE2_INT8)


def translation_engine(
    exported: ExportedWriter, beam_size: int = 4, files: dict[str, bytes] | None = None
) -> TranslationEngine:
    """Translates as `TranslationEngine` with Keras does, with the same settings of the search.

    Args:
        exported: What `load_exported` read.
        beam_size: Hypotheses followed at a time; 1 is greedy search.
        files: The files of the model, where they were taken of `exported` before; it is emptied.

    Raises:
        ConfigError: The beam size is out of range, or the package is not installed.
        BundleError: The model cannot be read.

    Example:
        >>> exported = load_exported("saved_models/translate", "ctranslate2")
        >>> translation_engine(exported).translate(["Good morning."])[0].text
        'Buongiorno.'
    """
    parts = exported.parts
    target = parts.target_tokenizer
    search = Search(
        start_id=target.token_id(START),
        end_id=target.token_id(END),
        pad_id=target.pad_id,
        max_length=exported.arguments["tgt_seq_len"] - 1,
        beam_size=beam_size,
    )
    return TranslationEngine(parts, generator=_generator(exported, search, files))


def text_to_text_engine(
    exported: ExportedWriter, beam_size: int, files: dict[str, bytes] | None = None
) -> TextToTextEngine:
    """Writes as `TextToTextEngine` with Keras does, with the same settings of the search.

    Args:
        exported: What `load_exported` read.
        beam_size: Hypotheses followed at a time; 1 is greedy search.
        files: The files of the model, where they were taken of `exported` before; it is emptied.

    Raises:
        ConfigError: The beam size is out of range, or the package is not installed.
        BundleError: The model cannot be read.

    Example:
        >>> exported = load_exported("saved_models/tasks", "ctranslate2")
        >>> text_to_text_engine(exported, 4).write(["summarize: It rained. We stayed."])[0].text
    """
    generator = _t5_generator(exported, beam_size, files)
    return TextToTextEngine(exported.parts, beam_size, generator)


def entity_text_engine(
    exported: ExportedWriter, beam_size: int, files: dict[str, bytes] | None = None
) -> EntityTextEngine:
    """Finds entities as `EntityTextEngine` with Keras does, with the same settings of the search.

    Args:
        exported: What `load_exported` read, of a folder whose outputs are entities.
        beam_size: Hypotheses followed at a time; 1 is greedy search.
        files: The files of the model, where they were taken of `exported` before; it is emptied.

    Raises:
        ConfigError: The beam size is out of range, or the package is not installed.
        BundleError: The model cannot be read.

    Example:
        >>> exported = load_exported("saved_models/t5_ner_lora", "ctranslate2")
        >>> entity_text_engine(exported, 1).read([Sentence.from_text("Ann is in Rome.")])[0].outputs
        ('PER: Ann; LOC: Rome',)
    """
    from kerasft.tasks.text_to_text.entity_engine import EntityTextEngine
    from kerasft.tasks.text_to_text.tokens import TextToTextTokens

    parts = exported.parts
    tokens = TextToTextTokens(
        parts.tokenizer,
        parts.tasks[0].prefix,
        exported.arguments["start_id"],
        parts.max_length,
        parts.max_target_length,
    )
    generator = _t5_generator(exported, beam_size, files)
    return EntityTextEngine(None, tokens, parts.entity_types, generator=generator)


def version() -> str:
    """The version of CTranslate2.

    Raises:
        ConfigError: It is not installed.
    """
    return import_ctranslate2().__version__


def threads() -> int:
    """Threads that CTranslate2 computes with: OMP_NUM_THREADS, else the process's cores, up to 4.

    More than 4 seldom help one search; several processes do.
    """
    return asked_threads() or min(4, cpu_cores())


def _t5_generator(
    exported: ExportedWriter, beam_size: int, files: dict[str, bytes] | None
) -> CTranslate2Generator:
    search = Search(
        start_id=exported.arguments["start_id"],
        end_id=exported.arguments["end_id"],
        pad_id=exported.arguments["pad_id"],
        max_length=exported.parts.max_target_length,
        beam_size=beam_size,
        rank_cut=True,
        forbidden=(),
    )
    return _generator(exported, search, files)


def _generator(
    exported: ExportedWriter,
    search: Search,
    files: dict[str, bytes] | None,
) -> CTranslate2Generator:
    int8 = exported.format == CTRANSLATE2_INT8
    return CTranslate2Generator(
        exported.place,
        search,
        int8=int8,
        threads=threads(),
        files=exported.take_files() if files is None else files,
    )
