"""Saved folders of arbitrary bytes, for tests that need no model."""

from pathlib import Path

from kerasft import storage
from kerasft.folder import contents as c
from kerasft.folder import manifest as m

FACTS = c.ClassificationManifest(
    architecture="distilbert", arguments={"num_layers": 2, "layer_norm_epsilon": 1e-12},
    num_labels=3, pooling="first", max_length=32, versions={"kerasft": "0.1.0"},
)  # fmt: skip
FILES = (
    *c.ClassificationManifest.required,
    *c.ADAPTER,
    "report/metrics.json",
    "report/plots/loss.png",
)


def write(destination: Path, fill: bytes = b"x", size: int = 100) -> Path:
    with storage.write_folder(destination, is_ours=m.is_ours) as folder:
        for name in FILES:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(fill * size)
        m.seal(folder, FACTS)
    return destination
