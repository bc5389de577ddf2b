"""Runs statements: one after the other, again and again, and until Ctrl-C."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import aclosing

from handlers.database.adapter import Adapter, StatementError, Transaction
from handlers.database.cancelling import Cancelling
from handlers.database.keyboard import Keyboard
from handlers.database.lines import Lines
from handlers.database.results import Manner, Results
from handlers.database.statements import Statement

WATCH_MIN = 0.1
WATCH_MAX = 86_400.0
"""Seconds between two runs of a watched statement, at least and at most."""


class Runner:
    """Runs statements of one database and shows what comes.

    Args:
        adapter: the database.
        show: takes what is drawn.
        size: columns and rows of the screen.
        keyboard: tells of Ctrl-C, and lends its keys to the pager.
        lines: takes errors and remarks.
    """

    def __init__(
        self,
        adapter: Adapter,
        show: Callable[[str], None],
        size: Callable[[], tuple[int, int]],
        keyboard: Keyboard,
        lines: Lines,
    ) -> None:
        self._adapter = adapter
        self._keyboard = keyboard
        self._lines = lines
        self._cancelling = Cancelling(adapter, self._remark)
        self.last = ""
        self.interrupted = False
        """Whether Ctrl-C was pressed while the last statement ran."""
        self.stop: Callable[[], None] = lambda: None
        """Has what a statement reads from end."""
        self.transaction = Transaction.NONE
        """Where the connection stood before what ran last."""
        self.timing = False
        self.results = Results(
            show,
            size,
            keyboard=keyboard,
            max_rows=adapter.params.max_rows,
            cancel=self._cancelling.cancel,
        )

    async def run(self, statement: Statement) -> bool:
        """Run what was typed; whether to go on with the next.

        Raises:
            LostError: the server is gone.
        """
        self.last = statement.text or self.last
        if not self.last:
            self._lines.fail("there is no statement to run again")
            return False
        if statement.interval is None:
            return await self.once(self.last, Manner(vertical=statement.vertical))
        try:
            seconds = float(statement.interval)
        except ValueError:
            seconds = 0.0
        if not WATCH_MIN <= seconds <= WATCH_MAX:
            self._lines.fail(f"\\watch takes seconds, {WATCH_MIN:g} to {WATCH_MAX:g}")
            return False
        return await self._watch(self.last, seconds)

    async def once(self, text: str, manner: Manner) -> bool:
        """Run a statement; whether it succeeded.

        Raises:
            LostError: the server is gone.
        """
        started = time.monotonic()
        keyboard = self._keyboard
        if keyboard.interrupted:
            keyboard.interrupted = False
            self.interrupted = True
            self._lines.fail("cancelled before it began")
            return False
        self.interrupted = False
        self.transaction = self._adapter.transaction
        keyboard.sink = self._running_key
        try:
            async with (
                self._cancelling.statement(),
                aclosing(self._adapter.execute(text)) as events,
            ):
                await self.results.show(events, manner)
        except StatementError as error:
            self._lines.fail(_located(error, text) if manner.typed else str(error))
            return False
        finally:
            keyboard.sink = None
        if self.timing:
            self._lines.print(f"Time: {(time.monotonic() - started) * 1e3:.3f} ms")
        return True

    async def _watch(self, text: str, seconds: float) -> bool:
        """Run a statement until it fails, or until Ctrl-C; whether it never failed."""
        gap = ""
        while True:
            self._lines.print(f"{gap}{time.strftime('%Y-%m-%d %H:%M:%S')} (every {seconds:g} s)\n")
            if not await self.once(text, Manner(paged=False)):
                return False
            gap = "\n"
            if self.interrupted or await self._stopped_within(seconds):
                return True

    async def _stopped_within(self, seconds: float) -> bool:
        """Wait; whether Ctrl-C was pressed."""
        stopped = asyncio.Event()

        def key(name: str, data: str) -> bool:
            if name == "c-c":
                stopped.set()
            return name == "c-c"

        self._keyboard.sink = key
        try:
            async with asyncio.timeout(seconds):
                return await stopped.wait()
        except TimeoutError:
            return False
        finally:
            self._keyboard.sink = None

    async def close(self) -> None:
        """Leave nothing that runs."""
        if self.results.export is not None:
            self.results.export.abort()
        await self._cancelling.close()

    # ---- Ctrl-C

    def _running_key(self, name: str, data: str) -> bool:
        if name == "c-c":
            self.interrupted = True  # it may end nevertheless, and is not to be run again then
            self.stop()
            self._cancelling.cancel()
        return name == "c-c"

    def _remark(self, text: str) -> None:
        """Tell it where it is seen: within a result that is looked at, or below."""
        if not self.results.remark(text):
            self._lines.note(text)


def _located(error: StatementError, statement: str) -> str:
    """The error, and the line of the statement with a mark where it is."""
    message = str(error)
    place = error.position - 1
    if not 0 <= place <= len(statement):
        return message
    start = statement.rfind("\n", 0, place) + 1
    line = statement[start:].splitlines()[0] if statement[start:] else ""
    number = statement.count("\n", 0, place) + 1
    label = f"LINE {number}: "
    mark = " " * (len(label) + place - start) + "^"
    return f"{message}\n{label}{line}\n{mark}"
