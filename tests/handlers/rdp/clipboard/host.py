"""The host's side of the clipboard, without a worker."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from guacr.api import FileSystem, Rights
from guacr.budget import Budget
from guacr.settings.models import RdpSettings, Settings
from handlers.rdp.channel.codec import PART_MAX, Message
from handlers.rdp.channel.pipes import PipeGiven, PipeOffer, PipeReceived, PipeTaken, PipeWritten
from handlers.rdp.clipboard import pdu
from handlers.rdp.clipboard.channel import NAME
from handlers.rdp.clipboard.clipboard import Clipboard
from handlers.rdp.clipboard.formats import TYPES
from tests.support.waiting import until

LIMIT = 1000
FILES_LIMIT = 1 << 20
CAPABILITIES = pdu.LONG_NAMES | pdu.FILES | pdu.NO_PATHS | pdu.CAN_LOCK | pdu.HUGE_FILES


class Person:
    """A user, and the file systems that are offered to it."""

    def __init__(self, **rights: bool) -> None:
        self.rights = Rights(**rights)
        self.objects = self
        self.offered: dict[int, FileSystem] = {}

    def offer(self, files: FileSystem) -> int | None:
        if self.rights.read_only:
            return None
        self.offered[len(self.offered)] = files
        return len(self.offered) - 1

    def withdraw(self, index: int) -> None:
        del self.offered[index]

    @property
    def folder(self) -> FileSystem:
        (folder,) = self.offered.values()
        return folder


class Host:
    """A host, a worker that passes everything on, and a session without users."""

    def __init__(
        self,
        limit: int = LIMIT,
        line_ends: str = "",
        memory: int = 1 << 30,
        users: tuple[Person, ...] = (),
        **terms: bool,
    ) -> None:
        self.clipboard_limit = limit
        self.clipboard_types = frozenset(TYPES)
        self.memory = Budget(memory, "session.max_memory")
        self.log = logging.getLogger("guacr.session")
        self.users = users
        self.settings = Settings(rdp=RdpSettings(max_clipboard_files=FILES_LIMIT))
        self.sent: list[dict[str, bytes]] = []
        """What users have been sent."""
        self.received: list[tuple[int, bytes]] = []
        """Types and contents of the messages for the host."""
        self.offers: list[PipeOffer] = []
        self.confirms = True
        """True if the worker reports what it has written."""
        self.reads = asyncio.Event()
        """Set if the worker reads."""
        self.reads.set()
        self._parts = bytearray()
        self._tasks: set[asyncio.Task[None]] = set()
        session: Any = self
        self.clipboard = Clipboard(session, line_ends, **terms)

    # ---- as a session

    def send_clipboard(self, mimetype: str, data: bytes, *, others: dict[str, bytes]) -> None:
        assert others[mimetype] == data
        self.sent.append(dict(others))

    def start_task(self, work: Coroutine[None, None, None], _name: str) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    # ---- as an engine

    def send(self, messages: list[Message]) -> None:
        for message in messages:
            match message:
                case PipeOffer():
                    self.offers.append(message)
                case PipeGiven():
                    self._collect(message)
                case PipeTaken():
                    pass

    async def send_slowly(self, messages: list[Message]) -> None:
        for message in messages:
            await self.reads.wait()
            self.send([message])
            await asyncio.sleep(0)

    def _collect(self, part: PipeGiven) -> None:
        assert part.name == NAME
        self._parts += part.data
        if part.last:
            kind, flags, size = pdu.HEADER.unpack_from(self._parts)
            body = bytes(self._parts[pdu.HEADER.size :])
            assert len(body) == size
            self._parts.clear()
            is_answer = kind in (pdu.DATA_RESPONSE, pdu.FILE_RESPONSE)
            self.received.append((-kind if is_answer and flags & pdu.FAILED else kind, body))
            if self.confirms:
                self.clipboard.handle(PipeWritten(NAME))

    # ---- as a host

    def say(self, message: bytes) -> None:
        """Send a message, in parts."""
        for start in range(0, len(message), PART_MAX):
            end = start + PART_MAX
            part = PipeReceived(NAME, message[start:end], last=end >= len(message))
            self.clipboard.handle(part)

    def begin(self, capabilities: int = CAPABILITIES) -> None:
        engine: Any = self
        self.clipboard.begin(engine)
        assert self.offers == [PipeOffer(NAME, shows_protocol=True)]
        self.say(pdu.capabilities(capabilities))
        self.say(pdu.HEADER.pack(pdu.MONITOR_READY, 0, 0))

    def announce(self, formats: dict[str, int]) -> None:
        """Copy something in these formats."""
        self.say(pdu.format_list(formats, long_names=True))

    def take(self) -> list[tuple[int, bytes]]:
        """Return the messages for the host since the last call."""
        received, self.received = self.received, []
        return received

    async def next(self, *kinds: int) -> list[bytes]:
        """Wait for the next messages, which are of these types; return their contents."""
        await until(lambda: len(self.received) >= len(kinds), "messages for the host")
        received = self.take()
        assert tuple(kind for kind, _ in received) == kinds
        return [body for _, body in received]

    async def close(self) -> None:
        self.clipboard.end()
        self.clipboard.close()
        for task in list(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)


@asynccontextmanager
async def host_of(**terms: Any) -> AsyncIterator[Host]:
    """A host whose clipboard has begun, and who has been sent an empty list."""
    host = Host(**terms)
    try:
        host.begin()
        await host.next(pdu.CAPABILITIES, pdu.FORMAT_LIST)
        yield host
    finally:
        await host.close()
