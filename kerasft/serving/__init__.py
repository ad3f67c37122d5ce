"""The HTTP application around one saved folder: JSON in, JSON out, bounded in every direction.

`server.run` is what `kerasft serve` calls; `app.create_app` is the application by itself.
"""
