"""Logistic regression over TF-IDF: the baseline of a classifier, and its costs.

Tasks that learn something else of a text than one class derive theirs from it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from kerasft.data.text_pairs import sides_of
from kerasft.errors import DataError
from kerasft.text.pairs import Text, are_pairs

if TYPE_CHECKING:
    from sklearn.feature_extraction.text import TfidfVectorizer

# What is counted, as scikit-learn's vectorizer takes it: words and word pairs, or the runs of
# characters in words, which also find the parts of long words and texts without any spaces.
UNITS: dict[str, dict[str, Any]] = {
    "words": {"analyzer": "word", "ngram_range": (1, 2)},
    "characters": {"analyzer": "char_wb", "ngram_range": (2, 5), "min_df": 2},
}
STRENGTHS = (1.0, 10.0, 100.0)  # of C, from strong to weak penalties
# The solver holds some 30 vectors of all coefficients (8 bytes each), 200 MB of so many.
MOST_COEFFICIENTS = 800_000
# Of more classes each is told from all others by itself, which takes the coefficients alone, so
# that there may be twice as many.
MANY_CLASSES = 100
# What the choice may cost: characters of text, times classes.
CHOICE_SIZE, LEAST_CHOICE = 25_000_000, 250_000

# Texts that are timed, how many at a time, and how often.
TIMED_TEXTS = 64
TIMED_SIZES = (1, 32)
TIMED_ROUNDS = 5


@dataclass(frozen=True)
class TfidfBaseline:
    """Logistic regression over TF-IDF of words or of characters, fitted.

    Words are scikit-learn's: runs of two or more letters or digits, lowercased, and pairs of these.
    Characters are runs of two to five inside of a word and its margins that occur in two texts or
    more. Counts enter as 1 + log(count). Of a pair of texts three things are counted: what stands
    in the first, what in the second, and what in both. Of more than `MOST_COEFFICIENTS`
    coefficients those stay whose words tell most about the classes (mutual information). Of more
    than `MANY_CLASSES` classes each is told from all others by stochastic gradient descent, in a
    third of the memory.

    Attributes:
        vectorizer: Counts.
        classifier: Weighs the counts.
        classes: How many classes there are, also those without training rows.
        fit_seconds: How long the fit took, or the choice with all its fits.
        units: "words" or "characters".
        C: The inverse strength of the L2 penalty.
        tried: How many settings were tried on validation rows; 0 where none were.
        validation_score: The best `measure` on these.
        strengths: The values of C that are tried.
        measure: What a setting is chosen by.
        nothing: Why there may be nothing to learn.

    Example:
        >>> baseline = TfidfBaseline.fit(["a goal", "the bank"], np.array([0, 1]), 2)
        >>> baseline.probabilities(["a late goal"]).shape
        (1, 2)
    """

    vectorizer: TfidfVectorizer
    classifier: Any
    classes: int
    fit_seconds: float
    units: str
    C: float
    tried: int = 0
    validation_score: float = 0.0

    strengths: ClassVar[tuple[float, ...]] = STRENGTHS
    measure: ClassVar[str] = "macro-F1"
    nothing: ClassVar[str] = "The training rows hold one class only, so there is nothing to learn."

    @classmethod
    def fit(
        cls,
        texts: Sequence[Text],
        labels: np.ndarray,
        classes: int,
        *,
        class_weight: str | None = None,
        C: float = 10.0,
        units: str = "words",
    ) -> Self:
        """Fits it on training rows.

        Args:
            texts: The training texts, or pairs of texts.
            labels: (training rows,) integers.
            classes: How many classes there are.
            class_weight: "balanced" weighs each class by the inverse of its share; None does not.
            C: The inverse strength of the L2 penalty.
            units: "words" or "characters".

        Raises:
            DataError: The training rows hold one class only, or nothing to count.
        """
        start = time.perf_counter()
        if not cls.learnable(labels):
            raise DataError(cls.nothing)
        vectorizer, counts = _count(units, texts, cls.members(labels))
        classifier = cls.weigh(counts, labels, C, class_weight)
        return cls(vectorizer, classifier, classes, time.perf_counter() - start, units, C)

    @classmethod
    def choose(
        cls,
        train: tuple[Sequence[Text], np.ndarray],
        validation: tuple[Sequence[Text], np.ndarray],
        classes: int,
        *,
        class_weight: str | None = None,
    ) -> Self:
        """Fits it with what is best on validation rows: words or characters, and C of `STRENGTHS`.

        The best has the highest macro-F1, of equals the lowest log loss. What the choice costs is
        bounded: of more than `CHOICE_SIZE` / classes characters of training texts a part is taken
        for it, and words alone are tried.

        Args:
            train: The training texts, and (training rows,) integers.
            validation: The validation texts, and (validation rows,) integers; one or more.
            classes: How many classes there are.
            class_weight: As `fit` takes it.

        Raises:
            DataError: The training rows hold one class only, or nothing to count.

        Example:
            >>> TfidfBaseline.choose((texts, labels), (others, their_labels), 5).settings
            'words, C = 10'
        """
        start = time.perf_counter()
        if not cls.learnable(train[1]):
            raise DataError(cls.nothing)
        size = max(CHOICE_SIZE // classes, LEAST_CHOICE)
        texts, labels = _part(*train, size)
        held_out, truth = _part(*validation, size)
        if not cls.learnable(labels):  # the part missed all small classes
            texts, labels = train
        is_whole = len(texts) == len(train[0])
        best: Self | None = None
        best_loss, tried = np.inf, 0
        for units in UNITS if is_whole else ("words",):
            try:
                vectorizer, counts = _count(units, texts, cls.members(labels))
            except DataError:
                continue
            for C in cls.strengths:
                classifier = cls.weigh(counts, labels, C, class_weight)
                found = cls(vectorizer, classifier, classes, 0.0, units, C)
                tried += 1
                score, loss = found.scores(held_out, truth)
                if best is None or (score, -loss) > (best.validation_score, -best_loss):
                    best, best_loss = replace(found, validation_score=score), loss
        if best is None:
            raise DataError(
                "The training texts hold no word (two letters or digits in a row) and no two "
                "characters that occur twice, so the TF-IDF baseline has nothing to count."
            )
        if not is_whole:
            whole = cls.fit(*train, classes, class_weight=class_weight, C=best.C)
            best = replace(whole, validation_score=best.validation_score)
        seconds = time.perf_counter() - start
        best = replace(best, fit_seconds=seconds, tried=tried)
        return best.settled(*validation)

    def settled(self, texts: Sequence[Text], labels: np.ndarray) -> Self:
        """The same with what is left open chosen on validation rows, if anything is."""
        return self

    @staticmethod
    def learnable(labels: np.ndarray) -> bool:
        """Whether rows of these labels have anything to learn."""
        return len(np.unique(labels)) > 1

    @staticmethod
    def members(labels: np.ndarray) -> Any:
        """Which rows are in which class: sparse (classes, rows) 0 or 1, of classes that occur."""
        import scipy.sparse

        _, rows = np.unique(labels, return_inverse=True)
        ones = np.ones(len(rows), np.float32)
        return scipy.sparse.csr_matrix((ones, (rows, np.arange(len(rows)))))

    @staticmethod
    def weigh(counts: Any, labels: np.ndarray, C: float, class_weight: str | None) -> Any:
        """The linear model of `counts`, sparse (rows, features), with `coef_`, `intercept_`."""
        from sklearn.linear_model import LogisticRegression, SGDClassifier

        if len(np.unique(labels)) > MANY_CLASSES:
            penalty = 1 / (C * len(labels))  # which is the same function to be made small
            return SGDClassifier(
                loss="log_loss", alpha=penalty, class_weight=class_weight, random_state=0
            ).fit(counts, labels)
        return LogisticRegression(C=C, class_weight=class_weight, max_iter=1000).fit(counts, labels)

    @property
    def settings(self) -> str:
        """What was chosen, in a few words."""
        return f"{self.units}, C = {self.C:g}"

    def describe(self) -> str:
        """A sentence for a run's output and the model card."""
        count = f"{len(self.vectorizer.vocabulary_):,}"
        what = {"words": f"{count} words and word pairs",
                "characters": f"{count} runs of 2 to 5 characters"}[self.units]  # fmt: skip
        said = f"{what}, C = {self.C:g}"
        if not self.tried:
            return said
        return (
            f"{said}: of {self.tried} settings the one with the best "
            f"{self.measure} on the validation rows ({self.validation_score:.3f})"
        )

    def probabilities(self, texts: Sequence[Text]) -> np.ndarray:
        """The probabilities (texts, classes) float64 of texts."""
        # A class without training rows has no column; its probability is 0.
        found = np.zeros((len(texts), self.classes))
        known = self.classifier.predict_proba(self.vectorizer.transform(texts)).astype(float)
        found[:, self.classifier.classes_] = known / known.sum(axis=1, keepdims=True)
        return found

    def said(self, texts: Sequence[Text]) -> np.ndarray:
        """What it says of texts, as the task scores it."""
        return self.probabilities(texts)

    def costs(self, texts: Sequence[Text]) -> dict[str, object]:
        """Its costs, as JSON.

        Args:
            texts: Some texts to time it with; the first 64 are used.

        Returns:
            `settings`, what was chosen; `seconds` of the fit; `parameters` {`trained`, `frozen`},
            the coefficients; `bytes` of them, of the words' weights and of the words themselves;
            `ms_per_text` {"1", "32"}, milliseconds per text where so many are asked at a time (the
            median of 5 rounds).
        """
        coefficients = self.classifier.coef_.size + self.classifier.intercept_.size
        words = sum(len(word.encode()) + 1 for word in self.vectorizer.vocabulary_)
        numbers = (self.classifier.coef_, self.classifier.intercept_, self.vectorizer.idf_)
        return {
            "settings": self.settings,
            "seconds": self.fit_seconds,
            "parameters": {"trained": coefficients, "frozen": 0},
            "bytes": words + sum(array.nbytes for array in numbers),
            "ms_per_text": {str(size): self._milliseconds(texts, size) for size in TIMED_SIZES},
        }

    def _milliseconds(self, texts: Sequence[Text], size: int) -> float:
        texts = texts[:TIMED_TEXTS]
        rounds = []
        for _ in range(TIMED_ROUNDS):
            start = time.perf_counter()
            for first in range(0, len(texts), size):
                self.said(texts[first : first + size])
            rounds.append(time.perf_counter() - start)
        return 1000 * float(np.median(rounds)) / len(texts)

    def scores(self, texts: Sequence[Text], labels: np.ndarray) -> tuple[float, float]:
        """The `measure`, best when highest, and a loss, which decides between equal ones."""
        from sklearn.metrics import f1_score

        found = self.probabilities(texts)
        right = found[np.arange(len(labels)), labels]
        loss = -np.log(np.maximum(right, 1e-15)).mean()
        macro = f1_score(labels, found.argmax(axis=1), average="macro", zero_division=0)
        return float(macro), float(loss)


