"""The base handler of protocols with a terminal; a protocol adds the transport of bytes."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from functools import partial
from typing import Any, ClassVar

from typing_extensions import TypeVar, override

from guacr.api import (
    BadRequestError,
    BusyError,
    Check,
    InputStream,
    NotFoundError,
    ProtocolHandler,
    SessionContext,
    Settings,
    SettingsError,
    UnsupportedError,
    User,
    shorten,
)
from handlers.terminal.autoscroll import Autoscroll
from handlers.terminal.flow_control import FlowControl
from handlers.terminal.fonts import FontFinder
from handlers.terminal.hosttext import HostText
from handlers.terminal.input_queue import InputQueue
from handlers.terminal.listener import Listener
from handlers.terminal.options import wanted, warm_up_options
from handlers.terminal.output import Output
from handlers.terminal.page_channel import PIPE_NAME, PageChannel
from handlers.terminal.params import HostTerminalParams, TerminalParams
from handlers.terminal.pipes import Pipes
from handlers.terminal.screen import Screen
from handlers.terminal.stdin import StdinStream
from terminal.drawing.colours import parse_scheme
from terminal.engines.commands import Command, CommandSplitter, HostCommand
from terminal.input.person import Person
from terminal.input.prompt import plain_text
from terminal.terminal import Terminal
from terminal.warm_up import warm_up_terminal

STDIN_NAME = "STDIN"
EARLY_REPLIES_MAX = 4096
"""Maximum bytes of replies that wait until the host accepts input; further replies are dropped."""


_P = TypeVar("_P", bound=TerminalParams, default=Any)
"""The class of a protocol's parameters."""


