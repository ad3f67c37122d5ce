"""The entities of a text, from a tag for each token."""
