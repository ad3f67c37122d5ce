"""ONNX Runtime: writing a model, checking it, running it."""
