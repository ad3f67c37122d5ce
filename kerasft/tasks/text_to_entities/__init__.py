"""Writing the entities of texts."""
