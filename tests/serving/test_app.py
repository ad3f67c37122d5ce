"""The routes: what they answer, and that the description of them is true."""

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from html.parser import HTMLParser

import httpx
import pytest

import kerasft
from harness import classifiers
from harness.servers import LIMITS, TEXTS, matches
from kerasft import backends
from kerasft.serving.schemas import WHITE_SPACE


def test_predictions_equal_the_predictors(server, predictor) -> None:
    answer = server.client.post("/predict", json={"texts": TEXTS}).json()
    expected = predictor.predict(TEXTS)
    assert answer["model"] == {
        "name": "tiny",
        "task": "classification",
        "architecture": "distilbert",
        "backend": backends.choose().name,
    }
    assert len(answer["predictions"]) == len(expected)
    for found, wanted in zip(answer["predictions"], map(asdict, expected), strict=True):
        assert found.keys() == wanted.keys()
        assert (found["label"], found["cut"]) == (wanted["label"], wanted["cut"])
        assert list(found["probabilities"]) == list(predictor.metadata["labels"])
        assert found["probabilities"] == pytest.approx(wanted["probabilities"], abs=1e-6)
        assert sum(found["probabilities"].values()) == pytest.approx(1, abs=1e-6)
    assert {p["cut"] for p in answer["predictions"]} == {True, False}


def test_requests_at_the_same_time_do_not_mix(server, predictor) -> None:
    texts = [f"{word} in the world" for word in ("a", "an", "the", "that", "model", "news")]
    expected = [p.probabilities for p in predictor.predict(texts)]

    def ask(index: int) -> dict:
        response = server.client.post("/predict", json={"texts": [texts[index]]})
        return response.json()["predictions"][0]["probabilities"]

    with ThreadPoolExecutor(len(texts)) as threads:
        for _ in range(2):
            for found, wanted in zip(threads.map(ask, range(len(texts))), expected, strict=True):
                assert found == pytest.approx(wanted, abs=1e-6)


def test_metadata_states_the_model_and_the_limits(server, predictor) -> None:
    answer = server.client.get("/metadata").json()
    backend = backends.choose().name
    assert answer["labels"] == list(predictor.metadata["labels"]) == list(classifiers.LABELS)
    assert answer["max_length"] == predictor.max_length == classifiers.MAX_LENGTH
    assert answer["backend"] == backend
    assert answer["versions"]["kerasft"] == kerasft.__version__
    assert answer["versions"][backend] == backends.current().version()
    assert answer["limits"] == {"wait_seconds": 30, **LIMITS}


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/", 404, "not_found"),
        ("GET", "/nothing?texts=secret", 404, "not_found"),
        ("POST", "/nothing", 404, "not_found"),
        ("POST", "/predict/", 404, "not_found"),
        ("GET", "/%ff%00%0a", 404, "not_found"),
        ("GET", "/../../etc/passwd", 404, "not_found"),
        ("GET", "/predict", 405, "method_not_allowed"),
        ("PUT", "/predict", 405, "method_not_allowed"),
        ("OPTIONS", "/predict", 405, "method_not_allowed"),
        ("BREW", "/predict", 405, "method_not_allowed"),
        ("POST", "/metadata", 405, "method_not_allowed"),
        ("DELETE", "/docs", 405, "method_not_allowed"),
    ],
)
def test_other_paths_and_methods_get_the_same_shape(
    server, method: str, path: str, status: int, code: str
) -> None:
    response = server.client.request(method, path, content=b"x" if method == "POST" else None)
    assert response.status_code == status
    assert response.json()["error"]["code"] == code
    if status == 405:
        assert response.headers["allow"]


@pytest.mark.parametrize(
    "path", ["/health/live", "/health/ready", "/metadata", "/docs", "/openapi.json"]
)
def test_head_is_get_without_the_body(server, path: str) -> None:
    head, get = server.client.head(path), server.client.get(path)
    assert (head.status_code, head.content) == (get.status_code, b"") == (200, b"")
    assert head.headers["content-length"] == get.headers["content-length"] == f"{len(get.content)}"
    assert server.client.head("/predict").status_code == 405
    assert sorted(server.client.post(path).headers["allow"].split(", ")) == ["GET", "HEAD"]


