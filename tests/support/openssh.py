"""A real OpenSSH server on a free port of 127.0.0.1, with its own host keys and users."""

from __future__ import annotations

import copy
import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from tests.support.unix_user import PATH, new_user
from tests.support.waiting import free_port

STARTED_WITHIN = 30.0
"""Seconds."""
HOST_KEY_TYPES = ("ed25519", "rsa")
RSA_BITS = "2048"
"""Made in a fraction of the time of OpenSSH's 3072."""


def sshd() -> str | None:
    """Return the path of the server; None if it is not installed."""
    return shutil.which("sshd", path=PATH)


class OpenSsh:
    """The server. Everyone logs in as `user`, by the keys of `authorize` and `certify`, and by
    `password` where that can be had (which takes root)."""

    def __init__(self, directory: Path, user: str, password: str) -> None:
        self.host = "127.0.0.1"
        self.port = free_port()
        self.user = user
        self.password = password
        """Empty: there is no login by password."""
        self.home = Path(pwd.getpwnam(user).pw_dir)
        self._directory = directory
        self._lines: Sequence[str] = ()
        self._process: subprocess.Popen[bytes] | None = None
        for kind in HOST_KEY_TYPES:
            self.keygen("-t", kind, "-b", RSA_BITS, "-f", f"host_{kind}", "-N", "")
        self.keygen("-t", "ed25519", "-f", "authority", "-N", "")
        self._authorized.touch()

    @property
    def address(self) -> dict[str, str]:
        """The parameters that name the server."""
        return {"hostname": self.host, "port": str(self.port)}

    @property
    def _authorized(self) -> Path:
        return self._directory / "authorized_keys"

    @property
    def pid(self) -> int:
        """Of the listening process."""
        assert self._process is not None
        return self._process.pid

    # ---- keys

    def keygen(self, *arguments: str) -> None:
        """Run ssh-keygen where the server's files are."""
        subprocess.run(
            ["ssh-keygen", "-q", *arguments],
            cwd=self._directory,
            check=True,
            stdin=subprocess.DEVNULL,
            timeout=60,
        )

    def file(self, name: str) -> Path:
        """A file beside the server's."""
        return self._directory / name

    def host_key(self, kind: str = "ed25519") -> str:
        """A host key as known_hosts has it, without the host's name."""
        return " ".join(self.file(f"host_{kind}.pub").read_text().split()[:2])

    def fingerprint(self, kind: str = "ed25519") -> str:
        """The SHA-256 fingerprint of a host key."""
        shown = subprocess.run(
            ["ssh-keygen", "-lf", str(self.file(f"host_{kind}.pub"))],
            check=True,
            capture_output=True,
            text=True,
            timeout=60,
        )
        return shown.stdout.split()[1]

    def make_key(self, *options: str, passphrase: str = "", authorize: bool = True) -> str:
        """A new private key; `options` are those of ssh-keygen."""
        name = f"key_{secrets.token_hex(4)}"
        self.keygen("-f", name, "-N", passphrase, *options)
        if authorize:
            with self._authorized.open("a") as file:
                file.write(self.file(f"{name}.pub").read_text())
        return self.file(name).read_text()

    def certify(self, key: str) -> str:
        """A certificate for a private key, signed by the server's authority."""
        name = f"key_{secrets.token_hex(4)}"
        path = self.file(name)
        path.touch(0o600)
        path.write_text(key)
        public = subprocess.run(
            ["ssh-keygen", "-y", "-f", str(path)], check=True, capture_output=True, timeout=60
        )
        self.file(f"{name}.pub").write_bytes(public.stdout)
        self.keygen("-s", "authority", "-I", "test", "-n", self.user, f"{name}.pub")
        return self.file(f"{name}-cert.pub").read_text()

    # ---- life

    def start(self) -> Self:
        """Listen."""
        config = self.file("sshd_config")
        config.write_text(self._config())
        with self.file("log").open("ab") as log:
            self._process = subprocess.Popen(
                [sshd() or "sshd", "-D", "-e", "-f", str(config)],
                stderr=log,
                stdin=subprocess.DEVNULL,
            )
        deadline = time.monotonic() + STARTED_WITHIN
        while True:
            try:
                socket.create_connection((self.host, self.port), 1).close()
                return self
            except OSError:
                assert self._process.poll() is None, self.file("log").read_text()
                assert time.monotonic() < deadline, "sshd does not listen"
                time.sleep(0.01)

    def stop(self) -> None:
        """End the listener; sessions go on."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
            self._process = None

    @contextmanager
    def variant(self, *lines: str) -> Iterator[dict[str, str]]:
        """A second server with the same keys and users, and with these lines before its other
        settings, which sshd then leaves as they are; the parameters that name it."""
        other = copy.copy(self)
        other.port, other._lines = free_port(), lines
        other.start()
        try:
            yield other.address
        finally:
            other.stop()

    def _config(self) -> str:
        lines = [
            *self._lines,
            f"ListenAddress {self.host}",
            f"Port {self.port}",
            *(f"HostKey {self.file(f'host_{kind}')}" for kind in HOST_KEY_TYPES),
            f"AuthorizedKeysFile {self._authorized}",
            f"TrustedUserCAKeys {self.file('authority.pub')}",
            f"PasswordAuthentication {'yes' if self.password else 'no'}",
            "KbdInteractiveAuthentication no",
            "UsePAM no",
            "PermitRootLogin yes",
            "StrictModes no",
            "PidFile none",
            "AcceptEnv LANG TZ",
            "AllowAgentForwarding yes",
            "PrintMotd no",
            "PrintLastLog no",
            "MaxStartups 200",
            "LogLevel ERROR",
        ]
        if not any(line.startswith("Subsystem") for line in self._lines):
            lines.append("Subsystem sftp internal-sftp")
        return "\n".join(lines) + "\n"


@contextmanager
def openssh_server() -> Iterator[OpenSsh]:
    """A running server, with a user of its own if this process may make one."""
    with _directory() as directory, new_user() as (name, password):
        server = OpenSsh(directory, name, password).start()
        try:
            yield server
        finally:
            server.stop()


@contextmanager
def _directory() -> Iterator[Path]:
    directory = Path(tempfile.mkdtemp(prefix="guacr-sshd-"))
    directory.chmod(0o755)
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # where it confines itself; systemd makes it
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)
