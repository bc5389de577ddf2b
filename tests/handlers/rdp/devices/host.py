"""The host's side of the devices, without a worker."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from guacr.api import DriveReports, FileSystem, Origin
from guacr.budget import Budget
from guacr.session.events import Events
from guacr.settings.models import RdpSettings, Settings
from handlers.rdp.channel.codec import PART_MAX, Message
from handlers.rdp.channel.pipes import PipeGiven, PipeOffer, PipeReceived, PipeTaken, PipeWritten
from handlers.rdp.devices import pdu
from handlers.rdp.devices.channel import NAME
from handlers.rdp.devices.devices import Devices
from handlers.rdp.devices.functions import Function, Status
from handlers.rdp.devices.printer import Printer
from handlers.rdp.devices.shared_drive import SharedDrive
from handlers.rdp.params import RdpParams
from tests.support.waiting import until

ANNOUNCE = bytes.fromhex("7244 6e49 0100 0c00 03000000")
CAPABILITIES = bytes.fromhex(
    "7244 5053 0100 0000 0100 2c00 02000000 02000000 02000000 0100 0c00 ffff0000 00000000 07000000"
    "00000000 00000000 02000000"
)
CONFIRM, LOGGED_ON = bytes.fromhex("7244 4343 0100 0c00 03000000"), bytes.fromhex("7244 4c55")
PRINT_MAX = 100_000


class Received:
    """A file that a person has been sent."""

    def __init__(self, name: str, mimetype: str) -> None:
        self.name, self.mimetype = name, mimetype
        self.data = b""
        self.is_whole = False

    async def write(self, data: bytes) -> None:
        self.data += data

    async def __aenter__(self) -> Received:
        return self

    async def __aexit__(self, kind: object, *_: object) -> None:
        self.is_whole = kind is None


class Owner:
    """The user who has opened the session."""

    owner = True

    def __init__(self) -> None:
        self.objects = self.outputs = self
        self.offered: list[FileSystem] = []
        self.files: list[Received] = []
        self.refusal: Exception | None = None

    def offer(self, files: FileSystem) -> int:
        self.offered.append(files)
        return len(self.offered) - 1

    def open_file(self, name: str, mimetype: str) -> Any:
        if self.refusal is not None:
            raise self.refusal
        self.files.append(Received(name, mimetype))
        return self.files[-1]


class Host:
    """A host, a worker that passes everything on, and a session with its owner."""

    def __init__(self, memory: int = 1 << 30, **parameters: str) -> None:
        self.memory = Budget(memory, "session.max_memory")
        self.log = logging.getLogger("guacr.session")
        self.owner: Owner | None = Owner()
        self.users = (self.owner,)
        self.origin = Origin(frozenset(("drive-path",)))
        self.settings = Settings(rdp=RdpSettings(max_print_jobs=PRINT_MAX, min_drive_free=0))
        self.closed = self.connected = False
        self.events = Events()
        self.drive = DriveReports(self.events, "$1")
        self.received: list[bytes] = []
        """Messages for the host that are not answers."""
        self.answers: dict[int, tuple[int, bytes]] = {}
        """Statuses and bodies by the numbers of requests."""
        self.offers: list[PipeOffer] = []
        self.keeps_answers = True
        """True if each request has another number."""
        self.confirms = True
        """True if the worker reports what it has written."""
        self.reads = asyncio.Event()
        """Set if the worker reads."""
        self.reads.set()
        self._parts = bytearray()
        self._tasks: set[asyncio.Task[None]] = set()
        self._numbers = itertools.count(1)
        session: Any = self
        values = {name.replace("_", "-"): value for name, value in parameters.items()}
        self.devices = Devices(session, RdpParams.parse(values))

    # ---- as a session

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
            message = bytes(self._parts)
            self._parts.clear()
            _, kind = pdu.HEADER.unpack_from(message)
            if kind == pdu.COMPLETION:
                number, status = pdu._STATUS.unpack_from(message, 8)
                assert number not in self.answers or not self.keeps_answers
                self.answers[number] = status, message[16:]
            else:
                self.received.append(message)
            if self.confirms:
                self.devices.handle(PipeWritten(NAME))

    # ---- as a host

    def say(self, message: bytes) -> None:
        """Send a message, in parts."""
        for start in range(0, len(message), PART_MAX):
            end = start + PART_MAX
            part = PipeReceived(NAME, message[start:end], last=end >= len(message))
            self.devices.handle(part)

    async def begin(self) -> None:
        """Get as far as the list of devices."""
        await self.devices.open()
        self.connect()
        for message in (ANNOUNCE, CAPABILITIES, CONFIRM, LOGGED_ON):
            self.say(message)

    def connect(self, *, has_drives: bool = True, has_printers: bool = True) -> None:
        engine: Any = self
        self.devices.begin(engine, has_drives=has_drives, has_printers=has_printers)

    def put(
        self,
        function: Function,
        body: bytes = b"",
        handle: int = 0,
        *,
        minor: int = 0,
        device: int = SharedDrive.number,
    ) -> int:
        """Send a request, and return its number."""
        number = next(self._numbers)
        head = device, handle, number, function, minor
        self.say(pdu.REQUEST_HEADER.pack(pdu.CORE, pdu.REQUEST, *head) + body)
        return number

    async def answer(self, number: int) -> tuple[int, bytes]:
        """The status and the body of the answer to a request."""
        await until(lambda: number in self.answers, f"the answer to request {number}")
        return self.answers.pop(number)

    async def ask(
        self, function: Function, body: bytes = b"", handle: int = 0, **more: int
    ) -> bytes:
        """Have a request fulfilled."""
        status, content = await self.answer(self.put(function, body, handle, **more))
        assert status == Status.SUCCESS
        return content

    async def until_idle(self) -> None:
        """Wait until all requests have been answered, but for those that wait for changes."""
        drive = self.devices._drive
        assert drive is not None
        task = drive._requests._task
        if task is not None:
            await asyncio.wait([task])

    async def close(self) -> None:
        self.devices.end()
        self.devices.close()
        self.closed = True
        for task in list(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)


@asynccontextmanager
async def host_of(**terms: Any) -> AsyncIterator[Host]:
    """A host that has been told of the devices."""
    host = Host(**terms)
    try:
        await host.begin()
        yield host
    finally:
        await host.close()


@asynccontextmanager
async def host_with_drive(path: Path, **terms: Any) -> AsyncIterator[Host]:
    """A host that has been told of a drive."""
    async with host_of(enable_drive="true", drive_path=str(path), **terms) as host:
        yield host


PRINTER = Printer.number
