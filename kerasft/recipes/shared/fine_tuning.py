"""How a pretrained encoder is tuned: the options that recipes share, and what they do."""

from __future__ import annotations

from collections.abc import Callable, Sequence, Sized
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from kerasft.config import at_least
from kerasft.errors import ConfigError
from kerasft.recipes.shared.method_options import WHOLE, MethodOptions

if TYPE_CHECKING:
    from keras.optimizers.schedules import LearningRateSchedule

    from kerasft.architectures import T5, HeadedEncoder
    from kerasft.peft import Counts, Method
    from kerasft.presets import Pretrained
    from kerasft.text.tokenizer import Tokenizer

LEAST_EPOCHS = 3
"""Passes over the training rows, however many there are."""
LEAST_STEPS = 500
"""Steps of training, however few rows there are."""
LAST_LAYERS = 2
"""Layers that a method adapts, where neither an option nor the recipe says otherwise."""


@dataclass
class EncoderOptions:
    """Which pretrained encoder is tuned, and how it trains with any method.

    Args:
        preset: The pretrained model: `minilm` (22.7M parameters) or `mpnet` (109.5M), which need no
            hub; a Hugging Face directory or Hub id; a KerasHub preset; or a folder that kerasft
            saved.
        architecture: The model's architecture, for a directory whose config.json does not name it.
        last_layers: How many of the last transformer layers the method adapts; null adapts 2, or
            all with few rows (see `few_shot`). Some methods adapt fixed layers instead.
        epochs: Passes over the training rows; null takes as many as `steps` need, at least 3.
        steps: Least number of training steps, if `epochs` is null; null is 500.
        batch_size: Texts per step.
        group_by_length: Batch texts of similar length, which saves padding; null does so from 64
            batches per epoch on (with fewer it costs accuracy).
        schedule: How the learning rate changes: `constant`, or `linear` down to 0 at the last step.
        warmup_ratio: Share of the steps in which the rate of `linear` first rises.
        early_stopping: Stop after this many epochs without a better validation loss, and keep the
            weights of the best epoch; 0 never stops early.
    """

    group = "model and training"

    preset: str = "distilbert/distilbert-base-uncased"
    architecture: Literal["bert", "distilbert"] | None = None
    last_layers: int | None = None
    epochs: int | None = None
    steps: int | None = None
    batch_size: int = 8
    group_by_length: bool | None = None
    schedule: Literal["constant", "linear"] = "linear"
    warmup_ratio: float = 0.0
    early_stopping: int = 0

    def check(self) -> None:
        """Refuses what no run can do.

        Raises:
            ConfigError: A number is out of range, or both `epochs` and `steps` are given.
        """
        at_least(self, epochs=1, steps=1, batch_size=1, last_layers=1)
        at_least(self, warmup_ratio=0, early_stopping=0)
        if self.steps is not None and self.epochs is not None:
            raise ConfigError(
                f"--steps counts only where --epochs is null, and it is {self.epochs}; leave "
                "--steps out, or give --epochs null."
            )

    def epochs_over(self, batches: Sized) -> int:
        """How often a run passes over so many training batches."""
        return self.epochs or max(LEAST_EPOCHS, -(-(self.steps or LEAST_STEPS) // len(batches)))


@dataclass
class ClassifierOptions(EncoderOptions):
    """The same for a pretrained encoder under a classifier's head.

    Args:
        pooling: What the head reads: the `first` token, or the `mean` over the tokens; null takes
            what the pretrained model was trained with.
        class_weight: `balanced` weighs each class by the inverse of its share, `none` weighs all
            rows alike.
    """

    group = "model and training"

    pooling: Literal["first", "mean"] | None = None
    class_weight: Literal["none", "balanced"] = "none"


@dataclass
class TuningOptions(EncoderOptions, MethodOptions):
    """What of a pretrained encoder and its head trains, and how."""

    def method_for(self, model: Any) -> Method:
        """The method's config, for the last layers of an encoder and its head.

        Raises:
            AdapterError: The model has no such layers.
        """
        from kerasft import peft

        targets = self.targets
        if targets is not None:
            targets = peft.last_layers(model, self.last_layers or LAST_LAYERS, targets)
        return self.method_config(targets, model.head_layers)

    def rate(self, steps: int) -> float | LearningRateSchedule:
        """The learning rate over a run of so many steps.

        Raises:
            ConfigError: The rate is below 0, or the share of rising steps is not in [0, 1).
        """
        from kerasft import training

        rising = int(self.warmup_ratio * steps)
        return training.schedule(self.schedule, self.peak_rate, steps, rising)


@dataclass
class FineTuningOptions(ClassifierOptions, TuningOptions):
    """What of a pretrained classifier trains, and how."""

    def pooling_for(self, pretrained: Pretrained) -> tuple[Literal["first", "mean"], str]:
        """What the head reads, and a sentence on why.

        Args:
            pretrained: The preset, whose own way counts where neither `pooling` nor an adapter,
                whose head PEFT made to read the first token, says otherwise.
        """
        if self.adapter is not None and self.pooling is None:
            return "first", "the head reads the first token, as the heads of PEFT's adapters do"
        pooling = self.pooling or pretrained.pooling
        return pooling, pretrained.describe_pooling(pooling)


def tune(
    model: HeadedEncoder | T5,
    options: MethodOptions,
    tokenizer: Tokenizer,
    pretrained_labels: Sequence[str] | None = None,
    labels: Sequence[str] = (),
    start: Callable[[Any, Path], None] | None = None,
) -> tuple[Counts, list[str]]:
    """Freezes what is not to train, and puts adapters where they are to be.

    Args:
        model: A built classifier or tagger, whose head trains with any method; or a T5.
        options: What trains.
        tokenizer: The model's.
        pretrained_labels: The labels of the preset's own head, which the head in `options.adapter`
            then has too, in the same order; None where they are not known.
        labels: The labels of the model.
        start: Called with the model and `options.adapter` where the model's head came with it; see
            `Target.start`.

    Returns:
        How many parameters train, and sentences on the adapted layers.

    Raises:
        AdapterError: A target matches no layer, or the adapter does not fit the model.
        ConfigError: A number is out of range, or the options contradict each other.

    Example:
        >>> counts, adapters = tune(model, TuningOptions(method_options={"rank": 4}), tokenizer)
    """
    from kerasft import peft

    adapters = ["none"]
    if options.adapter is not None:
        if options.method in WHOLE:
            raise ConfigError(
                f"--adapter goes on from an adapter, which --method {options.method} does not "
                "train; leave one of them out."
            )
        adapters = _load_adapter(model, options, pretrained_labels, labels, start)
    elif options.method == "head":
        peft.freeze(model, except_patterns=model.head_layers)
    elif options.method != "full":
        method = options.method_for(model).with_tokenizer(tokenizer)
        adapters = [", ".join(peft.apply(model, method).adapted)]
    length, most = getattr(options, "max_length", 0), getattr(model, "max_length", None)
    if most is not None and length > most:  # less than the preset's, beside virtual tokens
        raise ConfigError(
            f"--max_length is {length}, but beside what --method {options.method} puts before a "
            f"text the model reads {most} tokens; give {most} or less."
        )
    return peft.parameter_counts(model), adapters


def _load_adapter(
    model: HeadedEncoder | T5,
    options: MethodOptions,
    pretrained_labels: Sequence[str] | None,
    labels: Sequence[str],
    start: Callable[[Any, Path], None] | None,
) -> list[str]:
    """Puts an adapter on a model, whose head trains too; returns sentences on it."""
    from kerasft import peft

    directory = str(options.adapter)
    rows = None
    if pretrained_labels is not None and sorted(pretrained_labels) == sorted(labels):
        rows = [pretrained_labels.index(label) for label in labels]
    report = peft.load_adapter(
        model, directory, modules_to_save=model.head_layers, head_rows=rows, any_labels=True
    )
    if report.method != options.method:
        raise ConfigError(
            f"{directory} is an adapter of another method; use --method {report.method}."
        )
    base = f", made for {report.base_model}" if report.base_model else ""
    whole = ", ".join(report.trained_in_full)
    also = f"; with it came {whole}" if whole else ""
    sentences = [f"from {directory}{base}{also}", *report.notes, ", ".join(report.adapted)]
    if model.output_module in report.from_base:
        sentences.append("it has no head for these labels, so the head is not from the adapter")
        return sentences
    if start is not None:
        start(model, Path(directory))
    if rows is None and labels:
        sentences.append(f"its head does not name its labels; taken as {', '.join(labels)}")
    return sentences
