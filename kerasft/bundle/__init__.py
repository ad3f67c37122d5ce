"""The saved folder: written whole, read with care, exported for other tools."""

from kerasft.bundle.manifest import Manifest, is_bundle, is_ours, verify

__all__ = ["Manifest", "is_bundle", "is_ours", "verify"]
