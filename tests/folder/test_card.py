import sys

import pytest

from kerasft.folder import Facts

pytestmark = pytest.mark.plain


def test_facts_are_printed_and_kept_for_the_card(capsys):
    facts = Facts("kerasft run x --seed 1")
    facts.state("Data", {"source": "a.csv", "rows": 12345, "share": 0.25, "dropped": {"blank": 2}})
    facts.state("Texts cut", "3 of 10 texts were cut")
    facts.state("Trained", ["query", "value"])
    facts.state(
        "Metrics", {"model": {"accuracy": 0.9, "loss": 1e-5}, "majority": {"accuracy": 1.0}}
    )
    facts.record("Hidden", {"resumed": True, "nothing": None})
    assert capsys.readouterr().out.splitlines() == [
        "data: source a.csv, rows 12,345, share 0.2500, dropped (blank 2)",
        "texts cut: 3 of 10 texts were cut",
        "trained: query",
        "trained: value",
        "metrics: model: accuracy 0.9000, loss 1e-05",
        "metrics: majority: accuracy 1.0000",
    ]
    assert (
        facts.card("My run")
        == """# My run

## Data

- source: a.csv
- rows: 12,345
- share: 0.2500
- dropped: (blank 2)

## Texts cut

3 of 10 texts were cut

## Trained

- query
- value

## Metrics

|  | accuracy | loss |
| --- | --- | --- |
| model | 0.9000 | 1e-05 |
| majority | 1.0000 |  |

## Hidden

- resumed: yes
- nothing: none

## Command

    kerasft run x --seed 1
"""
    )


def test_nothing_of_a_user_breaks_out_of_the_card():
    facts = Facts("x")
    facts.record("Metrics", {"a|b\nc": {"<img>": "`x` [y](z) *w*"}})
    assert "| a\\|b c | \\`x\\` \\[y](z) \\*w\\* |" in facts.card("t")
    assert "|  | \\<img> |" in facts.card("t")


def test_the_command_is_this_process(monkeypatch):
    monkeypatch.setattr(sys, "orig_argv", ["/usr/bin/python3", "-m", "x", "--data", "my file.csv"])
    assert Facts().command == "python -m x --data 'my file.csv'"
    monkeypatch.setattr(
        sys, "orig_argv", ["/v/bin/python3", "/v/bin/kerasft", "run", "x", "--seed"]
    )
    assert Facts().command == "kerasft run x --seed"
