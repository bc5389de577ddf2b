"""The screen of `guacr top`."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable
from itertools import accumulate
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import work
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.drivers.linux_driver import LinuxDriver
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import DataTable, Footer, Input, Static
from typing_extensions import override

from guacr.cli.control import amount
from guacr.cli.top.rows import (
    COLUMNS,
    COLUMNS_FIXED,
    SORTED_FIRST,
    Rates,
    Row,
    chosen,
    details,
    hidden,
    worker_line,
)
from guacr.control.info import DaemonStatus, SessionInfo
from guacr.errors import GuacrError
from guacr.showable import escaped, showable

if TYPE_CHECKING:
    from guacr.control.client import ControlClient

ROWS_MAX = 300
"""Maximum rows of the table; a filter shows the others."""
WORKERS_MAX = 8
"""Maximum lines about workers."""
SIGNALS = (signal.SIGTERM, signal.SIGINT)
"""End it as `q` does, so that the terminal is as before."""
MESSAGE_MAX = 500
"""Maximum characters of the sentence for a session's users."""


class Terminal(LinuxDriver):
    """Reads keys, and drops what is not UTF-8, such as what a Latin-1 terminal sends."""

    @override
    def run_input_thread(self) -> None:
        while True:
            try:
                super().run_input_thread()
            except UnicodeDecodeError:
                if not self.exit_event.is_set():
                    continue
            return


