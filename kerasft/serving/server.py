"""The process around the application: the socket, the log, the signals and the exit code."""

import logging
import os
import signal
import socket
import sys
import time
from pathlib import Path
from typing import Any

import uvicorn

from kerasft import backends
from kerasft.bundle.export_files import export_paths
from kerasft.bundle.manifest import read, verify
from kerasft.engines import runtimes
from kerasft.engines.keras_engine import KERAS
from kerasft.engines.prepare import prepare
from kerasft.errors import ConfigError
from kerasft.predict import TextPredictor, check_options, open_folder
from kerasft.serving.app import create_app
from kerasft.serving.limits import Limits
from kerasft.serving.protocol import Protocol
from kerasft.serving.worker import Worker

log = logging.getLogger("kerasft.serving")


def run(folder: str | Path, *, host: str, port: int, limits: Limits, **options: Any) -> None:
    """Serves a saved folder until SIGTERM or Ctrl-C, then finishes what is in flight and exits.

    The port is taken first and the model loaded behind it, so that /health/live answers at once and
    /health/ready tells when the model is there.

    Args:
        folder: A folder that a recipe saved.
        host: Address to listen on; "127.0.0.1" is reached from this machine only.
        port: Port to listen on; 0 lets the system choose (the log says which).
        limits: The server's bounds.
        options: Those of `kerasft.predict.OPTIONS` that were given, as for `open_folder`.

    Raises:
        ConfigError: The address cannot be listened on, the backend is not there, or an option has
            no meaning for the folder's task.
        BundleError: The folder is missing or broken.
        SystemExit: With 0, after a signal.
    """
    engine = options.get("engine") or KERAS
    if engine == KERAS:
        backends.check()
    # Uvicorn puts these handlers back when it is done and raises the signal that stopped it again.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    _write_log()
    # What is broken is said before the port is taken, and before Keras is imported.
    task = read(folder).kind
    check_options(folder, task, options)
    prepare(folder, engine)
    verify(folder, None if engine == KERAS else export_paths([engine]))
    listener = listen(host, port)
    start = time.perf_counter()

    def load() -> TextPredictor:
        predictor = open_folder(folder, **options)  # may import Keras, which takes seconds
        log.info("%s", runtimes.describe(engine))
        return predictor

    def loaded(error: BaseException | None) -> None:
        if error is None:
            log.info("ready after %.1f s", time.perf_counter() - start)
        else:
            server.should_exit = True

    worker = Worker(load, limits, loaded)
    name = Path(folder).resolve().name
    app = create_app(worker, limits, name, task)
    Protocol.head_seconds = limits.read_seconds
    server = uvicorn.Server(
        uvicorn.Config(
            app, loop="asyncio", http=Protocol, ws="none", lifespan="on", log_config=None,
            access_log=False, proxy_headers=False, server_header=False,
        )
    )  # fmt: skip
    address = f"[{host}]" if ":" in host else host
    log.info("serving %s on http://%s:%d (see /docs)", name, address, listener.getsockname()[1])
    try:
        server.run(sockets=[listener])
    except SystemExit as stopped:
        if worker.loading:
            # Stopped before the model was there: do not wait for a thread that nobody needs.
            logging.shutdown()
            os._exit(int(stopped.code or 0))
        raise
    if worker.error is not None:
        raise worker.error


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens on an address.

    Raises:
        ConfigError: The port is out of range or taken, or the host is none of this machine's.
    """
    if not 0 <= port <= 65535:
        raise ConfigError(f"--port must be from 0 to 65535, not {port}.")
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, _, _, _, address = found[0]
        listener = socket.socket(family, socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise ConfigError(f"--host {host!r} is no address of this machine.") from error
    try:
        if os.name == "posix":
            # A server that was just stopped leaves its port in TIME_WAIT; that must not block us.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen()
    except OSError as error:
        listener.close()
        reason = os.strerror(error.errno) if error.errno else str(error)
        advice = "choose another --port" if port else "choose another --host"
        raise ConfigError(f"Cannot listen on {host} port {port}: {reason}; {advice}.") from error
    return listener


def _write_log() -> None:
    """Sends our lines, and uvicorn's warnings, to stderr."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    for name, level in (("kerasft.serving", logging.INFO), ("uvicorn", logging.WARNING)):
        logger = logging.getLogger(name)
        logger.setLevel(level)
        logger.addHandler(handler)
        logger.propagate = False
