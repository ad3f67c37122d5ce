"""The exceptions that users can see.

Each message is one sentence (two at most) that says what is wrong, where, and what to do about it.
The command line prints it after `error:` and exits with 2; the server answers with a 4xx. What may
fail without ending a run is done in `attempt`.
"""

import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


class KerasftError(Exception):
    """Base of all errors caused by the input, not by the program.

    A message always ends with one full stop, whether or not it was given one. So messages can be
    put together: `f"{file}: {error}"`, or `f"{file}: {error.clause}; train again"`.

    Args:
        message: What is wrong, where, and what to do.

    Example:
        >>> str(ConfigError("--rank is 0; it must be 1 or more"))
        '--rank is 0; it must be 1 or more.'
    """

    # Keras wraps what a layer raises in a listing of its arguments, unless it finds this mark.
    _keras_call_info_injected = True

    def __init__(self, message: str) -> None:
        text = message.rstrip()
        super().__init__(text if text.endswith(("?", "!")) else text.rstrip(".") + ".")

    @property
    def clause(self) -> str:
        """The message without its full stop."""
        return str(self).removesuffix(".")


class ConfigError(KerasftError):
    """An option has a value that cannot work (a rank of 0, an unknown backend, ...)."""


class DataError(KerasftError):
    """A data file cannot be used (missing, wrong columns, one class only, ...)."""


class PresetError(KerasftError):
    """A pretrained model cannot be found, reached or read."""


class AdapterError(KerasftError):
    """An adapter does not fit the model (no matching layer, another architecture, ...)."""


class FolderError(KerasftError):
    """A saved folder is broken, was changed by hand, or is not one of ours."""


EXTRAS = {
    "torch": (
        *("keras", "safetensors", "huggingface_hub", "filelock", "re2", "ml_dtypes", "yaml"),
        *("jsonargparse", "docstring_parser", "sklearn", "scipy", "sacrebleu", "seqeval"),
        *("rouge_score", "matplotlib"),
    ),
    "serve": ("onnxruntime", "fastapi", "starlette", "pydantic", "uvicorn", "h11"),
    "onnx": ("onnx",),
    "ctranslate2": ("ctranslate2",),
    "keras-hub": ("keras_hub", "h5py"),
    "hub-datasets": ("datasets", "pyarrow"),
    "tracking": ("tensorboard", "wandb"),
    "completion": ("shtab",),
}
"""Extra -> the modules that it brings; jax and tensorflow bring those of torch."""


def missing_module(error: ModuleNotFoundError) -> ConfigError | None:
    """The sentence for a missing module that an extra brings; None for any other."""
    module = (error.name or "").partition(".")[0]
    for extra, modules in EXTRAS.items():
        if module in modules:
            others = " (or jax, tensorflow in its place)" if extra == "torch" else ""
            return ConfigError(
                f"the module {module} is not installed: `pip install 'kerasft[{extra}]'`{others}."
            )
    return None


@contextmanager
def attempt(what: str, failures: list[str]) -> Iterator[None]:
    """Runs what must not end a run: a failure is one sentence on stderr, and the run continues.

    Interrupts and signals still end the run.

    Args:
        what: The beginning of the sentence.
        failures: Gets the sentence.

    Example:
        >>> failures = []
        >>> with attempt("The picture loss.png", failures):
        ...     plots.plot_loss(history, "loss.png")
    """
    try:
        yield
    except BaseException as error:
        # A panic of a library in Rust is not an Exception.
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        sentence = f"{what} failed, and the run continues without it: {_reason(error)}."
        failures.append(sentence)
        with suppress(OSError, ValueError):  # there may be no reader
            print(sentence, file=sys.stderr)


def _reason(error: BaseException) -> str:
    text = " ".join(str(error).split())[:300].rstrip(".")
    if isinstance(error, KerasftError):
        return text
    place = traceback.extract_tb(error.__traceback__)[-1]
    name = type(error).__name__
    return f"{name}{': ' if text else ''}{text} ({Path(place.filename).name}:{place.lineno})"
