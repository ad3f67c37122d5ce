"""A text for a text; also entities that are written as text."""
