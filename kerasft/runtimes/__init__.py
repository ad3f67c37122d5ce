"""What runs a saved folder: token ids in, outputs out. One folder a runtime."""