def test_the_pattern_of_a_text_is_what_the_server_strips() -> None:
    pattern = re.compile(f"[^{WHITE_SPACE}]")
    for number in range(0x110000):
        assert bool(pattern.search(chr(number))) == bool(chr(number).strip()), hex(number)


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200), ("LOCALHOST:80", 200), ("127.0.0.1", 200), ("[::1]:8000", 200),
        ("localhost.", 200), ("evil.example", 400), ("evil.example:8000", 400), ("", 400),
        ("localhost.evil.example", 400), ("127.0.0.1.nip.example", 400), ("evil@localhost", 400),
        ("192.168.0.1", 400),
    ],
)  # fmt: skip
def test_other_hosts_are_refused(server, host: str, status: int) -> None:
    """So that no page in a browser can make its own name stand for this machine."""
    response = server.client.get("/health/live", headers={"Host": host})
    assert response.status_code == status
    if status == 400:
        assert response.json()["error"]["code"] == "unknown_host"
        posted = server.client.post("/predict", json={"texts": ["a"]}, headers={"Host": host})
        assert posted.status_code == 400


def test_openapi_describes_what_is_answered(server) -> None:
    openapi = server.client.get("/openapi.json").json()
    schemas = openapi["components"]["schemas"]
    assert set(openapi["paths"]) == {"/predict", "/health/live", "/health/ready", "/metadata"}

    def check(response: httpx.Response, method: str, path: str) -> None:
        described = openapi["paths"][path][method]["responses"][str(response.status_code)]
        schema = described["content"]["application/json"]["schema"]
        assert matches(response.json(), schema, schemas), response.text

    for path in ("/health/live", "/health/ready", "/metadata"):
        check(server.client.get(path), "get", path)
    body = openapi["paths"]["/predict"]["post"]["requestBody"]["content"]["application/json"]
    bodies = [
        body["example"],
        {"texts": []}, {"texts": ["a"] * 16}, {"texts": ["a"] * 17}, {"texts": [""]},
        {"texts": [" "]}, {"texts": ["\x1c\u2003"]}, {"texts": ["\ufeff"]}, {"texts": ["\u200b"]},
        {"texts": ["a" * 300]}, {"texts": ["a" * 301]}, {"texts": [1]},
        {"texts": "a"}, {"texts": ["a"], "more": 1}, {}, [], "a",
        {"inputs": [{"text": "a"}]}, {"inputs": []}, {"inputs": [{"text": "a"}] * 17},
        {"inputs": ["a"]}, {"inputs": [{}]}, {"inputs": [{"text": " "}]},
        {"inputs": [{"text": "a", "text_pair": "b"}]}, {"inputs": [{"text": "a"}], "texts": ["a"]},
    ]  # fmt: skip
    statuses = []
    for content in bodies:
        response = server.client.post("/predict", json=content)
        check(response, "post", "/predict")
        assert (response.status_code == 200) == matches(content, body["schema"], schemas), content
        statuses.append(response.status_code)
    assert {*statuses} == {200, 422}
    described = openapi["paths"]["/predict"]["post"]["responses"]
    assert set(described) == {"200", "400", "408", "413", "415", "422", "503"}
    assert described["422"]["content"]["application/json"]["schema"]["$ref"].endswith("ErrorAnswer")


class Page(HTMLParser):
    """Collects what a page refers to, and whether its tags are closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.ids: set[str] = set()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attributes: list) -> None:
        found = dict(attributes)
        assert tag not in ("script", "link", "img", "iframe")
        assert "src" not in found
        self.links += [found["href"]] if "href" in found else []
        self.ids |= {found["id"]} if "id" in found else set()
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_docs_page_stands_by_itself(server) -> None:
    response = server.client.get("/docs")
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert response.headers["content-security-policy"].startswith("default-src 'none'")
    page = Page()
    page.feed(response.text)
    assert page.open == []
    for link in page.links:
        assert link == "openapi.json" or link.removeprefix("#") in page.ids
    for word in ("POST /predict", "GET /health/ready", "maxItems", "16", "curl", "ErrorAnswer"):
        assert word in response.text
