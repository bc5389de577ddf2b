"""Real Redis servers, each on a port of its own."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.support.certificates import Authority
from tests.support.require import require
from tests.support.server_process import Program, ServerProcess
from tests.support.waiting import POLL, free_port

CLUSTER_WITHIN = 30.0
"""Seconds in which the nodes must have agreed."""


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


@contextmanager
def redis_cluster() -> Iterator[list[dict[str, str]]]:
    """Three nodes that share the slots, each by its parameters."""
    with ExitStack() as stack:
        nodes = []
        for _ in range(3):
            arguments = ("--cluster-enabled", "yes", "--cluster-port", str(free_port()))
            nodes.append(stack.enter_context(redis_server(*arguments)))
        cli = str(require("redis-cli"))
        places = [f"127.0.0.1:{node['port']}" for node in nodes]
        # A node knows the others' bus by the port of the cluster, which only CLUSTER MEET can name.
        for node in nodes[1:]:
            bus = _call(cli, node, "config", "get", "cluster-port").split()[-1]
            _call(cli, nodes[0], "cluster", "meet", "127.0.0.1", node["port"], bus)
        for number, node in enumerate(nodes):
            first, last = number * 16384 // 3, (number + 1) * 16384 // 3 - 1
            _call(cli, node, "cluster", "addslotsrange", str(first), str(last))
        deadline = time.monotonic() + CLUSTER_WITHIN
        while any("cluster_state:ok" not in _call(cli, n, "cluster", "info") for n in nodes):
            assert time.monotonic() < deadline, places
            time.sleep(POLL)
        yield [{name: node[name] for name in ("hostname", "port")} for node in nodes]


def _call(cli: str, node: dict[str, str], *command: str) -> str:
    done = subprocess.run(
        [cli, "-p", node["port"], *command], check=True, capture_output=True, text=True, timeout=10
    )
    return done.stdout


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
