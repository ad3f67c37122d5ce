"""Translating texts: what is saved of a translator, and how it is read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerasft.errors import ConfigError, FolderError
from kerasft.folder.contents import MANIFEST, WEIGHTS, Reader, short
from kerasft.folder.opened import KERAS, Opened
from kerasft.folder.reading import MAX_VOCABULARY, check_known, read_saved_tokenizer, whole_argument
from kerasft.folder.writing import check_length, check_vocabulary, write_weights
from kerasft.generation.search import Search
from kerasft.runtimes.registry import engines_of, take_up
from kerasft.runtimes.runtime import WriterModel
from kerasft.storage import Tensors
from kerasft.tasks.task import BEAM_SIZE, NO_MODEL, Task, TaskPredictor
from kerasft.tasks.translation.results import Translation, TranslatorFacts
from kerasft.tasks.translation.translator import Translator
from kerasft.text.cleaning import Cleaning

if TYPE_CHECKING:
    from kerasft.architectures import Transformer, TransformerArguments
    from kerasft.generation.hypotheses import Generates
    from kerasft.runtimes.gate import GateRows
    from kerasft.text.tokenizer import Tokenizer

ARCHITECTURE = "transformer"
TOKENIZER_SOURCE = "tokenizer_source.json"
TOKENIZER_TARGET = "tokenizer_target.json"
# "en", "it_IT", "zh-Hans", "eng_Latn": whatever the data calls its languages.
LANGUAGE = re.compile(r"[A-Za-z0-9]+(?:[-_][A-Za-z0-9]+)*")
MAX_LANGUAGE = 35
MAX_POSITIONS = 100_000
BEAMS = 4
"""Hypotheses followed at a time where nothing else is said."""
# Numbers (float32) that may be taken beyond what the file of the weights holds.
SPARE = 2**24


class TranslationTask(Task[Translator]):
    """A text in another language, by a model that was trained from random weights."""

    name = "translation"
    parts = Translator
    files = (TOKENIZER_SOURCE, TOKENIZER_TARGET)
    settings = ("languages", "cleaning")
    runtimes = engines_of(WriterModel)
    options = (BEAM_SIZE,)
    result = Translation
    facts = TranslatorFacts
    summary = "Translate texts"
    description = "Translates each text, and says which of its words the model does not know."
    example = ("Where is the station?", "Good morning!")

    def check(self, parts: Translator) -> None:
        """See `Task.check`."""
        arguments = parts.model.arguments
        if not _are_languages(parts.languages):
            raise ConfigError(
                f"the languages are {dict(parts.languages)}, but must name one source and one "
                "target, as in {'source': 'en', 'target': 'it'}: letters and digits, with single - "
                f"or _ between them, {MAX_LANGUAGE} in all"
            )
        check_length(parts.max_length, arguments.src_seq_len)
        for side, tokenizer, rows in (
            ("source", parts.source_tokenizer, arguments.src_vocab_size),
            ("target", parts.target_tokenizer, arguments.tgt_vocab_size),
        ):
            whose = f"the tokenizer of the {side}"
            check_vocabulary(tokenizer.vocab_size, rows, whose)
            if wrong := _wrong_ids(tokenizer, arguments.pad_id):
                raise ConfigError(f"{whose} {wrong}")
        positions = _positions(arguments)
        if positions > arguments.parameter_count + SPARE:
            raise ConfigError(
                f"the positions of {arguments.src_seq_len} tokens in sources and "
                f"{arguments.tgt_seq_len} in targets take {positions:,} numbers, more than all of "
                "the model; make max_length smaller"
            )

    def settings_of(self, parts: Translator) -> dict[str, Any]:
        """See `Task.settings_of`."""
        return {"languages": dict(parts.languages), "cleaning": parts.cleaning.to_dict()}

    def check_settings(self, settings: Reader) -> None:
        """See `Task.check_settings`."""
        languages = settings.get("languages", dict)
        if not _are_languages(languages):
            raise FolderError(
                f"{settings.file}: languages is {short(languages)}, but must name one source and "
                'one target, as in {"source": "en", "target": "it"}.'
            )
        try:
            Cleaning.from_dict(settings.get("cleaning", dict), FolderError)
        except FolderError as error:
            raise FolderError(f"{settings.file}: {error}") from None

    def write(self, parts: Translator, folder: Path, base_model: str) -> None:
        """See `Task.write`; the weights are named by the paths of their variables."""
        from keras import ops

        model = parts.model
        weights = {weight.path: ops.convert_to_numpy(weight) for weight in model.weights}
        if len(weights) != len(model.weights):
            raise ConfigError("two weights of the model have one path, so it cannot be saved")
        write_weights(weights, folder / WEIGHTS)
        parts.source_tokenizer.save(folder / TOKENIZER_SOURCE)
        parts.target_tokenizer.save(folder / TOKENIZER_TARGET)

    def read(self, opened: Opened) -> Translator:
        """See `Task.read`."""
        folder, manifest = opened.path, opened.manifest
        pad_id = whole_argument(folder, manifest, "pad_id", 0, MAX_VOCABULARY)
        whole_argument(folder, manifest, "tgt_seq_len", 2, MAX_POSITIONS)

        def tokenizer(name: str, rows: str) -> Tokenizer:
            size = whole_argument(folder, manifest, rows, 1, MAX_VOCABULARY)
            found = read_saved_tokenizer(
                opened.take(name), folder / name, manifest.max_length, size
            )
            if wrong := _wrong_ids(found, pad_id):
                raise FolderError(f"{folder / name} {wrong}.")
            return found

        return Translator(
            NO_MODEL,
            tokenizer(TOKENIZER_SOURCE, "src_vocab_size"),
            tokenizer(TOKENIZER_TARGET, "tgt_vocab_size"),
            manifest.settings["languages"],
            manifest.max_length,
            Cleaning.from_dict(manifest.settings["cleaning"]),
        )

    def build(self, opened: Opened, parts: Translator) -> Transformer:
        """See `Task.build`."""
        from kerasft.architectures import Transformer

        file = opened.path / WEIGHTS
        arguments = _arguments(opened)
        tensors = Tensors(file, opened.take(WEIGHTS), error=FolderError, kinds=("F32",))
        _check_size(arguments, tensors, opened.path)
        model = Transformer(arguments)
        _fill(model, tensors, file)
        return model

    def to_write(self, parts: Translator) -> WriterModel:
        """See `Task.to_write`."""
        arguments = parts.model.arguments
        most = arguments.tgt_seq_len - 1  # without the token that begins it
        return WriterModel(parts.model, *_ends(parts), arguments.pad_id, parts.max_length, most)

    def gate_rows(
        self, folder: Path, parts: Translator, data: str | None, columns: Mapping[str, str]
    ) -> GateRows:
        """See `Task.gate_rows`."""
        from kerasft.tasks.translation.gate import gate_rows

        return gate_rows(folder, data)

    def open(
        self, opened: Opened, beam_size: int = BEAMS, **options: Any
    ) -> TaskPredictor[Translator]:
        """See `Task.open`."""
        from kerasft.tasks.translation.predictor import TextTranslator

        parts = self.load(opened)
        return TextTranslator(parts, self.generator(opened, parts, beam_size), opened, beam_size)

    def generator(self, opened: Opened, parts: Translator, beam_size: int) -> Generates:
        """What searches for translations, on the runtime that the folder was read for.

        Raises:
            ConfigError: The beam size is out of range, or the package is not installed.
            FolderError: The model cannot be read.
        """
        length = opened.manifest.arguments["tgt_seq_len"]
        if opened.engine != KERAS:
            start_id, end_id = _ends(parts)
            pad_id = parts.target_tokenizer.pad_id
            return take_up(opened, Search(start_id, end_id, pad_id, length - 1, beam_size))
        from kerasft.generation import SentenceGenerator

        return SentenceGenerator(
            parts.model,
            parts.target_tokenizer,
            max_length=length,
            beam_size=beam_size,
            max_source_length=parts.max_length,
        )


def _ends(parts: Translator) -> tuple[int, int]:
    """The tokens that every translation begins with and ends with."""
    from kerasft.text.trained import END, START

    token_id: Any = parts.target_tokenizer.token_id  # a translator's has both
    return token_id(START), token_id(END)


def _are_languages(languages: Mapping[str, Any]) -> bool:
    """Whether a mapping names a source and a target language, and nothing else."""
    return languages.keys() == {"source", "target"} and all(
        isinstance(name, str) and len(name) <= MAX_LANGUAGE and LANGUAGE.fullmatch(name)
        for name in languages.values()
    )


def _arguments(opened: Opened) -> TransformerArguments:
    """What the manifest says about the model, checked against what we can build."""
    from kerasft.architectures import TransformerArguments

    manifest, file = opened.manifest, opened.path / MANIFEST
    check_known(file, "architecture", manifest.architecture, [ARCHITECTURE])
    try:
        arguments = TransformerArguments.from_dict(manifest.arguments, FolderError)
    except FolderError as error:
        raise FolderError(f"{file}: {error}") from None
    if manifest.max_length > arguments.src_seq_len:
        raise FolderError(
            f"{file}: max_length is {manifest.max_length}, more than the model's "
            f"{arguments.src_seq_len} positions."
        )
    return arguments


def _wrong_ids(tokenizer: Tokenizer, pad_id: int) -> str:
    """What of a tokenizer's special tokens the model cannot work with, or nothing."""
    from kerasft.text.trained import END, START

    if tokenizer.pad_id != pad_id:
        return f"pads with the token {tokenizer.pad_id}, but the model with {pad_id}"
    first, *_, last = tokenizer.encode(["a"], 8).token_ids[0].tolist()
    if (first, last) != (tokenizer.token_id(START), tokenizer.token_id(END)):
        return f"does not put {START} before a text and {END} after it"
    return ""


