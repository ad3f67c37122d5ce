"""Readers, splits and batches: from a file or a hub dataset to what `model.fit` takes."""
