"""Errors are sentences, also when one is put into another."""

import pytest

from kerasft import errors
from kerasft.errors import ConfigError, DataError, KerasftError

pytestmark = pytest.mark.plain

CLASSES = [found for found in vars(errors).values() if isinstance(found, type)]
ERRORS = [found for found in CLASSES if issubclass(found, KerasftError)]


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("--rank is 0", "--rank is 0."),
        ("--rank is 0.", "--rank is 0."),
        ("x.json is missing. Train again..", "x.json is missing. Train again."),
        ("--epochs is 1.5\n", "--epochs is 1.5."),
        ("did you mean 'text'?", "did you mean 'text'?"),
    ],
)
def test_a_message_ends_with_one_full_stop(error, message, said):
    assert str(error(message)) == said


def test_messages_are_put_together():
    inner = DataError("row 3 has no label")
    assert str(ConfigError(f"mails.csv: {inner}")) == "mails.csv: row 3 has no label."
    assert str(ConfigError(f"mails.csv: {inner}.")) == "mails.csv: row 3 has no label."
    outer = ConfigError(f"mails.csv: {inner.clause}; write one")
    assert str(outer) == "mails.csv: row 3 has no label; write one."
