"""Who may ask: names of the server, and pages of other servers. No model is needed for that."""

import asyncio

import httpx
import pytest

from kerasft.cli.serve import parse
from kerasft.errors import ConfigError
from kerasft.serving.access import Access, access_for
from kerasft.serving.app import create_app
from kerasft.serving.limits import Limits
from kerasft.serving.worker import Worker
from kerasft.tasks.registry import TASKS

pytestmark = pytest.mark.plain

ORIGIN = "https://example.com"


def ask(access: Access, method: str, path: str, **headers: str) -> httpx.Response:
    """What a server whose model is not there yet answers."""

    def load() -> None:
        raise AssertionError("nothing is to be loaded")

    async def answer() -> httpx.Response:
        app = create_app(
            Worker(load, Limits()), Limits(), "tiny", TASKS["classification"], access=access
        )
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.request(method, path, headers=headers)

    return asyncio.run(answer())


def test_hosts_by_the_address() -> None:
    for host in ("127.0.0.1", "127.0.0.2", "localhost", "::1"):
        access = access_for(host, [], [])
        assert access.allows("localhost:8000") and access.allows("127.0.0.1")
        assert access.allows(f"[{host}]:80" if ":" in host else host)
        assert not access.allows("evil.example")
    for host in ("0.0.0.0", "::", "192.168.0.7", "box.example"):
        assert access_for(host, [], []).allows("any.example")
        only = access_for(host, ["box.example", "10.0.0.1"], [])
        assert (
            only.allows("BOX.example:80") and only.allows("10.0.0.1") and only.allows("localhost")
        )
        assert not only.allows("any.example")
    assert access_for("127.0.0.1", ["*"], []).allows("any.example")


def test_options_may_be_given_more_than_once() -> None:
    options = parse(["f", "--allowed_host", "a.example", "--allowed_host", "b.example"])
    assert (options.allowed_host, options.cors_origin) == (["a.example", "b.example"], [])


@pytest.mark.parametrize(
    "host", ["", "a b", "a.example:80", "http://a.example", "a/b", "*.a.example"]
)
def test_what_is_no_host_is_refused(host: str) -> None:
    with pytest.raises(ConfigError, match="--allowed_host"):
        access_for("127.0.0.1", [host], [])


@pytest.mark.parametrize(
    "origin", ["", "example.com", "https://example.com/", "null", "ftp://a", "https://a b"]
)
def test_what_is_no_origin_is_refused(origin: str) -> None:
    with pytest.raises(ConfigError, match="--cors_origin"):
        access_for("127.0.0.1", [], [origin])


def preflight(access: Access, origin: str) -> httpx.Response:
    return ask(
        access, "OPTIONS", "/predict", Origin=origin,
        **{"Access-Control-Request-Method": "POST",
           "Access-Control-Request-Headers": "content-type"},
    )  # fmt: skip


def test_no_origin_is_allowed_by_itself() -> None:
    answer = preflight(Access(), ORIGIN)
    assert answer.status_code == 405
    answers = (answer, ask(Access(), "GET", "/health/live", Origin=ORIGIN))
    assert not [name for each in answers for name in each.headers if "access-control" in name]


def test_allowed_origins_may_ask_and_read() -> None:
    access = Access(cors_origins=(ORIGIN, "http://localhost:3000"))
    for origin in access.cors_origins:
        answer = preflight(access, origin)
        assert answer.status_code == 200
        assert answer.headers["access-control-allow-origin"] == origin
        assert "POST" in answer.headers["access-control-allow-methods"]
        assert "content-type" in answer.headers["access-control-allow-headers"].lower()
        # Errors too: a page is to see why.
        for method, path, status in (("GET", "/health/live", 200), ("GET", "/health/ready", 503)):
            answer = ask(access, method, path, Origin=origin)
            assert answer.status_code == status
            assert answer.headers["access-control-allow-origin"] == origin
    for answer in (
        preflight(access, "https://evil.example"),
        ask(access, "GET", "/metadata", Origin="null"),
    ):
        assert answer.status_code >= 400
        assert "access-control-allow-origin" not in answer.headers
    assert (
        preflight(Access(cors_origins=("*",)), ORIGIN).headers["access-control-allow-origin"] == "*"
    )
