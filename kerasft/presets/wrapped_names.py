"""Removes prefixes from the tensor names of models that were saved inside another module.

`torch.compile`, DataParallel and FSDP put `_orig_mod.`, `module.` or `_fsdp_wrapped_module.` into
the names; a training loop's own module that holds the model puts `model.` and the like before them.
"""

import re
from collections.abc import Iterable

from kerasft.architectures import ENCODERS
from kerasft.errors import PresetError

# Inserted by torch wherever a module is wrapped; no supported model has parts of these names.
_WRAPPERS = {
    *("module", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"),
    "_forward_module",
}
# Common names of the model in a training module; removed at the front only.
_HOLDERS = (
    *("model", "auto_model", "base_model", "net", "network", "backbone", "encoder", "transformer"),
    *("text_encoder", "t5", r"\d+"),
)
_FAMILIES = "|".join(re.escape(family.prefix) for family in ENCODERS.values())
_TABLES = "|".join(
    rf"(?:{re.escape(family.prefix)})?{re.escape(family.token_table)}\.weight"
    for family in ENCODERS.values()
)
_HELD = re.compile(
    rf"((?:(?:{'|'.join(_HOLDERS)})\.|{_FAMILIES})*?)"
    rf"(?:{_TABLES}|encoder\.block\.0\.layer\.0\.SelfAttention\.q\.weight)"
)


def unwrapped_names(names: Iterable[str], source: str) -> tuple[dict[str, str], str | None]:
    """Finds the names that a checkpoint would have had if the model had been saved alone.

    Args:
        names: The names in the checkpoint.
        source: The checkpoint, for messages.

    Returns:
        Plain name -> name in the checkpoint, and a sentence on what was removed, or None.

    Raises:
        PresetError: There are two models, or two tensors would get one name.

    Example:
        >>> unwrapped_names(["module.bert.embeddings.word_embeddings.weight"], "it")[1]
        "'module.' taken off the tensors' names"
    """
    inner = {name: _without_wrappers(name) for name in names}
    found = {match[1] for name in inner.values() if (match := _HELD.fullmatch(name))}
    if len(found) > 1 and "" not in found:
        first, second = sorted(found)[:2]
        raise PresetError(
            f"{source} holds two models, one whose names begin with {first!r} and one with "
            f"{second!r}; save the one that is meant by itself"
        )
    front = "" if "" in found or not found else found.pop()
    result: dict[str, str] = {}
    taken: set[str] = set()
    for name, bare in inner.items():
        ours = bare.removeprefix(front)
        if other := result.get(ours):
            raise PresetError(
                f"the tensors {other!r} and {name!r} of {source} are the same one inside different "
                "modules; save the model by itself"
            )
        result[ours] = name
        if ours != name:
            taken |= {f"{part}." for part in name.split(".") if part in _WRAPPERS}
            taken |= {front} if ours != bare else set()
    said = " and ".join(repr(each) for each in sorted(taken))
    return result, f"{said} taken off the tensors' names" if taken else None


def _without_wrappers(name: str) -> str:
    return ".".join(part for part in name.split(".") if part not in _WRAPPERS)
