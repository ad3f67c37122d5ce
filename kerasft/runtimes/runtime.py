"""What a runtime is: a program other than Keras that computes a saved model.

A further one is a folder beside this file with a `Runtime`, a line in `registry.py`, and the names
of its files in `folder/export_files.py`. It knows no task, and no task knows it. A task says what
there is to write (`EncoderModel`, `WriterModel`) and what it needs of a model (`Reading`, or a
`Search`), and asks the model with token ids.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import numpy as np

from kerasft.errors import ConfigError, FolderError

if TYPE_CHECKING:
    from kerasft.architectures import HeadedEncoder, TokenLossModel


@dataclass(frozen=True)
class EncoderModel:
    """An encoder with a head, to be written for a runtime.

    Attributes:
        model: The model, with its adapters merged.
        reading: How it is asked.
        longest: Most tokens that it could read, by its positions.
        facts: What its file may say of it, for people: {"labels": '["no", "yes"]'}.
    """

    model: HeadedEncoder
    reading: Reading
    longest: int
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class WriterModel:
    """An encoder and a decoder that write texts, for a runtime.

    Attributes:
        model: The model, with its adapters merged.
        start_id: The token that every output begins with.
        end_id: The token that ends it.
        pad_id: The padding.
        max_length: Most tokens of a source.
        max_target_length: Most tokens of an output, the end token included.
    """

    model: TokenLossModel
    start_id: int
    end_id: int
    pad_id: int
    max_length: int
    max_target_length: int


@dataclass(frozen=True)
class Reading:
    """How an encoder with a head is asked, and what comes out of it.

    Attributes:
        pad_id: The padding token.
        max_length: Most tokens that are read at once.
        num_labels: Numbers that come out of the head.
        each_token: Whether they come out for each token, or for the text.
        segments: Whether it also reads which text of a pair each token is of.
    """

    pad_id: int
    max_length: int
    num_labels: int
    each_token: bool
    segments: bool = False


class Encodes(Protocol):
    """An encoder with a head on some runtime; `generation.Generates` is the same of what writes.

    Attributes:
        compiles: Whether the first text of each length waits for something to be compiled.
    """

    compiles: bool

    def run(
        self, token_ids: Sequence[np.ndarray], segment_ids: Sequence[np.ndarray] | None = None
    ) -> list[np.ndarray]:
        """What comes out of the head.

        Args:
            token_ids: (tokens,) int32 each, none empty or longer than `Reading.max_length`.
            segment_ids: Of pairs of texts: (tokens,) int32 each, which text each token is of. They
                count if `Reading.segments` says so.

        Returns:
            Of each text, in their order: logits float32, (labels,), or (tokens, labels).

        Raises:
            FolderError: The model computes NaN or infinity, or cannot be run.
        """
        ...


class Runtime(ABC):
    """A program that computes what `export/<format>/` of a saved folder holds for it.

    Attributes:
        name: What people call it.
        computes: The kind of model that it computes: `EncoderModel` or `WriterModel`.
        package: The package that computes.
        extra: The extra of kerasft that brings all that it takes to write for it.
        exact: Its format in float32, which is also what `--engine` calls it.
        small: Its format in 8 bits.
        writers: The packages that it takes to write for it, and to compare.
        most_threads: Threads that it takes at most without being asked for more.
    """

    name: ClassVar[str]
    computes: ClassVar[type]
    package: ClassVar[str]
    extra: ClassVar[str]
    exact: ClassVar[str]
    small: ClassVar[str]
    writers: ClassVar[tuple[str, ...]]
    most_threads: ClassVar[int] = 10_000

    @property
    def formats(self) -> tuple[str, str]:
        """What `--engine` may be."""
        return self.exact, self.small

    def installed(self, writing: bool = False) -> bool:
        """Whether it can compute here, or, with `writing`, whether it can be written for."""
        packages = self.writers if writing else (self.package,)
        return all(importlib.util.find_spec(package) for package in packages)

    def check(self) -> None:
        """Refuses to write for it where a package is missing.

        Raises:
            ConfigError: One is; the sentence says how it is installed.
        """
        for package in self.writers:
            if not importlib.util.find_spec(package):
                raise self._missing(package)

    def module(self) -> Any:
        """The package that computes.

        Raises:
            ConfigError: It is not installed.
        """
        try:
            return importlib.import_module(self.package)
        except ImportError:
            raise self._missing(self.package) from None

    def version(self) -> str:
        """The version of the package that computes.

        Raises:
            ConfigError: It is not installed.
        """
        return self.module().__version__

    def threads(self) -> int:
        """How many threads it computes with: OMP_NUM_THREADS, else the process's cores."""
        asked = os.environ.get("OMP_NUM_THREADS", "")
        if asked.isdecimal() and int(asked):
            return int(asked)
        allowed = getattr(os, "sched_getaffinity", None)  # Linux alone has it
        return min(self.most_threads, len(allowed(0)) if allowed else os.cpu_count() or 1)

    @abstractmethod
    def write(self, model: Any, place: Path) -> dict[str, Any]:
        """Writes a model in float32, and compares it with Keras.

        Args:
            model: An `EncoderModel` or a `WriterModel`.

        Returns:
            How the comparison went, for the manifest.

        Raises:
            ConfigError: A package is missing, the model cannot be written, or it computes
                something else than in Keras.
        """

    @abstractmethod
    def write_small(self, exact: Path, model: Callable[[], Any], place: Path) -> None:
        """Writes a model in 8 bits.

        Args:
            exact: The folder that `write` wrote.
            model: Gives what it was written of, where that is needed too.
        """

    @abstractmethod
    def open(self, format: str, place: Path, files: dict[str, bytes], needs: Any) -> Any:
        """Takes up a model.

        Args:
            format: One of `formats`.
            place: The folder that its files come from, for the sentences.
            files: All of each file, by its name; emptied, since models are large.
            needs: A `Reading` for an encoder with a head, a `Search` for what writes texts.

        Returns:
            What `Encodes`, or `generation.Generates`.

        Raises:
            FolderError: The model is not one of ours, or does not fit.
            ConfigError: The package is not installed.
        """

    def _missing(self, package: str) -> ConfigError:
        return ConfigError(
            f"--engine {self.exact} needs the package {package}: "
            f"`pip install 'kerasft[{self.extra}]'`."
        )


def finite(logits: np.ndarray) -> np.ndarray:
    """The logits, of any shape.

    Raises:
        FolderError: There is NaN or infinity among them.
    """
    if not np.isfinite(logits).all():
        raise FolderError("The model computes NaN or infinity: its weights are broken.")
    return logits


def reading_segments(
    reading: Reading, segment_ids: Sequence[np.ndarray] | None
) -> Sequence[np.ndarray] | None:
    """The segment ids that an encoder is to be given: None where it reads none."""
    if not reading.segments:
        return None
    assert segment_ids is not None  # a task that reads pairs gives them
    return segment_ids


def refuse_different(difference: float, most: float, what: str) -> None:
    """Refuses a model that does not compute what it computes in Keras.

    Raises:
        ConfigError: The difference is above `most`, or NaN.
    """
    if not difference <= most:
        raise ConfigError(
            f"The model differs from Keras by {difference:.2g} in {what}, so it was not kept; use "
            "--engine keras, and please report it."
        )
