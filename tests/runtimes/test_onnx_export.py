"""Exports are made from the model, checked, and kept only if they are as good."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from harness import classifiers, onnx_folders
from kerasft.architectures import EncoderArguments, Tagger
from kerasft.errors import ConfigError, DataError, FolderError
from kerasft.exports.engines import COLUMNS, make_export
from kerasft.folder import contents as c
from kerasft.folder import verify
from kerasft.predict import open_for
from kerasft.runtimes.onnx import runtime as onnx_runtime
from kerasft.runtimes.onnx.model_file import OPSET
from kerasft.runtimes.onnx.write import write_onnx
from kerasft.runtimes.registry import RUNTIMES
from kerasft.tasks import load
from kerasft.tasks.classification.task import ClassificationTask
from kerasft.tasks.labelled.engine import HeadEngine

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A folder with both exports."""
    return Path(shutil.copytree(onnx_folders.saved(), tmp_path / "copy"))


@pytest.fixture(scope="module")
def engines() -> dict[str, HeadEngine]:
    return {name: classifiers.engine(onnx_folders.saved(), name) for name in ("onnx", "onnx-int8")}


def test_the_folder_says_how_its_exports_were_checked():
    folder = onnx_folders.saved()
    manifest = verify(folder)
    exact, small = manifest.exports["onnx"], manifest.exports["onnx-int8"]
    assert exact["opset"] == OPSET and 0 <= exact["largest_difference_to_keras"] < 1e-5
    assert small["rows"] == onnx_folders.ROWS and "validation" in small["source"]
    assert small["scores"].keys() == small["scores_float32"].keys() == {"accuracy", "macro-F1"}
    assert 0.9 < small["same_outputs"] <= 1
    card = (folder / c.CARD).read_text()
    assert "## Export onnx\n" in card and "- same outputs: " in card
    load(folder)  # and Keras reads it as ever


def test_the_graphs_hold_inference_alone():
    folder = onnx_folders.saved()
    exact, small = (
        onnx.load(folder / "export" / name / "model.onnx") for name in ("onnx", "onnx-int8")
    )
    layers = 2
    dense = 6 * layers + 2  # query, key, value, output, two of the feed-forward; and the head's two

    def count(model, operator: str) -> int:
        return sum(node.op_type == operator for node in model.graph.node)

    assert count(exact, "MatMul") == dense + 2 * layers and not count(exact, "Dropout")
    # The matrices alone are in 8 bits: not the products inside of attention.
    assert (count(small, "MatMulInteger"), count(small, "MatMul")) == (dense, 2 * layers)
    scales = {
        tensor.name: list(tensor.dims)
        for tensor in small.graph.initializer
        if tensor.name.endswith("_scale")
    }
    # A scale for each column of each matrix.
    widths = [[16]] * (5 * layers + 1) + [[32]] * layers + [[len(classifiers.LABELS)]]
    assert sorted(scales.values()) == sorted(widths)
    assert {each.key for each in small.metadata_props} == {
        "labels",
        "max_length",
        "cleaning",
        "long_texts",
        "temperature",
    }


def near(engines, count: int = 12) -> list[str]:
    """Texts that float32 and 8 bits give different labels."""
    found: list[str] = []
    for seed in range(2, 60):
        texts = onnx_folders.texts(200, seed)
        labels = [each.logits(texts).argmax(1) for each in engines.values()]
        found += [texts[row] for row in np.flatnonzero(labels[0] != labels[1])]
        if len(found) >= count:
            break
    assert found, "no text to tell the two apart: the test proves nothing"
    return found


def test_eight_bits_that_lose_too_much_are_refused_with_the_figures(copy, engines, tmp_path):
    texts = near(engines)
    names = [classifiers.LABELS[i] for i in engines["onnx"].logits(texts).argmax(1)]
    rows = tmp_path / "rows.csv"
    onnx_folders.write_rows(rows, texts, names)
    before = (copy / c.MANIFEST).read_bytes()
    with pytest.raises(ConfigError) as refused:
        make_export(copy, "onnx-int8", data=str(rows))
    said = str(refused.value)
    assert "loses more than half a point" in said and "accuracy 0.00 (float32 100.00)" in said
    assert f"the same output for 0.0% of {len(texts)} rows of" in said and "\n" not in said
    assert (copy / c.MANIFEST).read_bytes() == before  # the one of before is still there
    verify(copy)
    # The same rows with the labels that 8 bits give: better is no reason to refuse.
    names = [classifiers.LABELS[i] for i in engines["onnx-int8"].logits(texts).argmax(1)]
    onnx_folders.write_rows(rows, texts, names)
    facts = make_export(copy, "onnx-int8", data=str(rows)).exports["onnx-int8"]
    assert (facts["scores"]["accuracy"], facts["scores_float32"]["accuracy"]) == (100, 0)
    assert facts["same_outputs"] == 0
    assert facts["source"] == f"rows of {rows}"


