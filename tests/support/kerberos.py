"""A Kerberos realm on a free port of 127.0.0.1, with a key distribution centre of MIT's."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.waiting import free_port

REALM = "GUACR.TEST"
HOST = "localhost"
PASSWORD = "a password of the realm"
STARTED_WITHIN = 30.0
PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
PROGRAMS = ("krb5kdc", "kdb5_util", "kadmin.local", "kinit")

CLIENT = """[libdefaults]
default_realm = {realm}
dns_lookup_kdc = false
dns_canonicalize_hostname = false
rdns = false
udp_preference_limit = 1
[realms]
{realm} = {{
    kdc = 127.0.0.1:{port}
}}
[domain_realm]
{host} = {realm}
"""
CENTRE = """[kdcdefaults]
kdc_listen = ""
kdc_tcp_listen = 127.0.0.1:{port}
[realms]
{realm} = {{
    database_name = {directory}/principal
    key_stash_file = {directory}/stash
    acl_file = {directory}/acl
}}
"""


def missing_program() -> str:
    """A program that is needed and not installed, if there is one."""
    return next((name for name in PROGRAMS if shutil.which(name, path=PATH) is None), "")


class Realm:
    """The realm, with a service principal of the SSH server at localhost."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.environment = {
            "KRB5_CONFIG": str(directory / "krb5.conf"),
            "KRB5_KDC_PROFILE": str(directory / "kdc.conf"),
            "KRB5_KTNAME": str(directory / "keytab"),
        }
        """For every program that takes part."""
        values = {"realm": REALM, "port": self._port, "host": HOST, "directory": directory}
        (directory / "krb5.conf").write_text(CLIENT.format(**values))
        (directory / "kdc.conf").write_text(CENTRE.format(**values))
        self._run("kdb5_util", "create", "-s", "-r", REALM, "-P", "master")
        self._administer(f"addprinc -randkey host/{HOST}")
        self._administer(f"ktadd -k {directory / 'keytab'} host/{HOST}")

    def start(self) -> None:
        """Give out tickets."""
        program = shutil.which("krb5kdc", path=PATH) or "krb5kdc"
        self._process = subprocess.Popen(
            [program, "-n"],
            env=os.environ | self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def stop(self) -> None:
        """Give out no more."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)

    def tickets(self, user: str, *options: str) -> str:
        """A credential cache with tickets of a new account."""
        self._administer(f'addprinc -pw "{PASSWORD}" {user}')
        cache = f"FILE:{self._directory / user}.tickets"
        deadline = time.monotonic() + STARTED_WITHIN
        while True:  # the centre may not listen yet
            try:
                self._run("kinit", "-c", cache, *options, f"{user}@{REALM}", given=f"{PASSWORD}\n")
                return cache
            except subprocess.CalledProcessError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)

    def _administer(self, query: str) -> None:
        self._run("kadmin.local", "-r", REALM, "-q", query)

    def _run(self, program: str, *arguments: str, given: str = "") -> None:
        subprocess.run(
            [shutil.which(program, path=PATH) or program, *arguments],
            env=os.environ | self.environment,
            check=True,
            capture_output=True,
            text=True,
            input=given,
            timeout=30,
        )


@contextmanager
def kerberos_realm() -> Iterator[Realm]:
    """A realm that gives out tickets."""
    with tempfile.TemporaryDirectory(prefix="guacr-realm-") as name:
        realm = Realm(Path(name))
        realm.start()
        try:
            yield realm
        finally:
            realm.stop()
