"""The key `preprocessing` of a classifier's `bundle.json`: cleaning and long texts side by side.

Only what differs from doing nothing is written, so that `{}` is what older folders have too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, get_args

from kerasft.errors import BundleError, ConfigError, KerasftError
from kerasft.folder.contents import short

if TYPE_CHECKING:
    from kerasft.text.cleaning import Cleaning
    from kerasft.text.tokenizer import LongTexts

LONG_TEXTS = "long_texts"


def join_preprocessing(cleaning: Cleaning | None, long_texts: LongTexts) -> dict[str, Any]:
    """What `bundle.json` is to say.

    Args:
        cleaning: What is done to each text; None for nothing.
        long_texts: What is kept of a text that is too long.

    Raises:
        ConfigError: `long_texts` is none that `Tokenizer.encode` knows.

    Example:
        >>> join_preprocessing(Cleaning(html=True), "head_tail")
        {'html': True, 'long_texts': 'head_tail'}
    """
    _check(long_texts, ConfigError)
    steps = cleaning.to_dict() if cleaning else {}
    return steps if long_texts == "cut" else {**steps, LONG_TEXTS: long_texts}


def split_preprocessing(values: Mapping[str, Any]) -> tuple[Cleaning, LongTexts]:
    """Reads what `join_preprocessing` made.

    Raises:
        BundleError: An unknown step, or a value of the wrong type.
    """
    from kerasft.text.cleaning import Cleaning

    steps = dict(values)
    long_texts = steps.pop(LONG_TEXTS, "cut")
    _check(long_texts, BundleError)
    return Cleaning.from_dict(steps, BundleError), long_texts


def _check(long_texts: object, error: type[KerasftError]) -> None:
    from kerasft.text.tokenizer import LongTexts

    known = get_args(LongTexts)
    if long_texts not in known:
        raise error(f"long_texts is {short(long_texts)}, but must be one of {', '.join(known)}")
