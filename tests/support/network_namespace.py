"""Network namespaces with TUN devices, for tests that need a network of their own."""

from __future__ import annotations

import ctypes
import fcntl
import os
import secrets
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.require import missing, require

TUN = Path("/dev/net/tun")
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
CLONE_NEWNET = 0x40000000


def check_namespaces() -> None:
    """Skip the test where there are no namespaces: only root can make them."""
    if os.geteuid() != 0:
        pytest.skip("only root can make network namespaces")
    require("ip")
    if not TUN.exists():
        missing("the kernel has no TUN devices")


@contextmanager
def namespace() -> Iterator[str]:
    """Make a namespace with a loopback interface."""
    name = f"guacr-{secrets.token_hex(4)}"
    ip("netns", "add", name)
    try:
        ip("-n", name, "link", "set", "lo", "up")
        yield name
    finally:
        ip("netns", "delete", name)


@contextmanager
def tun_device(namespace: str, device: str, *addresses: str) -> Iterator[int]:
    """Make a TUN device in a namespace; its packets are read from and written to a file.

    Each of `addresses` has the words of `ip address add`.
    """
    with inside(namespace):
        opened = os.open(TUN, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        request = struct.pack("16sH22x", device.encode(), IFF_TUN | IFF_NO_PI)
        fcntl.ioctl(opened, TUNSETIFF, request)
        for address in addresses:
            ip("-n", namespace, "address", "add", *address.split(), "dev", device)
        ip("-n", namespace, "link", "set", device, "up")
        yield opened
    finally:
        os.close(opened)


@contextmanager
def inside(namespace: str) -> Iterator[None]:
    """Move this thread into a namespace as long as the block lasts."""
    with Path("/proc/thread-self/ns/net").open() as home:
        with Path("/run/netns", namespace).open() as there:
            _enter(there.fileno())
        try:
            yield
        finally:
            _enter(home.fileno())


def _enter(namespace: int) -> None:
    if ctypes.CDLL(None, use_errno=True).setns(namespace, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "cannot enter a network namespace")


def ip(*arguments: str) -> None:
    """Run `ip`, or skip the test where it is not permitted."""
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True)
    if done.returncode != 0:
        missing(f"network namespaces are not permitted: {done.stderr.strip()}")
