"""What a worker can no longer do, as root and as an ordinary user."""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from handlers.rdp.worker.confine import NOBODY
from tests.support.require import missing

ORDINARY = 12_345
"""A user id that nobody has."""
PROBE = """\
import ctypes, fcntl, json, os, resource, socket, subprocess, sys, threading
from handlers.rdp.worker.confine import confine

user, home, secret, own = int(sys.argv[1]), *sys.argv[2:]
if os.getuid() != user:
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)
other = subprocess.Popen(["cat"], stdout=subprocess.DEVNULL).pid  # ends with standard input
held = os.open("/dev/null", os.O_RDONLY)
kept = os.dup(held)
confine([kept], home)
libc = ctypes.CDLL(None, use_errno=True)

def outcome(function, *arguments):
    try:
        function(*arguments)
    except OSError as error:
        return error.strerror
    return "done"

def call(name, *arguments):
    if libc[name](*arguments) < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))

print(json.dumps({
    "inet": outcome(socket.socket, socket.AF_INET),
    "unix": outcome(socket.socket, socket.AF_UNIX),
    "fork": outcome(os.fork),
    "spawn": outcome(os.posix_spawn, "/usr/bin/true", ["true"], {}),
    "exec": outcome(os.execv, "/usr/bin/true", ["true"]),
    "kill parent": outcome(os.kill, os.getppid(), 0),
    "tgkill parent": outcome(call, "tgkill", os.getppid(), os.getppid(), 0),
    "tgkill self": outcome(call, "tgkill", os.getpid(), threading.get_native_id(), 0),
    "limit other": outcome(resource.prlimit, other, resource.RLIMIT_NOFILE, (5, 5)),
    "limit self": outcome(resource.prlimit, os.getpid(), resource.RLIMIT_NPROC),
    "pin other": outcome(os.sched_setaffinity, other, {0}),
    "schedule other": outcome(os.sched_setscheduler, other, os.SCHED_IDLE, os.sched_param(0)),
    "slow other": outcome(os.setpriority, os.PRIO_PROCESS, other, 19),
    "signal owner": outcome(fcntl.fcntl, kept, fcntl.F_SETOWN, other),
    "signal number": outcome(fcntl.fcntl, kept, 10, 9),
    "signal owner by ioctl": outcome(fcntl.ioctl, kept, 0x8901, b"0000"),
    "get flags": outcome(fcntl.fcntl, kept, fcntl.F_GETFL),
    "chmod own": outcome(os.chmod, own, 0o777),
    "utime own": outcome(os.utime, own, (0, 0)),
    "setxattr own": outcome(os.setxattr, own, "user.x", b"1"),
    "truncate own": outcome(os.truncate, own, 0),
    "unlink own": outcome(os.unlink, own),
    "shared memory": outcome(call, "shmget", 0, 4096, 0o1600),
    "semaphores": outcome(call, "semget", 0, 1, 0o1600),
    "queues": outcome(call, "msgget", 0, 0o1600),
    "ptrace": outcome(call, "ptrace", 16, os.getppid(), 0, 0),
    "mount": outcome(call, "mount", b"none", b"/mnt", b"tmpfs", 0, None),
    "unshare": outcome(call, "unshare", 0x10000000),
    "read /usr": outcome(open, "/usr/bin/env", "rb"),
    "read /etc/passwd": outcome(open, "/etc/passwd"),
    "read a secret": outcome(open, secret),
    "list /etc/ssl": outcome(os.listdir, "/etc/ssl"),
    "list certificates": outcome(os.listdir, "/etc/ssl/certs"),
    "list /": outcome(os.listdir, "/"),
    "list home": outcome(os.listdir, home),
    "write home": outcome(open, home + "/new", "w"),
    "write /tmp": outcome(open, "/tmp/guacr-confined", "w"),
    "thread": outcome(threading.Thread(target=int).start),
    "setuid": outcome(os.setuid, 0),
    "dumpable": libc.prctl(3, 0, 0, 0, 0),
    "environment": dict(os.environ),
    "kept": outcome(os.fstat, kept),
    "held": outcome(os.fstat, held),
}), flush=True)
sys.stdin.read()
"""
DENIED, NO_ACCESS = "Operation not permitted", "Permission denied"
EXPECTED = {
    "inet": DENIED,
    "unix": DENIED,
    "fork": DENIED,
    "spawn": DENIED,
    "exec": DENIED,
    "kill parent": DENIED,
    "tgkill parent": DENIED,
    "tgkill self": "done",
    "limit other": DENIED,
    "limit self": "done",
    "pin other": DENIED,
    "schedule other": DENIED,
    "slow other": DENIED,
    "signal owner": DENIED,
    "signal number": DENIED,
    "signal owner by ioctl": DENIED,
    "get flags": "done",
    "chmod own": DENIED,
    "utime own": DENIED,
    "setxattr own": DENIED,
    "truncate own": DENIED,
    "unlink own": NO_ACCESS,
    "shared memory": DENIED,
    "semaphores": DENIED,
    "queues": DENIED,
    "ptrace": DENIED,
    "mount": DENIED,
    "unshare": DENIED,
    "read /usr": "done",
    "read /etc/passwd": NO_ACCESS,
    "read a secret": NO_ACCESS,
    "list /etc/ssl": NO_ACCESS,
    "list certificates": "done",
    "list /": NO_ACCESS,
    "list home": "done",
    "write home": NO_ACCESS,
    "write /tmp": NO_ACCESS,
    "thread": "done",
    "dumpable": 0,
    "kept": "done",
    "held": "Bad file descriptor",
}


