"""Descriptors: how many connections fit, and a listening socket for which none is left."""

import os
import resource
import socket

import pytest

from kerasft.errors import ConfigError
from kerasft.serving.connections import OWN_DESCRIPTORS, fit_descriptors
from kerasft.serving.limits import Limits
from kerasft.serving.listener import listen

pytestmark = pytest.mark.plain


@pytest.fixture
def descriptors():
    """Sets how many descriptors this process may open."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield lambda most: resource.setrlimit(resource.RLIMIT_NOFILE, (most, before[1]))
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_connections_fit_the_descriptors(descriptors) -> None:
    descriptors(OWN_DESCRIPTORS + 72)
    assert fit_descriptors(Limits()).max_connections == 72
    assert fit_descriptors(Limits(max_connections=50)).max_connections == 50
    descriptors(OWN_DESCRIPTORS + 32)
    with pytest.raises(ConfigError, match=f"ulimit -n {OWN_DESCRIPTORS + 33}"):
        fit_descriptors(Limits())
    assert fit_descriptors(Limits(max_requests=8)).max_connections == 32
    descriptors(OWN_DESCRIPTORS + 500)
    with pytest.raises(ConfigError, match="--max_connections 32 must be above --max_requests 32"):
        fit_descriptors(Limits(max_connections=32))


def test_one_upload_must_fit() -> None:
    with pytest.raises(ConfigError, match="--max_upload_bytes 10 has no room"):
        Limits(max_upload_bytes=10)


def test_without_a_descriptor_a_connection_is_closed_at_once(descriptors) -> None:
    crowded = []
    taken = []
    with listen("127.0.0.1", 0) as listener, socket.socket() as client, socket.socket() as second:
        listener.crowded = lambda: crowded.append(1)
        listener.setblocking(False)
        listener.keep_spare()
        try:
            descriptors(64)
            with pytest.raises(OSError, match="Too many open files"):
                while True:
                    taken.append(os.open(os.devnull, os.O_RDONLY))
            client.connect(listener.getsockname())
            with pytest.raises(BlockingIOError):
                listener.accept()
            assert crowded == [1]
            client.settimeout(10)
            assert client.recv(1) == b""
            with pytest.raises(BlockingIOError):  # it was taken out of the queue
                listener.accept()
            assert crowded == [1]
        finally:
            for each in taken:
                os.close(each)
        second.connect(listener.getsockname())
        accepted, _ = listener.accept()
        accepted.close()
