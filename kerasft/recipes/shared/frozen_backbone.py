"""What recipes do with frozen layers: the options, and what they do."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from kerasft.config import RunOptions

if TYPE_CHECKING:
    from kerasft.architectures import T5, HeadedEncoder
    from kerasft.training.frozen_backbone import AboveBackbone


@dataclass
class BackboneOptions(RunOptions):
    """What is done with frozen layers.

    Args:
        cache_backbone: Run the frozen layers below the first trained one once per text, and cache
            their output: `on`, `off`, `auto` (on with more than one epoch, if it fits), or a
            directory that is kept and shared by runs with the same pretrained model.
        cache_gb: Largest size of the cache, in GB (10^9 bytes).
        cache_dtype: How the cache is stored: `float16`, or `float32` at twice the size.
        frozen_dropout: Keep dropout on in frozen layers; they cannot be cached then.
    """

    group = "frozen layers"

    cache_backbone: Literal["auto", "on", "off"] | str = "auto"
    cache_gb: float = 4.0
    cache_dtype: Literal["float16", "float32"] = "float16"
    frozen_dropout: bool = False

    def free(self) -> set[str]:
        """As for every recipe; and features may be kept elsewhere, or not at all."""
        # `AboveBackbone.facts` says what came of it.
        return super().free() | {"cache_backbone", "cache_gb", "cache_dtype"}


def train_above_backbone(
    model: HeadedEncoder | T5, batches: Any, options: Any, output: Path
) -> tuple[AboveBackbone, list[str]]:
    """Finds out what of a model must run at every step; frozen layers drop nothing out from now on.

    Args:
        model: With its adapters on it and what is frozen frozen; not compiled yet.
        batches: Has `train` and `validation`, for the whole model.
        options: The recipe's config, which has the `BackboneOptions`, and `epochs`.
        output: The run's output; features that no run shares lie beside it.

    Returns:
        What to compile and to fit, and sentences for the run's output and the model card.

    Raises:
        ConfigError: The options contradict each other, or the cache's directory cannot be used.

    Example:
        >>> above, notes = train_above_backbone(model, batches, config, output)
        >>> above.model.compile(...)
        >>> above.model.fit(above.train, validation_data=above.validation, epochs=config.epochs)
        >>> above.finish()
    """
    from kerasft.training.frozen_backbone import CacheSettings, above_backbone

    dropout = "frozen layers keep their dropout (--frozen_dropout)"
    if not options.frozen_dropout:
        dropout = "every layer has dropout, since something trains in each"
        if still := model.still_frozen():
            dropout = f"frozen layers ({still}) run without dropout"
    above = above_backbone(
        model,
        model.frozen_backbone(),
        batches.train,
        batches.validation,
        CacheSettings(
            options.cache_backbone,
            beside=Path(f"{output}.features"),
            gigabytes=options.cache_gb,
            dtype=options.cache_dtype,
            resume=options.resume,
        ),
        epochs=options.epochs,
        frozen_dropout=options.frozen_dropout,
    )
    return above, [above.note, dropout]
