"""Searching with CTranslate2, a program that does nothing but decode, as `Generator` does it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kerasft.errors import ConfigError, FolderError
from kerasft.folder.export_files import CTRANSLATE2_FILES, CTRANSLATE2_MODEL
from kerasft.generation.hypotheses import Hypothesis
from kerasft.generation.search import Search
from kerasft.runtimes.ctranslate2.model_file import check_ctranslate2_file
from kerasft.runtimes.ctranslate2.write import import_ctranslate2, source_tokens, target_tokens
from kerasft.storage import memory_files

# Sources that are decoded at a time at most, those of like lengths together.
BATCH_SIZE = 32


class CTranslate2Generator:
    """Searches the most probable outputs, greedily or with beams, without Keras.

    CTranslate2 looks at the same continuations as `beam_search`, ends a row at the same moment as
    `early_stopping=True` does, and ranks by the same mean of log-probabilities. Two things it does
    otherwise, and this is what is done about them:

    - It ranks hypotheses that were cut at `max_length` among those that have ended. Where `Search`
      wants them last (`rank_cut=False`) and there is none but such, the row is searched again for
      so many hypotheses that each of those that have ended on the way is among them.
    - A token that must not be put out it takes out of the model's probabilities, so that all others
      rise. So nothing is forbidden at first, which makes no difference to a trained model: it never
      thinks of padding. Only rows whose hypotheses hold a forbidden token are searched again, and
      their scores are then computed from the whole of the probabilities.

    Args:
        folder: What `write_ctranslate2` wrote.
        search: The settings, with `early_stopping=True` and a `length_penalty` above 0.
        int8: Whether matrices are multiplied in 8 bits.
        threads: Threads that compute; 0 leaves it to CTranslate2.
        files: What the folder's files hold, by their names, where they were read before; it is
            emptied.

    Raises:
        FolderError: The model is not one of ours, or CTranslate2 cannot read it.
        ConfigError: The package is not installed, this machine cannot compute so, or the settings
            are others.

    Example:
        >>> search = Search(start_id=2, end_id=3, pad_id=1, max_length=40, beam_size=4)
        >>> generator = CTranslate2Generator(Path("run/export/ctranslate2"), search)
        >>> generator.generate([np.array([2, 17, 9, 3])])[0][0]
        Hypothesis(token_ids=(41, 8), score=-0.7, truncated=False)
    """

    def __init__(
        self,
        folder: Path,
        search: Search,
        *,
        int8: bool = False,
        threads: int = 0,
        files: dict[str, bytes] | None = None,
    ) -> None:
        if search.early_stopping is not True or search.length_penalty <= 0:
            raise ConfigError(
                "CTranslate2 searches with early_stopping=True and a length_penalty above 0 only"
            )
        self.search = search
        self._folder = folder
        self._translator = open_translator(folder, int8=int8, threads=threads, files=files)

    def generate(self, source_ids: Sequence[np.ndarray]) -> list[list[Hypothesis]]:
        """The best hypotheses of each source, the best first.

        Args:
            source_ids: (tokens,) int32 each, with whatever special tokens the model was trained on.

        Returns:
            A list a source, in their order, of one hypothesis or more.

        Raises:
            FolderError: CTranslate2 fails on the model.
        """
        rows = [source_tokens(ids) for ids in source_ids]
        found = self._search(rows)
        barred = [place for place, each in enumerate(found) if not all(map(self._allowed, each))]
        self._search_again(barred, rows, found, forbid=True)
        if self.search.beam_size > 1 and not self.search.rank_cut:
            cut = [place for place, each in enumerate(found) if all(h.truncated for h in each)]
            for forbid in (False, True):
                places = [place for place in cut if (place in barred) == forbid]
                self._search_again(places, rows, found, forbid=forbid, every=True)
        for place in barred:
            found[place] = self._with_whole_scores(rows[place], found[place])
        return [self._sorted(each) for each in found]

    def _search_again(
        self, places: list[int], rows: list[list[str]], found: list[list[Hypothesis]], **how: bool
    ) -> None:
        """Searches the rows at some places in another way, see `_search`."""
        again = self._search([rows[place] for place in places], **how)
        for place, each in zip(places, again, strict=True):
            found[place] = [one for one in each if self._allowed(one)] or each

    def _search(
        self, rows: list[list[str]], *, forbid: bool = False, every: bool = False
    ) -> list[list[Hypothesis]]:
        """Searches rows, all in one way.

        Args:
            rows: The tokens of each.
            forbid: Whether the forbidden tokens are taken out.
            every: Whether to look for twice as many hypotheses. In a row that reaches `max_length`
                before so many have ended, they are all that there were.
        """
        if not rows:
            return []
        search = self.search
        most = 1 if search.beam_size == 1 else search.beam_size * (2 if every else 1)
        barred = [target_tokens([index]) for index in search.impossible] if forbid else None
        results = self._run(
            "translate_batch",
            rows,
            beam_size=search.beam_size,
            patience=most / search.beam_size,
            num_hypotheses=1 if search.rank_cut else most,
            length_penalty=search.length_penalty,
            max_decoding_length=search.max_length,
            min_decoding_length=0,
            suppress_sequences=barred,
            return_scores=True,
            # So that its length is ours, with the end.
            return_end_token=True,
        )
        return [
            [
                self._hypothesis([int(token) for token in tokens], score)
                for tokens, score in zip(each.hypotheses, each.scores, strict=True)
            ]
            for each in results
        ]

    def _hypothesis(self, token_ids: list[int], mean: float) -> Hypothesis:
        """From all tokens of an output, and its score after the length penalty."""
        score = mean * len(token_ids) ** self.search.length_penalty
        truncated = token_ids[-1:] != [self.search.end_id]
        return Hypothesis(tuple(token_ids if truncated else token_ids[:-1]), score, truncated)

    def _with_whole_scores(self, row: list[str], hypotheses: list[Hypothesis]) -> list[Hypothesis]:
        """Hypotheses with the scores that nothing was taken out for."""
        targets = [target_tokens(one.token_ids) for one in hypotheses]
        found = self._run("score_batch", [row] * len(targets), targets)
        return [
            # The last of them is the end's.
            Hypothesis(
                one.token_ids,
                float(sum(each.log_probs[: len(one.token_ids) + (not one.truncated)])),
                one.truncated,
            )
            for one, each in zip(hypotheses, found, strict=True)
        ]

    def _sorted(self, hypotheses: list[Hypothesis]) -> list[Hypothesis]:
        search = self.search

        def place(one: Hypothesis) -> tuple[bool, float]:
            return one.truncated and not search.rank_cut, -one.rank(search.length_penalty)

        return sorted(hypotheses, key=place)

    def _allowed(self, hypothesis: Hypothesis) -> bool:
        return not set(self.search.impossible).intersection(hypothesis.token_ids)

    def _run(self, method: str, rows: list[list[str]], *more: Any, **options: Any) -> list[Any]:
        size = batch_size(self._translator, len(rows))
        try:
            return getattr(self._translator, method)(
                rows, *more, max_batch_size=size, max_input_length=0, **options
            )
        except (RuntimeError, ValueError, IndexError) as error:
            raise FolderError(
                f"CTranslate2 fails on {self._folder}: {_first_line(error)}"
            ) from error


def open_translator(
    folder: Path,
    *,
    int8: bool = False,
    threads: int = 0,
    files: dict[str, bytes] | None = None,
) -> Any:
    """CTranslate2's own object for a model.

    In float32 the threads share each multiplication: reading the weights is what takes the time,
    and two cores read faster than one. In 8 bits there is little to share, and waiting for each
    other takes longer than the work, so each thread searches rows of its own, see `batch_size`.

    Args:
        folder: What `write_ctranslate2` wrote.
        int8: Whether matrices are multiplied in 8 bits.
        threads: Threads that compute; 0 leaves it to CTranslate2 in float32 and is 1 in 8 bits.
        files: What the folder's files hold, by their names, where they were read before; it is
            emptied.

    Raises:
        FolderError: The model is not one of ours, or CTranslate2 cannot read it.
        ConfigError: The package is not installed, or this machine cannot compute so.
    """
    ctranslate2 = import_ctranslate2()
    kind = "int8" if int8 else "float32"
    if kind not in ctranslate2.get_supported_compute_types("cpu"):
        raise ConfigError(
            f"CTranslate2 cannot compute in {kind} on this machine; take another engine"
        )
    if files is None:
        paths = [folder / name for name in CTRANSLATE2_FILES]
        files = {path.name: path.read_bytes() for path in paths if path.is_file()}
    if CTRANSLATE2_MODEL not in files:
        raise FolderError(f"{folder / CTRANSLATE2_MODEL} cannot be read: there is no such file.")
    check_ctranslate2_file(files[CTRANSLATE2_MODEL], folder / CTRANSLATE2_MODEL)
    searchers, threads_each = (max(1, threads), 1) if int8 else (1, threads)
    options: dict[str, Any] = {"device": "cpu", "compute_type": kind}
    options |= {"inter_threads": searchers, "intra_threads": threads_each}
    try:
        if not memory_files.AVAILABLE:
            return ctranslate2.Translator(str(folder), files=files, **options)
        # CTranslate2 would copy the bytes twice while it reads them.
        with memory_files.memory_folder(files) as place:
            return ctranslate2.Translator(str(place), **options)
    except (RuntimeError, ValueError) as error:
        raise FolderError(f"CTranslate2 cannot read {folder}: {_first_line(error)}") from error


def batch_size(translator: Any, rows: int) -> int:
    """Rows that are decoded at a time, so that all that search have some.

    Args:
        translator: What `open_translator` made.
        rows: Rows to search.
    """
    return min(BATCH_SIZE, math.ceil(rows / translator.num_translators))


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0].rstrip(".") + "."