def _check_size(arguments: TransformerArguments, tensors: Tensors, folder: Path) -> None:
    """Refuses a model, or tables of positions, far larger than the file of its weights."""
    held = tensors.count
    if arguments.parameter_count > held + SPARE:
        raise FolderError(
            f"{folder / WEIGHTS} holds {held:,} numbers, but {MANIFEST} asks for a model of "
            f"{arguments.parameter_count:,}."
        )
    positions = _positions(arguments)
    if positions > held + SPARE:
        raise FolderError(
            f"{folder / MANIFEST}: the positions of src_seq_len {arguments.src_seq_len} and "
            f"tgt_seq_len {arguments.tgt_seq_len} take {positions:,} numbers, more than the whole "
            "model."
        )


def _positions(arguments: TransformerArguments) -> int:
    """Numbers in the tables of positions, which are no weights but take memory too."""
    return (arguments.src_seq_len + arguments.tgt_seq_len) * arguments.d_model


def _fill(model: Transformer, tensors: Tensors, file: Path) -> None:
    """Every weight of the model is in the file, in its shape, and nothing else is."""
    for weight in model.weights:
        shape = tensors.shapes.get(weight.path)
        if shape is None:
            raise FolderError(f"{file} has no tensor {weight.path!r}.")
        if shape != tuple(weight.shape):
            raise FolderError(
                f"{file} holds {weight.path!r} in the shape {shape}, but {MANIFEST} asks for "
                f"{tuple(weight.shape)}."
            )
    unknown = tensors.keys() - {weight.path for weight in model.weights}
    if unknown:
        raise FolderError(f"{file} holds {min(unknown)!r}, for which the model has no place.")
    for weight in model.weights:
        weight.assign(tensors[weight.path])
