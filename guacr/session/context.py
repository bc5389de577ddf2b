"""The part of a session that its handler may use."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable, Mapping
from concurrent.futures import Executor

from guacr.budget import Budget
from guacr.display.encoder import Quality
from guacr.protocol.audio import AudioFormat
from guacr.protocol.client import ClientInfo
from guacr.protocol.instruction import encode, encode_stream
from guacr.session.drive_reports import DriveReports
from guacr.session.network import Network
from guacr.session.origin import Origin
from guacr.session.params import Params
from guacr.session.presentation import Presentation
from guacr.session.questions import Questions
from guacr.session.shared_params import ClipboardParams
from guacr.session.streams.audio_output import AudioOutput
from guacr.session.streams.transfers import SessionLog
from guacr.session.tasks import Tasks
from guacr.session.text_taps import TextTap
from guacr.session.timeline import Timeline
from guacr.session.user import User
from guacr.session.users import Users
from guacr.settings.models import Settings


class SessionContext:
    """A session as its handler sees it.

    It cannot end the session or add and remove users: a handler ends its session by returning from
    `run`, or by raising an error there or in a task of `start_task`.
    """

    def __init__(
        self,
        *,
        params: Params,
        settings: Settings,
        origin: Origin,
        network: Network,
        owner_info: ClientInfo,
        executor: Executor,
        log: SessionLog,
        presentation: Presentation,
        users: Users,
        tasks: Tasks,
        questions: Questions,
        drive: DriveReports,
    ) -> None:
        self.settings = settings
        self.origin = origin
        """The source of the parameters: those that an operator set, and the person they belong
        to."""
        self.network = network
        """The hosts that the session may connect to."""
        self.executor = executor
        """Threads for expensive work that releases the GIL, such as encoding."""
        self.log = log
        """A logger whose lines carry the session."""
        self.display = presentation.display
        self.memory = Budget(settings.session.max_memory, "session.max_memory")
        """The memory limit of the session's pictures (`session.max_memory`)."""
        self._users = users
        self.owner_info = owner_info
        """The description that the owner's client sent of itself, with the current window size."""
        own = params.clipboard_buffer_size if isinstance(params, ClipboardParams) else 0
        self.clipboard_limit = max(own, settings.session.max_clipboard)
        """Maximum bytes of a clipboard."""
        self._connected = asyncio.Event()
        self.timeline: Timeline | None = None
        """The steps of the connection, if they are traced; not for handlers, which call `step`."""
        self.text_taps: list[TextTap] = []
        """Observers of the session's terminal; not for handlers."""
        self.text_size = (0, 0)
        """The columns and rows of the session's terminal; (0, 0) if it has none."""
        self._frames = presentation.frames
        self._pointer = presentation.pointer
        self._tasks = tasks
        self._questions = questions
        self._messages = presentation.messages
        self._audio = presentation.audio
        self.drive = drive
        """Reports what the host does with files on the drive of the session."""

    @property
    def closed(self) -> bool:
        """True if the session has ended."""
        return self._messages.finished

    @property
    def connected(self) -> bool:
        """True if `set_connected` has been called."""
        return self._connected.is_set()

    async def until_connected(self) -> None:
        """Wait until `set_connected` is called."""
        await self._connected.wait()

    # ---- users

    @property
    def users(self) -> tuple[User, ...]:
        """The users in the session now, in the order in which they joined."""
        return tuple(self._users)

    @property
    def size(self) -> tuple[int, int]:
        """The width and height of the owner's window in pixels."""
        return self.owner_info.width, self.owner_info.height

    @property
    def owner(self) -> User | None:
        """The user who opened the session, or None if that user has left."""
        return self._users.owner

    async def ask(self, *names: str) -> dict[str, str]:
        """Ask the owner for values and return them by name; raises as `Questions.ask` does."""
        self.set_connected()
        return await self._questions.ask(self.owner, names)

    # ---- the picture

    def set_connected(self) -> None:
        """Show the users what is drawn from now on: the remote host has answered, or a person is
        asked something. Until then users wait, or learn why the session has failed: clients treat
        the first frame as success."""
        if not self.connected:
            self._connected.set()
            if self.timeline is not None:
                self.timeline.mark("connect")
            self._frames.open()

    def changed(self) -> None:
        """Report that a surface, a layer or the cursor has changed: a frame may be due."""
        self._frames.wake()

    def changed_by_input(self) -> None:
        """Report a change caused by input that was sent to the host, whose response should appear
        in the same frame."""
        self._frames.wake_later()

    async def give_way_to_frame(self, limit: float) -> None:
        """Let a frame that is due take the picture that has been completed, before the next one is
        begun. This waits for at most `limit` seconds while the previous frame is being encoded,
        since nobody would see what is drawn meanwhile."""
        await self._frames.give_way(limit)

    def worked(self, seconds: float) -> None:
        """Report time spent on the host's output; in a flood, there are fewer frames."""
        self._frames.worked(seconds)

    def set_quality(self, quality: Quality) -> None:
        """Set the quality of the picture that is sent from now on."""
        self._frames.set_quality(quality)

    def move_pointer(self, x: int, y: int) -> None:
        """Move every user's pointer to (x, y) of layer 0, because the host has moved it."""
        self._pointer.move(x, y)

    def shown(self, text: bytes) -> None:
        """Report text that a terminal shows, in UTF-8 with its control sequences."""
        for tap in self.text_taps:
            tap.shown(text)

    def resized_text(self, columns: int, rows: int) -> None:
        """Report the size of a terminal, at its start and when it changes."""
        self.text_size = (columns, rows)
        for tap in self.text_taps:
            tap.resized(columns, rows)

    # ---- work

    def start_task(self, work: Coroutine[None, None, None], name: str) -> asyncio.Task[None]:
        """Run a task beside `run`. It must end when it is cancelled; if it fails, the session ends
        with its error, as if `run` had raised it."""
        return self._tasks.start(work, name)

    # ---- to the users

    @property
    def name(self) -> str:
        """The session's title."""
        return self._messages.name

    def set_name(self, name: str) -> None:
        """Set the session's title, as the remote host gives it."""
        self._messages.set_name(name)

    @property
    def clipboard_types(self) -> frozenset[str]:
        """The types of a clipboard that any user accepts; empty if nobody may copy."""
        return self._messages.clipboard_types

    def send_clipboard(
        self, mimetype: str, data: bytes, *, others: Mapping[str, bytes] | None = None
    ) -> None:
        """Send the remote host's clipboard to every user who may copy. `others` are the same in
        other types, for those whose client accepts them; only text is sent to all clients."""
        self._messages.send_clipboard({mimetype: data} | dict(others or {}))

    def send_pipe(self, name: str, mimetype: str, data: bytes, users: Iterable[User]) -> None:
        """Send a named pipe that contains `data`, whole and at once."""
        stream = self.display.streams.take()
        opening = encode("pipe", stream, mimetype, name)
        self._users.send(encode_stream(opening, stream, data), users)

    def send_argv(self, name: str, value: str, users: Iterable[User] | None = None) -> None:
        """Send the current value of a live parameter to every user, or only to `users`."""
        self._messages.send_argv(name, value, users)

    def open_audio(self, audio: AudioFormat) -> AudioOutput:
        """Open an audio stream to every user whose client plays it, including those who join later.

        Raises:
            TooManyError: too many streams to all users are open.
        """
        return self._audio.open(audio)

    def pause_input(self) -> None:
        """Stop reading from the users: the remote host accepts no input."""
        self._users.pause()

    def resume_input(self) -> None:
        """Read from the users again: the remote host accepts input."""
        self._users.resume()

    @property
    def input_paused(self) -> bool:
        """True between `pause_input` and `resume_input`: a terminal, for example, then drops its
        replies to a host that does not read them."""
        return self._users.paused
