"""The colours that the host of a pyte terminal sets and queries: OSC 4, 10 to 12 and 104 to 112
(xterm's control sequences, "Operating System Commands")."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from terminal.drawing.colour_notation import parse_colour
from terminal.engines.contents import Colours, Rgb

MAX_REQUESTS = 512
"""Maximum colours set or queried by one command; further ones are ignored."""

_FOREGROUND, _BACKGROUND, _CURSOR = 10, 11, 12


class HostColours:
    """The default colours, and those that the host has set."""

    def __init__(self, defaults: Colours, reply: Callable[[str], None]) -> None:
        self.defaults = defaults
        self._reply = reply
        self._palette: dict[int, Rgb] = {}
        self._dynamic: dict[int, Rgb] = {}
        self._known: Colours | None = None

    def set_defaults(self, colours: Colours) -> None:
        """Change the defaults, which apply where the host has set nothing."""
        self.defaults, self._known = colours, None

    def reset(self) -> None:
        """Discard what the host has set."""
        self._palette.clear()
        self._dynamic.clear()
        self._known = None

    @property
    def now(self) -> Colours:
        """The current colours."""
        if self._known is None:
            palette = bytearray(self.defaults.palette)
            for index, colour in self._palette.items():
                palette[3 * index : 3 * index + 3] = bytes(colour)
            self._known = replace(
                self.defaults,
                foreground=self._dynamic.get(_FOREGROUND, self.defaults.foreground),
                background=self._dynamic.get(_BACKGROUND, self.defaults.background),
                cursor=self._dynamic.get(_CURSOR, self.defaults.cursor),
                palette=bytes(palette),
            )
        return self._known

    def set_palette(self, index: int, digits: str) -> None:
        """The Linux console's ESC ] P: two digits each for red, green and blue."""
        red, green, blue = bytes.fromhex(digits)
        self._palette[index] = (red, green, blue)
        self._known = None

    def reset_palette(self) -> None:
        """OSC 104, and the Linux console's ESC ] R."""
        self._palette.clear()
        self._known = None

    def take(self, number: int, text: str, terminator: str) -> bool:
        """Handle an OSC; return whether it concerns colours."""
        if number == 4:
            for index, value in _pairs(text):
                self._palette_entry(index, value, terminator)
        elif number in (_FOREGROUND, _BACKGROUND, _CURSOR):
            for offset, value in enumerate(text.split(";")[:3]):
                self._dynamic_entry(number + offset, value, terminator)
        elif number == 104:
            self._reset_palette(text)
        elif number in (110, 111, 112):
            self._dynamic.pop(number - 100, None)
        else:
            return False
        self._known = None
        return True

    def _palette_entry(self, index: int, value: str, terminator: str) -> None:
        if value == "?":
            red, green, blue = self.now.palette[3 * index : 3 * index + 3]
            self._answer(f"4;{index}", (red, green, blue), terminator)
        elif colour := parse_colour(value):
            self._palette[index] = colour
            self._known = None

    def _dynamic_entry(self, number: int, value: str, terminator: str) -> None:
        if number > _CURSOR:
            return
        if value == "?":
            now = self.now
            colours = (now.foreground, now.background, now.cursor or now.foreground)
            self._answer(str(number), colours[number - _FOREGROUND], terminator)
        elif colour := parse_colour(value):
            self._dynamic[number] = colour
            self._known = None

    def _answer(self, what: str, colour: Rgb, terminator: str) -> None:
        parts = "/".join(f"{value:02x}{value:02x}" for value in colour)
        self._reply(f"\x1b]{what};rgb:{parts}{terminator}")

    def _reset_palette(self, text: str) -> None:
        if not text:
            self._palette.clear()
        for part in text.split(";")[:MAX_REQUESTS]:
            if part.isdecimal() and len(part) <= 3:
                self._palette.pop(int(part), None)


def _pairs(text: str) -> Iterator[tuple[int, str]]:
    parts = text.split(";")[: 2 * MAX_REQUESTS]
    for index, value in zip(parts[::2], parts[1::2], strict=False):
        if index.isdecimal() and len(index) <= 3 and int(index) < 256:
            yield int(index), value
