"""Whether a frozen backbone runs once per text, and what `fit` is given then."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from kerasft import __version__, backends, storage
from kerasft.architectures.frozen_backbone import FrozenBackbone
from kerasft.data.adapter import EpochBatches
from kerasft.data.feature_store import FeatureStore, size_of_stores
from kerasft.errors import ConfigError
from kerasft.training.backbone_features import (
    BackboneFeatures,
    FeatureBatches,
    RowBatches,
    all_tokens,
    keys_of,
    mean_states,
)

# Of what is free on a disk, no more than this share is taken.
FREE_SHARE = 0.9


@dataclass(frozen=True)
class CacheSettings:
    """Whether and where a backbone's features are kept.

    Attributes:
        where: "auto" (where it pays and fits), "on", "off", or a directory that runs share.
        beside: The folder of a run that shares with none; it goes when the run ends.
        gigabytes: Most features in the directory, in 10^9 bytes.
        dtype: "float16" or "float32".
        resume: Whether the run goes on from a checkpoint; else what lies `beside` is removed.

    Raises:
        ConfigError: A value cannot work.
    """

    where: str
    beside: Path
    gigabytes: float = 4.0
    dtype: str = "float16"
    resume: bool = False

    def __post_init__(self) -> None:
        if not self.gigabytes > 0:
            raise ConfigError(f"--cache_gb is {self.gigabytes}; give a number above 0.")
        if not self.where:
            raise ConfigError("--cache_backbone is empty; give auto, on, off or a directory.")

    @property
    def is_shared(self) -> bool:
        """Whether the directory is the user's own."""
        return self.where not in ("auto", "on", "off")

    @property
    def directory(self) -> Path:
        """Where the features are."""
        return Path(self.where).expanduser() if self.is_shared else self.beside


@dataclass(frozen=True)
class AboveBackbone:
    """What is compiled and fitted: the part above a frozen backbone, or the whole model.

    Attributes:
        model: The model. Where it is the upper part, its layers are the whole model's own.
        train: Its training batches.
        validation: Its validation batches.
        note: One sentence for the run's output and the model card.
        facts: What a run that goes on must not change.
        private: The features that `finish` removes.
        kept: What the frozen backbone makes of texts; None where it runs at every step.
    """

    model: keras.Model
    train: EpochBatches
    validation: EpochBatches
    note: str
    facts: dict[str, str]
    private: FeatureStore | None = None
    kept: BackboneFeatures | None = None

    def features(self, parts: Sequence[RowBatches]) -> tuple[str, np.ndarray] | None:
        """What the frozen backbone makes of each text, where that is kept.

        Args:
            parts: Batches for the whole model.

        Returns:
            Its name, and (rows, width), the rows of the parts one after another; None where nothing
            is kept.
        """
        if self.kept is None:
            return None
        found = [mean_states(self.kept, part) for part in parts]
        return f"the frozen {self.kept.backbone.description}", np.concatenate(found)

    def finish(self) -> None:
        """Removes the features of a run that shares them with none, when it has ended."""
        if self.private is not None:
            self.private.close()
            storage.remove_folder(self.private.folder.parent, is_ours=_is_cache)


