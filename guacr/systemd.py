"""systemd's small protocols: sockets that it has opened, notifications of our state, its watchdog.

sd_listen_fds(3), sd_notify(3) and sd_watchdog_enabled(3) describe the variables.
"""

from __future__ import annotations

import asyncio
import os
import socket
import time

from guacr.errors import SettingsError, shorten

_FIRST_FD = 3
_DIGITS_MAX = 4
_WATCHDOG_DIGITS_MAX = 15


def is_activated() -> bool:
    """Return whether systemd has passed sockets that `activated_sockets` has not returned yet."""
    return os.environ.get("LISTEN_PID") == str(os.getpid())


def activated_sockets() -> list[socket.socket]:
    """Return the listening sockets that systemd passed to this process; empty if there are none.

    Raises:
        SettingsError: what was passed are not listening stream sockets.
    """
    if not is_activated():
        return []
    count = os.environ.get("LISTEN_FDS", "0")
    if not (count.isascii() and count.isdigit() and len(count) <= _DIGITS_MAX):
        raise SettingsError(f"LISTEN_FDS must be a number of sockets, not {shorten(count)}")
    sockets = [_listening(_FIRST_FD + number) for number in range(int(count))]
    for sock in sockets:
        sock.setblocking(False)
        os.set_inheritable(sock.fileno(), False)
    for name in ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"):
        os.environ.pop(name, None)
    return sockets


def _listening(number: int) -> socket.socket:
    """Return the socket with a file descriptor."""
    try:
        sock = socket.socket(fileno=number)
        listens = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    except OSError as error:
        raise SettingsError(
            f"LISTEN_FDS: file descriptor {number} is not a socket: {error.strerror}"
        ) from error
    if not listens or sock.type != socket.SOCK_STREAM:
        sock.close()
        raise SettingsError(
            f"LISTEN_FDS: file descriptor {number} is not a listening stream socket: check "
            "ListenStream and Accept=no in the socket unit"
        )
    return sock


def notify_reloading() -> None:
    """Notify systemd (`Type=notify-reload`) that the settings are being reloaded; `READY=1` ends
    it."""
    notify(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")


def notify(state: str) -> None:
    """Notify systemd, for example `READY=1`; do nothing without systemd, or if it does not read."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        try:
            sock.sendto(state.encode(), address)
        except OSError:
            return  # the receiver is gone, or reads nothing; nothing depends on it


async def feed_watchdog() -> None:
    """Notify systemd's watchdog, until this is cancelled, that the event loop is running; return at
    once if there is none for this process."""
    interval = _watchdog() / 3
    while interval > 0:
        notify("WATCHDOG=1")
        await asyncio.sleep(interval)


def _watchdog() -> float:
    """Return the seconds after which systemd ends a process that does not notify it; 0 for
    never."""
    text = os.environ.get("WATCHDOG_USEC", "")
    if os.environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return 0.0
    if not (text.isascii() and text.isdigit() and len(text) <= _WATCHDOG_DIGITS_MAX):
        return 0.0
    return int(text) / 1_000_000
