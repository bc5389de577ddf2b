"""One note for each use of a recording, and its limits."""

from __future__ import annotations

import pytest

from guacr.errors import BusyError
from guacr.session.events import RecordingRead
from guacr.web import viewings
from guacr.web.viewings import QUIET, Viewer, Viewings

ANN = Viewer(lambda name: True, "ann")


class Log:
    """What has been noted, by a clock that stands."""

    def __init__(self) -> None:
        self.now = 0.0
        self.events: list[RecordingRead] = []
        self.viewings = Viewings(self._note, lambda: self.now)

    async def _note(self, event: RecordingRead) -> None:
        self.events.append(event)

    async def watch(self, name: str = "a", viewer: Viewer = ANN, action: str = "watch") -> None:
        await self.viewings.note(name, viewer, "10.0.0.1", action)


async def test_many_requests_are_one_viewing() -> None:
    log = Log()
    for _ in range(5):
        await log.watch()
        log.now += QUIET
    assert log.events == [RecordingRead("a", "10.0.0.1", "ann", "watch")]
    log.now += 1
    await log.watch()
    assert len(log.events) == 2


async def test_others_and_other_actions_are_noted() -> None:
    log = Log()
    await log.watch()
    await log.watch("b")
    await log.watch(viewer=Viewer(lambda name: True, "bob"))
    await log.watch(action="search")
    assert len(log.events) == 4


async def test_few_viewings_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(viewings, "KNOWN_MAX", 2)
    log = Log()
    for name in ("a", "b", "a", "b", "c", "b", "a"):
        await log.watch(name)
    assert [event.recording for event in log.events] == ["a", "b", "c", "a"]


async def test_a_viewing_that_cannot_be_noted_is_tried_again() -> None:
    async def refuse(event: RecordingRead) -> None:
        raise BusyError("the audit log cannot be written")

    log = Log()
    failing = Viewings(refuse, lambda: 0.0)
    for _ in range(2):
        with pytest.raises(BusyError):
            await failing.note("a", ANN, "10.0.0.1", "watch")
    assert log.events == []
