"""Texts with what is to be said of them: what the tasks that learn from such rows share."""
