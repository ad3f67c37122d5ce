import keras
import numpy as np
import pytest

from harness.small_run import RandomBatches, build
from kerasft.training import variables


def test_names_do_not_depend_on_what_was_built_before():
    names = [list(variables.changing_variables(build())) for _ in range(2)]
    assert names[0] == names[1]
    assert len(set(names[0])) == len(names[0])
    optimizers = []
    for _ in range(2):
        model = build()
        model.optimizer.build(model.trainable_variables)
        optimizers.append(list(variables.optimizer_variables(model.optimizer)))
    assert optimizers[0] == optimizers[1]
    assert optimizers[0][:2] == ["iteration", "learning_rate"]


def test_equal_names_are_told_apart():
    shared = [keras.Variable(np.full(2, float(i)), name="same") for i in range(3)]
    named = variables._unique((variable.path, variable) for variable in shared)
    assert list(named) == ["same", "same#2", "same#3"]
    assert variables.read(named)["same#3"].tolist() == [2, 2]


def test_only_what_a_step_changes_is_listed():
    model = build()
    before = variables.read({v.path: v for v in model.variables})
    model.fit(RandomBatches(), epochs=1, verbose=0)
    after = variables.read({v.path: v for v in model.variables})
    changed = {path for path in before if not np.array_equal(before[path], after[path])}
    if keras.backend.backend() == "torch":  # dropout draws from torch's own generator there
        changed |= {path for path in before if "seed_generator" in path}
    listed = {v.path for v in variables.changing_variables(model).values()}
    assert listed == changed
    assert not any("backbone" in path for path in listed)


def test_values_that_were_read_do_not_change_with_the_variable():
    variable = keras.Variable(np.zeros(3))
    arrays = variables.read({"v": variable})
    variable.assign(np.ones(3))
    assert arrays["v"].tolist() == [0, 0, 0]
    variables.write({"v": variable}, arrays)
    assert variables.read({"v": variable})["v"].tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("arrays", "says"),
    [
        ({}, "lacks 'v'"),
        ({"v": np.zeros(3), "w": np.zeros(1)}, "holds 'w'"),
        ({"v": np.zeros((3, 1))}, "shape"),
        ({"v": np.zeros(3, "int32")}, "'v' is int32 in it and float"),
        ({"v": np.zeros(3, "complex64")}, "complex64"),
        ({"v": np.zeros(3)}, None),
    ],
)
def test_mismatch(arrays, says):
    problem = variables.mismatch({"v": keras.Variable(np.zeros(3))}, arrays)
    assert problem is None if says is None else says in problem
