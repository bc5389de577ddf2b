"""A terminal: an engine, its picture, and the input of people."""

from __future__ import annotations

from concurrent.futures import Executor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from terminal.drawing.atlas import GlyphAtlas, atlas_for, font_pixels
from terminal.drawing.colours import Scheme, colour_report, parse_scheme
from terminal.drawing.layout import Layout
from terminal.drawing.surface import TerminalSurface
from terminal.engines.available import engine
from terminal.engines.contents import Colours, Rgb
from terminal.engines.emulator import EmulatorListener, EmulatorOptions
from terminal.engines.oversize import Oversize
from terminal.input import keysyms, kitty
from terminal.input.keyboard import Typed
from terminal.input.keymap import KeyMap, KeyModes, Modifiers
from terminal.input.kitty import Flags, KeyEvent
from terminal.input.mouse import Button
from terminal.input.paste import pasted
from terminal.input.person import Person
from terminal.input.pointing import Pointer, Pointing
from terminal.input.selection import Selection
from terminal.input.shortcuts import SCROLLING, Shortcut, shortcut
from terminal.text.links import Link

AUTO_REPEAT, FOCUS_EVENTS, PASTE_BRACKETS = 8, 1004, 2004
COLOUR_REPORTS = 2031
"""DEC private modes."""


class TerminalListener(EmulatorListener, Protocol):
    """Receives the requests of the host and of the people at the terminal."""

    def copied(self, text: str) -> None:
        """Handle text that someone selected."""
        ...

    def link_followed(self, person: Person, link: Link) -> None:
        """Handle a click on a link with Ctrl."""
        ...

    def copy_refused(self, size: int, limit: int) -> None:
        """Handle a program's attempt to copy more than `limit` bytes."""
        ...

    def paste_refused(self, person: Person) -> None:
        """Handle a paste from an empty clipboard."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class TerminalOptions:
    """The options of a terminal."""

    width: int
    """The size of the window in pixels."""
    height: int
    dpi: int = 96
    font_name: str = "monospace"
    font_size: int = 12
    """Font size in points."""
    colour_scheme: str = ""
    minimum_contrast: float = 1
    """The minimum contrast of text to its background, 1 to 21."""
    terminal_type: str = "linux"
    function_keys: str = ""
    backspace: int = 127
    scrollback_rows: int = 1000
    clipboard_bytes: int = 1 << 20
    """Maximum bytes that a program may copy; more is refused."""
    image_bytes: int = 16 << 20
    """Maximum bytes of images; see `EmulatorOptions`."""
    executor: Executor | None = None
    """Threads that decompress images; see `EmulatorOptions`."""
    screen_reports: bool = False
    """True if the host may read the screen; see `EmulatorOptions`."""
    engine: str = "auto"
    """The name of the engine; see `terminal.engines.available`."""
    font_directories: tuple[Path, ...] = ()
    """Font directories in addition to the system's."""


