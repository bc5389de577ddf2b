"""Recordings in the journal."""

from __future__ import annotations

import asyncio
import io
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from guacr.audit.service import JournalService
from guacr.display.geometry import Rect
from guacr.errors import GuacrError
from guacr.journal import writer
from guacr.journal.encoding import Decoding
from guacr.journal.journal import Journal
from guacr.journal.options import RECORDING, Options
from guacr.journal.reading import Cursor, Found
from guacr.journal.records import PAYLOAD_MAX
from guacr.recording import journal_sink
from guacr.recording.journal_sink import JournalSink
from guacr.recording.journal_text import is_text, text_of
from guacr.recording.session_recording import session_recording
from guacr.recording.ttyrec import read_ttyrec
from guacr.session.context import SessionContext
from guacr.session.events import RecordingEnded, RecordingFailed, RecordingStarted
from guacr.session.params import Params
from guacr.settings.models import Settings
from tests.guacr.recording.conftest import RecordedHandler
from tests.support.limited_disk import limited_disk
from tests.support.loopback import Bench, frame, session_of, sketch
from tests.support.replay import replay
from tests.support.waiting import until

NODE = "node"


def found_in(directory: Path) -> list[Found]:
    archive = Options(directory, NODE).archive(RECORDING)
    return list(Cursor(directory / "wal", archive, Decoding(), pytest.fail).poll())


def content(directory: Path) -> bytes:
    return b"".join(found.record.payload for found in found_in(directory))


@asynccontextmanager
async def recorded_bench(
    directory: Path, handler: type[RecordedHandler] = RecordedHandler, **recording: object
) -> AsyncIterator[Bench]:
    values = {
        "journal": {"directory": directory, "node": NODE, "sync_interval": 0, "min_free_disk": 0},
        "audit": {"enabled": False},
        "recording": {"journal": True, **recording},
    }
    settings = Settings.model_validate(values)
    bench = Bench(settings, handler)
    service = JournalService(settings, bench.registry)
    create = session_recording(bench.registry.events, lambda: service.journal)
    bench.registry.extensions.append(create)
    await service.open()
    try:
        yield bench
    finally:
        await bench.close()
        await service.close()


async def test_every_session_is_recorded_with_what_it_is(tmp_path: Path) -> None:
    async with recorded_bench(tmp_path) as bench:
        events = bench.registry.events.subscribe()
        transport, user = bench.connect(hostname="example.com")
        transport.replies = True
        await frame(transport, 1)
        sketch(user).surface.fill(Rect(10, 10, 20, 20), (200, 10, 30))
        session_of(user).context.changed()
        await frame(transport)
        seen = sketch(user).surface.array[..., 2::-1].copy()
        await until(lambda: (transport.canvas.flatten() == seen).all(), "the exact picture")
        session_of(user).detach(user)
        await until(lambda: not bench.registry._ending, "the end of the session")
        noted = [
            one for one in events._pending if isinstance(one, RecordingStarted | RecordingEnded)
        ]
        before = content(tmp_path)
        (first, *_, last) = found_in(tmp_path)
    data = content(tmp_path)  # in the archive
    assert data == before
    assert (replay(data).canvas.flatten() == seen).all()
    about = first.description.about
    assert (about["session"], about["protocol"], about["host"]) == (
        session_of(user).id,
        "sketch",
        "example.com",
    )
    assert last.record.is_end
    started, ended = noted
    assert started.place == ended.place == f"journal {first.key}"
    assert isinstance(ended, RecordingEnded)
    assert ended.size == len(data)


class TextHandler(RecordedHandler):
    """A sketch with a terminal."""

    def __init__(self, session: SessionContext, params: Params) -> None:
        super().__init__(session, params)
        session.resized_text(80, 24)


async def test_the_text_of_a_terminal_is_a_stream_of_its_own(tmp_path: Path) -> None:
    async with recorded_bench(tmp_path, TextHandler) as bench:
        transport, user = bench.connect()
        await frame(transport, 1)
        session_of(user).context.shown(b"$ ls\r\n")
        session_of(user).detach(user)
        await until(lambda: not bench.registry._ending, "the end of the session")
    found = found_in(tmp_path)
    text = [one for one in found if is_text(one.description.about)]
    recording = next(one for one in found if not is_text(one.description.about))
    assert text_of(recording.key, recording.description.about) == text[0].key
    assert text[0].description.about["session"] == session_of(user).id
    assert text[-1].record.is_end
    data = b"".join(one.record.payload for one in text)
    shown = [(event.kind, event.text) for event in read_ttyrec(io.BytesIO(data))]
    assert shown == [("r", "80x24"), ("o", "$ ls\r\n")]


