"""What a model in 8 bits may lose, and the rows that it is measured on."""

import pytest

from kerasft.errors import ConfigError
from kerasft.runtimes.gate import MOST_ROWS, Gate, GateRows, compare, refuse_worse

pytestmark = pytest.mark.plain


@pytest.mark.parametrize(
    ("accuracy", "macro_f1", "passed"),
    [
        (89.5, 90.0, True), (90.0, 89.5, True), (100.0, 100.0, True),
        (89.49, 90.0, False), (90.0, 89.49, False), (float("nan"), 90.0, False),
    ],
)  # fmt: skip
def test_half_a_point_is_the_most(accuracy, macro_f1, passed):
    gate = Gate(
        1000, "rows", {"accuracy": accuracy, "macro-F1": macro_f1},
        {"accuracy": 90.0, "macro-F1": 90.0}, 0.99,
    )  # fmt: skip
    assert gate.passed == passed
    if passed:
        refuse_worse(gate, "onnx")
        return
    with pytest.raises(ConfigError, match="loses more than half a point") as refused:
        refuse_worse(gate, "onnx")
    assert f"accuracy {accuracy:.2f} (float32 90.00)" in str(refused.value)
    assert str(refused.value).endswith("use --engine onnx.")


def rows_of(count: int) -> GateRows:
    """Texts "0", "1", ..., all of which are "even"; the score is the share that is said so."""

    def score(wanted, said):
        return {"accuracy": 100 * sum(map(str.__eq__, wanted, said)) / len(said)}

    return GateRows([str(n) for n in range(count)], ["even"] * count, "rows", str.lower, score)


def test_both_are_scored_on_the_same_rows():
    gate = compare(["EVEN", "odd", "even"], ["even", "even", "even"], rows_of(3))
    assert (gate.rows, gate.same_outputs) == (3, 2 / 3)
    assert (gate.scores, gate.scores_float32) == ({"accuracy": 66.6667}, {"accuracy": 100.0})


def test_many_rows_are_taken_evenly():
    assert rows_of(MOST_ROWS).fewer().texts == rows_of(MOST_ROWS).texts
    few = rows_of(2 * MOST_ROWS + 1).fewer()
    assert few.texts[:3] == ["0", "2", "4"] and few.texts[-1] == "1998"
    assert len(few.texts) == len(few.wanted) == MOST_ROWS
