"""What the server does with bodies, good and bad, through real HTTP."""

import json
import socket
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import httpx
import pytest

from kerasft.serving.body import parse_texts
from kerasft.serving.errors import ApiError
from kerasft.serving.limits import Limits

pytestmark = pytest.mark.any_backend

JSON = {"Content-Type": "application/json"}


def check_error(response: httpx.Response, status: int, code: str) -> str:
    """Every error has one shape; returns its message."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    assert response.json().keys() == {"error"}
    error = response.json()["error"]
    assert error.keys() == {"code", "message"}
    assert error["code"] == code
    return error["message"]


BAD_JSON = [
    b"", b" ", b"{", b"}", b"[", b'{"texts": [', b'{"texts": ["a"]', b'{"texts": ["a"]}}', b"nul",
    b"{'texts': ['a']}", b'{"texts": ["a",]}', b'{"texts" ["a"]}', b'{texts: ["a"]}', b"texts=a",
    b"<texts>a</texts>", b'{"texts": ["a\nb"]}', b'{"texts": ["\\x41"]}', b'{"texts": ["\\ud80"]}',
    b'\xef\xbb\xbf{"texts": ["a"]}', b'{"texts": ["\xff"]}', b'{"texts": ["\xc3"]}', b"\x00",
    b'{"texts": ["\xed\xa0\x80"]}', '{"texts": ["a"]}'.encode("utf-16"), b"\x1f\x8b\x08\x00",
    b'{"texts": [NaN]}', b'{"texts": [Infinity]}', b'{"texts": [-Infinity]}', b"NaN",
    b"[" * 9000, b'{"a":' * 2000, b'{"texts":' + b"[" * 9000 + b"]" * 9000 + b"}",
    b"9" * 9000, b'{"texts": [' + b"9" * 9000 + b"]}", b'{"texts": ["a"]} {"texts": ["a"]}',
    b'{"texts": ["a"]}\x00', b"01", b"+1", b".5", b"1e", b'{"texts": ["a"] "b": 1}', b"/*", b"\\",
]  # fmt: skip
BAD_SHAPES = [
    b"null", b"true", b"0", b"-1.5", b"1e999", b'""', b'"texts"', b"[]", b'["a"]', b"[[]]", b"{}",
    b'{"text": ["a"]}', b'{"Texts": ["a"]}', b'{"texts": null}', b'{"texts": "a"}',
    b'{"texts": 1}', b'{"texts": true}', b'{"texts": {}}', b'{"texts": {"0": "a"}}',
    b'{"texts": []}', b'{"texts": [null]}', b'{"texts": [1]}', b'{"texts": [1.5]}',
    b'{"texts": [true]}', b'{"texts": [[]]}', b'{"texts": [["a"]]}', b'{"texts": [{}]}',
    b'{"texts": [{"text": "a"}]}', b'{"texts": ["a", null]}', b'{"texts": ["a", 1]}',
    b'{"texts": [""]}', b'{"texts": [" "]}', b'{"texts": ["\\n\\t\\u2003"]}',
    b'{"texts": ["a", ""]}',
    b'{"texts": ["\\ud800"]}', b'{"texts": ["a\\udfffb"]}', b'{"texts": ["\\udc00\\ud800"]}',
    b'{"texts": ["a"], "other": 1}', b'{"texts": ["a"], "\\ud800": 1}', b'{"\\ud800": ["a"]}',
    b'{"texts": ["a"], "": 1}', b'{"texts": ["a"], "texts ": ["a"]}',
    b'{"texts": ["a"], "texts": []}',
    b'{"__proto__": {}}', b'{"inputs": ["a"]}', b'{"texts": ["a"], "top_k": 1}',
    json.dumps({"texts": ["a"] * 17}).encode(), json.dumps({"texts": ["a" * 301]}).encode(),
    json.dumps({"texts": ["a", "\U0001f600" * 301]}).encode(), b'{"texts": [1e999]}',
    json.dumps({"texts": ["a"], "n" * 9000: 1}).encode(), b'{"texts": [0, -0, 1e-9999]}',
    b'{"texts": ["' + b"\\u0020" * 300 + b'"]}', b'{"texts": ' + b"[" * 900 + b"]" * 900 + b"}",
]  # fmt: skip
BAD_HEADERS = [
    {}, {"Content-Type": ""}, {"Content-Type": "text/plain"}, {"Content-Type": "application/xml"},
    {"Content-Type": "application/x-www-form-urlencoded"}, {"Content-Type": "json"},
    {"Content-Type": "application/jsonp"}, {"Content-Type": "application/json, text/plain"},
    {"Content-Type": "multipart/form-data; boundary=x"}, {"Content-Type": ";application/json"},
    {"Content-Type": "application/json; charset=utf-16"}, {"Content-Type": "\xff"},
    {"Content-Type": "application/json; charset=\"latin-1\""},
    {**JSON, "Content-Encoding": "gzip"}, {**JSON, "Content-Encoding": "br"},
    {**JSON, "Content-Encoding": "identity, deflate"}, {**JSON, "Content-Encoding": "x"},
]  # fmt: skip


def test_there_are_a_hundred_bad_bodies() -> None:
    assert len(BAD_JSON) + len(BAD_SHAPES) + len(BAD_HEADERS) > 100


def test_what_is_not_json_is_refused(server) -> None:
    for body in BAD_JSON:
        response = server.client.post("/predict", content=body, headers=JSON)
        message = check_error(response, 400, "invalid_json")
        assert message.startswith("The body is not"), body


def test_json_of_another_shape_is_refused(server) -> None:
    codes = {"invalid_request", "empty_text", "too_many_texts", "text_too_long", "invalid_text"}
    seen = set()
    for body in BAD_SHAPES:
        response = server.client.post("/predict", content=body, headers=JSON)
        assert response.status_code == 422, (body, response.text)
        code = response.json()["error"]["code"]
        assert check_error(response, 422, code).endswith("."), body
        seen.add(code)
    assert seen == codes


def test_headers_that_do_not_say_plain_json_are_refused(server) -> None:
    good = b'{"texts": ["a"]}'
    for headers in BAD_HEADERS:
        raw = [(name, value.encode("latin-1")) for name, value in headers.items()]
        response = server.client.post("/predict", content=good, headers=raw)
        assert check_error(response, 415, response.json()["error"]["code"]), headers


@pytest.mark.parametrize(
    "headers",
    [
        JSON,
        {"Content-Type": "APPLICATION/JSON"},
        {"Content-Type": 'application/json ; charset="UTF-8"'},
        {**JSON, "Content-Encoding": "identity"},
        {**JSON, "Expect": "100-continue"},
    ],
)
def test_good_headers_are_taken(server, headers: dict) -> None:
    response = server.client.post("/predict", content=b'{"texts": ["a"]}', headers=headers)
    assert response.status_code == 200, response.text


def test_messages_say_where(server) -> None:
    def message(body: str) -> str:
        response = server.client.post("/predict", content=body, headers=JSON)
        return response.json()["error"]["message"]

    assert message('{"texts": ["a", "b", 3]}') == "texts[2] must be a string, not a number."
    assert message('{"texts": ["a", ""]}') == "texts[1] is empty."
    assert "texts[0] has 301 characters" in message(json.dumps({"texts": ["a" * 301]}))
    assert "at most 16" in message(json.dumps({"texts": ["a"] * 17}))
    assert "unknown field 'txets'" in message('{"txets": []}')
    assert "lone surrogate at character 2" in message('{"texts": ["ab\\ud800"]}')
    assert "line 2, column 1" in message('{"texts":\n}')


def test_a_field_twice_takes_the_last_and_pairs_of_surrogates_are_one_character() -> None:
    raw = b'{"texts": ["a"], "texts": ["\\ud83d\\ude00"]}'
    assert parse_texts(raw, Limits()) == ["\U0001f600"]


BAD_INPUTS = {
    "a": "inputs[0] must be an object, not a string.",
    (("text", "a"),): "inputs[0] has no 'text_pair'.",
    (("text_pair", "a"),): "inputs[0] has no 'text'.",
    (("text", "a"), ("text_pair", " ")): "inputs[0].text_pair is empty.",
    (("text", 1), ("text_pair", "a")): "inputs[0].text must be a string, not a number.",
    (("text", "a"), ("text_pair", "b"), ("label", "c")): (
        "inputs[0] has an unknown field 'label'; only 'text' and 'text_pair' are read."
    ),
}


def test_inputs_are_texts_or_pairs() -> None:
    def parse(content: object, pairs: bool) -> list:
        return parse_texts(json.dumps(content).encode(), Limits(), pairs)

    pair = {"text": "a", "text_pair": "b"}
    assert parse({"inputs": [pair]}, pairs=True) == [("a", "b")]
    assert parse({"inputs": [{"text": "a"}]}, pairs=False) == ["a"]
    for item, sentence in BAD_INPUTS.items():
        with pytest.raises(ApiError) as caught:
            parse({"inputs": [item if isinstance(item, str) else dict(item)]}, pairs=True)
        assert (caught.value.status, caught.value.message) == (422, sentence)
    for content, pairs, sentence in (
        ({"inputs": [pair]}, False, "has a 'text_pair', but the model reads single texts"),
        ({"inputs": [pair], "texts": ["a"]}, False, "both 'texts' and 'inputs'"),
        ({"texts": ["a"]}, True, "The model reads pairs of texts; send"),
        ({}, True, 'no field {"inputs": '),
    ):
        with pytest.raises(ApiError) as caught:
            parse(content, pairs)
        assert sentence in caught.value.message


def test_the_longest_and_the_most_texts_are_taken(server) -> None:
    response = server.client.post("/predict", json={"texts": ["a" * 300] * 16})
    assert response.status_code == 200
    assert len(response.json()["predictions"]) == 16


def test_large_bodies_are_refused_while_they_arrive(server) -> None:
    def chunks(count: int):
        yield b'{"texts": ["'
        for _ in range(count):
            yield b"a" * 1000

    def post(content, **headers: str) -> httpx.Response:
        return server.client.post("/predict", content=content, headers={**JSON, **headers})

    largest = json.dumps({"texts": ["a"]}).encode().ljust(20_000)
    assert post(largest).status_code == 200
    check_error(post(largest + b" "), 413, "body_too_large")
    check_error(post(chunks(30)), 413, "body_too_large")  # chunked: no Content-Length
    check_error(post(chunks(300)), 413, "body_too_large")  # thrown away to its end
    check_error(
        post(b"a" * 30_000, **{"Content-Type": "text/plain"}), 415, "unsupported_media_type"
    )


def raw_request(server, request: bytes, timeout: float = 30) -> bytes:
    """Sends bytes and reads until the server closes the connection."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=timeout) as connection:
        connection.sendall(request)
        answer = b""
        while block := connection.recv(65536):
            answer += block
        return answer