class Terminal:
    """A terminal. `feed` processes bytes from the host; `key` and `mouse` process the input of each
    `Person`, and return the bytes for the host.

    Raises:
        GuacrError: there is no font, or the engine cannot start.
    """

    def __init__(self, options: TerminalOptions, listener: TerminalListener) -> None:
        self._listener = listener
        self._font_directories = options.font_directories
        self._window = (options.width, options.height)
        self._dpi = options.dpi
        self.font_name, self.font_size = options.font_name, options.font_size
        self.scheme: Scheme = parse_scheme(options.colour_scheme)
        self._minimum_contrast = options.minimum_contrast
        self._clipboard_bytes = options.clipboard_bytes
        self.clipboard = ""
        """The text that pasting types: the last one copied, here or by a client."""
        atlas = self._atlas()
        self.layout = self._laid_out(atlas)
        start = engine(options.engine)
        self.emulator = start(self._emulator_options(options), listener)
        self.surface = TerminalSurface(self.emulator, atlas)
        self.selection = Selection(self.emulator)
        self.pointing = Pointing(
            self.emulator,
            self.selection,
            lambda: self.layout,
            copy=self._copy,
            paste=self._paste_for,
            arrows=self._arrows,
            follow=listener.link_followed,
        )
        self._copy_limit = min(options.clipboard_bytes, self.emulator.largest_copy)
        self._oversize = Oversize(self._copy_limit)
        self._keymap = KeyMap(options.terminal_type, options.function_keys, options.backspace)

    def feed(self, data: bytes) -> None:
        """Process bytes from the host."""
        self.emulator.feed(data)
        self.selection.verify()
        self.pointing.verify()
        refused = self._oversize.take(data)
        if refused:
            self._listener.copy_refused(refused, self._copy_limit)

    def trim(self) -> None:
        """Free memory while nobody uses the terminal; nothing is lost."""
        self.emulator.trim()
        self.surface.trim()

    def close(self) -> None:
        """Free the engine; may be called twice. Nothing else may be called afterwards."""
        self.selection.clear()
        self.emulator.close()
        vars(self).pop("pointing", None)  # it refers to this terminal

    # ---- input

    def key(self, person: Person, keysym: int, pressed: bool) -> bytes:
        """Handle a key that went down or up; return the bytes for the host."""
        keyboard = person.keyboard
        if not pressed:
            released = keyboard.release(keysym)
            if released is None and keysym in kitty.MODIFIER_KEYS:
                released = Typed("", keyboard.modifiers)
            return b"" if released is None else self._release(keysym, released)
        event = KeyEvent.REPEAT if keyboard.is_down(keysym) else KeyEvent.PRESS
        typed = keyboard.press(keysym)
        if keysym in kitty.MODIFIER_KEYS:
            return self._press(keysym, Typed("", keyboard.modifiers), KeyEvent.PRESS)
        if typed is None:
            return b""
        command = shortcut(keysym, typed.command, typed.modifiers)
        if command in SCROLLING and self.emulator.alternate_screen:
            command = None  # there is nothing to scroll; programs may use these keys
        if command is not None:
            keyboard.release(keysym)  # do not report its release to the host either
            return self._command(person, command)
        if event is KeyEvent.REPEAT and not self.emulator.mode(AUTO_REPEAT):
            return b""
        return self._to_host(self._press(keysym, typed, event))

    def mouse(self, person: Person, x: int, y: int, buttons: int, now: float) -> bytes:
        """Handle the pointer at a pixel of the window, with a Guacamole button mask, at `now` in
        seconds; return the bytes for the host."""
        return self.pointing.event(person, (x, y), Button(buttons), now)

    def paste(self, text: str) -> bytes:
        """Return the bytes for the host when text is pasted."""
        return self._to_host(pasted(text, bracketed=self.emulator.mode(PASTE_BRACKETS)))

    def focus(self, focused: bool) -> bytes:
        """Handle a change of focus; return the bytes for the host, which requests focus events with
        DEC private mode 1004."""
        if not self.emulator.mode(FOCUS_EVENTS):
            return b""
        return b"\x1b[I" if focused else b"\x1b[O"

    # ---- settings

    def resize(self, width: int, height: int) -> None:
        """Set the size of the window in pixels."""
        self._window = (width, height)
        self._arrange(self.surface.atlas)

    def set_font(self, name: str, size: int) -> None:
        """Change the font family, or the size in points.

        Raises:
            GuacrError: there is no font; the terminal stays as it is.
        """
        before = self.font_name, self.font_size
        self.font_name, self.font_size = name, size
        try:
            atlas = self._atlas()
        except Exception:
            self.font_name, self.font_size = before
            raise
        self._arrange(atlas)

    def set_colour_scheme(self, text: str) -> tuple[str, ...]:
        """Change the colours; return the parts of the notation that could not be parsed."""
        before = self.scheme.colours
        self.scheme = parse_scheme(text)
        self.emulator.set_colours(self._colours())
        if self.scheme.colours != before and self.emulator.mode(COLOUR_REPORTS):
            self._listener.reply(colour_report(self.scheme.colours))
        return self.scheme.warnings

    @property
    def background(self) -> Rgb:
        """The colour around the text, which is also that of blank cells."""
        return self.emulator.background or self.scheme.colours.background

    @property
    def minimum_contrast(self) -> float:
        """The minimum contrast of text to its background, 1 to 21."""
        return self._minimum_contrast

    @minimum_contrast.setter
    def minimum_contrast(self, contrast: float) -> None:
        self._minimum_contrast = contrast
        self.emulator.set_colours(self._colours())

    # ---- within

    def _atlas(self) -> GlyphAtlas:
        pixels = font_pixels(self.font_size, self._dpi)
        return atlas_for(self.font_name, pixels, self._font_directories)

    def _laid_out(self, atlas: GlyphAtlas) -> Layout:
        cell = atlas.metrics.width, atlas.metrics.height
        return Layout.of(self._window, self._dpi, cell)

    def _arrange(self, atlas: GlyphAtlas) -> None:
        layout = self.layout = self._laid_out(atlas)
        self.emulator.resize(layout.columns, layout.rows, layout.cell_width, layout.cell_height)
        self.surface.atlas = atlas
        self.selection.verify()

    def _emulator_options(self, options: TerminalOptions) -> EmulatorOptions:
        return EmulatorOptions(
            columns=self.layout.columns,
            rows=self.layout.rows,
            cell_width=self.layout.cell_width,
            cell_height=self.layout.cell_height,
            scrollback_rows=options.scrollback_rows,
            clipboard_bytes=options.clipboard_bytes,
            image_bytes=options.image_bytes,
            executor=options.executor,
            screen_reports=options.screen_reports,
            colours=self._colours(),
        )

    def _colours(self) -> Colours:
        return replace(self.scheme.colours, minimum_contrast=self._minimum_contrast)

    def _press(self, keysym: int, typed: Typed, event: KeyEvent) -> bytes:
        flags = self.emulator.kitty_keyboard
        if flags:
            return kitty.encode(keysym, typed, Flags(flags), event)
        if typed.text and keysym < 0x7F and typed.modifiers <= Modifiers.SHIFT:
            return typed.text.encode()  # no mode affects plain letters
        return self._keymap.encode(keysym, typed.command, typed.modifiers, self._key_modes())

    def _release(self, keysym: int, typed: Typed) -> bytes:
        """Handle a release, which is reported only by the Kitty keyboard protocol."""
        flags = self.emulator.kitty_keyboard
        return kitty.encode(keysym, typed, Flags(flags), KeyEvent.RELEASE) if flags else b""

    def _key_modes(self) -> KeyModes:
        mode = self.emulator.mode
        return KeyModes(mode(1), mode(66), mode(20, ansi=True), mode(67))

    def _to_host(self, data: bytes) -> bytes:
        """Scroll to the bottom on input, so that its effect is visible."""
        if data:
            self.pointing.shape = Pointer.HIDDEN
            self.emulator.scroll_to_bottom()
        return data

    def _command(self, person: Person, command: Shortcut) -> bytes:
        if command is Shortcut.PASTE:
            return self._paste_for(person)
        if command is Shortcut.COPY:
            self._copy()
        elif command is Shortcut.TOP:
            self.emulator.scroll_to_top()
        elif command is Shortcut.BOTTOM:
            self.emulator.scroll_to_bottom()
        else:
            self.emulator.scroll_by(self._scrolled(command))
        return b""

    def _scrolled(self, command: Shortcut) -> int:
        page = max(self.layout.rows - 1, 1)
        return {
            Shortcut.ROW_UP: -1,
            Shortcut.ROW_DOWN: 1,
            Shortcut.PAGE_UP: -page,
            Shortcut.PAGE_DOWN: page,
        }[command]

    def _copy(self) -> None:
        text = self.selection.text()
        if text:
            self.clipboard = text  # the listener may clear it again
            self._listener.copied(text)

    def _paste_for(self, person: Person) -> bytes:
        if not person.may_paste:
            return b""
        if not self.clipboard:
            self._listener.paste_refused(person)
        return self.paste(self.clipboard)

    def _arrows(self, rows: int) -> bytes:
        keysym = keysyms.UP if rows < 0 else keysyms.DOWN
        key = self._keymap.encode(keysym, "", Modifiers.NONE, self._key_modes())
        return key * abs(rows)