def test_rows_are_asked_for_where_the_folder_keeps_none(tmp_path):
    """The rows of older folders: their test's; of those without any report: none."""
    parts = classifiers.engine(onnx_folders.saved(), "onnx").parts
    gate_rows = ClassificationTask().gate_rows
    report = tmp_path / "report"
    report.mkdir()
    with pytest.raises(ConfigError, match=r"keeps no rows .* give some with --gate_data FILE"):
        gate_rows(tmp_path, parts, None, COLUMNS)
    head = ["text", "label", "predicted", *classifiers.LABELS]
    (report / "predictions.csv").write_text(
        ",".join(head) + f"\nthe cat,{classifiers.LABELS[1]},sports,0,0,1\n", encoding="utf-8"
    )
    rows = gate_rows(tmp_path, parts, None, COLUMNS)
    assert (rows.texts, rows.wanted) == (
        ["the cat"],
        [classifiers.LABELS[1]],
    ) and "test rows" in rows.source
    onnx_folders.write_rows(report / "validation.csv", ["a", "b"], ["sports", "business"])
    rows = gate_rows(tmp_path, parts, None, COLUMNS)
    assert rows.wanted == ["sports", "business"] and rows.source == "validation rows of the run"
    onnx_folders.write_rows(report / "validation.csv", ["a"], ["weather"])
    with pytest.raises(FolderError, match=r"validation\.csv does not hold rows .*'weather'"):
        gate_rows(tmp_path, parts, None, COLUMNS)
    with pytest.raises(DataError, match="'weather'"):
        gate_rows(tmp_path, parts, str(report / "validation.csv"), COLUMNS)


def test_a_graph_that_differs_from_keras_is_not_kept(copy, monkeypatch):
    monkeypatch.setattr(onnx_runtime, "MOST_OFF", -1.0)
    before = (copy / c.MANIFEST).read_bytes()
    with pytest.raises(ConfigError, match=r"differs from Keras by .* in the logits"):
        make_export(copy, "onnx")
    assert (copy / c.MANIFEST).read_bytes() == before


def test_the_command_and_the_engine_that_calls_it(tmp_path, run_export, capsys):
    """In a folder with an adapter: what is missing is made by a process of its own."""
    folder, expected = classifiers.save(tmp_path / "run", onnx_folders.with_adapter())
    open_for(folder, "onnx")
    said = capsys.readouterr()
    assert said.out == "" and "holds no model for --engine onnx yet; making it" in said.err
    assert "export/onnx: opset 17, largest difference to keras" in said.err
    engine = classifiers.engine(folder, "onnx")
    found = engine.logits(classifiers.TEXTS)
    assert np.abs(found - expected).max() < 1e-5
    open_for(folder, "onnx")
    assert capsys.readouterr().err == ""

    rows = tmp_path / "rows.csv"
    onnx_folders.write_rows(rows, *onnx_folders.sure(engine))
    code, out, err = run_export(folder, "--engine", "onnx-int8", "--gate_data", rows)
    assert (code, err) == (0, "") and f"rows 60, source rows of {rows}, scores" in out
    assert "same outputs" in out and {*verify(folder).exports} == {"onnx", "onnx-int8"}
    for words, message in [
        (("--engine", "onnx", "--output", "x.onnx"), "--engine takes no --output"),
        (("--engine", "onnx", "--gate_data", "x.csv"), "--gate_data is only for"),
        (("--engine", "tensorrt"), "invalid choice: 'tensorrt'"),
        (("--engine", "onnx", "--format", "onnx"), "not allowed with"),
        ((), "one of the arguments --format --engine is required"),
        (("--engine", "onnx-int8", "--gate_data", tmp_path / "none.csv"), "none.csv"),
    ]:
        code, out, err = run_export(folder, *words)
        assert (code, out) == (2, "") and err.startswith("error: ") and err.count("\n") == 1
        assert message in err


def test_products_that_narrow_stay_in_float32_where_each_token_is_labelled(tmp_path):
    """What goes into them has a few large numbers, by which a tagger's others would be rounded."""
    arguments = EncoderArguments(
        vocab_size=40, num_layers=2, num_heads=2, hidden_size=16, intermediate_size=24, max_length=8
    )
    write_onnx(Tagger("distilbert", arguments, 3), tmp_path / "model.onnx", 8, {})
    place = tmp_path / "small"
    place.mkdir()
    RUNTIMES["onnx-int8"].write_small(tmp_path, lambda: None, place)
    graph = onnx.load(place / "model.onnx").graph
    weights = {each.name: tuple(each.dims) for each in graph.initializer}
    inputs = [node.input[1] for node in graph.node if node.op_type == "MatMul"]
    assert [weights[name] for name in inputs if name in weights] == [(24, 16), (24, 16), (16, 3)]
    assert sum(node.op_type == "MatMulInteger" for node in graph.node) == 5 * arguments.num_layers
