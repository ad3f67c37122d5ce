"""The tasks: one folder each. `registry.py` has the table of them."""