class TerminalHandler(ProtocolHandler[_P]):
    """Connects a `Terminal` to a session.

    A protocol's subclass calls `feed` with what the host sends, and implements `send` and
    `window_changed`. Before the host accepts input, `ask` and `print_line` communicate with the
    person; then the subclass calls `start_input`, and what was typed ahead is sent.
    """

    cost_factor: ClassVar[float] = 6.0

    _glyphs: ClassVar[object] = None
    """The glyphs of the default font, kept so that they are drawn only once."""

    def __init__(self, session: SessionContext, params: _P) -> None:
        super().__init__(session, params)
        self._colour_scheme = params.color_scheme
        self._fonts = FontFinder(session.settings.terminal, self._font_found)
        self.text = _host_text(params)
        self._input = InputQueue(self._send_typed, self.show, self.print_line)
        takers = {"focus": self._focused, "search": self._searched}
        self._pages = PageChannel(session, takers)
        self._listener = Listener(self, self._pages)
        font = self._fonts.want(params.font_name)
        options = wanted(session, params, font)
        self.terminal = Terminal(options, self._listener)
        self.screen = Screen(session, self.terminal, self.window_changed)
        self._focus: set[str] = set()
        """Users whose page has the focus."""
        flow = FlowControl(self.block_output)
        self._output = Output(self._parse, partial(flow.hold, "screen"), session.worked)
        self._pipes = Pipes(
            session, partial(flow.hold, "pipes"), self._show_output, self.print_line
        )
        self._splitter = CommandSplitter(self.text.charset)
        self._commands: Mapping[Command, Callable[[str], None]] = {
            Command.DOWNLOAD: self.download,
            Command.UPLOAD_DIRECTORY: self.upload_directory,
            Command.OPEN_PIPE: self._pipes.open,
            Command.CLOSE_PIPE: lambda _: self._pipes.close(),
        }
        self.typist: User | None = None
        """The user who typed or pasted last, unless that user has left."""
        self._persons: dict[str, Person] = {}
        self._stdin: StdinStream | None = None
        self._autoscroll = Autoscroll(self.terminal.pointing, self.screen.refresh)
        self._at_line_start = True
        self._nothing_to_paste = ""
        self._early_replies = b""
        """Replies to queries of the host that were made before it accepted input."""
        self._warn()

    @classmethod
    @override
    def warm_up(cls, settings: Settings) -> None:
        # all protocols with a terminal share what this loads
        if TerminalHandler._glyphs is None:
            TerminalHandler._glyphs = warm_up_terminal(warm_up_options(settings))

    @classmethod
    @override
    def default_values(cls, settings: Settings) -> Mapping[str, str]:
        defaults = settings.terminal
        return {
            "font-name": defaults.font_name,
            "font-size": str(defaults.font_size),
            "color-scheme": defaults.color_scheme,
            "scrollback": str(defaults.scrollback),
        }

    @classmethod
    @override
    def check_settings(cls, settings: Settings) -> list[str]:
        for warning in parse_scheme(settings.terminal.color_scheme).warnings:
            raise SettingsError(f"terminal.color_scheme: {warning}")
        return super().check_settings(settings)

    @classmethod
    @override
    def checks(cls, settings: Settings, params: _P) -> Iterator[Check]:
        yield partial(_host_text, params)

    @classmethod
    @override
    def remarks(cls, settings: Settings, params: _P) -> list[str]:
        return [*parse_scheme(params.color_scheme).warnings, *super().remarks(settings, params)]

    # ---- for protocols

    @abstractmethod
    def send(self, data: bytes) -> None:
        """Send bytes to the host; called on the event loop, after `start_input`."""

    @abstractmethod
    def window_changed(self, columns: int, rows: int, width: int, height: int) -> None:
        """Handle a new size of the screen, in cells and in pixels; the host may not be
        connected."""

    def block_output(self, blocked: bool) -> None:
        """Make the host wait, or continue, because it sends more than can be shown. Protocols that
        can tell their host override this."""

    @property
    def takes_keys(self) -> bool:
        """True if keys go to the host: it is ready, and no pipe has exclusive use of it."""
        return self._input.host_ready and self._stdin is None

    @property
    def window(self) -> tuple[int, int, int, int]:
        """The columns and rows of the screen, and its width and height in pixels."""
        return self.screen.window

    def feed(self, data: bytes) -> None:
        """Process bytes of the host. They are parsed at once, unless this would delay other
        sessions. The next frame shows the result."""
        self.session.set_connected()
        for part in self._splitter.split(data):
            if isinstance(part, HostCommand):
                self._commands[part.command](part.argument)
            elif self._pipes.write(part):
                self._show_output(part)

    def _show_output(self, data: bytes) -> None:
        self.show(self.text.shown(data))

    def show(self, data: bytes) -> None:
        """Show decoded bytes of the host or of guacr on the screen, but not in a pipe."""
        if data:
            self._at_line_start = data.endswith(b"\n")
            self.session.shown(data)
            self._output.put(data)

    async def finish_output(self, last_line: str = "") -> None:
        """Deliver all pending output to pipes and to the last picture, with `last_line` of guacr
        below it: the host has sent everything."""
        rest = self._splitter.flush()
        if self._pipes.write(rest):
            self._show_output(rest)
        await self._pipes.finish()
        self.show(self.text.rest())
        if last_line:
            self.print_line(last_line)
        self._output.finish()

    def download(self, path: str) -> None:
        """Send a file of the host to the owner; protocols with file transfer override this."""
        self.print_line(f"{shorten(path)} was not sent: {self.name} does not support file transfer")

    def upload_directory(self, path: str) -> None:
        """Set the host's directory for users' files; protocols with file transfer override this."""
        self.print_line(
            f"no files go to {shorten(path)}: {self.name} does not support file transfer"
        )

    async def ask(self, prompt: str, *, echo: bool = True) -> str:
        """Return a line that a person types in the terminal; without `echo`, it shows asterisks.

        Raises:
            SessionClosedError: the person pressed Ctrl-C, or Ctrl-D on an empty line.
            SessionTimeoutError: nobody answered in time.
            BusyError: another question is open.
        """
        self.session.set_connected()
        return await self._input.ask(prompt, echo=echo)

    def print_line(self, text: str) -> None:
        """Show a line of guacr's own in italics, below the existing output."""
        before = "" if self._at_line_start else "\r\n"
        body = plain_text(text).replace("\n", "\r\n")
        self.show(f"{before}\x1b[0;3m{body}\x1b[0m\r\n".encode())

    def announce(self, text: str) -> None:
        """Show a line of guacr's own while the host does not answer yet."""
        self.session.set_connected()
        self.print_line(text)

    def start_input(self) -> None:
        """Start to send input: the host accepts it now."""
        self.session.set_connected()
        replies, self._early_replies = self._early_replies, b""
        if replies:
            self.send(replies)
        self._input.start()

    def pause_input(self) -> None:
        """Stop input, because the host's connection is full; it waits on the users' connections."""
        self.session.pause_input()
        if self._stdin is not None:
            self._stdin.pause()

    def resume_input(self) -> None:
        """Continue input, because the host's connection accepts more."""
        self.session.resume_input()
        if self._stdin is not None:
            self._stdin.resume()

    # ---- input of users

    @override
    def key(self, user: User, keysym: int, pressed: bool) -> None:
        before = self.screen.seen()
        data = self.terminal.key(self.person(user), keysym, pressed)
        self._typed(user, data)
        if pressed:
            self.screen.key_pressed(before, is_sent=bool(data))

    @override
    def mouse(self, user: User, x: int, y: int, buttons: int) -> None:
        person = self.person(user)
        self._typed(user, self.terminal.mouse(person, x, y, buttons, user.now()))
        self.screen.refresh()
        self._autoscroll.update(person)

    @override
    def resize(self, user: User, width: int, height: int) -> None:
        self.screen.rearrange(lambda: self.terminal.resize(width, height))

    @override
    def clipboard(self, user: User, mimetype: str, data: bytes) -> None:
        # only text can be pasted into a terminal
        if mimetype.lower().startswith("text/"):
            self.set_clipboard(data.decode(errors="replace"))
        else:
            self.clipboard_lost(user, f"only text can be pasted, not {shorten(mimetype)}")

    @override
    def clipboard_lost(self, user: User, reason: str) -> None:
        self.set_clipboard("", reason)

    def set_clipboard(self, text: str, reason: str = "") -> None:
        """Set the text for pasting; if it is empty, `reason` is shown when somebody pastes."""
        self.terminal.clipboard = text
        self._nothing_to_paste = reason

    def paste_refused(self, person: Person) -> None:
        """Explain to a person who pasted why there is nothing to paste."""
        if self._nothing_to_paste:
            self.notify(self.user_of(person), f"nothing was pasted: {self._nothing_to_paste}")

    @override
    def argv(self, user: User, name: str, value: str) -> None:
        declared = {param.name: param for param in self.params_type.declared()}
        parsed = declared[name].parse(value)
        terminal = self.terminal
        changes: dict[str, Callable[[], None]] = {
            "color-scheme": lambda: self._set_colour_scheme(parsed),
            "font-name": lambda: terminal.set_font(
                self._fonts.want(parsed, terminal.font_name), terminal.font_size
            ),
            "font-size": lambda: terminal.set_font(terminal.font_name, parsed),
            "minimum-contrast": lambda: setattr(terminal, "minimum_contrast", parsed),
        }
        self.screen.rearrange(changes[name])

    @override
    def argv_values(self) -> Mapping[str, str]:
        values = {
            "color-scheme": self._colour_scheme,
            "font-name": self.terminal.font_name,
            "font-size": str(self.terminal.font_size),
            "minimum-contrast": f"{self.terminal.minimum_contrast:g}",
        }
        declared = {param.name for param in self.params_type.declared()}
        return {name: value for name, value in values.items() if name in declared}

    @override
    def open_stream(self, user: User, stream: InputStream) -> None:
        # a pipe named STDIN is typed into the terminal, and blocks other input while it is open
        if stream.kind != "pipe":
            raise UnsupportedError(f"{stream.kind} streams are not supported by this protocol")
        if stream.name == PIPE_NAME:
            self._pages.open(user, stream)
            return
        if stream.name != STDIN_NAME:
            raise NotFoundError(f"pipe {shorten(stream.name)} is unknown: use {STDIN_NAME}")
        if not self._input.host_ready:
            raise BusyError("the remote host does not accept input yet: try again when it does")
        if self._stdin is not None:
            raise BusyError(f"the pipe {STDIN_NAME} is already open: end it first")
        self._stdin = StdinStream(user, stream, self.send, self._stdin_ended)

    @override
    def user_left(self, user: User) -> None:
        self._persons.pop(user.id, None)
        if self.typist is user:
            self.typist = None
        self._pages.left(user)
        self._pipes.check()
        self._focused(user, False)
        if self._stdin is not None and self._stdin.user is user:
            self._stdin_ended()

    @override
    def closed(self) -> None:
        self.screen.close()
        self._autoscroll.stop()
        self._fonts.close()
        self.terminal.close()

    # ---- messages of pages, as in `PageChannel`

    def want_upload(self, wanted: bool) -> None:
        """Tell pages whether the terminal waits for a file, so that they show a button for it."""
        self._pages.want_upload(wanted)

    def _focused(self, user: User, focused: object) -> None:
        before = bool(self._focus)
        (self._focus.add if focused is True else self._focus.discard)(user.id)
        if bool(self._focus) != before and self._input.host_ready:
            self._typed(user, self.terminal.focus(not before))
        if focused is False:
            self.release_input(user)

    def _searched(self, user: User, wanted: object) -> None:
        if not isinstance(wanted, dict) or not isinstance(wanted.get("text"), str):
            raise BadRequestError("a search must be an object with a text")

        def report(number: int, total: int) -> None:
            self._pages.tell("found", {"number": number, "total": total}, user)
            self.screen.refresh()

        self.screen.finder.find(wanted["text"], wanted.get("newer") is True, report)
        self.screen.refresh()

    @property
    def takes_replies(self) -> bool:
        """True if the host accepts replies to its queries: it is ready, and reads."""
        return self._input.host_ready and not self.session.input_paused

    def reply(self, data: bytes) -> None:
        """Send a reply of the terminal to a query of the host. A host that keeps asking without
        reading the replies gets no more of them."""
        if self._input.host_ready:
            if self.takes_replies:
                self.send(data)
        elif len(self._early_replies) + len(data) <= EARLY_REPLIES_MAX:
            self._early_replies += data

    def person(self, user: User) -> Person:
        """Return the keyboard and pointer of a user."""
        person = self._persons.get(user.id)
        if person is None:
            person = self._persons[user.id] = Person()
            person.may_paste = not user.rights.disable_paste
        return person

    def user_of(self, person: Person) -> User | None:
        """Return the user with this keyboard and pointer."""
        users = self.session.users
        return next((user for user in users if self._persons.get(user.id) is person), None)

    def notify(self, user: User | None, sentence: str) -> None:
        """Show a sentence to a user: on guacr's page, or else in the terminal."""
        if user is not None and self._pages.listens(user):
            self._pages.tell("notice", sentence, user)
        else:
            self.print_line(sentence)

    # ---- internals

    def _send_typed(self, data: bytes) -> None:
        """Send typed bytes in the host's character set: all of them, or nothing."""
        try:
            encoded = self.text.typed(data)
        except BadRequestError as error:
            self.notify(self.typist, f"nothing was sent: {error}")
            return
        self.send(encoded)

    def _warn(self) -> None:
        """Report parameters that are ignored."""
        for warning in self.remarks(self.session.settings, self.params):
            self.session.log.warning("%s", warning)
            self.print_line(warning)

    def _typed(self, user: User, data: bytes) -> None:
        if data and self._stdin is None:
            self.typist = user
            self._input.put(data)

    def _stdin_ended(self) -> None:
        self._stdin = None

    def _font_found(self, name: str) -> None:
        self.screen.rearrange(lambda: self.terminal.set_font(name, self.terminal.font_size))
        self.session.send_argv("font-name", self.argv_values()["font-name"])

    def _set_colour_scheme(self, text: str) -> None:
        for warning in self.terminal.set_colour_scheme(text):
            self.session.log.warning("%s", warning)
        self._colour_scheme = text

    def _parse(self, data: bytes) -> Future[object] | None:
        if self.session.closed:
            return None
        self.terminal.feed(data)
        self.screen.fed(len(data))
        return self.terminal.emulator.pending


def _host_text(params: TerminalParams) -> HostText:
    return HostText(params.encoding if isinstance(params, HostTerminalParams) else "")
