"""One file a recipe, run as `python -m kerasft.recipes.<name>`; each reads from top to bottom."""
