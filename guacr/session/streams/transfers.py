"""Files that are sent to and received from one user: a task for each."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from logging import LoggerAdapter
from typing import Any

from guacr.budget import Budget
from guacr.errors import (
    ClosedError,
    GuacrError,
    InternalError,
    TooManyError,
    forget_frames,
)
from guacr.session.streams.inputs import InputStream
from guacr.session.streams.upload import Upload
from guacr.session.tasks import Tasks
from guacr.session.transfer_reports import TransferReports

SessionLog = LoggerAdapter[Any]
"""A logger whose lines carry the session."""

TRANSFERS_MAX = 32
"""Maximum files that are transferred from or to one user at a time."""


class Transfers:
    """The transfers of one user, run as tasks of its session; they end when the user leaves, or
    shortly afterwards."""

    __slots__ = (
        "_closed",
        "_memory",
        "_reports",
        "_tasks",
        "_under_way",
        "_user_id",
        "log",
        "on_lost",
    )

    def __init__(
        self,
        user_id: str,
        tasks: Tasks,
        log: SessionLog,
        reports: TransferReports,
        memory: Budget,
    ) -> None:
        self._user_id = user_id
        self._memory = memory
        self.on_lost: Callable[[str, GuacrError], None] = _nobody
        """Called with the name of an upload that has failed when its client could no longer be
        told, and the error."""
        self._reports = reports
        self._tasks = tasks
        self.log = log
        self._under_way: dict[asyncio.Task[None], Upload | None] = {}
        self._closed = False

    @property
    def count(self) -> int:
        """The number of files that are being transferred."""
        return len(self._under_way)

    def start(self, transfer: Coroutine[None, None, None], name: str) -> None:
        """Run a transfer; errors are logged, and the session continues.

        Raises:
            TooManyError: `TRANSFERS_MAX` transfers are running.
            ClosedError: the user has left.
        """
        self._start(transfer, name)

    def _start(
        self, transfer: Coroutine[None, None, None], name: str, upload: Upload | None = None
    ) -> None:
        try:
            self._check()
        except GuacrError:
            transfer.close()
            raise
        task = self._tasks.start(self._watch(transfer, name), name)
        self._under_way[task] = upload
        task.add_done_callback(self._under_way.pop)
        task.add_done_callback(lambda _: transfer.close())  # it may not have been started

    def receive(
        self, stream: InputStream, take: Callable[[AsyncIterator[bytes]], Awaitable[None]]
    ) -> None:
        """Pass what the user sends on `stream` to `take`; an error that it raises is sent as an
        `ack`. Raises as `start` does."""
        self._check()
        digest = self._reports.started(stream.name, incoming=True)
        upload = Upload(stream, self._memory, digest)
        self._start(self._receive(upload, stream.name, take), f"upload {stream.index}", upload)

    def refused(self, name: str, error: Exception, *, is_download: bool = True) -> None:
        """Report that the user is not sent a file, before any of it was sent, or that a file is
        not changed."""
        self._reports.refused(error, name, incoming=False if is_download else None)

    def note(self, what: str) -> None:
        """Log and publish what the user has done with files."""
        self.log.info("user %s %s", self._user_id, what)
        self._reports.changed(what)

    def close(self) -> None:
        """Cancel all transfers after the user has left, except uploads that have arrived as a
        whole: these have some seconds to end. The session's handler ends after all of them."""
        self._closed = True
        self.on_lost = _nobody
        for task, upload in self._under_way.items():
            self._tasks.let_finish(task)
            if upload is None or not upload.has_ended:
                task.cancel()

    def _check(self) -> None:
        if self._closed:
            raise ClosedError("the client has left")
        if len(self._under_way) >= TRANSFERS_MAX:
            raise TooManyError(
                f"{TRANSFERS_MAX} files are being transferred: wait until one has finished"
            )

    async def _receive(
        self, upload: Upload, name: str, take: Callable[[AsyncIterator[bytes]], Awaitable[None]]
    ) -> None:
        failure = "the client has left"
        try:
            await take(upload)
            failure = ""
            upload.finish()
        except Exception as error:
            told = error if isinstance(error, GuacrError) else InternalError()
            failure = str(told)
            upload.refuse(told)
            if upload.is_late:
                self.on_lost(name, told)
            raise
        finally:
            size, digest = upload.size, upload.digest
            self._reports.ended(name, size, digest, incoming=True, error=failure)

    async def _watch(self, transfer: Coroutine[None, None, None], name: str) -> None:
        try:
            await transfer
        except GuacrError as error:
            self.log.info("%s of %s: %s", name, self._user_id, error)
            forget_frames(error)
        except Exception as error:
            self.log.exception("%s of %s failed", name, self._user_id)
            forget_frames(error)


def _nobody(name: str, error: GuacrError) -> None:
    """Ignore the failure of an upload."""
