"""Real PostgreSQL and MariaDB servers, each in a directory and on a port of its own."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.support.certificates import Authority
from tests.support.require import missing, require
from tests.support.waiting import POLL, free_port

START_TIMEOUT = 60.0
PASSWORD = "right"

Server = dict[str, str]
"""The parameters that name it, and `socket`: what `hostname` is for its Unix socket."""


Program = Sequence[str | Path]


@contextmanager
def postgresql(authority: Authority | None = None) -> Iterator[Server]:
    """A PostgreSQL server, with TLS where there is an authority."""
    initdb, program = _postgresql_program("initdb"), _postgresql_program("postgres")
    with _directory("postgres") as (directory, user):
        data = directory / "data"
        (directory / "password").write_text(PASSWORD)
        given: list[str | Path] = [
            "-D",
            data,
            "-U",
            "postgres",
            "-A",
            "scram-sha-256",
            "-N",
            "--locale=C.UTF-8",
        ]
        _run([initdb, *given, "--pwfile", directory / "password"], user)
        port = str(free_port())
        options = {
            "listen_addresses": "127.0.0.1,127.0.0.2",
            "port": port,
            "unix_socket_directories": str(directory),
            "fsync": "off",
        }
        if authority is not None:
            certificate, key = _certificate(directory, authority, user)
            options |= {"ssl": "on", "ssl_cert_file": certificate, "ssl_key_file": key}
        settings = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        ready: Program = [_postgresql_program("pg_isready"), "-h", "127.0.0.1", "-p", port]
        command: Program = [program, "-D", data, *settings]
        with _running(command, user, ready):
            yield {
                "hostname": "127.0.0.1",
                "port": port,
                "username": "postgres",
                "password": PASSWORD,
                "database": "postgres",
                "socket": str(directory),
            }


@contextmanager
def mariadb(authority: Authority | None = None) -> Iterator[Server]:
    """A MariaDB server, with TLS where there is an authority."""
    install, program = require("mariadb-install-db"), _system_program("mariadbd")
    with _directory("mysql") as (directory, user):
        data, socket = directory / "data", directory / "s"
        # Each removes what others left in their directory for temporary tables.
        place = ["--no-defaults", f"--datadir={data}", f"--tmpdir={directory}"]
        _run([install, *place, "--auth-root-authentication-method=normal"], user)
        port = str(free_port())
        given = [*place, f"--port={port}", f"--socket={socket}", "--bind-address=127.0.0.1"]
        given += ["--skip-log-bin", f"--pid-file={directory}/pid", "--skip-name-resolve"]
        if authority is not None:
            certificate, key = _certificate(directory, authority, user)
            given += [f"--ssl-cert={certificate}", f"--ssl-key={key}"]
        ready: Program = [
            require("mariadb-admin"),
            "--no-defaults",
            f"--socket={socket}",
            "-u",
            "root",
            "ping",
        ]
        command: Program = [program, *given]
        with _running(command, user, ready):
            yield {
                "hostname": "127.0.0.1",
                "port": port,
                "username": "root",
                "password": "",
                "database": "mysql",
                "socket": str(socket),
            }


@contextmanager
def _directory(user: str) -> Iterator[tuple[Path, str | None]]:
    """A directory for a server, and the user it runs as: these refuse to run as root."""
    directory = Path(tempfile.mkdtemp(prefix="guacr-sql-"))
    name = None
    if os.geteuid() == 0:
        name = user
        found = pwd.getpwnam(user)
        os.chown(directory, found.pw_uid, found.pw_gid)
    try:
        yield directory, name
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@contextmanager
def _running(command: Program, user: str | None, ready: Program) -> Iterator[None]:
    process = subprocess.Popen(
        command, user=user, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _until(lambda: subprocess.run(ready, capture_output=True, check=False).returncode == 0)
        yield
    finally:
        process.kill()
        process.wait()


def _run(command: Program, user: str | None) -> None:
    done = subprocess.run(command, user=user, cwd="/", capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + START_TIMEOUT
    while not condition():
        assert time.monotonic() < deadline, "the server does not start"
        time.sleep(POLL)


def _certificate(directory: Path, authority: Authority, user: str | None) -> tuple[str, str]:
    pair = authority.issue("server")
    paths = []
    for name, text in {"cert": pair.certificate, "key": pair.key}.items():
        path = directory / f"{name}.pem"
        path.write_text(text)
        path.chmod(0o600)
        if user is not None:
            shutil.chown(path, user)
        paths.append(str(path))
    return paths[0], paths[1]


def _postgresql_program(name: str) -> Path:
    """Debian keeps these out of the path."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return found[-1] if found else require(name)


def _system_program(name: str) -> Path:
    path = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if path is None:
        missing(f"{name} is not installed")
    return Path(str(path))
