"""The page, the Markdown file and the numbers that a comparison leaves."""

import base64
import json
import shutil
from html.parser import HTMLParser

import pytest

from harness import compared
from harness.compared import CLASSES, make_comparison
from kerasft import storage
from kerasft.errors import ConfigError
from kerasft.evaluation import label_scores
from kerasft.reporting import findings, is_comparison, tables, write_report
from kerasft.reporting.published import PUBLISHED
from kerasft.reporting.report import _file_names

pytestmark = pytest.mark.plain

MEASURED = "Times for a text: measured on nothing."


class Page(HTMLParser):
    """What a page holds: tags with their attributes, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.text = ""
        self.open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


@pytest.fixture(scope="module")
def made():
    return make_comparison()


@pytest.fixture(scope="module")
def folder(tmp_path_factory, made):
    runs, comparison = made
    folder = tmp_path_factory.mktemp("out") / "comparison"
    page = write_report(folder, comparison, runs, measured=MEASURED, config_yaml="seed: 0\n")
    assert page == folder / "report" / "index.html" and page.exists()
    return folder


@pytest.fixture(scope="module")
def page(folder):
    return Page((folder / "report" / "index.html").read_text(encoding="utf-8"))


def test_files(folder):
    assert sorted(p.name for p in folder.iterdir()) == [
        "comparison.json", "config.yaml", "report",
    ]  # fmt: skip
    pictures = {"scores.png", "classes.png", "tradeoff.png", "reliability.png", "sizes.png"}
    confusion = {f"confusion_{n}.png" for n in ("small", "large", "tf_idf_logistic_regression")}
    assert {p.name for p in (folder / "report").iterdir()} == {
        "index.html", "metrics.json", "comparison.md", *pictures, *confusion,
    }  # fmt: skip


def test_the_page_needs_nothing_else(page):
    assert not page.open
    names = {tag for tag, _ in page.tags}
    assert not names & {"script", "link", "iframe", "object", "form", "base"}
    for tag, attributes in page.tags:
        assert not any(name.startswith("on") for name in attributes)
        if tag == "a":
            assert attributes["href"].startswith(("#", "https://arxiv.org/abs/"))
        elif tag == "img":
            kind, data = attributes["src"].split(",")
            assert kind == "data:image/png;base64" and attributes["alt"]
            assert base64.b64decode(data).startswith(b"\x89PNG")
        else:
            assert not {"src", "href", "style"} & set(attributes)
    policy = next(a["content"] for t, a in page.tags if "http-equiv" in a)
    assert "default-src 'none'" in policy
    anchors = {a["id"] for _, a in page.tags if "id" in a}
    assert {a["href"][1:] for t, a in page.tags if t == "a" and a["href"][0] == "#"} == anchors


def test_the_page_says_everything(page, made):
    runs, comparison = made
    assert "small and large compared" in page.text and "120 test rows of 3 classes" in page.text
    for sentence in findings(comparison):
        assert sentence in page.text
    costs = {name: scored.candidate.costs for name, scored in comparison.scored.items()}
    shown = [
        tables.score_table(comparison), tables.pair_table(comparison),
        tables.calibration_table(comparison), tables.training_table(costs),
        tables.running_table(costs, MEASURED), *tables.class_tables(comparison),
        *(tables.mistake_table(n, s.mistakes) for n, s in comparison.scored.items()),
    ]  # fmt: skip
    assert len(shown) == 11
    for table in shown:
        assert table.title in page.text and table.note in page.text
        for row in table.rows:
            assert len(row) == len(table.head)
            assert all(cell in page.text for cell in row), row
    for published in PUBLISHED:
        assert published.paper in page.text
    assert all(str(run.folder) in page.text for run in runs)


def test_texts_cannot_do_anything(page, folder):
    assert "<script>alert(1)</script>" in page.text  # shown, not run: the test above finds no tag
    markdown = (folder / "report" / "comparison.md").read_text(encoding="utf-8")
    assert "\\<script>" in markdown and "<script>" not in markdown.replace("\\<script>", "")
    lines = [line for line in markdown.splitlines() if line.startswith("|")]
    assert lines
    for line in lines:
        assert line.replace("\\|", "").count("|") >= 4


def test_markdown_tables_are_whole(folder):
    markdown = (folder / "report" / "comparison.md").read_text(encoding="utf-8")
    blocks = [block.splitlines() for block in markdown.split("\n\n") if block.startswith("|")]
    assert len(blocks) == 11
    for head, rule, *rows in blocks:
        bars = head.replace("\\|", "").count("|")
        assert set(rule) <= set("|-: ") and rows
        assert all(row.replace("\\|", "").count("|") == bars for row in (rule, *rows))
    for picture in ("scores.png", "sizes.png", "confusion_small.png"):
        assert f"]({picture})" in markdown


def test_numbers(folder, made):
    runs, comparison = made
    data = json.loads((folder / "report" / "metrics.json").read_text(encoding="utf-8"))
    assert data["models"] == json.loads(json.dumps(comparison.to_dict()["models"]))
    assert data["findings"] == findings(comparison)
    assert data["test_sha256"] == runs[0].report["test_sha256"]
    assert data["measured"] == MEASURED
    assert (folder / "config.yaml").read_text() == "seed: 0\n"


def test_an_earlier_comparison_is_replaced_and_nothing_else(folder, tmp_path, made):
    runs, comparison = made
    shutil.copytree(folder, tmp_path / "out")
    (tmp_path / "out" / "config.yaml").write_text("of an earlier run")
    assert is_comparison(tmp_path / "out")
    write_report(tmp_path / "out", comparison, runs, measured=MEASURED, config_yaml="seed: 1\n")
    assert (tmp_path / "out" / "config.yaml").read_text() == "seed: 1\n"
    (tmp_path / "out" / "report" / "notes.txt").write_text("mine")
    assert not is_comparison(tmp_path / "out")
    with pytest.raises(ConfigError, match="would not write"):
        write_report(tmp_path / "out", comparison, runs, measured=MEASURED, config_yaml="")
    assert (tmp_path / "out" / "report" / "notes.txt").read_text() == "mine"
    storage.write_json(tmp_path / "out" / "comparison.json", {"format_version": 2, "files": {}})
    with pytest.raises(ConfigError, match=r"another version of kerasft \(format 2"):
        write_report(tmp_path / "out", comparison, runs, measured=MEASURED, config_yaml="")


@pytest.mark.parametrize(
    "content", ["", "[]", '{"files": []}', '{"format_version": 1, "files": 3}']
)
def test_a_folder_of_someone_else(tmp_path, content):
    assert not is_comparison(tmp_path / "nowhere")
    (tmp_path / "comparison.json").write_text(content)
    assert not is_comparison(tmp_path)


def test_the_runs_own_pictures_stand_once(tmp_path, made):
    _, comparison = made
    runs = []
    for name in ("small", "large"):
        report = tmp_path / name / "report"
        report.mkdir(parents=True)
        (report / "loss.png").write_bytes(b"\x89PNG\r\n\x1a\n" + name.encode())
        (report / "data_classes.png").write_bytes(b"\x89PNG\r\n\x1a\nthe same data")
        (report / "confusion.png").write_bytes(b"\x89PNG\r\n\x1a\ndrawn anew")
        (report / "broken.png").write_bytes(b"<script>")
        truth = compared.make_truth()
        runs.append(compared.make_run(name, truth, 1.0, folder=tmp_path / name))
    write_report(tmp_path / "out", comparison, runs, measured=MEASURED, config_yaml="")
    names = {path.name for path in (tmp_path / "out" / "report").glob("*.png")}
    assert {"small_loss.png", "large_loss.png", "small_data_classes.png"} <= names
    assert not {n for n in names if "broken" in n or n == "large_data_classes.png"}
    page = Page((tmp_path / "out" / "report" / "index.html").read_text(encoding="utf-8"))
    assert "small and large: data classes" in page.text
    assert "small: loss during training" in page.text and "The runs" in page.text


def test_names_that_differ_in_their_signs_keep_their_pictures():
    found = _file_names(["a b", "a_b", "TF-IDF + more", "*"])
    assert list(found.values()) == ["a_b", "a_b_1", "tf_idf_more", "model"]


def test_a_table_on_the_screen(made):
    _, comparison = made
    lines = tables.as_text(tables.score_table(comparison)).splitlines()
    assert len(lines) == 4 and len({len(line) for line in lines}) == 1
    assert lines[3].startswith(label_scores.TFIDF)


def test_long_texts_are_cut():
    assert tables.one_line("a\n b " * 3, 100) == "a b a b a b"
    assert tables.one_line("word " * 40, 20) == "word word word word…"
    assert len(tables.one_line("x" * 500, 300)) == 300


def test_classes_keep_their_names(page):
    assert all(name in page.text for name in CLASSES)
