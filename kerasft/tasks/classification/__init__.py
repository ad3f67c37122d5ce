"""A label for a text."""
