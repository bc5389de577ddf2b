"""A user of this machine, for servers that people log in to."""

from __future__ import annotations

import os
import pwd
import secrets
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

LOCKED_TRIES = 100
"""A tenth of a second apart."""
UIDS = range(20_000, 50_000)
"""Numbers of users. The next free one may be that of a user who has gone, and whose processes have
not: tests would wait for their end."""
PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])


@contextmanager
def new_user() -> Iterator[tuple[str, str]]:
    """A user and its password; without root this user, who cannot log in by password."""
    if os.geteuid() != 0:
        yield pwd.getpwuid(os.getuid()).pw_name, ""
        return
    name, password = f"guacr{secrets.token_hex(4)}", secrets.token_hex(8)
    uid = str(secrets.choice(UIDS))
    _run(["useradd", "--create-home", "--shell", "/bin/bash", "--uid", uid, name])
    try:
        _run(["chpasswd"], f"{name}:{password}\n")
        yield name, password
    finally:
        _run(["userdel", "--remove", "--force", name])


def _run(command: Sequence[str], text: str = "") -> None:
    """Run a command that changes the users; another one at the same time makes it fail."""
    environment = {**os.environ, "PATH": PATH}
    for _ in range(LOCKED_TRIES):
        done = subprocess.run(
            command, input=text, text=True, capture_output=True, env=environment, timeout=60
        )
        if done.returncode == 0:
            return
        if "lock" not in done.stderr:
            break
        time.sleep(0.1)
    raise AssertionError(f"{command[0]} failed: {done.stderr}")
