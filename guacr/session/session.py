"""One connection to a remote host: a handler, a display, and the users who share them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import replace
from uuid import uuid4

from guacr.display.display import Display
from guacr.errors import (
    ClientTimeoutError,
    GuacrError,
    InternalError,
    OverrunError,
    TooManyError,
)
from guacr.protocol.client import ClientInfo
from guacr.protocol.instruction import encode, encode_stream
from guacr.protocol.status import Status
from guacr.session.frames import Frames
from guacr.session.handler import ProtocolHandler
from guacr.session.newest import Newest
from guacr.session.origin import ANYONE, Origin
from guacr.session.params import Params
from guacr.session.questions import Questions
from guacr.session.user import Rights, User
from guacr.settings import Settings
from guacr.transport.base import Transport

NAME_MAX = 1024
"""Characters of a title that are passed on."""
KEEP_ALIVE = 5.0
"""Seconds after which an idle client is sent a `nop`, as from guacd; browsers wait for 15 s."""


class Session:
    """Owned by the registry, found by its connection id; ends when its handler or the last of
    its users has gone, and closing it twice is harmless.

    Handlers use `display`, `changed`, `changed_by_input`, `worked`, `size`, `owner_info`, `origin`,
    `settings`, `executor`, `set_name`, `send_clipboard`, `pause_input`, `resume_input` and `log`.
    """

    def __init__(
        self,
        protocol: str,
        settings: Settings,
        executor: Executor,
        on_closed: Callable[[Session], None],
        origin: Origin = ANYONE,
    ) -> None:
        self.id = f"${uuid4()}"
        self.protocol = protocol
        self.settings = settings
        self.origin = origin
        self.executor = executor
        """Threads for what is costly and releases the interpreter's lock, as encoding does."""
        self.users: dict[str, User] = {}
        self.display = Display()
        self.frames = Frames(self, executor)
        self.questions = Questions()
        self.log = logging.LoggerAdapter(
            logging.getLogger("guacr.session"), {"session": self.id, "protocol": protocol}
        )
        self.handler: ProtocolHandler
        self.owner_info = ClientInfo()
        self.name = ""
        interval = 1 / settings.display.frame_rate
        self._names = Newest(interval, self._send_name)
        self._clipboards = Newest(interval, self._send_clipboard)
        self._clipboard_type = ""
        self.closed = False
        self.next_look = 0.0
        """When `keep_alive` is due, on the event loop's clock: for idle users that is seldom."""
        self.input_paused = False
        """Whether nothing is read from the users now."""
        self._on_closed = on_closed
        self._loop = asyncio.get_running_loop()
        self._task: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    # ---- life

    def prepare(
        self, handler_type: type[ProtocolHandler], params: Params, owner: ClientInfo
    ) -> None:
        """Make the handler; it may draw, but connects to nothing yet."""
        self.owner_info = owner
        self.handler = handler_type(self, params)

    def start(self) -> None:
        """Let the handler run, unless the session has ended already."""
        if self.closed:
            return
        self._task = self._loop.create_task(self.handler.run(), name=f"session {self.id}")
        self._task.add_done_callback(self._handler_ended)

    def _handler_ended(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        self.close(None if error is None else self._reason(error))

    @contextmanager
    def ending_on_failure(self) -> Iterator[None]:
        """What fails within ends this session with its error, and nothing else."""
        try:
            yield
        except GuacrError as error:
            self.close(error)
        except Exception:
            self.log.exception("the handler failed")
            self.close(InternalError())

    def _reason(self, error: BaseException) -> GuacrError:
        """What the users are told of a failure; what was not foreseen is logged."""
        if isinstance(error, GuacrError):
            return error
        self.log.error("the handler failed", exc_info=error)
        return InternalError()

    def close(self, error: GuacrError | None = None) -> None:
        """End the session: its users see the last picture, then why (if it is an error)."""
        if self.closed:
            return
        self.closed = True
        if error is None:
            self.log.info("session ended")
        else:
            self.log.warning("session ended: %s", error)
        self.frames.stop()
        self._names.finish()
        self._clipboards.finish()
        for user in list(self.users.values()):
            self._dismiss(user, error)
        for task in (*self._tasks, self._task):
            if task is not None and task is not asyncio.current_task():
                task.cancel()
        self._on_closed(self)

    async def wait_closed(self) -> None:
        """Until the handler has cleaned up after `close`."""
        if self._tasks:
            await asyncio.wait(self._tasks)
        if self._task is not None:
            await asyncio.wait([self._task])
        with self.ending_on_failure():
            self.handler.closed()

    def start_task(self, work: Coroutine[None, None, None], name: str) -> asyncio.Task[None]:
        """Have something done beside the handler. It must end when it is cancelled; if it fails,
        the session ends with its error, as if `run` had raised it."""
        task = self._loop.create_task(work, name=f"{name} in session {self.id}")
        self._tasks.add(task)
        task.add_done_callback(self._task_ended)
        return task

    def _task_ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self.close(self._reason(error))

    # ---- users

    def attach(self, transport: Transport, info: ClientInfo, rights: Rights) -> User:
        """Add a client: it gets `ready`, then the whole picture with the next frame.

        Raises:
            TooManyError: the session is full.
        """
        allowed = self.settings.session.max_users
        if len(self.users) >= allowed:
            raise TooManyError(f"this session has {allowed} users, which is as many as are allowed")
        owner = not self.users
        user = User(self, transport, info, owner=owner, rights=rights)
        self.users[user.id] = user
        transport.receiver = user
        if self.input_paused:
            transport.pause_reading()
        user.send(encode("ready", self.id))
        if self.name:
            user.send(encode("name", self.name))
        self.log.info("user %s joined from %s", user.id, transport.peer)
        if not owner:
            self._tell_owner(1, user)
        with self.ending_on_failure():
            for name, value in self.handler.argv_values().items():
                user.send(self._argv_stream(name, value))
            self.handler.user_joined(user)
        self.frames.welcome()
        return user

    def detach(self, user: User) -> None:
        """A client left of its own accord."""
        if self.users.get(user.id) is not user:
            return
        self._dismiss(user, None)
        self._after_leaving(user)

    def drop(self, user: User, error: GuacrError) -> None:
        """End one client with an error; the others stay."""
        if self.users.get(user.id) is not user:
            return
        self.log.warning("user %s dropped: %s", user.id, error)
        self._dismiss(user, error)
        self._after_leaving(user)

    def _dismiss(self, user: User, error: GuacrError | None) -> None:
        del self.users[user.id]
        user.left()
        self.questions.left(user)
        if error is not None:
            user.send(encode("error", str(error), error.status))
        user.send(encode("disconnect"))
        user.transport.close(Status.SUCCESS if error is None else error.status)

    def _after_leaving(self, user: User) -> None:
        self.log.info("user %s left", user.id)
        if not self.users:
            self.close()
            return
        self._tell_owner(2, user)
        with self.ending_on_failure():
            self.handler.user_left(user)

    def _tell_owner(self, code: int, user: User) -> None:
        for other in self.users.values():
            if other.owner and other is not user and other.info.takes_msg:
                other.send(encode("msg", code, user.id, user.info.name))

    # ---- what handlers use

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the owner's window in pixels."""
        return self.owner_info.width, self.owner_info.height

    @property
    def owner(self) -> User | None:
        """Who opened the session, unless gone."""
        return next((user for user in self.users.values() if user.owner), None)

    async def ask(self, *names: str) -> dict[str, str]:
        """Values by name, as the owner enters them; see `Questions.ask` for the errors."""
        return await self.questions.ask(self.owner, names)

    def changed(self) -> None:
        """A surface, a layer or the cursor changed: a frame may be due."""
        self.frames.wake()

    def changed_by_input(self) -> None:
        """The same, by what was sent on to the host: its answer should be shown along with it."""
        self.frames.wake_later()

    def worked(self, seconds: float) -> None:
        """The handler has spent so long on its host's output: in a flood, frames are fewer."""
        self.frames.worked(seconds)

    def send_all(self, data: bytes, users: Iterable[User] | None = None) -> None:
        """Send whole instructions to every user, or to those named."""
        for user in list(self.users.values() if users is None else users):
            user.send(data)

    def set_name(self, name: str) -> None:
        """The session's title, as the remote side gives it."""
        self.name = name[:NAME_MAX]
        self._names.put(encode("name", self.name))

    def _send_name(self, message: bytes) -> int:
        self.send_all(message)
        return len(message)

    def send_clipboard(self, mimetype: str, data: bytes) -> None:
        """The remote side's clipboard, to every user who may copy."""
        self._clipboard_type = mimetype
        self._clipboards.put(data)

    def _send_clipboard(self, data: bytes) -> int:
        stream = self.display.stream()
        message = encode_stream(encode("clipboard", stream, self._clipboard_type), stream, data)
        self.send_all(message, [u for u in self.users.values() if not u.rights.disable_copy])
        return len(message)

    def pause_input(self) -> None:
        """The remote side is not taking input: read no more from the users."""
        self.input_paused = True
        for user in self.users.values():
            user.transport.pause_reading()

    def resume_input(self) -> None:
        """The remote side takes input again."""
        self.input_paused = False
        for user in self.users.values():
            user.last_received = user.now()  # it could not be heard meanwhile
            user.transport.resume_reading()

    # ---- what users' opcodes use

    @property
    def clipboard_limit(self) -> int:
        """Bytes that a user's clipboard may have."""
        return self.clipboard_limit_for(self.handler.params)

    def clipboard_limit_for(self, params: Params) -> int:
        """The same, while the handler with these parameters is being made."""
        own = getattr(params, "clipboard_buffer_size", 0)
        return max(int(own), self.settings.session.max_clipboard)

    @property
    def live_parameters(self) -> frozenset[str]:
        """Names of the parameters that can be changed while connected."""
        return frozenset(p.name for p in self.handler.params_type.declared() if p.spec.live)

    def set_argv(self, user: User, name: str, value: str) -> None:
        """A live parameter's new value: applied, then told to every user."""
        self.handler.argv(user, name, value)
        self.tell_argv(name)

    def tell_argv(self, name: str) -> None:
        """Tell every user the present value of a live parameter."""
        for known, value in self.handler.argv_values().items():
            if known == name:
                self.send_all(self._argv_stream(known, value))

    def resize(self, user: User, width: int, height: int) -> None:
        """The owner's window has a new size."""
        self.owner_info = replace(self.owner_info, width=width, height=height)
        self.handler.resize(user, width, height)

    def show_pointer(self, mover: User, x: int, y: int, buttons: int) -> None:
        """Show one user's pointer to the others."""
        if len(self.users) < 2:
            return
        message = encode("mouse", x, y, buttons, self.frames.timestamp())
        self.send_all(message, [user for user in self.users.values() if user is not mover])

    def _argv_stream(self, name: str, value: str) -> bytes:
        stream = self.display.stream()
        opening = encode("argv", stream, "text/plain", name)
        return encode_stream(opening, stream, value.encode())

    # ---- the ticker

    def keep_alive(self, now: float) -> None:
        """Keep-alives and time-outs of every user; due again at `next_look`."""
        for user in list(self.users.values()):
            silent = now - user.last_received > self.settings.server.client_timeout
            if silent and not self.input_paused:
                self.drop(user, ClientTimeoutError("the client has been silent for too long"))
            elif user.transport.buffered > self.settings.session.send_limit:
                self.drop(user, OverrunError("the client does not take what it is sent"))
            elif user.stuck_for(now) > self.settings.session.stuck_timeout:
                self.drop(user, ClientTimeoutError("the client has stopped taking what it is sent"))
            elif now - user.last_sent > KEEP_ALIVE:
                user.send(encode("nop"))
        self.next_look = min(map(self._due, self.users.values()), default=now)

    def stood_still(self, seconds: float) -> None:
        """Move the deadlines of every user by so long."""
        self.next_look = 0.0
        for user in self.users.values():
            user.stood_still(seconds)

    def _due(self, user: User) -> float:
        """When a user has to be looked at again."""
        if user.transport.buffered:
            return user.last_sent
        silent = user.last_received + self.settings.server.client_timeout
        return min(user.last_sent + KEEP_ALIVE, silent)