def _count(units: str, texts: Sequence[Text], members: Any) -> tuple[TfidfVectorizer, Any]:
    """The fitted vectorizer, and its (texts, features) sparse matrix."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    options = {**UNITS[units], "sublinear_tf": True, "dtype": np.float32}
    if are_pairs(texts):
        options["analyzer"] = _of_pairs(TfidfVectorizer(**UNITS[units]).build_analyzer())
        del options["ngram_range"]  # the inner analyzer's
    vectorizer = TfidfVectorizer(**options)
    try:
        counts = vectorizer.fit_transform(texts)
    except ValueError as error:
        if "empty vocabulary" not in str(error) and "no terms remain" not in str(error).lower():
            raise
        what = "word (two letters or digits in a row)" if units == "words" else "run of characters"
        raise DataError(
            f"No training text has a {what}, so the TF-IDF baseline has nothing to count."
        ) from error
    classes = members.shape[0]
    most = (2 if classes > MANY_CLASSES else 1) * MOST_COEFFICIENTS // classes
    if counts.shape[1] <= most:
        return vectorizer, counts
    kept = np.sort(np.argsort(-_information(counts, members), kind="stable")[:most])
    terms = vectorizer.get_feature_names_out()[kept]
    options.pop("min_df", None)  # a given vocabulary is kept whole
    vectorizer = TfidfVectorizer(**options, vocabulary=terms)
    return vectorizer, vectorizer.fit_transform(texts)


def _of_pairs(analyze: Callable[[str], list[str]]) -> Callable[[tuple[str, str]], list[str]]:
    """What is counted of a pair: the features of either text, and those that both have."""

    def features(pair: tuple[str, str]) -> list[str]:
        first, second = map(analyze, pair)
        both = sorted({*first} & {*second})  # in one order, so that each fit is the same
        sides = (("1", first), ("2", second), ("both", both))
        return [f"{side} {feature}" for side, found in sides for feature in found]

    return features


def _information(counts: Any, members: Any) -> np.ndarray:
    """How much each feature's occurrence says about the class: (features,)."""
    present = (counts > 0).astype(np.float32)
    found = (members @ present).tocoo()  # (classes, features)
    texts = np.asarray(present.sum(axis=0), float).ravel()
    shares = np.asarray(members.sum(axis=1), float).ravel() / members.shape[1]
    expected = texts[found.col] * shares[found.row]
    return np.bincount(found.col, found.data * np.log(found.data / expected), counts.shape[1])


def _part(
    texts: Sequence[Text], labels: np.ndarray, characters: int
) -> tuple[Sequence[Text], np.ndarray]:
    """Rows of at most so many characters together, drawn at random but always the same ones."""
    sizes = np.array([sum(map(len, sides_of(text))) for text in texts])
    if sizes.sum() <= characters:
        return texts, labels
    rows = np.random.default_rng(0).permutation(len(texts))
    ends = np.cumsum(sizes[rows])
    rows = np.sort(rows[: max(1, int(np.searchsorted(ends, characters, side="right")))])
    return [texts[row] for row in rows], labels[rows]
