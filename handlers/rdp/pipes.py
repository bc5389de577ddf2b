"""Static channels of the host, which users see as named pipes."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from functools import partial

from guacr.api import (
    BadRequestError,
    GuacrError,
    InputStream,
    NotFoundError,
    OutputStream,
    OverrunError,
    SessionContext,
    UpstreamUnavailableError,
    User,
)
from handlers.rdp.channel.codec import PART_MAX, ChannelError, Message
from handlers.rdp.channel.pipes import (
    OVERHEAD,
    WINDOW,
    PipeGiven,
    PipeOffer,
    PipeOpened,
    PipeReceived,
    PipeTaken,
    PipeWritten,
)
from handlers.rdp.engine import Engine

MIMETYPE = "application/octet-stream"
NAME_MAX = 7
"""Characters of a name (MS-RDPBCGR 2.2.1.3.4.1)."""
COUNT_MAX = 16
RESERVED = {"cliprdr", "drdynvc", "rail", "rdpdr", "rdpsnd"}
"""The channels of guacr's own."""
UNSENT_MAX = 1 << 18
"""Bytes of one channel that may wait for the host, each message with `OVERHEAD`."""
STUCK_AFTER = 10.0
"""Seconds after which a user who receives nothing does not make the host wait any longer."""


def channel_names(text: str) -> list[str]:
    """Return the names in the parameter static-channels.

    Raises:
        BadRequestError: one of them cannot be used.
    """
    names = list(dict.fromkeys(filter(None, map(str.strip, text.split(",")))))
    for name in names:
        if len(name) > NAME_MAX or not name.isascii() or not name.isprintable():
            raise BadRequestError(
                f"static-channels contains {name!r}: use names of up to {NAME_MAX} ASCII characters"
            )
        if name.lower() in RESERVED:
            raise BadRequestError(f"static-channels contains {name}, which guacr uses itself")
    if len(names) > COUNT_MAX:
        raise BadRequestError(f"static-channels contains more than {COUNT_MAX} names")
    return names


@dataclass(slots=True)
class _Unsent:
    """A message on its way to the host."""

    stream: InputStream | None
    """None if it has ended."""
    size: int
    """Bytes, with `OVERHEAD`."""


class Pipes:
    """The pipes of a session. The users' ends outlast connections.

    Args:
        session: the session.
        names: the parameter static-channels.
    """

    def __init__(self, session: SessionContext, names: str) -> None:
        self._session = session
        self._names = names
        self._pipes: dict[str, _Pipe] = {}

    def begin(self, engine: Engine) -> None:
        """Use a worker that has not started yet."""
        for name in channel_names(self._names):
            if name not in self._pipes:
                self._pipes[name] = _Pipe(self._session, name)
            self._pipes[name].begin(engine)

    def end(self) -> None:
        """Refuse what users send: the worker ends."""
        for pipe in self._pipes.values():
            pipe.end()

    def join(self, user: User) -> None:
        """Open the pipes to a user who joins the session."""
        for pipe in self._pipes.values():
            pipe.join(user)

    def leave(self, user: User) -> None:
        """Forget a user."""
        for pipe in self._pipes.values():
            pipe.leave(user)

    def accept(self, stream: InputStream) -> None:
        """Pass a user's pipe on to the channel of its name.

        Raises:
            NotFoundError: there is none.
        """
        pipe = self._pipes.get(stream.name)
        if stream.kind != "pipe" or pipe is None:
            raise NotFoundError("there is no such channel: static-channels does not name it")
        pipe.accept(stream)

    def handle(self, message: Message) -> None:
        """Handle a message about channels.

        Raises:
            ChannelError: it is invalid.
        """
        if isinstance(message, PipeOpened | PipeReceived | PipeWritten) and (
            message.name not in RESERVED
        ):
            if message.name not in self._pipes:
                raise ChannelError("there is no channel of this name")
            self._pipes[message.name].handle(message)


