"""A connection to a remote host: a handler, what it presents, and the users who share it."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial

from guacr.errors import (
    ClientError,
    GuacrError,
    InternalError,
    SessionFullError,
    exhaustion,
    forget_frames,
)
from guacr.log import ContextAdapter, belonging_to
from guacr.protocol.client import ClientInfo
from guacr.protocol.instruction import encode
from guacr.session import keep_alive
from guacr.session.context import SessionContext
from guacr.session.counters import Counters
from guacr.session.events import Events
from guacr.session.extension import SessionExtension
from guacr.session.handler import ProtocolHandler
from guacr.session.ids import CONNECTION_ID_PREFIX, new_uuid
from guacr.session.input.taps import InputTap
from guacr.session.link import Hold, Link, Traffic
from guacr.session.network import Network
from guacr.session.origin import ANYONE, Origin
from guacr.session.params import Params
from guacr.session.presentation import Presentation
from guacr.session.questions import Questions
from guacr.session.reports import SessionReports, status_of
from guacr.session.rights import Rights
from guacr.session.streams.transfers import SessionLog
from guacr.session.target import Target
from guacr.session.tasks import Tasks
from guacr.session.timeline import CURRENT
from guacr.session.user import User
from guacr.session.users import JOINED, LEFT, Users
from guacr.settings.models import Settings
from guacr.transport.base import Transport

CLIPBOARD = "clipboard"
"""The name of the `argv` that tells guacr's page which clipboards the session accepts."""


