"""The command `kerasft`: `main` has the list; each command is a file with `parser` and `main`."""