class Question(ModalScreen[str | None]):
    """Asks whether to end a session; the result is the sentence for its users, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "Cancel")]
    CSS = """
    Question { align: center middle; }
    Question > Vertical {
        width: 90%; max-width: 78; height: auto; border: round $error; padding: 0 1;
        background: $surface;
    }
    """

    def __init__(self, session: SessionInfo) -> None:
        super().__init__()
        self._session = session

    @override
    def compose(self) -> ComposeResult:
        lines = [*details(self._session), "", "End this session? Enter ends it, Escape does not."]
        with Vertical():
            yield Static(Text("\n".join(lines)))
            yield Input(placeholder="Sentence for its users", max_length=MESSAGE_MAX)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """End the session."""
        self.dismiss(event.value)

    def action_leave(self) -> None:
        """Leave everything as it is."""
        self.dismiss(None)


class Seen(Message):
    """A daemon has answered."""

    def __init__(self, status: DaemonStatus, sessions: list[SessionInfo]) -> None:
        super().__init__()
        self.status = status
        self.sessions = sessions


class Failed(Message):
    """A daemon has not answered."""

    def __init__(self, error: GuacrError) -> None:
        super().__init__()
        self.sentence = str(error)


class Top(App[None]):
    """Shows what a client reports every `interval` seconds."""

    ENABLE_COMMAND_PALETTE = False
    TITLE = "guacr top"
    CSS = """
    #state, #workers, #notice, #beyond { height: auto; padding: 0 1; }
    #notice { color: $error; text-style: bold; }
    #beyond { color: $text-muted; }
    #filter { display: none; }
    #filter.open { display: block; }
    DataTable { height: 1fr; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        # with priority, it has the focus before the next key is looked at
        Binding("slash", "filter", "Filter", priority=True),
        Binding("s", "sort(1)", "Sort by next"),
        Binding("S", "sort(-1)", "by previous", show=False),
        Binding("r", "reverse", "Reverse"),
        Binding("k", "kill", "End session"),
        Binding("q", "quit", "Quit"),
        Binding("ctrl+c", "quit", "Quit", show=False, priority=True),
        Binding("escape", "all", "Show all", show=False),
        # a table would move by one character
        Binding("right", "across(1)", "Columns to the right", show=False, priority=True),
        Binding("left", "across(-1)", "Columns to the left", show=False, priority=True),
    ]

    def __init__(self, client: ControlClient, interval: float) -> None:
        super().__init__(driver_class=Terminal, ansi_color=True)
        self.ended_by: signal.Signals | None = None
        """The signal that has ended it."""
        self._client = client
        self._interval = interval
        self._rates = Rates()
        self._rows: list[Row] = []
        self._search = ""
        self._beyond = ""
        self._column, self._reversed = SORTED_FIRST, False

    @override
    def compose(self) -> ComposeResult:
        yield Static(id="state")
        yield Static(id="workers")
        yield Static(id="notice")
        yield Input(id="filter", placeholder="Text that sessions must contain")
        yield DataTable(cursor_type="row", zebra_stripes=False, fixed_columns=COLUMNS_FIXED)
        yield Static(id="beyond")
        yield Footer()

    def on_mount(self) -> None:
        """Look at the daemon, then again and again, until a key or a signal ends it."""
        for number in SIGNALS:
            asyncio.get_running_loop().add_signal_handler(number, self._end_by, number)
        self._table.focus()
        for changing in ("scroll_x", "virtual_size"):
            self.watch(self._table, changing, self._name_hidden_later)
        self.screen.screen_layout_refresh_signal.subscribe(self, lambda _: self._name_hidden())
        self._look()
        self.set_interval(self._interval, self._look)

    def on_unmount(self) -> None:
        """Have signals end the process again."""
        for number in SIGNALS:
            asyncio.get_running_loop().remove_signal_handler(number)

    def _end_by(self, number: signal.Signals) -> None:
        self.ended_by = number
        self.exit()

    # ---- what the daemon says

    @work(thread=True, group="look")
    def _fetch(self) -> None:
        try:
            status = self._client.status()
            sessions = list(self._client.sessions())
        except GuacrError as error:
            self.post_message(Failed(error))
        else:
            self.post_message(Seen(status, sessions))

    def _look(self) -> None:
        if not any(worker.group == "look" and not worker.is_finished for worker in self.workers):
            self._fetch()

    def on_seen(self, message: Seen) -> None:
        """Show what the daemon has answered, unless the screen is being closed."""
        if not self.is_running:
            return
        status, sessions = message.status, message.sessions
        self._rows = self._rates.rows(sessions, time.monotonic(), time.time())
        received = sum(row.receiving for row in self._rows)
        sent = sum(row.sending for row in self._rows)
        users = sum(len(one.users) for one in sessions)
        state = status.state if status.is_ready else "not ready: " + "; ".join(status.not_ready)
        self._say(
            "state",
            f"guacr {status.version}  {state}  sessions {len(sessions)}  "
            f"users {users}  in {amount(received)}/s  out {amount(sent)}/s",
        )
        lines = [worker_line(worker) for worker in status.workers[:WORKERS_MAX]]
        if len(status.workers) > WORKERS_MAX:
            lines.append(f"and {len(status.workers) - WORKERS_MAX} more workers")
        self._say("workers", "\n".join(lines))
        self._say("notice", "")
        self._draw()

    def on_failed(self, message: Failed) -> None:
        """Show the error; what was seen last stays."""
        if self.is_running:
            self._say("notice", message.sentence)

    def _say(self, part: str, text: str) -> None:
        self.query_one(f"#{part}", Static).update(Text(showable(text, escaped, keep="\n")))

    # ---- the table

    @property
    def _table(self) -> DataTable[Text]:
        return self.query_one(DataTable)

    def _draw(self) -> None:
        table, rows = self._table, self._found()
        selected, (across, scroll) = self._selected(), table.scroll_offset
        table.clear(columns=True)
        table.scroll_x = table.scroll_target_x = across
        heads = [Text(self._title(number), justify=one.align) for number, one in enumerate(COLUMNS)]
        lines = {
            row.session.id: [Text(one.text(row) or "-", justify=one.align) for one in COLUMNS]
            for row in rows[:ROWS_MAX]
        }
        # a table would measure its cells later, and draw columns as wide as their titles until then
        for head, *cells in zip(heads, *lines.values(), strict=True):
            table.add_column(head, width=max(cell.cell_len for cell in (head, *cells)))
        for key, line in lines.items():
            table.add_row(*line, key=key)
        if selected is not None and selected in table.rows:
            table.move_cursor(row=table.get_row_index(selected), scroll=False)
            table.scroll_y = scroll
        if len(rows) > ROWS_MAX:
            self._say("notice", f"{ROWS_MAX} of {len(rows)} sessions are shown: / filters them")

    def _title(self, number: int) -> str:
        """Return the title of a column, with an arrow if rows are sorted by it."""
        column = COLUMNS[number]
        mark = "" if number != self._column else "▼" if column.falls != self._reversed else "▲"
        return f"{column.title}{mark}"

    def _found(self) -> list[Row]:
        return chosen(self._rows, self._search, self._column, reverse=self._reversed)

    def _selected(self) -> str | None:
        """Return the id of the session under the cursor."""
        table = self._table
        if not table.is_valid_row_index(table.cursor_row):
            return None
        return table.coordinate_to_cell_key(table.cursor_coordinate).row_key.value

    def _name_hidden_later(self) -> None:
        self.call_after_refresh(self._name_hidden)

    def _name_hidden(self) -> None:
        """Name the columns for which the table has to be scrolled to the side."""
        if not self.is_running:
            return
        table = self._table
        columns = [(str(one.label), one.get_render_width(table)) for one in table.ordered_columns]
        names = hidden(columns, round(table.scroll_x), table.scrollable_content_region.width)
        if names != self._beyond:  # showing them changes the layout, for which this is called
            self._beyond = names
            self._say("beyond", names)
            self.query_one("#beyond").display = bool(names)

    # ---- keys

    def action_sort(self, step: int) -> None:
        """Sort by another column."""
        self._column, self._reversed = (self._column + step) % len(COLUMNS), False
        self._draw()

    def action_reverse(self) -> None:
        """Turn the order around."""
        self._reversed = not self._reversed
        self._draw()

    def action_across(self, step: int) -> None:
        """Scroll the table to the side, by a column."""
        table = self._table
        widths = [column.get_render_width(table) for column in table.ordered_columns]
        starts = list(accumulate(widths[COLUMNS_FIXED:], initial=0))
        if step > 0:
            place = next((at for at in starts if at > table.scroll_x), starts[-1])
        else:
            place = next((at for at in reversed(starts) if at < table.scroll_x), 0)
        table.scroll_to(x=place, animate=False)

    @override
    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Return True if an action is possible: a slash in a text is a slash."""
        return action not in ("filter", "across") or self.focused is self._table

    def action_filter(self) -> None:
        """Ask for a text that sessions must contain."""
        field = self.query_one("#filter", Input)
        field.add_class("open")
        self.screen.set_focus(field)

    def action_all(self) -> None:
        """Show all sessions again."""
        field = self.query_one("#filter", Input)
        field.value = ""
        field.remove_class("open")
        self._table.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filter while the text is typed."""
        if event.input.id == "filter":
            self._search = event.value.strip()
            self._draw()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Keep the filter, and go back to the table."""
        if event.input.id == "filter":
            event.input.set_class(bool(self._search), "open")
            self._table.focus()

    def action_kill(self) -> None:
        """Ask whether to end the session under the cursor, and end it."""
        selected = self._selected()
        session = next((row.session for row in self._rows if row.session.id == selected), None)
        if session is not None:
            self.push_screen(Question(session), self._answered(session.id))

    def _answered(self, session_id: str) -> Callable[[str | None], None]:
        def end(sentence: str | None) -> None:
            if sentence is not None:
                self._end(session_id, sentence)

        return end

    @work(thread=True, group="end")
    def _end(self, session_id: str, sentence: str) -> None:
        try:
            self._client.end(session_id, sentence)
        except GuacrError as error:
            self.notify(str(error), severity="error", markup=False)
