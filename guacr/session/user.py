"""A client in a session: its rights, its pace, its streams."""

from __future__ import annotations

import time
from uuid import uuid4

from typing_extensions import override

from guacr.budget import Budget
from guacr.errors import GuacrError, UnsupportedError
from guacr.protocol.client import ClientInfo
from guacr.session.events import Events
from guacr.session.frames.viewer import Viewer
from guacr.session.input.held import HeldInput
from guacr.session.link import Link
from guacr.session.rights import Rights
from guacr.session.streams.inputs import FILES, InputStream, InputStreams
from guacr.session.streams.objects import Objects
from guacr.session.streams.outputs import OutputStreams
from guacr.session.streams.transfers import SessionLog, Transfers
from guacr.session.tasks import Tasks
from guacr.session.transfer_reports import TransferReports


class User(Viewer):
    """One client of a session.

    Args:
        link: its connection.
        info: the description that the client sent of itself.
        owner: True if it opened the session.
        rights: its restrictions.
        max_memory: maximum bytes that its streams may hold (`session.max_user_memory`).
        session_id: the id of its session.
        events: receives reports of its transfers.
        tasks: the session's tasks, which include its transfers.
        log: the session's logger.
        subject: the person for whom a token was made; empty without one.
        is_watcher: True if it does not keep the session open.
        is_hidden: True if the owner of the session is not told of it.
    """

    __slots__ = (
        "_audio_types",
        "_reports",
        "clipboard_stream",
        "held",
        "id",
        "info",
        "is_admitted",
        "is_hidden",
        "is_watcher",
        "link",
        "memory",
        "objects",
        "outputs",
        "owner",
        "person",
        "rights",
        "since",
        "streams",
        "subject",
        "transfers",
    )

    def __init__(
        self,
        link: Link,
        info: ClientInfo,
        *,
        owner: bool,
        rights: Rights,
        max_memory: int,
        session_id: str,
        events: Events,
        tasks: Tasks,
        log: SessionLog,
        subject: str = "",
        person: str = "",
        is_watcher: bool = False,
        is_hidden: bool = False,
    ) -> None:
        super().__init__()
        self.id = f"@{uuid4()}"
        self.since = time.time()
        """The start time, in seconds since 1970."""
        self.subject = subject
        self.person = person
        self.is_watcher = is_watcher
        self.is_hidden = is_hidden
        self.link = link
        self.info = info
        self.owner = owner
        self.is_admitted = True
        """False for one that waits for an extension: it is sent nothing of the session."""
        self.rights = rights
        self._audio_types = frozenset(name.partition(";")[0].strip() for name in info.audio)
        self.streams = InputStreams(link.send, self._refused, confirms_ends=info.takes_files)
        self.clipboard_stream: InputStream | None = None
        """The clipboard stream that was opened last; only its content may be pasted."""
        self._reports = TransferReports(events, session_id, self.id, link.peer)
        self.outputs = OutputStreams(link, self._reports)
        self.memory = Budget(max_memory, "session.max_user_memory")
        """The memory that its streams hold until they end."""
        self.transfers = Transfers(self.id, tasks, log, self._reports, self.memory)
        self.objects = Objects(rights, link.send, self.outputs, self.transfers)
        self.held = HeldInput()

    @property
    def known_as(self) -> str:
        """Return the name that the owner of the session is told."""
        return f"Operator {self.subject}" if self.is_watcher else self.info.name

    @property
    @override
    def image_types(self) -> frozenset[str]:
        return frozenset(self.info.image)

    @property
    @override
    def audio_types(self) -> frozenset[str]:
        return self._audio_types

    @property
    @override
    def may_be_sent(self) -> bool:
        return self.link.may_be_sent

    @property
    @override
    def buffered(self) -> int:
        return self.link.buffered

    def now(self) -> float:
        """Return the event loop's time in seconds."""
        return self.link.now()

    @override
    def send(self, data: bytes) -> None:
        if self.is_admitted:
            self.link.send(data)

    def left(self) -> None:
        """End its streams and transfers: it is no longer in the session."""
        self.clipboard_stream = None
        self.streams.close()
        self.outputs.close()
        self.transfers.close()
        self._reports.flush()

    def _refused(self, stream: InputStream, error: GuacrError) -> None:
        """Report that a stream of this user was refused."""
        if stream.kind == "audio" and isinstance(error, UnsupportedError):
            return  # browsers offer a microphone to every session
        if stream.kind in FILES:
            self._reports.refused(error, stream.name, incoming=True)
        else:
            self._reports.refused(error)