@dataclass
class Confined:
    """A confined process: what it found, and what the kernel says of it."""

    found: dict[str, Any]
    status: dict[str, str]
    limits: str
    network: str
    descriptors: set[str]


@pytest.fixture(params=["root", "ordinary"])
def user(request: pytest.FixtureRequest) -> int:
    if os.geteuid() != 0:
        if request.param == "root":
            missing("only root can be confined as root")
        return os.geteuid()
    return 0 if request.param == "root" else ORDINARY


@pytest.fixture
def confined(user: int, tmp_path: Path) -> Iterator[Confined]:
    secret, home = tmp_path / "secret", tmp_path / "home"
    secret.write_text("secret")
    home.mkdir()
    own = tmp_path / "own"
    own.write_text("own")
    if os.geteuid() == 0:
        os.chown(own, user or NOBODY, user or NOBODY)
    for path in (tmp_path, *tmp_path.parents[:3], home, secret):
        path.chmod(path.stat().st_mode | 0o755)
    with subprocess.Popen(
        [sys.executable, "-c", PROBE, str(user), *map(str, (home, secret, own))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"SECRET": "1"},
    ) as process:
        assert process.stdin
        assert process.stdout
        line = process.stdout.readline()
        place = Path(f"/proc/{process.pid}")
        lines = (place / "status").read_text().splitlines()
        yield Confined(
            json.loads(line),
            {name: value.strip() for name, _, value in (text.partition(":") for text in lines)},
            (place / "limits").read_text(),
            str((place / "ns/net").readlink()) if os.geteuid() == 0 else "",
            {entry.name for entry in (place / "fd").iterdir()} if os.geteuid() == 0 else set(),
        )
        process.stdin.close()


def can_make_namespaces(user: int) -> bool:
    """Return whether an ordinary user can, which some systems and containers forbid."""
    command = ("setpriv", f"--reuid={user}", "--clear-groups", "unshare", "--user", "--net", "true")
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def test_confined(confined: Confined, user: int, tmp_path: Path) -> None:
    environment = confined.found.pop("environment")
    if ctypes.CDLL(None).syscall(444, None, 0, 1) < 1:  # there is no Landlock
        for name in [name for name, result in EXPECTED.items() if result == NO_ACCESS]:
            del confined.found[name]
    assert confined.found.pop("setuid") in (DENIED, "Invalid argument")
    assert EXPECTED | confined.found == EXPECTED
    assert environment == {"HOME": str(tmp_path / "home")}
    status = confined.status
    assert status["NoNewPrivs"] == "1"
    assert status["Seccomp"] == "2"
    assert {int(status[name], 16) for name in ("CapEff", "CapPrm", "CapInh")} == {0}
    if user == 0:
        assert status["Uid"].split() == status["Gid"].split() == ["65534"] * 4
        assert status["Groups"] == ""
    for name, limit in (("core file size", 0), ("file size", 0), ("open files", 256)):
        assert f"Max {name}".ljust(26) + str(limit).ljust(21) + str(limit) in confined.limits
    assert "Max address space         unlimited" not in confined.limits
    if os.geteuid() == 0:
        assert len(confined.descriptors) == 4
        if user == 0 or can_make_namespaces(user):
            assert confined.network != str(Path("/proc/self/ns/net").readlink())
