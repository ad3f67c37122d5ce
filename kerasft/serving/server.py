"""The process around the application: the log, the signals and the exit code."""

import faulthandler
import gc
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, TextIO

import uvicorn

from kerasft import backends
from kerasft.folder.opened import KERAS
from kerasft.predict import Predictor, open_for
from kerasft.runtimes import registry as runtimes
from kerasft.serving.access import access_for
from kerasft.serving.app import create_app
from kerasft.serving.connections import Connections, fit_descriptors
from kerasft.serving.limits import Limits
from kerasft.serving.listener import listen
from kerasft.serving.protocol import Protocol
from kerasft.serving.worker import Worker
from kerasft.tasks.registry import TASKS
from kerasft.tasks.task import of_pairs

# After a signal: how long what is in flight may take before it is answered with 503, and when the
# process ends at the latest.
GRACE_SECONDS = 3
END_SECONDS = 4.2

log = logging.getLogger("kerasft.serving")


def run(
    folder: str | Path,
    *,
    host: str,
    port: int,
    limits: Limits,
    allowed_hosts: Sequence[str] = (),
    cors_origins: Sequence[str] = (),
    **options: Any,
) -> None:
    """Serves a saved folder until SIGTERM or Ctrl-C, then finishes what is in flight and exits.

    That takes 5 seconds at most: what is not done after 3 is answered with 503. It ends the process
    (exit code 0).

    The port is taken first and the model loaded behind it, so that /health/live answers at once and
    /health/ready tells when the model is there.

    Args:
        folder: A folder that a recipe saved.
        host: Address to listen on; "127.0.0.1" is reached from this machine only.
        port: Port to listen on; 0 lets the system choose (the log says which).
        allowed_hosts: See `access_for`.
        cors_origins: See `Access`.
        options: Those of `kerasft.predict.Predictor` that were given, its engine too.

    Raises:
        ConfigError: The address cannot be listened on, the backend is not there, an option has no
            meaning for the folder's task, or the process may open too few files.
        FolderError: The folder is missing or broken.
    """
    # Uvicorn puts these handlers back when it is done and raises the signal that stopped it again.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    access = access_for(host, allowed_hosts, cors_origins)
    limits = fit_descriptors(limits)
    stream = _write_log()
    # What is broken is said before the port is taken, and before Keras is imported.
    opened = open_for(folder, **options)
    if opened.engine == KERAS:
        backends.check()
    listener = listen(host, port)
    start = time.perf_counter()

    def load() -> Predictor:
        if opened.engine == KERAS:
            backends.import_keras()  # which takes seconds
        predictor = Predictor(opened, **options)
        log.info("%s", runtimes.describe(opened.engine))
        return predictor

    worker = Worker(load, limits, lambda error: loaded(error))
    name = Path(folder).resolve().name
    manifest = opened.manifest
    pairs = of_pairs(manifest)
    app = create_app(worker, limits, name, TASKS[manifest.task], access, pairs=pairs)
    gate = Connections(limits.max_connections)
    Protocol.read_seconds, Protocol.gate, listener.crowded = limits.read_seconds, gate, gate.crowded
    server = Server(
        uvicorn.Config(
            app, loop="asyncio", http=Protocol, ws="none", lifespan="on", log_config=None,
            access_log=False, proxy_headers=False, server_header=False,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
    )  # fmt: skip
    address = f"[{host}]" if ":" in host else host
    log.info("serving %s on http://%s:%d (see /docs)", name, address, listener.getsockname()[1])

    with own_words_only(stream) as silence:

        def loaded(error: BaseException | None) -> None:
            if error is None:
                # The model and its libraries are millions of objects that stay: looking through
                # them for garbage would stop the health pages for a second now and then.
                gc.freeze()
                log.info("ready after %.1f s", time.perf_counter() - start)
                silence()
            else:
                server.should_exit = True

        try:
            server.run(sockets=[listener])
        except SystemExit as stopped:
            # At once: neither an unneeded thread nor the libraries' own farewells, which
            # can take seconds, are waited for.
            sys.stdout.flush()
            logging.shutdown()
            os._exit(int(stopped.code or 0))
    if worker.error is not None:
        raise worker.error


class Server(uvicorn.Server):
    """Uvicorn, with a bounded shutdown."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begins the end: each answer is the last of its connection, and the time is bounded."""
        super().handle_exit(sig, frame)
        Protocol.stopping = True
        for connection in list(self.server_state.connections):
            if isinstance(connection, Protocol):
                connection.say_last()
        # Whatever holds a thread then, or the exit of a library: all answers have been written.
        end = threading.Timer(END_SECONDS, os._exit, (0,))
        end.daemon = True
        end.start()


@contextmanager
def own_words_only(stream: TextIO) -> Iterator[Callable[[], None]]:
    """Returns a function after whose call libraries can no longer write to stderr, but we can.

    Their own messages about a failure (Rust: "... is not a char boundary; it is inside ...")
    may quote a text, and runs to thousands of lines.

    Args:
        stream: Where our log goes; a copy of stderr.
    """
    kept = os.dup(2)

    def silence() -> None:
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        faulthandler.enable(stream)  # a crash still says where

    try:
        yield silence
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def _write_log() -> TextIO:
    """Sends our lines, and uvicorn's warnings, to a copy of stderr; returns it."""
    stream = os.fdopen(os.dup(2), "w", encoding="utf-8", errors="backslashreplace")
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    for name, level in (("kerasft.serving", logging.INFO), ("uvicorn", logging.WARNING)):
        logger = logging.getLogger(name)
        logger.setLevel(level)
        logger.addHandler(handler)
        logger.propagate = False
    return stream
