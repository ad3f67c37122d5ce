"""ONNX files of anybody's making: what no export of ours holds is not run."""

from pathlib import Path

import numpy as np
import pytest

from kerasft.errors import FolderError
from kerasft.runtimes.onnx.model_file import OPSET, check_onnx_file

pytestmark = pytest.mark.plain

onnx = pytest.importorskip("onnx")
helper = onnx.helper
FLOAT = onnx.TensorProto.FLOAT


def model(*nodes, opsets=(("", OPSET),)):
    """A small graph: logits = x + 1 by default."""
    nodes = nodes or (helper.make_node("Add", ["x", "one"], ["logits"]),)
    places = [helper.make_tensor_value_info(name, FLOAT, ["n"]) for name in ("x", "logits")]
    one = onnx.numpy_helper.from_array(np.ones(1, "float32"), "one")
    graph = helper.make_graph(nodes, "graph", places[:1], places[1:], [one])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid(*o) for o in opsets])
    made.ir_version = 8
    return made


def check(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    with pytest.raises(FolderError) as caught:
        check_onnx_file(path.read_bytes(), path)
    message = str(caught.value)
    assert str(path) in message and "\n" not in message and message.endswith(".")
    return message


def node(operator: str, **attributes):
    return helper.make_node(operator, ["x"], ["logits"], **attributes)


def branch():
    out = helper.make_tensor_value_info("y", FLOAT, ["n"])
    return helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "branch", [], [out])


def external():
    made = model()
    tensor = made.graph.initializer[0]
    tensor.data_location = onnx.TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "../../etc/passwd"
    return made


def elsewhere():
    made = model()
    made.graph.initializer[0].data_location = onnx.TensorProto.EXTERNAL
    return made


def with_functions():
    made = model()
    made.functions.append(
        helper.make_function(
            "custom", "f", ["x"], ["y"], [helper.make_node("Relu", ["x"], ["y"])],
            [helper.make_opsetid("", OPSET)],
        )
    )  # fmt: skip
    return made


def training():
    made = model()
    made.training_info.add()
    return made


def sparse():
    made = model()
    made.graph.sparse_initializer.add()
    return made


CASES = {
    "a library of someone's": (lambda: model(node("Custom", domain="evil")), "of 'evil'"),
    "another opset": (lambda: model(opsets=[("", 18)]), "is of opset 18"),
    "two opsets": (lambda: model(opsets=[("", OPSET), ("", OPSET)]), "is of opset 17, 17"),
    "no opset": (lambda: model(opsets=[]), "is of opset none"),
    "operators of another domain": (
        lambda: model(opsets=[("", OPSET), ("com.microsoft", 1)]), "operators of 'com.microsoft'",
    ),
    "dropout": (lambda: model(node("Dropout")), "the operator 'Dropout'"),
    "batch normalization": (lambda: model(node("BatchNormalization")), "'BatchNormalization'"),
    "a branch": (
        lambda: model(node("If", then_branch=branch(), else_branch=branch())), "field 6 in an attri"
    ),
    "a hidden branch": (lambda: model(node("Relu", body=branch())), "field 6 in an attribute"),
    "a loop": (lambda: model(node("Loop")), "'Loop'"),
    "a text": (lambda: model(node("Relu", path="/etc/passwd")), "field 4 in an attribute"),
    "a constant": (
        lambda: model(node("Constant", value=helper.make_tensor("t", FLOAT, [1], [1.0]))),
        "field 5 in an attribute",
    ),
    "another file": (external, "field 13 in a tensor"),
    "a tensor elsewhere": (elsewhere, "a tensor in another file"),
    "functions": (with_functions, "field 25 in the model"),
    "training steps": (training, "field 20 in the model"),
    "sparse tensors": (sparse, "field 15 in the graph"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_what_no_export_of_ours_holds_is_refused(tmp_path, name):
    make, message = CASES[name]
    assert message in check(tmp_path / "model.onnx", make().SerializeToString())


def test_a_flat_graph_of_known_operators_is_let_through(tmp_path):
    path = tmp_path / "model.onnx"
    for made in (model(), model(node("Softmax", axis=-1)), model(node("Transpose", perm=[0]))):
        # What the quantizer leaves: the field is there and says that nothing is elsewhere.
        made.graph.initializer[0].data_location = onnx.TensorProto.DEFAULT
        path.write_bytes(made.SerializeToString())
        check_onnx_file(path.read_bytes(), path)


def test_two_graphs_in_one_file_are_refused(tmp_path):
    """Readers of Protocol Buffers put them together: one could hide behind the other."""
    content = model().SerializeToString()
    assert "has 2 graphs" in check(tmp_path / "model.onnx", content + content)


def test_no_broken_file_gets_through_or_ends_in_a_traceback(tmp_path):
    content = model(node("Transpose", perm=[0])).SerializeToString()
    path = tmp_path / "model.onnx"
    for broken in (b"", b"\x80\x04N.", b"\xff" * 100, b"PK\x03\x04", b"{}", content[:-1], b"\x3b"):
        check(path, broken)
    for length in range(1, len(content)):
        path.write_bytes(content[:length])
        try:
            check_onnx_file(path.read_bytes(), path)
        except FolderError:
            continue
        onnx.load_from_string(content[:length])  # whole by chance: the fields end there
