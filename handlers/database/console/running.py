"""Run statements, repeatedly if requested, until Ctrl-C."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import aclosing

from handlers.database.adapter import Adapter, StatementError, Transaction
from handlers.database.console.cancellation import Cancellation
from handlers.database.console.keyboard import Keyboard
from handlers.database.console.lines import Lines
from handlers.database.console.results import DisplayOptions, Results
from handlers.database.sql.statements import Statement

WATCH_MIN = 0.1
WATCH_MAX = 86_400.0
"""Minimum and maximum seconds between two runs of a watched statement."""


class Runner:
    """Runs statements of a database and shows the results.

    Args:
        adapter: the database.
        show: called with what is drawn.
        size: columns and rows of the screen.
        keyboard: reports Ctrl-C, and lends its keys to the pager.
        lines: prints errors and notes.
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
        self._cancelling = Cancellation(adapter, self._remark)
        self.last = ""
        self.interrupted = False
        """True if Ctrl-C was pressed during the last statement."""
        self.stop: Callable[[], None] = lambda: None
        """Ends the source that a statement reads from."""
        self.transaction = Transaction.NONE
        """The transaction state before the last statement."""
        self.timing = False
        self.results = Results(
            show,
            size,
            keyboard=keyboard,
            max_rows=adapter.params.max_rows,
            cancel=self._cancelling.cancel,
        )

    async def run(self, statement: Statement) -> bool:
        """Run a typed statement; return whether to continue with the next.

        Raises:
            LostError: the connection is lost.
        """
        self.last = statement.text or self.last
        if not self.last:
            self._lines.fail("there is no statement to run again")
            return False
        if statement.interval is None:
            return await self.once(self.last, DisplayOptions(vertical=statement.vertical))
        try:
            seconds = float(statement.interval)
        except ValueError:
            seconds = 0.0
        if not WATCH_MIN <= seconds <= WATCH_MAX:
            self._lines.fail(f"\\watch takes seconds, {WATCH_MIN:g} to {WATCH_MAX:g}")
            return False
        return await self._watch(self.last, seconds)

    async def once(self, text: str, options: DisplayOptions) -> bool:
        """Run a statement; return whether it succeeded.

        Raises:
            LostError: the connection is lost.
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
                await self.results.show(events, options)
        except StatementError as error:
            self._lines.fail(_located(error, text) if options.typed else str(error))
            return False
        finally:
            keyboard.sink = None
        if self.timing:
            self._lines.print(f"Time: {(time.monotonic() - started) * 1e3:.3f} ms")
        return True

    async def _watch(self, text: str, seconds: float) -> bool:
        """Run a statement until it fails or Ctrl-C is pressed; return whether it never failed."""
        gap = ""
        while True:
            self._lines.print(f"{gap}{time.strftime('%Y-%m-%d %H:%M:%S')} (every {seconds:g} s)\n")
            if not await self.once(text, DisplayOptions(paged=False)):
                return False
            gap = "\n"
            if self.interrupted or await self._stopped_within(seconds):
                return True

    async def _stopped_within(self, seconds: float) -> bool:
        """Wait; return whether Ctrl-C was pressed."""
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
            self.interrupted = True  # it may complete nevertheless, and must not be run again then
            self.stop()
            self._cancelling.cancel()
        return name == "c-c"

    def _remark(self, text: str) -> None:
        """Show a message where it is visible: in the pager, or below."""
        if not self.results.remark(text):
            self._lines.note(text)


def _located(error: StatementError, statement: str) -> str:
    """The error, and the line of the statement with a mark at its position."""
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
