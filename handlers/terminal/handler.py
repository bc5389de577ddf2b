"""The handler of everything that shows a terminal; protocols add how bytes come and go."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from functools import partial
from typing import ClassVar, cast

from guacr.errors import (
    BadRequestError,
    BusyError,
    NotFoundError,
    SettingsError,
    UnsupportedError,
    shorten,
)
from guacr.session.handler import ProtocolHandler
from guacr.session.params import Params
from guacr.session.session import Session
from guacr.session.streams import InputStream
from guacr.session.user import User
from guacr.settings import Settings
from handlers.terminal.autoscroll import Autoscroll
from handlers.terminal.blink import Blink
from handlers.terminal.brake import Brake
from handlers.terminal.finder import Finder
from handlers.terminal.fonts import FontFinder
from handlers.terminal.hold import Hold
from handlers.terminal.hosttext import HostText
from handlers.terminal.listener import Listener
from handlers.terminal.options import rehearsed, wanted
from handlers.terminal.output import Output
from handlers.terminal.pages import PIPE_NAME, Pages
from handlers.terminal.params import TerminalParams
from handlers.terminal.pipes import Pipes
from handlers.terminal.rest import Rest
from handlers.terminal.stdin import StdinStream
from handlers.terminal.typing import Typing
from handlers.terminal.view import TerminalView
from terminal.colours import parse_scheme
from terminal.commands import Command, CommandSplitter, HostCommand
from terminal.person import Person
from terminal.pointing import Pointer
from terminal.prompt import plain_text
from terminal.rehearsal import rehearse
from terminal.terminal import Terminal

STDIN_NAME = "STDIN"
EARLY_REPLIES_MAX = 4096
"""Bytes of answers that wait until the host takes input; further answers are dropped."""


class TerminalHandler(ProtocolHandler):
    """Binds a `Terminal` to a session.

    A protocol's subclass calls `feed` with what the host sends, and implements `send` and
    `window_changed`. Before the host takes input, `ask` and `print_line` speak with the person;
    once it does, the subclass calls `start_input`, and what was typed ahead is sent.
    """

    _glyphs: ClassVar[object] = None
    """Of the default font, kept so that they stay drawn."""

    def __init__(self, session: Session, params: Params) -> None:
        super().__init__(session, params)
        self._settings = cast(TerminalParams, params)
        self._colour_scheme = self._settings.color_scheme
        self._fonts = FontFinder(session.settings.terminal, self._font_found)
        self.text = HostText(getattr(params, "encoding", ""))
        self._typing = Typing(self._send_typed, self.show, self.print_line)
        takers = {"focus": self._focused, "search": self._searched}
        self._pages = Pages(session, takers)
        self._listener = Listener(self, self._pages)
        font = self._fonts.want(self._settings.font_name)
        options = wanted(session, params, font)
        self.terminal = Terminal(options, self._listener)
        emulator = self.terminal.emulator
        self._finder = Finder(emulator)
        self._hold = Hold(self.terminal.surface, emulator, session.changed)
        self._view = TerminalView(session.display, self.terminal, self._hold, self._finder)
        self._focus: set[str] = set()
        """Users whose page has the attention of its person."""
        self._fed = self._stale = False
        session.display.before_frame = self._before_frame
        brake = Brake(self.block_output)
        self._output = Output(self._parse, partial(brake.pull, "screen"), session.worked)
        self._pipes = Pipes(
            session, partial(brake.pull, "pipes"), self._show_output, self.print_line
        )
        self._splitter = CommandSplitter(self.text.charset)
        self._commands: Mapping[Command, Callable[[str], None]] = {
            Command.DOWNLOAD: self.download,
            Command.UPLOAD_DIRECTORY: self.upload_directory,
            Command.OPEN_PIPE: self._pipes.open,
            Command.CLOSE_PIPE: lambda _: self._pipes.close(),
        }
        self.typist: User | None = None
        """Who typed or pasted last; they may have left since."""
        self._persons: dict[str, Person] = {}
        self._stdin: StdinStream | None = None
        self._autoscroll = Autoscroll(self.terminal.pointing, self._refresh)
        self._rest = Rest(self.terminal)
        self._blink = Blink(emulator, session.changed)
        self._at_line_start = True
        self._nothing_to_paste = ""
        self._early_replies = b""
        """Answers to queries of the host's that came before it takes input."""
        self._warn()

    @classmethod
    def warm_up(cls, settings: Settings) -> None:
        """See `ProtocolHandler.warm_up`; all protocols with a terminal share what it loads."""
        if TerminalHandler._glyphs is None:
            TerminalHandler._glyphs = rehearse(rehearsed(settings))

    @classmethod
    def default_values(cls, settings: Settings) -> Mapping[str, str]:
        """See `ProtocolHandler.default_values`."""
        defaults = settings.terminal
        return {
            "font-name": defaults.font_name,
            "font-size": str(defaults.font_size),
            "color-scheme": defaults.color_scheme,
            "scrollback": str(defaults.scrollback),
        }

    @classmethod
    def check_settings(cls, settings: Settings) -> None:
        """See `ProtocolHandler.check_settings`."""
        for warning in parse_scheme(settings.terminal.color_scheme).warnings:
            raise SettingsError(f"terminal.color_scheme: {warning}")

    @classmethod
    def remarks(cls, settings: Settings, params: Params) -> list[str]:
        """See `ProtocolHandler.remarks`."""
        scheme = parse_scheme(str(getattr(params, "color_scheme", "")))
        return [*scheme.warnings, *super().remarks(settings, params)]

    # ---- for protocols

    @abstractmethod
    def send(self, data: bytes) -> None:
        """Bytes for the host; called on the event loop, after `start_input`."""

    @abstractmethod
    def window_changed(self, columns: int, rows: int, width: int, height: int) -> None:
        """The screen has another size, in cells and in pixels; the host may not be there yet."""

    def block_output(self, blocked: bool) -> None:
        """The host sends more than can be shown: it should wait, or may go on. A protocol that
        can tell its host so does it here."""

    @property
    def takes_keys(self) -> bool:
        """Whether keys go to the host now: it is there, and no pipe has it to itself."""
        return self._typing.host_ready and self._stdin is None

    @property
    def window(self) -> tuple[int, int, int, int]:
        """Columns and rows of the screen, and its width and height in pixels."""
        layout = self.terminal.layout
        return layout.columns, layout.rows, layout.text.width, layout.text.height

    def feed(self, data: bytes) -> None:
        """Bytes of the host: parsed at once, unless they take so long that other sessions would
        wait for it. The next frame shows what they made of the screen."""
        for part in self._splitter.split(data):
            if isinstance(part, HostCommand):
                self._commands[part.command](part.argument)
            elif self._pipes.write(part):
                self._show_output(part)

    def _show_output(self, data: bytes) -> None:
        self.show(self.text.shown(data))

    def show(self, data: bytes) -> None:
        """Bytes of guacr's own, or decoded ones of the host's, for the screen and for no pipe."""
        if data:
            self._at_line_start = data.endswith(b"\n")
            self._output.put(data)

    async def finish_output(self, last_line: str = "") -> None:
        """The host has sent its last: pipes shall get it, and the last picture show it, with
        `last_line` of guacr's own below it."""
        rest = self._splitter.flush()
        if self._pipes.write(rest):
            self._show_output(rest)
        await self._pipes.finish()
        self.show(self.text.rest())
        if last_line:
            self.print_line(last_line)
        self._output.finish()

    def download(self, path: str) -> None:
        """The host wants the owner to get a file of its own; protocols that can do it do."""
        self.print_line(f"{shorten(path)} was not sent: {self.name} has no file transfer here")

    def upload_directory(self, path: str) -> None:
        """The host wants files of the users' in this directory; protocols that can do it do."""
        self.print_line(f"no files go to {shorten(path)}: {self.name} has no file transfer here")

    async def ask(self, prompt: str, *, echo: bool = True) -> str:
        """A line that a person types in the terminal; without `echo` it shows asterisks.

        Raises:
            SessionClosedError: the person pressed Ctrl-C, or Ctrl-D on an empty line.
            SessionTimeoutError: nobody answered in time.
            BusyError: another question is open.
        """
        return await self._typing.ask(prompt, echo=echo)

    def print_line(self, text: str) -> None:
        """Show a line of guacr's own, in italics, below what is there."""
        before = "" if self._at_line_start else "\r\n"
        body = plain_text(text).replace("\n", "\r\n")
        self.show(f"{before}\x1b[0;3m{body}\x1b[0m\r\n".encode())

    def start_input(self) -> None:
        """The host takes input from now on."""
        replies, self._early_replies = self._early_replies, b""
        if replies:
            self.send(replies)
        self._typing.start()

    def pause_input(self) -> None:
        """The host's connection is full: users' input waits on their own connections."""
        self.session.pause_input()
        if self._stdin is not None:
            self._stdin.pause()

    def resume_input(self) -> None:
        """The host's connection takes more."""
        self.session.resume_input()
        if self._stdin is not None:
            self._stdin.resume()

    # ---- what users do

    def key(self, user: User, keysym: int, pressed: bool) -> None:
        """See `ProtocolHandler.key`."""
        before = self._seen()
        data = self.terminal.key(self.person(user), keysym, pressed)
        self._typed(user, data)
        if not pressed:
            return
        self._rest.disturb()
        self._blink.disturb()
        if self._seen() == before:
            return
        if data:
            self._stale = True
            self.session.changed_by_input()
        else:
            self._refresh()

    def mouse(self, user: User, x: int, y: int, buttons: int) -> None:
        """See `ProtocolHandler.mouse`."""
        person = self.person(user)
        self._typed(user, self.terminal.mouse(person, x, y, buttons, user.now()))
        self._refresh()
        self._autoscroll.look(person)

    def resize(self, user: User, width: int, height: int) -> None:
        """See `ProtocolHandler.resize`."""
        self._rearrange(lambda: self.terminal.resize(width, height))

    def clipboard(self, user: User, mimetype: str, data: bytes) -> None:
        """See `ProtocolHandler.clipboard`; only text can be pasted into a terminal."""
        if mimetype.lower().startswith("text/"):
            self.set_clipboard(data.decode(errors="replace"))
        else:
            self.clipboard_lost(user, f"only text can be pasted, not {shorten(mimetype)}")

    def clipboard_lost(self, user: User, reason: str) -> None:
        """See `ProtocolHandler.clipboard_lost`."""
        self.set_clipboard("", reason)

    def set_clipboard(self, text: str, reason: str = "") -> None:
        """What is pasted from now on; if it is nothing, `reason` is what a paste is told."""
        self.terminal.clipboard = text
        self._nothing_to_paste = reason

    def paste_refused(self, person: Person) -> None:
        """Somebody pasted, and there is nothing."""
        if self._nothing_to_paste:
            self.notify(self.user_of(person), f"nothing was pasted: {self._nothing_to_paste}")

    def argv(self, user: User, name: str, value: str) -> None:
        """See `ProtocolHandler.argv`."""
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
        self._rearrange(changes[name])

    def argv_values(self) -> Mapping[str, str]:
        """See `ProtocolHandler.argv_values`."""
        values = {
            "color-scheme": self._colour_scheme,
            "font-name": self.terminal.font_name,
            "font-size": str(self.terminal.font_size),
            "minimum-contrast": f"{self.terminal.minimum_contrast:g}",
        }
        declared = {param.name for param in self.params_type.declared()}
        return {name: value for name, value in values.items() if name in declared}

    def open_stream(self, user: User, stream: InputStream) -> None:
        """See `ProtocolHandler.open_stream`: a pipe named STDIN is typed into the terminal, and
        has the host to itself as long as it is open."""
        if stream.kind != "pipe":
            raise UnsupportedError(f"{stream.kind} streams are not supported here")
        if stream.name == PIPE_NAME:
            self._pages.open(user, stream)
            return
        if stream.name != STDIN_NAME:
            raise NotFoundError(f"there is no pipe {shorten(stream.name)} here: {STDIN_NAME} is")
        if not self._typing.host_ready:
            raise BusyError("the remote host takes no input yet: try again when it does")
        if self._stdin is not None:
            raise BusyError(f"the pipe {STDIN_NAME} is open already: end it first")
        self._stdin = StdinStream(user, stream, self.send, self._stdin_ended)

    def user_left(self, user: User) -> None:
        """See `ProtocolHandler.user_left`."""
        self._persons.pop(user.id, None)
        self._pages.left(user)
        self._pipes.look()
        self._focused(user, False)
        if self._stdin is not None and self._stdin.user is user:
            self._stdin_ended()

    def closed(self) -> None:
        """See `ProtocolHandler.closed`."""
        self._rest.stop()
        self._blink.stop()
        self._hold.end()
        self._finder.stop()
        self._autoscroll.stop()
        self._fonts.close()
        self.terminal.close()

    # ---- what pages are told and say; see `Pages`

    def want_upload(self, wanted: bool) -> None:
        """A file that a user sends would be taken now, or no longer: pages have a button for it."""
        self._pages.want_upload(wanted)

    def _focused(self, user: User, focused: object) -> None:
        before = bool(self._focus)
        (self._focus.add if focused is True else self._focus.discard)(user.id)
        if bool(self._focus) != before and self._typing.host_ready:
            self._typed(user, self.terminal.focus(not before))

    def _searched(self, user: User, wanted: object) -> None:
        if not isinstance(wanted, dict) or not isinstance(wanted.get("text"), str):
            raise BadRequestError("a search must be an object with a text")

        def report(number: int, total: int) -> None:
            self._pages.tell("found", {"number": number, "total": total}, user)
            self._refresh()

        self._finder.find(wanted["text"], wanted.get("newer") is True, report)
        self._refresh()

    def reply(self, data: bytes) -> None:
        """An answer of the terminal's to a query of the host's."""
        if self._typing.host_ready:
            self.send(data)
        elif len(self._early_replies) + len(data) <= EARLY_REPLIES_MAX:
            self._early_replies += data

    def person(self, user: User) -> Person:
        """The keyboard and the pointer of a user."""
        person = self._persons.get(user.id)
        if person is None:
            person = self._persons[user.id] = Person()
            person.may_paste = not user.rights.disable_paste
        return person

    def user_of(self, person: Person) -> User | None:
        """Whose keyboard and pointer these are."""
        users = self.session.users.values()
        return next((user for user in users if self._persons.get(user.id) is person), None)

    def notify(self, user: User | None, sentence: str) -> None:
        """Tell a user something; below what the terminal shows, where no page of guacr's would."""
        if user is not None and self._pages.listens(user):
            self._pages.tell("notice", sentence, user)
        else:
            self.print_line(sentence)

    # ---- within

    def _send_typed(self, data: bytes) -> None:
        """What is typed, in the host's character set: all of it, or nothing."""
        try:
            encoded = self.text.typed(data)
        except BadRequestError as error:
            self.notify(self.typist, f"nothing was sent: {error}")
            return
        self.send(encoded)

    def _warn(self) -> None:
        """Tell of what was asked for and is not given."""
        for warning in self.remarks(self.session.settings, self.params):
            self.session.log.warning("%s", warning)
            self.print_line(warning)

    def _typed(self, user: User, data: bytes) -> None:
        if data and self._stdin is None:
            self.typist = user
            self._typing.put(data)

    def _stdin_ended(self) -> None:
        self._stdin = None

    def _font_found(self, name: str) -> None:
        self._rearrange(lambda: self.terminal.set_font(name, self.terminal.font_size))
        self.session.tell_argv("font-name")

    def _set_colour_scheme(self, text: str) -> None:
        for warning in self.terminal.set_colour_scheme(text):
            self.session.log.warning("%s", warning)
        self._colour_scheme = text

    def _parse(self, data: bytes) -> Future[object] | None:
        """See `Output`."""
        if self.session.closed:
            return None
        self.terminal.feed(data)
        self._rest.grew(len(data))
        self._fed = True
        self.session.changed()
        return self.terminal.emulator.pending

    def _before_frame(self) -> None:
        """What follows from output and input, once a frame and not once a packet."""
        if self._fed:
            self._fed = False
            self._hold.look()
            self._stale = True
        if self._stale:
            self._stale = False
            self._rest.disturb()
            self._blink.disturb()
            self._view.refresh()

    def _refresh(self) -> None:
        """What is shown may have changed."""
        self._stale = True
        self.session.changed()

    def _seen(self) -> tuple[int, Pointer]:
        """What a key may change of what is shown."""
        return self.terminal.emulator.revision, self.terminal.pointing.shape

    def _rearrange(self, change: Callable[[], None]) -> None:
        before = self.window
        self._hold.end()
        change()
        self._view.rearrange()
        self.session.changed()
        if self.window != before:
            self.window_changed(*self.window)
