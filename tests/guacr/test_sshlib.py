"""asyncssh is imported without a process, and with all that it finds."""

from __future__ import annotations

import ctypes.util
import subprocess
import sys

from guacr.sshlib import SSHPacket, asyncssh, find_library

WATCHED = """
import sys
started = []
def watch(event, args):
    if event in ("subprocess.Popen", "os.posix_spawn", "os.system", "os.exec", "os.fork"):
        started.append((event, args))
sys.addaudithook(watch)
import handlers.ssh, guacr.demo, guacr.cli
print(started)
"""


def test_no_process_is_started_by_importing() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WATCHED], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"


def test_libraries_are_found_as_by_ctypes() -> None:
    for name in ("nettle", "oqs", "z", "no-such-library"):
        expected = ctypes.util.find_library(name)
        assert (find_library(name) is None) == (expected is None), name


def test_asyncssh_leaves_ctypes_as_it_was() -> None:
    assert ctypes.util.find_library.__module__ == "ctypes.util"


def test_no_text_is_composed_for_packets_that_nobody_logs() -> None:
    class Unreadable(SSHPacket):
        def get_full_payload(self) -> bytes:
            raise AssertionError("it was read")

    connection = object.__new__(asyncssh.SSHClientConnection)
    connection.log_sent_packet(94, 1, Unreadable(b"secret"))
    connection.log_received_packet(94, 1, Unreadable(b"secret"))
