"""Real PostgreSQL and MariaDB servers, each in a directory and on a port of its own."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.certificates import Authority
from tests.support.require import missing, require
from tests.support.server_process import Program, ServerProcess
from tests.support.waiting import free_port

PASSWORD = "right"

Server = dict[str, str]
"""The parameters that name it, and `socket`: what `hostname` is for its Unix socket."""


@contextmanager
def postgresql(authority: Authority | None = None) -> Iterator[Server]:
    """A PostgreSQL server, with TLS where there is an authority."""
    with postgresql_process(authority) as (server, _):
        yield server


@contextmanager
def postgresql_process(
    authority: Authority | None = None,
) -> Iterator[tuple[Server, ServerProcess]]:
    """The same, and its process."""
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
        server = {
            "hostname": "127.0.0.1",
            "port": port,
            "username": "postgres",
            "password": PASSWORD,
            "database": "postgres",
            "socket": str(directory),
        }
        with ServerProcess(command, ready, user) as process:
            yield server, process


@contextmanager
def mariadb(authority: Authority | None = None) -> Iterator[Server]:
    """A MariaDB server, with TLS where there is an authority."""
    with mariadb_process(authority) as (server, _):
        yield server


@contextmanager
def mariadb_process(
    authority: Authority | None = None,
) -> Iterator[tuple[Server, ServerProcess]]:
    """The same, and its process."""
    install, program = require("mariadb-install-db"), _system_program("mariadbd")
    with _directory("mysql") as (directory, user):
        data, socket = directory / "data", directory / "s"
        # Each removes what others left in their directory for temporary tables.
        place = ["--no-defaults", f"--datadir={data}", f"--tmpdir={directory}"]
        _run([install, *place, "--auth-root-authentication-method=normal"], user)
        port = str(free_port())
        given = [*place, f"--port={port}", f"--socket={socket}"]
        given += ["--bind-address=127.0.0.1,127.0.0.2"]
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
        server = {
            "hostname": "127.0.0.1",
            "port": port,
            "username": "root",
            "password": "",
            "database": "mysql",
            "socket": str(socket),
        }
        with ServerProcess(command, ready, user) as process:
            yield server, process


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


def _run(command: Program, user: str | None) -> None:
    done = subprocess.run(command, user=user, cwd="/", capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()


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
