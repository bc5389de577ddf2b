"""Directories of a drive whose changes a server wants to know of (MS-RDPEFS 2.2.3.3.11)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from guacr.api import SessionContext
from handlers.rdp.devices.drive import Drive
from handlers.rdp.devices.functions import Status
from handlers.rdp.devices.pdu import Request
from handlers.rdp.devices.tree import Tree

INTERVAL = 1.0
"""Seconds between two looks at the directories: others than the server change them, too."""
WATCHES_MAX = 128
"""Directories that are watched at a time."""

State = tuple[int, ...] | None


class Watches:
    """The directories that a server watches. Each report is made once; servers then list the
    directory, and ask for the next report.

    Args:
        session: the session.
        tree: the drive's files.
        drive: the drive.
        complete: answers a request with a status.
    """

    def __init__(
        self,
        session: SessionContext,
        tree: Tree,
        drive: Drive,
        complete: Callable[[Request, Status], None],
    ) -> None:
        self._session = session
        self._tree = tree
        self._drive = drive
        self._complete = complete
        self._watched: dict[int, tuple[Request, State]] = {}
        """The requests by their numbers, and what the directories were like then."""
        self._changes = 0
        """Changes that users have made."""
        self._task: asyncio.Task[None] | None = None

    def note_change(self) -> None:
        """Regard all directories as changed: a file may have got its size just now."""
        self._changes += 1

    async def put(self, request: Request) -> None:
        """Watch a directory until it changes or is closed.

        Raises:
            UpstreamError: the server reads no answers.
        """
        (state,) = await self._states(request.handle)
        if state is None:
            self._complete(request, Status.INVALID_HANDLE)
        elif len(self._watched) >= WATCHES_MAX or request.number in self._watched:
            self._complete(request, Status.INSUFFICIENT_RESOURCES)
        else:
            self._watched[request.number] = (request, state)
            if self._task is None or self._task.done():
                self._task = self._session.start_task(self._work(), "watch of directories")

    def clear(self) -> None:
        """Forget all of them: the server has gone, or begins anew."""
        self._watched.clear()
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _work(self) -> None:
        while self._watched:
            await asyncio.sleep(INTERVAL)
            watched = list(self._watched.values())
            states = await self._states(*(request.handle for request, _ in watched))
            for (request, before), state in zip(watched, states, strict=True):
                if state != before:
                    del self._watched[request.number]
                    closed = state is None
                    status = Status.NOTIFY_CLEANUP if closed else Status.NOTIFY_ENUM_DIR
                    self._complete(request, status)

    async def _states(self, *handles: int) -> list[State]:
        changes = self._changes
        found = await self._tree.call(lambda: [self._drive.state(handle) for handle in handles])
        return [None if state is None else (*state, changes) for state in found]
