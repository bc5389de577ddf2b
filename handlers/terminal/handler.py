"""The handler of everything that shows a terminal; protocols add how bytes come and go."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import ClassVar, cast

from guacr.errors import BadRequestError, BusyError, NotFoundError, UnsupportedError, shorten
from guacr.session.handler import ProtocolHandler
from guacr.session.params import Params
from guacr.session.session import Session
from guacr.session.streams import InputStream
from guacr.session.user import User
from guacr.settings import Settings
from handlers.terminal.blink import Blink
from handlers.terminal.finder import Finder
from handlers.terminal.fonts import FontFinder, directories
from handlers.terminal.hold import Hold
from handlers.terminal.listener import Listener
from handlers.terminal.output import Output
from handlers.terminal.pages import PIPE_NAME, Pages
from handlers.terminal.params import TerminalParams
from handlers.terminal.rest import Rest
from handlers.terminal.stdin import StdinStream
from handlers.terminal.typing import Typing
from handlers.terminal.view import TerminalView
from terminal.links import SCHEMES, Link
from terminal.person import Person
from terminal.pointing import Pointer
from terminal.prompt import plain_text
from terminal.rehearsal import rehearse
from terminal.terminal import Terminal, TerminalOptions

AUTOSCROLL_INTERVAL = 0.05
"""Seconds between the steps of a selection dragged beyond the edge."""
STDIN_NAME = "STDIN"
WARM_UP_SIZE = (1024, 768)
"""Pixels of the terminal that is used once before there are sessions."""


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
        self.terminal = Terminal(self._options(), Listener(self))
        emulator = self.terminal.emulator
        self._finder = Finder(emulator)
        self._hold = Hold(self.terminal.surface, emulator, session.changed)
        self._view = TerminalView(session.display, self.terminal, self._hold, self._finder)
        takers = {"focus": self._focused, "search": self._searched}
        self._pages = Pages(session, takers)
        self._focus: set[str] = set()
        """Users whose page has the attention of its person."""
        self._fed = self._stale = False
        session.display.before_frame = self._before_frame
        self._output = Output(self._parse, self.block_output, session.worked)
        self._typing = Typing(self.send, self.feed, self.print_line)
        self._persons: dict[str, Person] = {}
        self._stdin: StdinStream | None = None
        self._autoscroll: asyncio.TimerHandle | None = None
        self._rest = Rest(emulator)
        self._blink = Blink(emulator, session.changed)
        self._at_line_start = True
        self._warn()

    @classmethod
    def warm_up(cls, settings: Settings) -> None:
        """See `ProtocolHandler.warm_up`; all protocols with a terminal share what it loads."""
        if TerminalHandler._glyphs is None:
            defaults = settings.terminal
            options = TerminalOptions(
                width=WARM_UP_SIZE[0],
                height=WARM_UP_SIZE[1],
                font_name=defaults.font_name,
                font_size=defaults.font_size,
                engine=defaults.engine,
                font_directories=directories(defaults),
            )
            TerminalHandler._glyphs = rehearse(options)

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
    def window(self) -> tuple[int, int, int, int]:
        """Columns and rows of the screen, and its width and height in pixels."""
        layout = self.terminal.layout
        return layout.columns, layout.rows, layout.text.width, layout.text.height

    def feed(self, data: bytes) -> None:
        """Bytes of the host: parsed at once, unless they take so long that other sessions would
        wait for it. The next frame shows what they made of the screen."""
        if data:
            self._at_line_start = data.endswith(b"\n")
            self._output.put(data)

    def finish_output(self) -> None:
        """The host has sent its last: the last picture shall show it."""
        self._output.finish()

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
        self.feed(f"{before}\x1b[0;3m{body}\x1b[0m\r\n".encode())

    def start_input(self) -> None:
        """The host takes input from now on."""
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
        data = self.terminal.key(self._person(user), keysym, pressed)
        self._typed(data)
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
        person = self._person(user)
        self._typed(self.terminal.mouse(person, x, y, buttons, user.now()))
        self._refresh()
        if self._autoscroll is None and self.terminal.pointing.beyond_edge(person):
            self._arm_autoscroll(person)

    def resize(self, user: User, width: int, height: int) -> None:
        """See `ProtocolHandler.resize`."""
        self._rearrange(lambda: self.terminal.resize(width, height))

    def clipboard(self, user: User, mimetype: str, data: bytes) -> None:
        """See `ProtocolHandler.clipboard`; only text can be pasted into a terminal."""
        if mimetype.lower().startswith("text/"):
            self.terminal.clipboard = data.decode(errors="replace")
        else:
            self.session.log.warning("a clipboard of type %s was ignored", shorten(mimetype))

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
        self._focused(user, False)
        if self._stdin is not None and self._stdin.user is user:
            self._stdin_ended()

    def closed(self) -> None:
        """See `ProtocolHandler.closed`."""
        self._rest.stop()
        self._blink.stop()
        self._hold.end()
        self._finder.stop()
        self._fonts.close()
        self.terminal.close()

    # ---- what the terminal says; see `Listener`

    def reply(self, data: bytes) -> None:
        """An answer of the terminal's to a query of the host's."""
        if self._typing.host_ready:
            self.send(data)

    def copied(self, text: str) -> None:
        """Text was selected, or copied by a program: every user gets it who may copy."""
        data = text.encode(errors="replace")
        if len(data) > self.session.clipboard_limit:
            self.copy_refused(len(data))
            return
        self.terminal.clipboard = text
        self.session.send_clipboard("text/plain", data)

    def copy_refused(self, size: int) -> None:
        """What was copied is too large: nothing was cut, and the person is told."""
        notice = (
            f"{size} bytes are too much to copy: the clipboard holds "
            f"{self.session.clipboard_limit} (clipboard-buffer-size)"
        )
        self.session.log.warning("%s", notice)
        self._pages.tell("notice", notice)

    def clipboard_for_host(self) -> bytes | None:
        """What a program gets that asks for the clipboard; None refuses."""
        allowed = getattr(self.params, "allow_clipboard_read", False)
        allowed = allowed and not getattr(self.params, "disable_paste", False)
        return self.terminal.clipboard.encode(errors="replace") if allowed else None

    def link_followed(self, person: Person, link: Link) -> None:
        """Somebody clicked on a link: that person's page asks whether to open it."""
        for user in self.session.users.values():
            if self._persons.get(user.id) is person:
                if link.may_be_opened:
                    self._pages.tell("open", link.uri, user)
                else:
                    schemes = ", ".join(SCHEMES)
                    self._pages.tell("notice", f"only links of {schemes} can be opened", user)

    # ---- what pages say; see `Pages`

    def _focused(self, user: User, focused: object) -> None:
        before = bool(self._focus)
        (self._focus.add if focused is True else self._focus.discard)(user.id)
        if bool(self._focus) != before and self._typing.host_ready:
            self._typed(self.terminal.focus(not before))

    def _searched(self, user: User, wanted: object) -> None:
        if not isinstance(wanted, dict) or not isinstance(wanted.get("text"), str):
            raise BadRequestError("a search must be an object with a text")

        def report(number: int, total: int) -> None:
            self._pages.tell("found", {"number": number, "total": total}, user)
            self._refresh()

        self._finder.find(wanted["text"], wanted.get("newer") is True, report)
        self._refresh()

    # ---- within

    def _options(self) -> TerminalOptions:
        settings = self._settings
        defaults = self.session.settings.terminal
        width, height = self.session.size
        return TerminalOptions(
            width=width,
            height=height,
            dpi=self.session.owner_info.dpi,
            font_name=self._fonts.want(settings.font_name),
            font_size=settings.font_size,
            colour_scheme=settings.color_scheme,
            terminal_type=settings.terminal_type,
            function_keys=settings.func_keys_and_keypad,
            backspace=settings.backspace,
            minimum_contrast=getattr(settings, "minimum_contrast", 1),
            clipboard_bytes=self.session.clipboard_limit_for(self.params),
            scrollback_rows=settings.scrollback,
            engine=defaults.engine,
            font_directories=directories(defaults),
        )

    def _warn(self) -> None:
        """Tell of what was asked for and is not given."""
        warnings = list(self.terminal.scheme.warnings)
        later = self._settings.asked_later()
        if later:
            warnings.append(f"not supported yet, and ignored: {', '.join(later)}")
        for warning in warnings:
            self.session.log.warning("%s", warning)
            self.print_line(warning)

    def _person(self, user: User) -> Person:
        person = self._persons.get(user.id)
        if person is None:
            person = self._persons[user.id] = Person()
            person.may_paste = not user.rights.disable_paste
        return person

    def _typed(self, data: bytes) -> None:
        if data and self._stdin is None:
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

    def _parse(self, data: bytes) -> None:
        if not self.session.closed:
            self.terminal.feed(data)
            self._rest.grew(len(data))
            self._fed = True
            self.session.changed()

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

    def _arm_autoscroll(self, person: Person) -> None:
        loop = asyncio.get_running_loop()
        self._autoscroll = loop.call_later(AUTOSCROLL_INTERVAL, self._step_autoscroll, person)

    def _step_autoscroll(self, person: Person) -> None:
        self._autoscroll = None
        if not self.session.closed and self.terminal.pointing.beyond_edge(person):
            self.terminal.pointing.autoscroll(person)
            self._refresh()
            self._arm_autoscroll(person)
