"""Values that the host of a pyte terminal may read back: checksums of the screen, titles, sizes."""

from __future__ import annotations

from terminal.engines.pyte.calls import Calls
from terminal.engines.pyte.rectangles import Rectangles
from terminal.engines.pyte.reports import Reports
from terminal.engines.titles import Titles


class Readout:
    """Reports checksums and titles if that is `allowed`, sizes in any case, and saves titles."""

    def __init__(
        self,
        calls: Calls,
        titles: Titles,
        reports: Reports,
        rectangles: Rectangles,
        *,
        allowed: bool,
    ) -> None:
        self._calls = calls
        self._titles = titles
        self._reports = reports
        self._rectangles = rectangles
        self._allowed = allowed

    def report_checksum(self, number: int = 0, _page: int = 0, *corners: int) -> None:
        """DECRQCRA."""
        if self._allowed:
            checksum = self._rectangles.checksum_of(*corners[:4])
            self._calls.send(f"\x1bP{number}!~{checksum:04X}\x1b\\")

    def window(self, what: int = 0, which: int = 0, *_: int) -> None:
        """XTWINOPS for sizes and titles; the window itself is up to the person."""
        titles = self._titles
        if what == 22:
            titles.save(which)
        elif what == 23:
            if titles.restore(which):
                self._calls.tell(self._calls.listener.title_changed, titles.window)
        elif what in (20, 21) and self._allowed:
            kind, title = ("L", titles.icon) if what == 20 else ("l", titles.window)
            self._calls.send(f"\x1b]{kind}{title}\x1b\\")
        else:
            self._reports.report_window(what)
