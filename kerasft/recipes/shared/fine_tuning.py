"""How a pretrained encoder is tuned: the options that recipes share, and what they mean."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from kerasft import storage
from kerasft.errors import ConfigError
from kerasft.recipes.shared.frozen_backbone import BackboneOptions

if TYPE_CHECKING:
    from keras.optimizers.schedules import LearningRateSchedule

    from kerasft.architectures import HeadedEncoder
    from kerasft.peft import AdapterReport, Counts, Method
    from kerasft.presets import Pretrained

LEARNING_RATES = {"head": 2e-3, "full": 5e-5}
# Of a method; each recipe's options have them all, and each method takes those that it has.
METHOD_OPTIONS = ("rank", "alpha", "dropout", "rank_stabilized")


@dataclass
class AdapterOptions(BackboneOptions):
    """Where the training of an adapter begins.

    Args:
        adapter: A folder with an adapter of Hugging Face PEFT (or of ours) for the preset, to go on
            from; its numbers and its layers are its own then.
    """

    adapter: str | None = None

    def fingerprint(self) -> dict[str, Any]:
        """As for every recipe; and what the adapter holds."""
        facts = super().fingerprint()
        if self.adapter is not None:
            from kerasft.peft.files import CONFIG_NAME, WEIGHTS_NAME

            paths = (Path(self.adapter) / name for name in (CONFIG_NAME, WEIGHTS_NAME))
            facts["adapter_sha256"] = [storage.sha256_file(path) for path in paths]
        return facts


@dataclass
class TuningOptions(AdapterOptions):
    """What of a pretrained encoder and its head trains, and how.

    Args:
        preset: The pretrained model: a Hugging Face directory, a Hub id, a KerasHub preset name, a
            folder that kerasft saved, or `minilm` (22.7M parameters, needs no hub).
        architecture: `bert` or `distilbert`, for a directory whose config does not say.
        tune: A method and the head (`lora`, `ia3` or `bitfit`), `head` alone, or `full`
            (everything).
        rank: Rank r of LoRA's update A B.
        alpha: LoRA's update is scaled by alpha / r.
        dropout: Dropout on the way into LoRA's A.
        rank_stabilized: Scale LoRA's update by alpha / sqrt(r) instead.
        last_layers: How many transformer layers, from the last one down, the method adapts.
        targets: What it adapts in those layers (query, key, value, attention_output,
            feedforward_intermediate_dense, feedforward_output_dense), or, where one holds a `/`,
            regular expressions over layer paths; null takes what is usual for the method.
        epochs: Passes over the training rows.
        batch_size: Texts a step.
        group_by_length: Batch texts of like length, which saves padding; null does so where an
            epoch has 64 batches or more (with fewer it costs accuracy).
        learning_rate: Of Adam; null takes what is usual for what is tuned: 2e-3 for lora and head,
            1e-2 for ia3, 2e-3 for bitfit, and 5e-5 for full.
        schedule: `constant`, or `linear` down to 0 at the last step.
        warmup_ratio: Share of the steps in which the rate of `linear` rises first.
        early_stopping: Stop after so many epochs without a better validation loss, and take the
            best epoch's weights; 0 is off.
    """

    preset: str = "distilbert/distilbert-base-uncased"
    architecture: Literal["bert", "distilbert"] | None = None
    tune: Literal["lora", "ia3", "bitfit", "head", "full"] = "lora"
    rank: int = 8
    alpha: float = 16.0
    dropout: float = 0.05
    rank_stabilized: bool = False
    last_layers: int = 2
    targets: tuple[str, ...] | None = None
    epochs: int = 3
    batch_size: int = 8
    group_by_length: bool | None = None
    learning_rate: float | None = None
    schedule: Literal["constant", "linear"] = "linear"
    warmup_ratio: float = 0.0
    early_stopping: int = 0

    usual_targets: ClassVar[dict[str, tuple[str, ...]]] = {}
    """What a recipe adapts by each method, where that is not what is usual for it."""

    @property
    def peak_rate(self) -> float:
        """The highest learning rate: what is set, or the usual one of what is tuned."""
        if self.learning_rate is not None:
            return self.learning_rate
        if self.tune in LEARNING_RATES:
            return LEARNING_RATES[self.tune]
        from kerasft import peft

        return peft.METHODS[self.tune].usual_rate

    def method(self, model: HeadedEncoder) -> Method:
        """The method and its options, for the last layers of a model and its head.

        Raises:
            ConfigError: A number is out of range, or an option is one that the method has not.
            AdapterError: The model has no such layers.
        """
        from kerasft import peft

        method = peft.METHODS[self.tune]
        names = self.targets or self.usual_targets.get(self.tune, method.usual_targets)
        own = {field.name for field in dataclasses.fields(method)}
        for field in dataclasses.fields(self):
            foreign = field.name in METHOD_OPTIONS and field.name not in own
            if foreign and getattr(self, field.name) != field.default:
                raise ConfigError(
                    f"--{field.name} is no option of --tune {self.tune}; leave it out."
                )
        return method(
            targets=peft.last_layers(model, self.last_layers, names),
            modules_to_save=model.head_layers,
            **{name: getattr(self, name) for name in METHOD_OPTIONS if name in own},
        )

    def rate(self, steps: int) -> float | LearningRateSchedule:
        """The learning rate over a run of so many steps.

        Raises:
            ConfigError: The rate is below 0, or the share of rising steps is not in [0, 1).
        """
        from kerasft import training

        rising = int(self.warmup_ratio * steps)
        return training.schedule(self.schedule, self.peak_rate, steps, rising)


@dataclass
class FineTuningOptions(TuningOptions):
    """What of a pretrained classifier trains, and how.

    Args:
        pooling: What the head reads: the `first` token, or the `mean` over the tokens; null takes
            what the pretrained model was made for.
        class_weight: `balanced` weighs each class by the inverse of its share.
    """

    pooling: Literal["first", "mean"] | None = None
    class_weight: Literal["none", "balanced"] = "none"

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
    model: HeadedEncoder,
    options: TuningOptions,
    pretrained_labels: Sequence[str] | None = None,
    labels: Sequence[str] = (),
) -> tuple[Counts, list[str]]:
    """Freezes what is not to train, and puts adapters where they are to be.

    Args:
        model: A built classifier or tagger.
        options: What trains.
        pretrained_labels: The labels of the preset's own head, which the head in `options.adapter`
            then has too, in the same order; None where they are not known.
        labels: The labels of the model.

    Returns:
        How many parameters train, and sentences on the adapted layers.

    Raises:
        AdapterError: A target matches no layer, or the adapter does not fit the model.
        ConfigError: A number is out of range, or the options contradict each other.

    Example:
        >>> counts, adapters = tune(model, TuningOptions(tune="lora", rank=4))
    """
    from kerasft import peft

    adapters = ["none"]
    if options.adapter is not None:
        if options.tune in LEARNING_RATES:
            raise ConfigError(
                f"--adapter goes on from an adapter, which --tune {options.tune} does not train; "
                "leave one of them out."
            )
        adapters = _load_adapter(model, options, pretrained_labels, labels)
    elif options.tune == "head":
        peft.freeze(model, except_patterns=model.head_layers)
    elif options.tune != "full":
        adapters = [", ".join(peft.apply(model, options.method(model)).adapted)]
    return peft.parameter_counts(model), adapters


def _load_adapter(
    model: HeadedEncoder,
    options: TuningOptions,
    pretrained_labels: Sequence[str] | None,
    labels: Sequence[str],
) -> list[str]:
    """Puts an adapter on an encoder, whose head trains too; returns sentences on it."""
    from kerasft import peft

    directory = str(options.adapter)
    rows = None
    if pretrained_labels is not None and sorted(pretrained_labels) == sorted(labels):
        rows = [pretrained_labels.index(label) for label in labels]
    report = peft.load_adapter(
        model, directory, modules_to_save=model.head_layers, head_rows=rows, any_labels=True
    )
    if report.method != options.tune:
        raise ConfigError(
            f"{directory} is an adapter of another method; go on with --tune {report.method}."
        )
    sentences = [*describe_adapter(report, directory), ", ".join(report.adapted)]
    if "classifier" in report.from_base:
        sentences.append("it has no head for these labels: the head is not from the adapter")
    elif rows is None:
        sentences.append(f"its head does not name its labels; taken as {', '.join(labels)}")
    return sentences


def describe_adapter(report: AdapterReport, directory: str) -> list[str]:
    """Sentences on an adapter that was loaded, for a run's output and its model card."""
    base = f", made for {report.base_model}" if report.base_model else ""
    whole = ", ".join(report.trained_in_full)
    also = f"; with it came {whole}" if whole else ""
    return [f"from {directory}{base}{also}", *report.notes]
