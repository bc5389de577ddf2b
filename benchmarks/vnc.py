"""A VNC session without a network: recorded updates of an xterm, decoded, drawn and sent on."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event, Thread
from unittest.mock import patch

from benchmarks.motion import Viewer
from benchmarks.table import print_table
from guacr.protocol.client import ClientInfo
from guacr.session.protocols import Protocols
from guacr.session.registry import SessionRegistry
from guacr.settings.models import Settings
from handlers.vnc import VncHandler
from handlers.vnc.options import client_options
from handlers.vnc.params import VncParams
from handlers.vnc.rfb import events, messages
from handlers.vnc.rfb.client import RfbClient
from handlers.vnc.rfb.handshake import Credentials
from handlers.vnc.rfb.input import Wait
from tests.support.xvnc import xvnc

SIZE = (1024, 768)
UPDATES = 150
RATE = 60
"""Maximum updates per second."""
SHOWN_WITHIN = 0.2
"""Seconds after which an update that changes nothing is no longer waited for."""
HANDSHAKE = (b"RFB 003.008\n", b"\1\1", b"\0\0\0\0")
"""The bytes of a server without a password before its desktop's description."""
ENCODINGS = ("tight", "zrle", "hextile", "raw")
LISTING = "while :; do ls -l --color=always /usr/bin; done"
XTERM = ("xterm", "-geometry", "100x40+10+10", "-e", "sh", "-c", LISTING)

Recording = Sequence[bytes]
"""The description of a desktop, and its updates."""


async def record(encoding: str) -> Recording:
    """Record what Xvnc sends while an xterm lists files."""
    options = client_options(VncParams(encodings=encoding), 0)
    client, updates = RfbClient(options, Credentials()), 0
    recording: list[bytes] = []
    async with xvnc(size=SIZE) as desktop:
        desktop.start(*XTERM)
        await asyncio.sleep(1)
        reader, writer = await asyncio.open_connection("127.0.0.1", desktop.port)
        part = b""
        while updates < UPDATES:
            part += (data := await reader.read(1 << 18))
            found = _fed(client, data)
            writer.write(client.take_output())
            for event in found:
                if isinstance(event, events.Fence):  # Xvnc sends no more until it is answered
                    writer.write(messages.fence(event.flags & 7, event.payload))
            if any(isinstance(event, events.UpdateEnded) for event in found):
                updates += 1
            elif recording or client.size == (0, 0):
                continue
            writer.write(messages.request_update(*client.size, incremental=bool(updates)))
            recording.append(part)
            part = b""
        writer.close()
    return [recording[0][sum(map(len, HANDSHAKE)) :], *recording[1:]]


def _fed(client: RfbClient, data: bytes) -> list[events.Event]:
    found = client.feed(data)
    while client.waits_for is not Wait.INPUT:
        found += client.go_on(inline=client.waits_for is not Wait.THREAD)
    return found


@contextmanager
def timed_callbacks() -> Iterator[list[float]]:
    """Collect the processor time that each callback of event loops takes, in seconds."""
    found: list[float] = []
    run = asyncio.Handle._run

    def timed(handle: asyncio.Handle) -> None:
        started = time.thread_time()
        run(handle)
        found.append(time.thread_time() - started)

    with patch.object(asyncio.Handle, "_run", timed):
        yield found


class Player:
    """A server that sends a recording to one client from a thread: each update once the last has
    been shown, and no sooner than `RATE` allows."""

    def __init__(self, recording: Recording, shown: Callable[[], int]) -> None:
        self._recording = recording
        self._shown = shown
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self.cpu = 0.0
        """Seconds of processor time that it has taken."""
        self.started = Event()
        """Set once the first update has been shown."""
        self.thread = Thread(target=self._play)
        self.thread.start()

    def _play(self) -> None:
        with self._socket, self._socket.accept()[0] as client:
            for part in HANDSHAKE:
                client.sendall(part)
                client.recv(1 << 16)
            client.sendall(self._recording[0])
            for number, update in enumerate(self._recording[1:]):
                if number == 1:
                    self.started.set()
                    self.cpu = -time.thread_time()
                shown, sent_at = self._shown(), time.perf_counter()
                client.sendall(update)
                time.sleep(1 / RATE)
                while self._shown() == shown and time.perf_counter() < sent_at + SHOWN_WITHIN:
                    time.sleep(0.002)
            self.cpu += time.thread_time()


async def measure(name: str, recording: Recording) -> list[object]:
    """Play a recording to a session with one viewer."""
    executor = ThreadPoolExecutor(os.cpu_count())
    registry = SessionRegistry(Protocols({"vnc": VncHandler}), Settings(), executor)
    viewer, player = Viewer(), Player(recording, lambda: viewer.frames)
    info = ClientInfo(width=SIZE[0], height=SIZE[1], image=("image/png", "image/jpeg"))
    values = {"hostname": "127.0.0.1", "port": str(player.port), "disable-display-resize": "true"}
    registry.open("vnc", values, info, viewer)
    await asyncio.to_thread(player.started.wait)
    with timed_callbacks() as callbacks:
        cpu, first = time.process_time(), viewer.bytes
        await asyncio.to_thread(player.thread.join)
        cpu = time.process_time() - cpu - player.cpu
    await registry.close()
    executor.shutdown()
    updates = len(recording) - 1
    row = [1000 * cpu / updates, viewer.frames / updates, (viewer.bytes - first) / updates / 1000]
    return [name, *row, sum(map(len, recording)) / updates / 1000, 1000 * max(callbacks)]


def main() -> None:
    """Measure and print."""
    if not shutil.which("Xvnc") or not shutil.which("xterm"):
        print("\nVNC: there is no Xvnc or xterm", file=sys.stderr)
        return
    rows = [asyncio.run(measure(name, asyncio.run(record(name)))) for name in ENCODINGS]
    heads = ["", "CPU ms an update", "frames", "KB sent", "KB received", "longest callback, ms"]
    print_table("VNC: an xterm that lists files, 1024x768", heads, rows)