class Session:
    """A session is owned by the registry and found by its connection id. It ends when its handler
    ends or its last user leaves; repeated calls of `close` do nothing.

    The handler sees it as a `SessionContext`.
    """

    def __init__(
        self,
        protocol: str,
        handler_type: type[ProtocolHandler],
        params: Params,
        owner: ClientInfo,
        *,
        settings: Settings,
        executor: Executor,
        events: Events,
        on_closed: Callable[[Session], None],
        counters: Counters,
        network: Network,
        origin: Origin = ANYONE,
    ) -> None:
        self.id = f"{CONNECTION_ID_PREFIX}{new_uuid()}"
        self.protocol = protocol
        network.session = self.id
        self.settings = settings
        self.since = time.time()
        """The start time, in seconds since 1970, for people."""
        self._about = {"session": self.id, "protocol": protocol, "subject": origin.subject}
        self.log: SessionLog = ContextAdapter(logging.getLogger("guacr.session"), self._about)
        self.counters = counters
        """The counts of all sessions of the protocol."""
        self.events = events
        """Receives what happens to the session."""
        self.reports = SessionReports(
            self.id,
            protocol,
            origin,
            settings=settings.audit,
            log=self.log,
            counters=counters,
            events=events,
        )

        self.users = Users()
        self.max_users = settings.session.max_users
        """Not counting operators who watch; extensions may lower it."""
        self._traffic_of_left = Traffic()
        self.questions = Questions()
        self.taps: list[InputTap] = []
        self.extensions: list[SessionExtension] = []
        """The parts of the daemon that take part in this session; complete before `attach`."""

        self.begun = False
        """True if the handler has started; input from users waits for it."""
        self.closed = False
        self._begin_callbacks: list[Callable[[], None]] = []
        self._on_closed = on_closed
        self._loop = asyncio.get_running_loop()
        self._began_at = self._loop.time()
        self._tasks = Tasks(f"session {self.id}", self._failed, self._about)
        self._task: asyncio.Task[None] | None = None

        self.presentation = Presentation(
            self.users, self._tasks, settings, executor, counters=counters, failed=self._failed
        )
        self.presentation.messages.copied = self._copied
        self.presentation.frames.set_cost_factor(handler_type.cost_factor)
        # what the users' instructions need most often
        self.display = self.presentation.display
        self.frames = self.presentation.frames
        self.pointer = self.presentation.pointer
        self.context = SessionContext(
            params=params,
            settings=settings,
            origin=origin,
            network=network,
            owner_info=owner,
            executor=executor,
            log=self.log,
            presentation=self.presentation,
            users=self.users,
            tasks=self._tasks,
            questions=self.questions,
            drive=self.reports.drive,
        )
        try:
            self.handler = handler_type(self.context, params)  # may draw, but not connect yet
        except BaseException:
            self._tasks.cancel()
            raise

    # ---- life

    def start(self) -> None:
        """Run the handler, unless the session has already ended."""
        if self.closed:
            return
        self._task = self._loop.create_task(
            self._run(), name=f"session {self.id}", context=belonging_to(self._about)
        )
        self._task.add_done_callback(self._handler_ended)

    def on_begin(self, callback: Callable[[], None]) -> None:
        """Call `callback` once the handler has started, or immediately if it has."""
        if self.begun:
            callback()
        else:
            self._begin_callbacks.append(callback)

    async def _run(self) -> None:
        try:
            for extension in self.extensions:
                await extension.opening()
            if self.context.timeline is not None:
                self.context.timeline.mark("open")
                CURRENT.set(self.context.timeline)
            self._loop.call_soon(self._begin)  # when `run` has reached its first wait
            await self.handler.run()
        except asyncio.CancelledError as error:  # only `close` cancels this
            forget_frames(error)

    def _begin(self) -> None:
        self.begun = True
        callbacks, self._begin_callbacks = self._begin_callbacks, []
        for callback in callbacks:
            callback()

    def _handler_ended(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._failed(error)
            forget_frames(error)
        else:
            self.close()

    def _failed(self, error: BaseException) -> None:
        """End the session with its handler's error; unexpected errors are logged."""
        if not isinstance(error, GuacrError):
            exhausted = exhaustion(error)
            if exhausted is None:
                self.log.error("the handler failed", exc_info=error)
            error = exhausted or InternalError()
        self.close(error)

    def carry_out_late(self, user: User, work: Callable[[], None]) -> None:
        """Carry out what a user has requested once it is in the audit log; at once, unless nothing
        may be done before. Errors that are raised then are handled as by `Reader`."""
        if not self.events.is_strict:
            work()
            return

        def proceed() -> None:
            if user in self.users:
                with self.ending_on_failure():
                    try:
                        work()
                    except ClientError as error:
                        self.drop(user, error)

        self.events.when_durable(proceed, self.close)

    @contextmanager
    def ending_on_failure(self) -> Iterator[None]:
        """End this session, and nothing else, with an error that is raised in the block."""
        try:
            yield
        except GuacrError as error:
            self.close(error)
        except Exception:
            self.log.exception("the handler failed")
            self.close(InternalError())

    def close(self, error: GuacrError | None = None) -> None:
        """End the session: its users see the last picture, then the error, if any."""
        if self.closed:
            return
        self.closed = True
        if error is None:
            self.context.set_connected()  # users should see what it has drawn
        self.presentation.end()
        for user in self.users:
            self._dismiss(user, error)
        if self.context.timeline is not None:
            self.context.timeline.end(status_of(error))
        seconds = self._loop.time() - self._began_at
        self.reports.ended(self.target, seconds, self.traffic, error)
        run = self._task if self._task is not asyncio.current_task() else None
        self._tasks.cancel(then=None if run is None else run.cancel)
        self._on_closed(self)

    async def wait_closed(self) -> None:
        """Wait until the handler has cleaned up after `close`."""
        await self._tasks.wait()
        if self._task is not None:
            await asyncio.wait([self._task])
        with self.ending_on_failure():
            self.handler.closed()
        for extension in self.extensions:
            try:
                await extension.closed()
            except Exception:
                self.log.exception("the end of the session is incomplete")
        self._release()

    def _release(self) -> None:
        """Delete references to the session, so that its memory, including secrets, is freed at
        once, and not by the garbage collector later."""
        self.presentation.clear()
        self._begin_callbacks.clear()
        self.taps.clear()
        self.context.text_taps.clear()
        self.extensions.clear()
        self._task = None
        vars(self.handler).clear()

    # ---- description

    @property
    def target(self) -> Target:
        """The remote host, as far as the handler knows it."""
        try:
            return self.handler.target() if vars(self.handler) else Target()
        except Exception:
            self.log.exception("the handler cannot say what it connects to")
            return Target()

    @property
    def traffic(self) -> Traffic:
        """The bytes to and from all users so far."""
        return sum((user.link.traffic for user in self.users), self._traffic_of_left)

    # ---- users

    def attach(
        self, transport: Transport, info: ClientInfo, rights: Rights, origin: Origin = ANYONE
    ) -> User:
        """Add a client, which is sent `ready`, then the whole picture with the next frame. `origin`
        is that of this client's parameters.

        Raises:
            SessionFullError: the session has reached its limit of users, or of operators who watch.
        """
        most = self.settings.session.max_users if origin.is_watcher else self.max_users
        if sum(user.is_watcher is origin.is_watcher for user in self.users) >= most:
            raise SessionFullError(f"this session has reached its limit of {most} users")
        user = User(
            Link(transport),
            info,
            owner=not self.users,
            rights=rights,
            max_memory=self.settings.session.max_user_memory,
            session_id=self.id,
            events=self.events,
            tasks=self._tasks,
            log=self.log,
            subject=origin.subject,
            person=origin.person,
            is_watcher=origin.is_watcher,
            is_hidden=origin.is_hidden,
        )
        self.users.add(user)
        self._welcome(user, origin)
        return user

    def _welcome(self, user: User, origin: Origin) -> None:
        user.send(encode("ready", self.id))
        self.reports.joined(user, origin)
        for extension in self.extensions:
            extension.joined(user, origin)
        if not user.owner and any(extension.delays(origin) for extension in self.extensions):
            user.is_admitted = False
            user.link.hold(Hold.ADMISSION)
            self._tasks.start(self._admit_later(user, origin), "admission")
        else:
            self.events.when_durable(partial(self._admit, user), self.close)

    async def _admit_later(self, user: User, origin: Origin) -> None:
        """Admit a user once all extensions have done so; otherwise drop it."""
        try:
            for extension in self.extensions:
                await extension.joining(user, origin)
        except GuacrError as error:
            self.drop(user, error)
            return
        user.is_admitted = True
        user.link.release(Hold.ADMISSION)
        self.events.when_durable(partial(self._admit, user), self.close)

    def _admit(self, user: User) -> None:
        """Show the session to a user, unless it has left already."""
        if user not in self.users:
            return
        messages = self.presentation.messages
        self.presentation.show_to(user)
        user.transfers.on_lost = partial(self._upload_lost, user)
        if user.info.clipboard:
            accepted = list(self.handler.clipboard_types)
            limit, files = self.context.clipboard_limit, self.handler.pastes_files
            terms = {"types": accepted, "limit": limit, "files": files}
            messages.send_argv(CLIPBOARD, json.dumps(terms), [user])
        self.users.notify_owner(JOINED, user)
        with self.ending_on_failure():
            for name, value in self.handler.argv_values().items():
                messages.send_argv(name, value, [user])
            self.handler.user_joined(user)
        if user in self.users:
            self.presentation.add_viewer(user)

    def _upload_lost(self, user: User, name: str, error: GuacrError) -> None:
        with self.ending_on_failure():
            self.handler.upload_lost(user, name, error)

    def detach(self, user: User) -> None:
        """Remove a client that has left by itself."""
        if user in self.users:
            self._dismiss(user, None)
            self._after_leaving(user)

    def drop(self, user: User, error: GuacrError) -> None:
        """Remove a client with an error; the others stay."""
        if user in self.users:
            self.log.warning("user %s dropped: %s", user.id, error, extra={"user": user.id})
            self._dismiss(user, error)
            self._after_leaving(user)

    def _dismiss(self, user: User, error: GuacrError | None) -> None:
        self.users.remove(user)
        self.presentation.remove_viewer(user)
        user.left()
        self.questions.left(user)
        if error is not None:
            user.link.send(encode("error", str(error), error.status))
        user.link.send(encode("disconnect"))
        self._traffic_of_left += user.link.traffic
        self.reports.left(user, error)
        user.link.close(status_of(error))

    def _after_leaving(self, user: User) -> None:
        if all(other.is_watcher for other in self.users):
            self.close()
            return
        if not user.is_admitted:
            return
        self.users.notify_owner(LEFT, user)
        with self.ending_on_failure():
            with suppress(ClientError):  # the user to blame has left
                self.handler.release_input(user)
            self.handler.user_left(user)

    # ---- clipboards

    def report_paste(self, user: User, contents: Mapping[str, bytes]) -> None:
        """Report that a user pastes a clipboard, whose contents are given by type."""
        self.reports.pasted(user, contents)
        for tap in self.taps:
            tap.clipboard(contents)

    def _copied(self, contents: Mapping[str, bytes], send: Callable[[], None]) -> None:
        """Report that a clipboard of the host, whose contents are given by type, is copied."""
        for tap in self.taps:
            tap.clipboard(contents)
        self.reports.copied(self.users, contents)
        self.events.when_durable(send, self.close)

    # ---- for the users' instructions

    @property
    def live_parameters(self) -> frozenset[str]:
        """Names of the parameters that can be changed during the session."""
        return frozenset(p.name for p in self.handler.params_type.declared() if p.spec.live)

    def set_argv(self, user: User, name: str, value: str) -> None:
        """Set a live parameter's new value, then send it to every user."""
        self.handler.argv(user, name, value)
        for known, present in self.handler.argv_values().items():
            if known == name:
                self.presentation.messages.send_argv(known, present)

    def resize(self, user: User, width: int, height: int) -> None:
        """Handle a new size of the owner's window."""
        self.context.owner_info = replace(self.context.owner_info, width=width, height=height)
        # in the context of a client, lines of libraries would not belong to this session
        belonging_to(self._about).run(self.handler.resize, user, width, height)

    # ---- the ticker

    def keep_alive(self, now: float) -> float:
        """Send keep-alives and check the time-outs of every user. Return when this is due again, on
        the event loop's clock; with idle users, it is rare."""
        due = now + keep_alive.KEEP_ALIVE
        try:
            for user in self.users:
                try:
                    due = min(due, keep_alive.check(user.link, now, self.settings))
                except ClientError as error:
                    self.drop(user, error)
        except Exception as error:  # noqa: BLE001 - logged there
            self._failed(error)
        return due

    def stood_still(self, seconds: float) -> None:
        """Move every user's deadlines by `seconds`."""
        for user in self.users:
            user.link.stood_still(seconds)
