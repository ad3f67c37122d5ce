"""Tokenizers and label maps: what turns texts and class names into numbers and back."""
