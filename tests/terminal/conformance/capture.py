"""Writes down what programs print on a terminal of 80 by 24: run it as a module to renew captures,
in a directory with a repository, a README.md and a pyproject.toml to show.

The captures are compared as bytes a host once sent; what is installed today does not matter to the
tests.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import struct
import sys
import termios
import time
from pathlib import Path

CAPTURES = Path(__file__).parent / "captures"
COLUMNS, ROWS = 80, 24
QUIET, LONGEST = 0.8, 6.0
"""Seconds without output after which a key is sent, and before a program is ended."""
BOUND = 60_000
"""Bytes of a capture."""
QUIET_EMACS = "(setq create-lockfiles nil)"
"""Has it leave no lock behind when it is ended."""

PROGRAMS: dict[str, tuple[list[str], list[bytes]]] = {
    "vim": (
        ["vim", "-Nu", "NONE", "--cmd", "syntax on", "pyproject.toml"],
        [b"\x06", b"ihello\x1b"],
    ),
    "nano": (["nano", "-I", "README.md"], [b"\x16", b"hello "]),
    "emacs": (
        ["emacs", "-nw", "-Q", "--eval", QUIET_EMACS, "pyproject.toml"],
        [b"\x16", b"hello ", b"\x182"],
    ),
    "less": (["less", "README.md"], [b" ", b"/the\r"]),
    "mc": (["mc", "-u"], [b"\t", b"\x1b[B\x1b[B"]),
    "htop": (["unshare", "-pf", "--mount-proc", "htop", "-d", "50"], [b"\x1b[B"]),
    "tmux": (
        ["tmux", "-L", "capture", "-f", "/dev/null", "new", "sh"],
        [b"ls\r", b"\x02%", b'\x02"'],
    ),
    "git log": (["git", "-c", "color.ui=always", "log", "--graph", "-n", "30"], [b" "]),
    "ls": (["ls", "--color=always", "-la"], []),
    "systemctl": (["systemctl", "--no-pager", "--help"], []),
}


def capture(command: list[str], keys: list[bytes]) -> bytes:
    """Return the output of a program, with these keys pressed in its pauses."""
    process, master = pty.fork()
    if process == 0:
        os.environ.update(TERM="xterm-256color", LANG="C.UTF-8", HOME="/nonexistent")
        os.execvp(command[0], command)
    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    data, started, waiting = b"", time.monotonic(), list(keys)
    while time.monotonic() - started < LONGEST and len(data) < BOUND:
        if select.select([master], [], [], QUIET)[0]:
            try:
                data += os.read(master, 65536)
            except OSError:
                break
        elif waiting:
            os.write(master, waiting.pop(0))
        else:
            break
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, 9)
    os.close(master)
    os.waitpid(process, 0)
    return data[:BOUND]


def main() -> None:
    """Renew the captures of the programs that are installed."""
    CAPTURES.mkdir(exist_ok=True)
    for name, (command, keys) in PROGRAMS.items():
        data = capture(command, keys)
        if len(data) > 200:
            (CAPTURES / f"{name.replace(' ', '-')}.bin").write_bytes(data)
        sys.stdout.write(f"{name}: {len(data)} bytes\n")


if __name__ == "__main__":
    main()
