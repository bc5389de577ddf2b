"""A pager over rows that are fetched on demand."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Generic, Protocol, TypeVar

from guacr.api import is_showable
from handlers.database.console.table import CELL_MAX, HEAD_STYLE, cells, cut

KEPT_MAX = 20_000
"""Maximum rows that can be scrolled back to; older ones are dropped."""
KEPT_CELLS = 4_000_000
"""Approximate maximum characters of those rows; at least two screens are kept."""
KEYS_MAX = 256
"""Maximum pending keys; more are dropped."""
LEAVES = ("q", "Q", "c-c", "c-d", "escape")
SEARCH_MAX = 200
SEARCH_ROWS = 16
"""Rows that are searched before others have their turn, because they may have a thousand
columns."""
STEP = 8
"""Columns per step of the left and right keys."""

Item = TypeVar("Item", str, tuple[str | None, ...])
Shown = TypeVar("Shown", contravariant=True)


class ItemView(Protocol[Shown]):
    """Formats items; called again for each picture, because columns may grow."""

    def head(self) -> list[str]:
        """Lines that stay at the top."""

    def line(self, item: Shown, /) -> str:
        """An item in one line."""


class Pager(Generic[Item]):
    """Shows items on the alternate screen until `q` is pressed.

    Args:
        show: called with what is drawn.
        size: columns and rows of the screen.
        look: formats items.
        more: returns more items; none at the end.
        stop: cancels a pending `more`, which then raises.
    """

    def __init__(
        self,
        show: Callable[[str], None],
        size: Callable[[], tuple[int, int]],
        look: ItemView[Item],
        more: Callable[[], Awaitable[list[Item]]],
        stop: Callable[[], None],
    ) -> None:
        self._show = show
        self._size = size
        self._look: ItemView[Item] = look
        self._more: Callable[[], Awaitable[list[Item]]] = more
        self._stop = stop
        self.waits = False
        """True if more items are pending."""
        self.left = False
        """True if the person left while items were pending."""
        self._items: deque[Item] = deque()
        self._weights: deque[int] = deque()
        self._weight = 0
        self._first = 0
        """The number of the first item that is kept."""
        self._top = 0
        self._left = 0
        self._ended = False
        self._searched = ""
        self._typed: str | None = None
        self._message = ""
        self._keys: asyncio.Queue[tuple[str, str]] = asyncio.Queue(KEYS_MAX)

    @property
    def seen(self) -> int:
        """The number of items fetched."""
        return self._first + len(self._items)

    @property
    def ended(self) -> bool:
        """True if all items have been fetched."""
        return self._ended

    def add(self, items: list[Item], *, last: bool = False) -> None:
        """Add items that are already available; `last` if no more follow."""
        self._ended = self._ended or last
        for item in items:
            weight = len(item) if isinstance(item, str) else _length(item)
            if weight > CELL_MAX and not isinstance(item, str):
                item = tuple(part and part[: CELL_MAX + 1] for part in item)
                weight = _length(item)
            self._items.append(item)
            self._weights.append(weight)
            self._weight += weight
        kept_in_any_case = 2 * self._size()[1]
        while len(self._items) > KEPT_MAX or (
            self._weight > KEPT_CELLS and len(self._items) > kept_in_any_case
        ):
            self._items.popleft()
            self._weight -= self._weights.popleft()
            self._first += 1
        self._top = max(self._top, self._first)

    def key(self, name: str, data: str) -> bool:
        """Handle a key; always return True."""
        if self.waits and name in LEAVES:
            self.left = True
            self._stop()
        if not self._keys.full():
            self._keys.put_nowait((name, data))
        return True

    def redraw(self) -> None:
        """Adapt to a new size of the screen."""
        self._draw()

    def remark(self, text: str) -> None:
        """Show a message at once."""
        self._message = text
        self._draw()

    async def run(self) -> None:
        """Run until the person leaves."""
        self._show("\x1b[?1049h\x1b[?25l\x1b[?7l")
        try:
            await self._reach(self._height)
            self._draw()
            while await self._act(*await self._keys.get()):
                if self._keys.empty():
                    self._draw()
        finally:
            self._show("\x1b[?7h\x1b[?25h\x1b[?1049l")

    # ---- keys

    async def _act(self, name: str, data: str) -> bool:
        """Execute a key; return whether to continue."""
        self._message = ""
        if self._typed is not None:
            await self._type(name, data)
            return True
        if name in LEAVES:
            return False
        page = max(self._height - 1, 1)
        moves = {
            "up": -1, "k": -1, "c-p": -1, "down": 1, "j": 1, "c-n": 1, "c-m": 1, "c-j": 1,
            "pageup": -page, "b": -page, "c-b": -page, "u": -page // 2,
            "pagedown": page, " ": page, "c-f": page, "f": page, "d": page // 2,
        }  # fmt: skip
        if name in moves:
            await self._move(self._top + moves[name])
        elif name in ("home", "g", "<"):
            await self._move(0)
        elif name in ("end", "G", ">"):
            await self._to_end()
        elif name in ("right", "l"):
            self._left = min(self._left + STEP, max(self._width() - self._size()[0], 0))
        elif name in ("left", "h"):
            self._left = max(self._left - STEP, 0)
        elif name == "/":
            self._typed = ""
        elif name in ("n", "N"):
            await self._search(1 if name == "n" else -1)
        return True

    async def _type(self, name: str, data: str) -> None:
        typed = self._typed or ""
        if name in ("c-m", "c-j"):
            self._searched, self._typed = typed or self._searched, None
            await self._search(1)
        elif name in ("c-c", "escape") or (name in ("c-h", "backspace") and not typed):
            self._typed = None
        elif name in ("c-h", "backspace"):
            self._typed = typed[:-1]
        elif is_showable(data) and len(typed) < SEARCH_MAX:
            self._typed = typed + data

    async def _move(self, top: int) -> None:
        await self._reach(top + self._height)
        self._top = max(min(top, self.seen - self._height), self._first)

    async def _to_end(self) -> None:
        while not self._ended and not self._interrupted():
            await self._fetch()
        await self._move(self.seen - self._height)

    async def _search(self, step: int) -> None:
        if not self._searched:
            return
        wanted = self._searched.casefold()
        number = self._top + step
        while not self._interrupted():
            if number >= self.seen and not self._ended:
                await self._fetch()
            elif self._first <= number < self.seen:
                if wanted in self._look.line(self._items[number - self._first]).casefold():
                    self._top = number
                    return
                number += step
                if number % SEARCH_ROWS == 0:
                    await asyncio.sleep(0)
            else:
                break
        self._message = "not found"

    def _interrupted(self) -> bool:
        """Return whether a key is pending, for which long operations are abandoned."""
        return not self._keys.empty()

    async def _reach(self, number: int) -> None:
        while self.seen < number and not self._ended:
            await self._fetch()

    async def _fetch(self) -> None:
        self.waits = True
        try:
            items = await self._more()
        finally:
            self.waits = False
        self._ended = not items
        self.add(items)
        await asyncio.sleep(0)

    # ---- the picture

    @property
    def _height(self) -> int:
        return max(self._size()[1] - 1 - len(self._look.head()), 1)

    def _width(self) -> int:
        lines = self._look.head() or [self._look.line(item) for item in self._visible()]
        return max(map(cells, lines), default=0)

    def _visible(self) -> list[Item]:
        start = self._top - self._first
        return [
            self._items[index]
            for index in range(start, min(start + self._height, len(self._items)))
        ]

    def _draw(self) -> None:
        columns = self._size()[0]
        lines = [f"{HEAD_STYLE[0]}{cut(line, self._left, columns)}{HEAD_STYLE[1]}"
                 for line in self._look.head()]  # fmt: skip
        body = [self._marked(self._look.line(item), columns) for item in self._visible()]
        body += [""] * (self._height - len(body))
        drawn = "".join(f"{line}\x1b[K\r\n" for line in lines + body)
        status = cut(self._status(columns).ljust(columns), 0, columns)
        self._show(f"\x1b[H{drawn}\x1b[7m{status}\x1b[0m")

    def _marked(self, line: str, columns: int) -> str:
        text = cut(line, self._left, columns)
        wanted = self._searched.casefold()
        folded = text.casefold()
        comparable = bool(wanted) and len(folded) == len(text)
        place = folded.find(wanted) if comparable else -1
        if place < 0:
            return text
        end = place + len(wanted)
        return f"{text[:place]}\x1b[7m{text[place:end]}\x1b[27m{text[end:]}"

    def _status(self, columns: int) -> str:
        if self._typed is not None:
            return f"/{self._typed}"
        last = min(self._top + self._height, self.seen)
        total = f"{self.seen}" if self._ended else f"{self.seen} so far"
        ways = {
            "↑": self._top > 0,
            "↓": last < self.seen or not self._ended,
            "←": self._left > 0,
            "→": self._left + columns < self._width(),
        }
        arrows = "".join(arrow if leads else " " for arrow, leads in ways.items())
        # A narrow window cuts off the key help, not the arrows.
        text = f" {min(self._top + 1, last)}-{last} of {total}  {arrows}  q quit  / search  n next"
        return f" {self._message} │{text}" if self._message else text


def _length(row: tuple[str | None, ...]) -> int:
    return sum(len(part or " ") for part in row)
