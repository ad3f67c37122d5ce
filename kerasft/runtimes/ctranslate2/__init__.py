"""CTranslate2: writing a model, checking it, running it."""
