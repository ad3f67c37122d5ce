"""The exceptions that a user can meet.

Each message is one sentence (two at most) that says what was wrong, where, and what to do about it.
The command line prints it after `error:` and exits with 2; the server answers with a 4xx.
"""


class KerasftError(Exception):
    """Base of every error that is the input's fault and not the program's."""


class ConfigError(KerasftError):
    """An option has a value that cannot work (a rank of 0, an unknown backend, ...)."""


class DataError(KerasftError):
    """A data file cannot be used (missing, wrong columns, one class only, ...)."""


class PresetError(KerasftError):
    """A pretrained model cannot be found, reached or read."""


class AdapterError(KerasftError):
    """An adapter does not fit the model (no matching layer, another architecture, ...)."""


class BundleError(KerasftError):
    """A saved folder is broken, was changed by hand, or is not one of ours."""
