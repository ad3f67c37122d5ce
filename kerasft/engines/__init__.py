"""What runs a saved folder: token ids in, logits out. One file an engine."""