class _Pipe:
    """One channel."""

    def __init__(self, session: SessionContext, name: str) -> None:
        self._session = session
        self._name = name
        self._engine: Engine | None = None
        self._is_open = False
        self._outputs: dict[User, OutputStream] = {}
        self._unsent: deque[_Unsent] = deque()
        self._received: deque[tuple[Engine, PipeReceived]] = deque()
        self._outstanding = 0
        """The cost of what was received from the worker, and not sent to all users."""
        self._delivery: asyncio.Task[None] | None = None

    def begin(self, engine: Engine) -> None:
        self._engine = engine
        engine.send([PipeOffer(self._name, shows_protocol=False)])

    def end(self) -> None:
        self._engine, self._is_open = None, False
        while self._unsent:
            stream = self._unsent.popleft().stream
            if stream is not None:
                stream.refuse(_closed(self._name))

    # ---- from the users

    def accept(self, stream: InputStream) -> None:
        stream.on_blob = partial(self._send, stream)
        stream.on_release = partial(self._forget, stream)

    def _send(self, stream: InputStream, data: bytes) -> None:
        if self._engine is None or not self._is_open:
            raise _closed(self._name)
        if not data:
            stream.ack()
            return
        size = OVERHEAD + len(data)
        if sum(unsent.size for unsent in self._unsent) + size > UNSENT_MAX:
            raise OverrunError(
                f"more than {UNSENT_MAX} bytes wait for the host: wait for acknowledgements"
            )
        self._unsent.append(_Unsent(stream, size))
        self._engine.send([PipeGiven(self._name, data, last=True)])

    def _forget(self, stream: InputStream) -> None:
        for unsent in self._unsent:
            if unsent.stream is stream:
                unsent.stream = None

    # ---- from the host

    def handle(self, message: PipeOpened | PipeReceived | PipeWritten) -> None:
        match message:
            case PipeOpened():
                self._is_open = True
                for user in self._session.users:
                    self.join(user)
            case PipeWritten():
                if not self._unsent:
                    raise ChannelError("a channel has written what nobody sent")
                stream = self._unsent.popleft().stream
                if stream is not None:
                    stream.ack()
            case PipeReceived():
                self._receive(message)

    def _receive(self, message: PipeReceived) -> None:
        if self._engine is None:
            return
        self._outstanding += message.cost
        if self._outstanding > WINDOW + PART_MAX + OVERHEAD:
            raise ChannelError("a channel exceeds its limit")
        self._received.append((self._engine, message))
        if self._delivery is None or self._delivery.done():
            self._delivery = self._session.start_task(self._deliver(), f"channel {self._name}")

    async def _deliver(self) -> None:
        while self._received:
            engine, message = self._received.popleft()
            await asyncio.gather(*(self._write(user, message.data) for user in list(self._outputs)))
            self._outstanding -= message.cost
            if engine is self._engine:
                engine.send([PipeTaken(message.cost)])

    async def _write(self, user: User, data: bytes) -> None:
        output = self._outputs[user]
        try:
            async with asyncio.timeout(STUCK_AFTER):
                await output.write(data)
        except TimeoutError:
            self._session.log.warning(
                "user %s no longer receives channel %s: nothing could be sent for %g s",
                user.id,
                self._name,
                STUCK_AFTER,
            )
            output.abort()
            self.leave(user)
        except GuacrError:
            self.leave(user)

    def join(self, user: User) -> None:
        if self._is_open and user not in self._outputs:
            try:
                self._outputs[user] = user.outputs.open_pipe(self._name, MIMETYPE)
            except GuacrError as error:
                self._session.log.warning("channel %s: %s", self._name, error)

    def leave(self, user: User) -> None:
        self._outputs.pop(user, None)


def _closed(name: str) -> UpstreamUnavailableError:
    return UpstreamUnavailableError(f"channel {name} is not connected to the host")
