"""Real Redis servers, each on a port of its own."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.certificates import Authority
from tests.support.require import require
from tests.support.server_process import Program, ServerProcess
from tests.support.waiting import free_port


@contextmanager
def redis_server(*arguments: str, authority: Authority | None = None) -> Iterator[dict[str, str]]:
    """The parameters that name a server; with an authority, it takes TLS alone."""
    with redis_process(*arguments, authority=authority) as (server, _):
        yield server


@contextmanager
def redis_process(
    *arguments: str, authority: Authority | None = None
) -> Iterator[tuple[dict[str, str], ServerProcess]]:
    """The same, and its process."""
    port = str(free_port())
    directory = Path(tempfile.mkdtemp(prefix="guacr-redis-"))
    given = ["--port", port]
    if authority is not None:
        given = ["--port", "0", "--tls-port", port, *_certificates(directory, authority)]
    given += ["--bind", "127.0.0.1", "--save", "", "--dir", str(directory)]
    given += ["--unixsocket", str(directory / "s"), *arguments]
    ready: Program = [require("redis-cli"), "-s", str(directory / "s"), "ping"]
    try:
        with ServerProcess([require("redis-server"), *given], ready) as process:
            yield {"hostname": "127.0.0.1", "port": port, "socket": str(directory / "s")}, process
    finally:
        shutil.rmtree(directory)


def _certificates(directory: Path, authority: Authority) -> list[str]:
    pair = authority.issue("server")
    texts = {"cert": pair.certificate, "key": pair.key, "ca": authority.certificate}
    given: list[str] = []
    for name, text in texts.items():
        path = directory / f"{name}.pem"
        path.write_text(text)
        option = {"cert": "cert", "key": "key", "ca": "ca-cert"}[name]
        given += [f"--tls-{option}-file", str(path)]
    return given
