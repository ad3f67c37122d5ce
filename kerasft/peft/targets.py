"""Which layers a pattern means.

A layer's path says where it stands, e.g. "transformer_layer_1/self_attention_layer/query". A
pattern is a regular expression (RE2's: no lookaround, no backreferences) that must match the whole
path, or its end from a slash on:

    query                                 every layer called "query"
    classifier                            "classifier", but not "pre_classifier"
    transformer_layer_[45]/.*/(query|value)
    transformer_layer_1/.*                everything inside that layer
"""

import difflib
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

import keras

from kerasft.architectures import HeadedEncoder
from kerasft.errors import AdapterError
from kerasft.layers.inner_layers import all_layers
from kerasft.peft.model_layers import layers_with_weights
from kerasft.peft.patterns import compile_pattern
from kerasft.peft.projections import PROJECTIONS


def matches(pattern: str, path: str) -> bool:
    """Whether a pattern means the layer at a path.

    Raises:
        ConfigError: The pattern is no regular expression (of RE2's: no lookaround).

    Example:
        >>> matches("query", "transformer_layer_0/self_attention_layer/query")
        True
    """
    return compile_pattern(pattern, "(?:.*/)?(?:%s)").fullmatch(path) is not None


def is_projection(layer: keras.layers.Layer) -> bool:
    """Whether a layer computes activation(x W + b): a `Dense` or `EinsumDense`."""
    return isinstance(layer, PROJECTIONS)


def find_layers(
    model: keras.Model,
    patterns: Sequence[str],
    *,
    fits: Callable[[keras.layers.Layer], bool] = is_projection,
    kind: str = "Dense or EinsumDense layer",
    excluding: Iterable[keras.layers.Layer] = (),
) -> list[keras.layers.Layer]:
    """Finds the layers of a kind that patterns mean.

    Args:
        model: Any built Keras model.
        patterns: Regular expressions over layer paths (see the top of this file).
        fits: Which layers count.
        kind: What such a layer is called, for the errors.
        excluding: Layers that do not count, with all that is inside them.

    Returns:
        Each layer once, in the order in which the model's weights stand.

    Raises:
        AdapterError: A pattern matches no such layer (near names are listed), or only layers of
            another kind.
        ConfigError: A pattern is no regular expression.
    """
    by_path = layers_with_weights(model)
    out = {id(inner) for layer in excluding for inner in [layer, *all_layers(layer)]}
    usable = {
        path: layer for path, layer in by_path.items() if fits(layer) and id(layer) not in out
    }
    for pattern in patterns:
        if any(matches(pattern, path) for path in usable):
            continue
        others = {path: layer for path, layer in by_path.items() if matches(pattern, path)}
        if others:
            path, layer = next(iter(others.items()))
            reason = (
                "which is to be trained in full"
                if id(layer) in out
                else f"which is a {type(layer).__name__} and not a {kind}"
            )
            inside = [name for name in usable if name.startswith(f"{path}/")]
            advice = (
                f"for what is inside it write '{pattern}/.*'" if inside else _near(path, usable)
            )
            raise AdapterError(
                f"The target pattern {pattern!r} matches {path!r}, {reason}; {advice}."
            )
        raise AdapterError(
            f"The target pattern {pattern!r} matches no {kind}; {_near(pattern, usable)}."
        )
    return [
        layer for path, layer in usable.items() if any(matches(each, path) for each in patterns)
    ]


def find_any_layers(model: keras.Model, patterns: Sequence[str]) -> list[keras.layers.Layer]:
    """Finds layers of any class that hold weights, such as a head that trains in full.

    Args:
        model: Any built Keras model.
        patterns: Regular expressions over layer paths.

    Raises:
        AdapterError: A pattern matches no layer; near names are listed.
    """
    by_path = layers_with_weights(model)
    for pattern in patterns:
        if not any(matches(pattern, path) for path in by_path):
            raise AdapterError(
                f"The pattern {pattern!r} matches no layer of the model; {_near(pattern, by_path)}."
            )
    return [
        layer for path, layer in by_path.items() if any(matches(each, path) for each in patterns)
    ]


def last_layers(
    model: keras.Model, n: int, names: Sequence[str] = ("query", "value")
) -> tuple[str, ...]:
    """Patterns for the layers of some names in the last `n` of a model's numbered blocks.

    Args:
        model: A built model whose blocks are numbered, such as "transformer_layer_0", ...
        n: How many blocks, counted from the top. One that a text passes through several times
            counts as often, and is adapted for all of them.
        names: Names of the layers inside a block, as patterns. What holds a "/" is a pattern over
            whole paths already and is handed on as it is.

    Returns:
        One pattern a block, to be used as a config's `targets`.

    Raises:
        AdapterError: No such layers, or fewer than `n` blocks.

    Example:
        >>> last_layers(model, 2)  # doctest: +SKIP
        ('transformer_layer_4/(?:.*/)?(?:query|value)', 'transformer_layer_5/...')
    """
    patterns = tuple(name for name in names if "/" in name)
    names = [name for name in names if "/" not in name]
    if not names:
        return patterns
    blocks: dict[str, set[int]] = defaultdict(set)  # "transformer_layer_" -> {0, 1, ...}
    for layer in find_any_layers(model, names):
        numbered = (re.fullmatch(r"(.+?)(\d+)", part) for part in layer.path.split("/"))
        first = next((match for match in numbered if match), None)
        if first:
            blocks[first[1]].add(int(first[2]))
    if len(blocks) != 1:
        raise AdapterError(
            f"The layers {', '.join(names)} do not stand in one row of numbered blocks; "
            "write the target patterns out."
        )
    stem, numbers = blocks.popitem()
    row = sorted(numbers)
    if isinstance(model, HeadedEncoder):  # in which one block may stand several times
        row = [int(block.name.removeprefix(stem)) for block in model.backbone.blocks]
    if not 1 <= n <= len(row):
        raise AdapterError(
            f"The last {n} blocks cannot be adapted: the model has {len(row)} "
            f"({stem}0 ... {stem}{max(numbers)})."
        )
    inner = "|".join(names)
    return patterns + tuple(
        f"{re.escape(stem)}{number}/(?:.*/)?(?:{inner})" for number in sorted({*row[-n:]})
    )


def _near(pattern: str, paths: Iterable[str]) -> str:
    """Names the paths that look most like a pattern."""
    paths = list(paths)
    # A path is compared whole and by its last part, since a pattern may be either.
    by_name = {path.rpartition("/")[2]: path for path in reversed(paths)}
    near = difflib.get_close_matches(pattern, [*paths, *by_name], n=3, cutoff=0.5)
    shown = list(dict.fromkeys(by_name.get(name, name) for name in near)) or paths[:5]
    if not shown:
        return "the model has none"
    return f"near names are {', '.join(map(repr, shown))}"