async def test_a_full_disk_ends_sessions_that_must_be_recorded(tmp_path: Path) -> None:
    async with recorded_bench(tmp_path) as bench:
        transport, user = bench.connect()
        transport.replies = True
        await frame(transport, 1)
        await until(lambda: content(tmp_path), "the first picture")
        with limited_disk(len(content(tmp_path)) + 200):
            for number in range(100):
                sketch(user).surface.fill(Rect(number, 0, 50, 50), (number, 10, 30))
                session_of(user).context.changed()
                transport.send("mouse", number, 3, 0)
            await until(lambda: session_of(user).closed, "the end of the session")
        reason, _ = transport.all("error")[0]
        assert "must be recorded" in reason
        assert "the journal cannot be written" in reason


async def test_without_a_journal_there_is_no_session_or_a_notice(tmp_path: Path) -> None:
    for policy in ("require", "best-effort"):
        recording = {"journal": True, "policy": policy}
        bench = Bench(
            Settings.model_validate({"journal": {"directory": tmp_path}, "recording": recording}),
            RecordedHandler,
        )
        bench.registry.extensions.append(session_recording(bench.registry.events))
        events = bench.registry.events.subscribe()
        transport, user = bench.connect()

        def failed() -> list[object]:
            return [one for one in events._pending if isinstance(one, RecordingFailed)]  # noqa: B023

        await until(failed, "a failure")
        assert session_of(user).closed == (policy == "require")
        assert bool(transport.all("error")) == (policy == "require")
        await bench.close()


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[Journal]:
    notify = asyncio.get_running_loop().call_soon_threadsafe
    journal = await asyncio.to_thread(Journal, Options(tmp_path, NODE), notify)
    yield journal
    await asyncio.to_thread(journal.close)


async def test_long_parts_are_divided(journal: Journal, tmp_path: Path) -> None:
    sink = JournalSink(journal, {})
    long = bytes(range(256)) * (PAYLOAD_MAX // 256) + b"end"
    sink.write(b"begin")
    sink.write(long)
    assert sink.buffered == len(long) + 5
    await sink.close()
    await sink.close()
    assert sink.buffered == 0
    assert content(tmp_path) == b"begin" + long
    sink.write(b"late")


async def test_a_slow_disk_is_seen_in_what_is_buffered(
    journal: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "QUEUE_MAX", 10)
    sink = JournalSink(journal, {})
    drained = list[int]()
    failed = list[GuacrError]()
    sink.on_drained = lambda: drained.append(sink.buffered)
    sink.on_failed = failed.append
    sink.write(bytes(2_000_000))
    await asyncio.sleep(0.3)
    assert sink.buffered == 2_000_000
    monkeypatch.undo()
    await until(lambda: drained, "everything is written")
    assert drained == [0]
    assert failed == []
    await sink.close()
    assert len(content(tmp_path)) == 2_000_000


async def test_a_failure_is_reported_once(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    sink = JournalSink(journal, {})
    failed = list[GuacrError]()
    sink.on_failed = failed.append
    monkeypatch.setattr(writer, "_sync", full)
    sink.write(bytes(2_000_000))
    await until(lambda: failed, "the failure")
    sink.write(b"more")
    await sink.close()
    assert len(failed) == 1
    assert "No space left on device" in str(failed[0])


async def test_a_failure_at_the_end_is_raised(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    sink = JournalSink(journal, {})
    sink.write(b"x")
    monkeypatch.setattr(writer, "_sync", full)
    with pytest.raises(GuacrError, match="No space left on device"):
        await sink.close()


@pytest.mark.parametrize("ends", [False, True])
async def test_a_disk_that_hangs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ends: bool
) -> None:
    answers = threading.Event()

    def hang(descriptor: int) -> None:
        assert answers.wait(20)

    async with recorded_bench(tmp_path) as bench:
        transport, user = bench.connect(hostname="example.com")
        transport.replies = True
        await frame(transport, 1)
        monkeypatch.setattr(writer, "_sync", hang)
        monkeypatch.setattr(journal_sink, "STALL_MAX", 0.1)
        sketch(user).surface.fill(Rect(10, 10, 20, 20), (200, 10, 30))
        session_of(user).context.changed()
        if ends:
            session_of(user).detach(user)
        else:
            await until(lambda: transport.closed_with is not None, "the end of the session")
            assert "does not answer" in transport.all("error")[0][0]
        await until(lambda: not bench.registry._ending, "the end")
        answers.set()
