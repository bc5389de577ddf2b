"""A printer: what a host prints is sent to the owner of the session as PDF (MS-RDPEPC)."""

from __future__ import annotations

import asyncio
import os
import struct
from typing import ClassVar

from guacr.api import Budget, GuacrError, SessionContext, User
from handlers.notice import Notice
from handlers.rdp.devices import functions, ghostscript, pdu
from handlers.rdp.devices.channel import Channel
from handlers.rdp.devices.functions import Function, Status
from handlers.rdp.devices.pdu import PduError, Request
from handlers.rdp.devices.requests import Requests
from handlers.rdp.devices.title import HEAD_MAX, file_name
from handlers.rdp.open_file import OpenFile, StoredFile

DOS_NAME = "PRN1"
MIMETYPE = "application/pdf"
JOBS_MAX = 8
"""Documents that a host prints at a time."""
WAITING_MAX = 8
"""Documents that wait to be converted or sent."""
NOTICE_TIME = 10.0
"""Seconds for which an error is shown."""


def is_possible() -> bool:
    """Return whether documents can be converted here."""
    return ghostscript.program() is not None


class Job(StoredFile):
    """A document that a host prints."""

    def __init__(self, memory: Budget) -> None:
        super().__init__("", memory)
        self.head = b""
        """Its beginning."""
        self.is_broken = False
        """True if a part of it could not be stored."""


class Printer:
    """The printer of a session.

    Args:
        session: the session.
        name: its name for the host.
        channel: the channel of the devices.
    """

    number: ClassVar[int] = 1
    """Its number in messages."""

    def __init__(self, session: SessionContext, name: str, channel: Channel) -> None:
        self._session = session
        self._name = name
        self._requests = Requests(session, channel)
        self._notice = Notice(session)
        self._memory = Budget(session.settings.rdp.max_print_jobs, "rdp.max_print_jobs")
        self._jobs: dict[int, Job] = {}
        self._last = 0
        self._waiting = 0
        self._turn = asyncio.Lock()
        """Held by the document that is converted."""

    @property
    def announcement(self) -> bytes:
        """Its description for a server."""
        return pdu.printer(self.number, DOS_NAME, self._name)

    def put(self, request: Request) -> None:
        """Have a request answered; raises UpstreamError."""
        self._requests.put(request, self._answer)

    def reset(self) -> None:
        """Forget incomplete documents: the server has gone, or begins anew."""
        self._requests.clear()
        for job in self._jobs.values():
            job.release()
        self._jobs.clear()

    async def _answer(self, request: Request) -> None:
        status, body = Status.NOT_SUPPORTED, b""
        try:
            match request.major:
                case Function.CREATE:
                    status, body = await self._create()
                case Function.WRITE:
                    status, body = await self._write(request)
                case Function.CLOSE:
                    status = self._close(request)
                case Function.CONTROL:
                    status = Status.SUCCESS  # nothing of it concerns printers
        except PduError:
            status = Status.INVALID_PARAMETER
        self._requests.complete(request, status, body)

    async def _create(self) -> tuple[Status, bytes]:
        if self._session.owner is None:
            return Status.DEVICE_OFF_LINE, b""
        if len(self._jobs) >= JOBS_MAX or self._waiting >= WAITING_MAX:
            return Status.INSUFFICIENT_RESOURCES, b""
        job = Job(self._memory)
        try:
            await job.create()
        except BaseException as error:
            job.release()
            if not isinstance(error, OSError):
                raise
            self._tell(f"A document cannot be printed: {os.strerror(error.errno or 0)}")
            return Status.DISK_FULL, b""
        self._last = self._last % 0x7FFFFFFF + 1
        self._jobs[self._last] = job
        return Status.SUCCESS, struct.pack("<IB", self._last, 0)

    async def _write(self, request: Request) -> tuple[Status, bytes]:
        job, wanted = self._jobs.get(request.handle), functions.write(request)
        if job is None:
            return Status.INVALID_HANDLE, b""
        if len(job.head) < HEAD_MAX:
            job.head += wanted.data[: HEAD_MAX - len(job.head)]
        try:
            await job.append(wanted.data)
        except GuacrError as error:
            return self._broken(job, str(error))
        except OSError as error:
            return self._broken(job, os.strerror(error.errno or 0))
        return Status.SUCCESS, struct.pack("<IB", len(wanted.data), 0)

    def _broken(self, job: Job, reason: str) -> tuple[Status, bytes]:
        if not job.is_broken:
            self._tell(f"{file_name(job.head)} cannot be printed: {reason}")
        job.is_broken = True
        return Status.DISK_FULL, b""

    def _close(self, request: Request) -> Status:
        job = self._jobs.pop(request.handle, None)
        if job is None:
            return Status.INVALID_HANDLE
        owner = self._session.owner
        if job.is_broken or not job.size or owner is None:
            job.release()
            return Status.SUCCESS
        self._waiting += 1
        task = self._session.start_task(self._print(owner, job), "document of the host")
        task.add_done_callback(lambda _: self._end(job))
        return Status.SUCCESS

    def _end(self, job: Job) -> None:
        self._waiting -= 1
        job.release()

    async def _print(self, owner: User, job: Job) -> None:
        name = file_name(job.head)
        try:
            async with self._turn:
                made = await ghostscript.convert(job, self._memory.limit)
            try:
                await self._send(owner, name, made)
            finally:
                made.release()
        except (GuacrError, OSError) as error:
            reason = os.strerror(error.errno or 0) if isinstance(error, OSError) else error
            self._tell(f"{name} cannot be printed: {reason}")

    async def _send(self, owner: User, name: str, made: OpenFile) -> None:
        async with owner.outputs.open_file(name, MIMETYPE) as output:
            async for piece in made.pieces():
                await output.write(piece)

    def _tell(self, text: str) -> None:
        """Log a sentence, and show it to the users for a while."""
        self._session.log.warning("%s", text)
        if self._session.connected:
            self._session.start_task(self._show(text), "notice of the printer")

    async def _show(self, text: str) -> None:
        self._notice.show(text)
        await asyncio.sleep(NOTICE_TIME)
        if self._notice.text == text:
            self._notice.clear()
