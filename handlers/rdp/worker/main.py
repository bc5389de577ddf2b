"""A worker process: a client on its main thread, and a thread that reads the daemon's messages."""

from __future__ import annotations

import mmap
import os
import socket
import sys
import threading
import time
import traceback
from pathlib import Path
from queue import SimpleQueue
from typing import NoReturn

from handlers.rdp.channel import memory
from handlers.rdp.channel.codec import ChannelError, Message, Parser
from handlers.rdp.channel.messages import (
    TO_WORKER,
    BinarySetting,
    Certificate,
    CertificateVerdict,
    Layout,
    Remark,
    Setting,
    Start,
    Stop,
)
from handlers.rdp.channel.pipes import PipeGiven, PipeOffer, PipeTaken
from handlers.rdp.channel.virtual import Recorded
from handlers.rdp.worker.client import Engine, UnavailableError

READ_MAX = 1 << 16
FRAMES_MAX, REMARK_MAX = 6, 2000
"""Places and characters of a reported error."""
ENDED, LOST, BROKEN = 0, 1, 2
"""Exit codes: after `Ended`, without a daemon, and after an unknown message or an error."""


class Worker:
    """The daemon's side of a client, and its process.

    Args:
        engine: shows the desktop.
        channel: the connection to the daemon.
        shared: the descriptor of the shared memory.
        sock: the connection to the server.
    """

    def __init__(self, engine: Engine, channel: socket.socket, shared: int, sock: int) -> None:
        self._channel = channel
        self._sending = threading.Lock()
        self._memory = mmap.mmap(shared, memory.SIZE)
        os.close(shared)
        self._header = memory.header(self._memory)
        self._name = engine.name
        self._client = engine.connect(self, sock, self._memory, self._header)
        self._starts: SimpleQueue[Start] = SimpleQueue()
        self._has_started = False
        self._verdicts: SimpleQueue[CertificateVerdict] = SimpleQueue()

    def run(self) -> NoReturn:
        """Show the desktop, and end the process."""
        threading.excepthook = sys.unraisablehook = self._report_hook
        threading.Thread(target=self._read, name="daemon", daemon=True).start()
        try:
            start = self._starts.get()
            os.environ["TZ"] = start.timezone or "UTC"
            time.tzset()
            self.send(self._client.run(start))
        except Exception as error:  # noqa: BLE001 -- an error of guacr's own
            self._report(error)
            os._exit(BROKEN)
        self._channel.shutdown(socket.SHUT_WR)
        os._exit(ENDED)

    # ---- for the client

    def send(self, message: Message) -> None:
        """Send a message, waiting for a daemon that does not read."""
        try:
            with self._sending:
                self._channel.sendall(message.encode())
        except OSError:
            os._exit(LOST)

    def verify(self, pem: bytes) -> bool:
        """Return the daemon's verdict on a certificate."""
        self.send(Certificate(pem))
        return self._verdicts.get().accepted

    def note_busy(self, busy: bool) -> None:
        """Set the header's time."""
        self._header[memory.BUSY_SINCE] = time.monotonic_ns() if busy else 0

    def note_handled(self) -> None:
        """Count a message."""
        self._header[memory.HANDLED] += 1

    # ---- from the daemon

    def _read(self) -> None:
        parser = Parser(TO_WORKER)
        try:
            while data := self._channel.recv(READ_MAX):
                for message in parser.feed(data):
                    self._take(message)
        except ChannelError:
            os._exit(BROKEN)
        except OSError:
            pass
        except Exception as error:  # noqa: BLE001 -- of guacr's own: without this thread, all hangs
            self._report(error)
            os._exit(BROKEN)
        os._exit(LOST)  # there is nobody to show anything to

    def _take(self, message: Message) -> None:
        if isinstance(message, Setting | BinarySetting) or (
            isinstance(message, Layout) and not self._has_started
        ):
            self._configure(message)
        elif isinstance(message, Start):
            self._has_started = True
            self._starts.put(message)
        elif isinstance(message, CertificateVerdict):
            self._verdicts.put(message)
        elif isinstance(message, PipeOffer | PipeGiven | PipeTaken):
            self._client.static_channels.handle(message)
        elif isinstance(message, Recorded):
            self._client.microphone.take(message)
        elif isinstance(message, Stop):
            self._client.stop()
        else:
            self._client.post(message)

    def _configure(self, message: Setting | BinarySetting | Layout) -> None:
        try:
            known = self._client.configure(message)
        except UnavailableError:
            known = False
        if not known:
            name = "of monitors" if isinstance(message, Layout) else message.name
            self.send(Remark(f"{self._name} has no setting {name}, or not this value"))

    # ---- errors of guacr's own, which have no other way to the log

    def _report(self, error: BaseException) -> None:
        frames = traceback.extract_tb(error.__traceback__, -FRAMES_MAX)
        places = ", ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in frames)
        text = f"{type(error).__name__}: {error} ({places})"
        self.send(Remark(text[:REMARK_MAX], is_error=True))

    def _report_hook(self, failed: threading.ExceptHookArgs | sys.UnraisableHookArgs) -> None:
        """Report an exception in a thread, or in what FreeRDP has called."""
        if failed.exc_value is not None:
            self._report(failed.exc_value)