def head(**headers: object) -> bytes:
    fields = {"host": "localhost", "content-type": "application/json", **headers}
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in fields.items()]
    return "\r\n".join(["POST /predict HTTP/1.1", *lines, "", ""]).encode()


def parts(answer: bytes) -> tuple[int, dict]:
    top, _, body = answer.partition(b"\r\n\r\n")
    return int(top.split()[1]), json.loads(body)


def test_a_content_length_that_lies_is_no_way_around(server) -> None:
    body = b'{"texts": ["a"]}'
    # Says less: what follows is no request.
    answer = raw_request(server, head(content_length=5) + body + b"\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 400") and b'"invalid_json"' in answer
    # Says far more than is allowed: answered without waiting for it.
    status, answer = parts(raw_request(server, head(content_length=10**12)))
    assert (status, answer["error"]["code"]) == (413, "body_too_large")
    # An endless body is cut off.
    chunk = b"1000\r\n" + b"a" * 0x1000 + b"\r\n"
    status, answer = parts(raw_request(server, head(transfer_encoding="chunked") + chunk * 85))
    assert (status, answer["error"]["code"]) == (413, "body_too_large")


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"garbage\r\n\r\n",
        b"GET /docs HTTP/1.1\r\n\r\n",  # no host
        head(content_length=-1),
        head(content_length="1, 2"),
        head(content_length="9" * 40),
        head(transfer_encoding="gzip"),
        head(transfer_encoding="chunked") + b"zzz\r\n",
        head(x="a" * 70_000)[:-4],  # a head without an end
    ],
)
def test_what_is_not_http_gets_the_same_shape(server, request_bytes: bytes) -> None:
    status, answer = parts(raw_request(server, request_bytes))
    assert (status, answer["error"]["code"]) == (400, "invalid_http")


def test_nobody_is_waited_for_for_ever(server) -> None:
    body = b'{"texts": ["a"]}'
    requests = [
        b"",
        b"POST /predict HTTP/1.1\r\nhost: localhost\r\n",  # half a head
        head(content_length=len(body) + 5) + body,  # a Content-Length that lies
        head(transfer_encoding="chunked") + b"10\r\n" + body + b"\r\n",  # no last chunk
    ]
    with ThreadPoolExecutor(len(requests)) as threads:
        for answer in threads.map(partial(raw_request, server), requests):
            status, content = parts(answer)
            assert (status, content["error"]["code"]) == (408, "request_timeout")


def test_the_server_still_works_after_all_that(server) -> None:
    assert server.client.post("/predict", json={"texts": ["a"]}).status_code == 200
    assert server.client.get("/health/ready").json() == {"status": "ready"}
