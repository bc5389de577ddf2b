"""systemd's two small protocols: sockets that it opened for us, and telling it how we are.

sd_listen_fds(3) and sd_notify(3) say what the variables mean.
"""

from __future__ import annotations

import os
import socket
import time

_FIRST_FD = 3


def activated_sockets() -> list[socket.socket]:
    """The listening sockets that systemd passed to this process; empty without any."""
    if os.environ.get("LISTEN_PID") != str(os.getpid()):
        return []
    count = int(os.environ.get("LISTEN_FDS", "0"))
    sockets = [socket.socket(fileno=_FIRST_FD + number) for number in range(count)]
    for sock in sockets:
        sock.setblocking(False)
        os.set_inheritable(sock.fileno(), False)
    for name in ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"):
        os.environ.pop(name, None)
    return sockets


def notify_reloading() -> None:
    """Tell systemd (`Type=notify-reload`) that the settings are read anew; `READY=1` ends it."""
    notify(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")


def notify(state: str) -> None:
    """Tell systemd, for example `READY=1`; nothing happens where it does not listen."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        try:
            sock.sendto(state.encode(), address)
        except OSError:
            return  # whoever asked to be told has gone; nothing depends on it
