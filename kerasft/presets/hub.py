"""Fetches a model from the Hugging Face Hub: only the needed files, all of one commit."""

import sys
from pathlib import Path

from kerasft.architectures import OLDER_FILES
from kerasft.errors import PresetError
from kerasft.presets.directory import (
    CONFIG,
    INDEX,
    WEIGHTS,
    load_directory,
    read_config_json,
    shard_names,
)
from kerasft.presets.keras_hub_preset import is_keras_hub_config, load_keras_hub_preset
from kerasft.presets.pretrained import Pretrained
from kerasft.presets.sentence_pooling import POOLING_FILE
from kerasft.text.tokenizer_files import SETTINGS, TOKENIZER

INSTEAD = "use `--preset minilm` or a local directory with config.json and model.safetensors"


def load_hub(repository: str, *, architecture: str | None = None) -> Pretrained:
    """Fetches a model from the Hub into the Hub's cache, or takes it from there, and reads it.

    A private or gated model needs HF_TOKEN. Without a connection, a copy in the cache is used.

    Args:
        repository: "owner/name", or an old name without owner.
        architecture: The model_type, where config.json has none.

    Raises:
        PresetError: The model cannot be fetched or is not supported.
    """
    folder, license = fetch_config(repository)
    if is_keras_hub_config(read_config_json(folder)):
        return load_keras_hub_preset(f"hf://{repository}")
    fetch_rest(repository, folder)
    try:
        _fetch_optional(repository, POOLING_FILE, folder.name, INSTEAD)
    except PresetError:  # without a connection, from a cache that another program filled
        print(
            f"whether {repository} has a {POOLING_FILE} cannot be asked; without one, a head reads "
            "the first token",
            file=sys.stderr,
        )
    return load_directory(
        folder,
        architecture=architecture,
        source=repository,
        license=license,
        revision=folder.name,
    )


def fetch_config(repository: str, instead: str = INSTEAD) -> tuple[Path, str | None]:
    """Fetches a model's config.json, or finds it in the Hub's cache.

    Args:
        repository: "owner/name", or an old name without owner.
        instead: What else a user can do, for messages.

    Returns:
        Its folder, whose name is the commit, and the license that the Hub states.

    Raises:
        PresetError: It cannot be fetched.
    """
    from huggingface_hub.errors import EntryNotFoundError

    license = _ask(repository, instead)
    try:
        return Path(_fetch(repository, CONFIG, None, instead)).parent, license
    except EntryNotFoundError as error:
        if _fetch_optional(repository, "adapter_config.json", None, instead):
            raise PresetError(
                f"{repository!r} of the Hub is a PEFT adapter and not a model; download it (`hf "
                f"download {repository} --local-dir FOLDER`) and give both: `--preset MODEL "
                "--adapter FOLDER`, with the model that it was trained on"
            ) from None
        raise _explain(repository, error, instead) from error


def fetch_rest(repository: str, folder: Path, instead: str = INSTEAD) -> None:
    """Fetches the weights and the tokenizer to where `fetch_config` put the configuration.

    Args:
        folder: What `fetch_config` returned.

    Raises:
        PresetError: They cannot be fetched.
    """
    commit = folder.name
    if not _fetch_optional(repository, WEIGHTS, commit, instead):
        if not _fetch_optional(repository, INDEX, commit, instead):
            raise PresetError(
                f"the model {repository!r} of the Hub has no {WEIGHTS}, and pickled weights "
                f"(pytorch_model.bin) are not read; choose another model, download it and give its "
                f"directory to `kerasft convert`, or {instead}"
            )
        for name in shard_names(folder / INDEX):
            _fetch(repository, name, commit, instead)
    for name in SETTINGS:
        _fetch_optional(repository, name, commit, instead)
    if not _fetch_optional(repository, TOKENIZER, commit, instead):
        for name in OLDER_FILES:
            _fetch_optional(repository, name, commit, instead)


def _ask(repository: str, instead: str) -> str | None:
    """Asks the Hub whether it has the model; returns the license that it states.

    This comes before any download because it is tried once, for HF_HUB_ETAG_TIMEOUT (10) seconds at
    most: a download is tried six times, which takes minutes where there is no connection.
    """
    from huggingface_hub import HfApi, constants, hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError, HFValidationError

    try:
        tags = HfApi().model_info(repository, timeout=constants.HF_HUB_ETAG_TIMEOUT).tags or []
    except (HfHubHTTPError, HFValidationError) as error:
        raise _explain(repository, error, instead) from error
    except Exception as error:  # no connection: the HTTP client's own classes, or offline mode
        try:
            hf_hub_download(repository, CONFIG, local_files_only=True)
        except EntryNotFoundError:
            raise _explain(repository, error, instead) from error
        print(
            f"the Hub cannot be reached; {repository} is taken from its cache on this machine",
            file=sys.stderr,
        )
        return None
    return next((tag.removeprefix("license:") for tag in tags if tag.startswith("license:")), None)


def _fetch(repository: str, name: str, commit: str | None, instead: str) -> str:
    """Fetches one file, unless it is in the Hub's cache, and returns its path.

    Raises:
        EntryNotFoundError: The model has no such file.
        PresetError: Every other failure.
    """
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

    try:
        return hf_hub_download(repository, name, revision=commit)
    except LocalEntryNotFoundError as error:  # a kind of EntryNotFoundError: no connection
        raise _explain(repository, error.__cause__ or error, instead) from error
    except EntryNotFoundError:
        raise
    except Exception as error:
        raise _explain(repository, error, instead) from error


def _fetch_optional(repository: str, name: str, commit: str | None, instead: str) -> bool:
    """Fetches one file if the model has it; the cache remembers also which it has not."""
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import EntryNotFoundError

    known = try_to_load_from_cache(repository, name, revision=commit)
    if known is not None:
        return isinstance(known, str)
    try:
        _fetch(repository, name, commit, instead)
    except EntryNotFoundError:
        return False
    return True


def _explain(repository: str, error: BaseException, instead: str) -> PresetError:
    """The sentence for a failure to fetch a model from the Hub."""
    from huggingface_hub import errors

    if isinstance(error, errors.HFValidationError):
        return PresetError(
            f"{repository!r} is neither a directory nor a possible name of a model on the Hub"
        )
    status = getattr(getattr(error, "response", None), "status_code", None)
    if isinstance(error, errors.GatedRepoError):
        reason = "its owner wants to be asked first: get access on its page and set HF_TOKEN"
    elif isinstance(error, errors.RepositoryNotFoundError):
        reason = "there is no such model, or it is private and HF_TOKEN does not open it"
    elif isinstance(error, errors.EntryNotFoundError):
        reason = "it has no config.json"
    elif status in (401, 403):
        reason = f"the Hub answered {status}: HF_TOKEN is missing or wrong"
    elif status is not None:
        reason = f"the Hub answered {status}"
    elif isinstance(error, errors.OfflineModeIsEnabled):
        reason = "HF_HUB_OFFLINE is set and the model is not in the cache"
    elif isinstance(error, OSError) and error.filename is not None:
        reason = f"its files cannot be stored: {error}"
    else:
        cause = (str(error).strip() or type(error).__name__).split("\n")[0]
        reason = f"the Hub cannot be reached: {cause[:200]}"
    return PresetError(
        f"the model {repository!r} cannot be fetched from the Hugging Face Hub ({reason}); "
        f"{instead}"
    )
