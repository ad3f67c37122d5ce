"""From where the server may be asked: the names in the header Host, and CORS.

A page of any web site can make its visitor's browser ask servers on the visitor's own machine. It
may read no answer, unless its host's name is made to point at 127.0.0.1 (DNS rebinding): then the
browser takes it for the same server. The header Host still has that name, so it is looked at.
"""

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass

from starlette.types import ASGIApp, Receive, Scope, Send

from kerasft.errors import ConfigError
from kerasft.serving.errors import ApiError, answer

ANY = "*"
LOOPBACK = ("127.0.0.1", "localhost", "::1")
NAME = re.compile(r"[\w.-]+", re.ASCII)
ORIGIN = re.compile(r"https?://[^\s/?#@\\]+")


@dataclass(frozen=True)
class Access:
    """Who may ask.

    Attributes:
        hosts: Names that the header Host may have, without a port; `*` allows every one.
        cors_origins: Origins (`https://example.com`) whose pages may read answers; `*`: all.

    Raises:
        ConfigError: A host or an origin is none.
    """

    hosts: tuple[str, ...] = (ANY,)
    cors_origins: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for host in self.hosts:
            if host != ANY and not (_is_address(_bare(host)) or NAME.fullmatch(host)):
                raise ConfigError(
                    f"--allowed_host takes a name or an address without a port, such as "
                    f"example.com, or *; not {host!r}."
                )
        for origin in self.cors_origins:
            if origin != ANY and not ORIGIN.fullmatch(origin):
                raise ConfigError(
                    f"--cors_origin takes what browsers send as Origin, such as "
                    f"https://example.com or http://localhost:3000, or *; not {origin!r}."
                )

    def allows(self, host: str) -> bool:
        """Whether a header Host may ask."""
        return ANY in self.hosts or _name(host) in map(_bare, self.hosts)


def access_for(host: str, allowed: Sequence[str], cors_origins: Sequence[str]) -> Access:
    """Who may ask a server that listens on `host`.

    The names of the machine itself are always among the hosts: no one can make them point
    elsewhere. Without a word on the hosts, a server that only this machine can reach has these
    alone, and any other has every name, since its outer name is not known here.

    Raises:
        ConfigError: A host or an origin is none.
    """
    if not allowed and not _is_loopback(host):
        return Access(cors_origins=tuple(cors_origins))
    return Access((*allowed, *LOOPBACK, _bare(host)), tuple(cors_origins))


class HostCheck:
    """ASGI middleware that refuses requests to other hosts.

    A request without the header (HTTP/1.0, which no browser speaks) passes.
    """

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self.app, self.access = app, access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on, or answers 400."""
        hosts = [value for name, value in scope.get("headers", ()) if name == b"host"]
        if all(self.access.allows(host.decode("latin-1")) for host in hosts):
            await self.app(scope, receive, send)
            return
        message = "The header Host is none of this server's; allow it with --allowed_host."
        await answer(ApiError(400, "unknown_host", message))(scope, receive, send)


def _name(host: str) -> str:
    """The name in a header Host: without a port, in small letters."""
    found = re.fullmatch(r"(\[[^\]]*\]|[^:\[\]]*)(:\d*)?", host)
    return _bare(found[1]) if found else ""


def _bare(host: str) -> str:
    name = host.lower().removesuffix(".")
    return name[1:-1] if name[:1] == "[" and name[-1:] == "]" else name


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _is_loopback(host: str) -> bool:
    bare = _bare(host)
    return bare == "localhost" or (_is_address(bare) and ipaddress.ip_address(bare).is_loopback)