def above_backbone(
    model: keras.Model,
    backbone: FrozenBackbone | None,
    train: EpochBatches,
    validation: EpochBatches,
    settings: CacheSettings,
    *,
    epochs: int,
    frozen_dropout: bool = False,
) -> AboveBackbone:
    """Decides whether the backbone runs once per text, and prepares the batches for it.

    Args:
        model: The whole model.
        backbone: Its parts, if something below is frozen.
        train: Batches for the whole model.
        settings: Whether and where the features are kept.
        epochs: Epochs of the run: one alone has nothing to gain.
        frozen_dropout: Whether frozen layers drop out, so that no two steps see the same.

    Raises:
        ConfigError: Keeping was asked for beside `frozen_dropout`, or the directory cannot be used.

    Example:
        >>> settings = CacheSettings("auto", Path("run.features"))
        >>> above = above_backbone(model, model.frozen_backbone(), batches.train,
        ...                        batches.validation, settings, epochs=3)
        >>> above.model.compile("adam", loss)
        >>> above.model.fit(above.train, validation_data=above.validation, epochs=3)
    """
    if frozen_dropout and settings.where not in ("auto", "off"):
        raise ConfigError(
            "--cache_backbone keeps what frozen layers make without dropout, so it excludes "
            "--frozen_dropout; leave one of them out."
        )
    if not settings.resume and _is_cache(settings.beside):
        storage.remove_folder(settings.beside, is_ours=_is_cache)

    def whole(reason: str) -> AboveBackbone:
        what = (
            f"{backbone.description} run at every step"
            if backbone
            else "nothing runs once per text"
        )
        return AboveBackbone(model, train, validation, f"{what}: {reason}", {"backbone": "none"})

    if backbone is None:
        return whole("no layer is frozen below the first that trains")
    if settings.where == "off":
        return whole("--cache_backbone is off")
    if frozen_dropout:
        return whole("--frozen_dropout draws anew each time")
    if settings.where == "auto" and epochs == 1:
        return whole("there is one epoch alone")

    directory = settings.directory
    if not settings.is_shared and directory.exists() and not _is_cache(directory):
        raise ConfigError(
            f"{directory} is where this run would keep features, but it holds something else; move "
            "that away or give another --output."
        )
    key = backbone.digest({"dtype": settings.dtype, **_versions()})
    rows = list(all_tokens(backbone, (train, validation)))
    made = (backbone.positions(len(ids)) for ids in rows)
    states = dict(zip(keys_of(key, rows), made, strict=True))  # of each text once
    row_bytes = backbone.width * (2 if settings.dtype == "float16" else 4)
    folder = directory / f"backbone-{key[:16]}"

    def store() -> FeatureStore:
        return FeatureStore(folder, backbone=key, width=backbone.width, dtype=settings.dtype)

    kept = store() if folder.exists() else None
    missing = sum(n for text, n in states.items() if kept is None or text not in kept) * row_bytes
    there = size_of_stores(directory)
    limit, free = round(settings.gigabytes * 1e9), _free(directory)
    if there + missing > limit:
        return whole(
            f"their features would take {_amount(missing)} more, but {directory} may hold "
            f"{_amount(limit)} (--cache_gb) and has {_amount(there)}"
        )
    if missing > FREE_SHARE * free:
        return whole(
            f"their features would take {_amount(missing)} more, but where {directory} is, "
            f"{_amount(free)} are free"
        )
    kept = kept or store()
    known = sum(text in kept for text in states)
    kept.max_bytes = limit - max(there - kept.size, 0)  # the others' features stay as they are
    features = BackboneFeatures(backbone, kept, key)
    return AboveBackbone(
        backbone.upper,
        FeatureBatches(train, features),
        FeatureBatches(validation, features),
        f"{backbone.description} run once per text: {_amount(sum(states.values()) * row_bytes)} of "
        f"{settings.dtype} for {len(states)} texts in {directory}, {known} of them from before",
        {"backbone": f"{backbone.description} in {settings.dtype}"},
        None if settings.is_shared else kept,
        features,
    )


def _is_cache(directory: Path) -> bool:
    """Whether a directory holds stores of features and nothing else."""
    return directory.is_dir() and all(
        re.fullmatch(r"backbone-[0-9a-f]{16}", path.name) for path in directory.iterdir()
    )


def _versions() -> dict[str, str]:
    """What computes: another version may compute otherwise."""
    return {
        "kerasft": __version__,
        "keras": keras.__version__,
        backends.check().name: backends.current().version(),
    }


def _free(directory: Path) -> int:
    """Bytes that are free where a directory is, or would be."""
    path = directory.absolute()
    while not path.exists():
        path = path.parent
    return shutil.disk_usage(path).free


def _amount(size: int) -> str:
    """A number of bytes in words."""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.3g} MB"
