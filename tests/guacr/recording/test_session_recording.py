"""Recordings of sessions: what they contain, and what happens if they cannot be written."""

import asyncio
import json
import os
import threading
from base64 import b64decode
from collections.abc import Callable
from functools import partial
from itertools import cycle
from pathlib import Path
from string import digits

import numpy as np
import pytest
from numpy.typing import NDArray

from guacr import threads
from guacr.display.geometry import Rect
from guacr.display.plan import Plan
from guacr.errors import UpstreamError
from guacr.protocol.client import ClientInfo
from guacr.protocol.instruction import encode_stream
from guacr.protocol.status import Status
from guacr.recording import file_sink, opening
from guacr.recording.files import Place, RecordingFile, open_file
from guacr.recording.scan import scan_file
from guacr.session import notice
from guacr.session.events import RecordingEnded, RecordingFailed, RecordingStarted
from guacr.session.origin import Origin
from guacr.session.session import Session
from guacr.session.user import User
from tests.guacr.recording.conftest import MakeBench
from tests.support.freed import freed
from tests.support.hung_disk import hung_disk
from tests.support.limited_disk import limited_disk
from tests.support.loopback import Bench, MemoryTransport, frame, session_of, sketch
from tests.support.replay import replay
from tests.support.waiting import until

CLIENT = ClientInfo(width=200, height=100, version=(1, 5, 0))


async def recorded(bench: Bench, path: Path, **values: str) -> tuple[MemoryTransport, User]:
    """A client whose session is recorded, and has its first picture."""
    transport, user = bench.connect("sketch", None, recording_path=str(path), **values)
    transport.replies = True
    await frame(transport, 1)
    return transport, user


def paint(user: User, *colour: int) -> None:
    sketch(user).surface.fill(Rect(10, 10, 20, 20), tuple(colour))  # type: ignore[arg-type]
    session_of(user).context.changed()


def picture(user: User) -> NDArray[np.uint8]:
    return sketch(user).surface.array[..., 2::-1].copy()


async def until_exact(transport: MemoryTransport, user: User) -> None:
    """Until losses have been repaired."""
    wanted = picture(user)
    await until(lambda: (transport.canvas.flatten() == wanted).all(), "the exact picture")


async def ended(bench: Bench, user: User) -> None:
    session_of(user).detach(user)
    await until(lambda: not bench.registry._ending, "the end of the session")


async def test_a_recording_shows_what_users_saw(make_bench: MakeBench, tmp_path: Path) -> None:
    bench = make_bench()
    transport, user = await recorded(bench, tmp_path)
    generator = np.random.default_rng(1)
    for number in range(5):
        noise = generator.integers(0, 256, (40, 40, 4), np.uint8)
        sketch(user).surface.blit(Rect(10 * number, 5, 40, 40), noise)
        session_of(user).context.changed()
        await frame(transport)
    await until_exact(transport, user)
    seen = picture(user)
    await ended(bench, user)
    found = replay(tmp_path / "recording")
    assert (found.canvas.flatten() == seen).all()
    assert len(found.all("sync")) >= len(transport.all("sync"))
    assert found.canvas.cursor is not None
    assert "set" in {one.opcode for one in transport.received}, "which recordings do not contain"


async def test_what_people_do_is_recorded(make_bench: MakeBench, tmp_path: Path) -> None:
    bench = make_bench()
    transport, user = await recorded(bench, tmp_path, recording_include_keys="true")
    watcher, _ = bench.connect(session_of(user).id)
    transport.send("mouse", 3, 4, 1)
    transport.send("key", 65, 1)
    watcher.send("key", 65, 0)
    transport.send("touch", 2, 5, 6, 1, 1, "0.5", "1")
    await ended(bench, user)
    session_of(user).close()
    await until(lambda: not bench.registry._ending, "the end of the session")
    found = replay(tmp_path / "recording")
    assert [args[:3] for args in found.all("mouse")] == [("3", "4", "1")]
    assert [args[:2] for args in found.all("key")] == [("65", "1"), ("65", "0")]
    assert [args[:7] for args in found.all("touch")] == [("2", "5", "6", "1", "1", "0.5", "1")]
    assert len(found.all("key")[0]) == 3


@pytest.mark.parametrize("excluded", ["output", "mouse", "touch", "keys"])
async def test_parts_can_be_excluded(make_bench: MakeBench, tmp_path: Path, excluded: str) -> None:
    bench = make_bench()
    values = {"recording_include_keys": "true", f"recording_exclude_{excluded}": "true"}
    if excluded == "keys":
        values = {}
    transport, user = await recorded(bench, tmp_path, **values)
    transport.send("mouse", 3, 4, 1)
    transport.send("key", 65, 1)
    transport.send("touch", 2, 5, 6, 1, 1, "0", "1")
    await ended(bench, user)
    found = replay(tmp_path / "recording")
    present = {
        "output": bool(found.all("img") or found.all("cfill")),
        "mouse": bool(found.all("mouse")),
        "touch": bool(found.all("touch")),
        "keys": bool(found.all("key")),
    }
    assert {name for name, there in present.items() if not there} == {excluded}
    assert found.all("sync")


@pytest.mark.parametrize("included", ["true", ""])
async def test_clipboards_of_both_sides(
    make_bench: MakeBench, tmp_path: Path, included: str
) -> None:
    bench = make_bench()
    transport, user = await recorded(bench, tmp_path, recording_include_clipboard=included)
    transport.send("clipboard", 0, "text/plàin")
    transport.receiver.data_received(encode_stream(b"", 0, "grün 🙂".encode()))
    session_of(user).context.send_clipboard("text/plain", b"x" * 3_000_000)
    await ended(bench, user)  # while it is being encoded
    found = replay(tmp_path / "recording")
    types = [args[1] for args in found.all("clipboard")]
    if not included:
        assert not types
        return
    assert types == ["text/plain", "text/plain"]
    blobs = [b64decode(args[1]) for args in found.all("blob")]
    assert "grün 🙂".encode() in blobs
    assert b"".join(blobs).count(b"x" * 6048) >= 3_000_000 // 6048 - 1


async def test_the_pointer_has_a_time_even_if_nothing_is_drawn(
    make_bench: MakeBench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("guacr.recording.recorder.SYNC_EVERY", 0)
    bench = make_bench()
    transport, user = await recorded(bench, tmp_path)
    for x in range(5):
        transport.send("mouse", x, 4, 1)
    await ended(bench, user)
    opcodes = [one.opcode for one in replay(tmp_path / "recording").instructions]
    assert opcodes[-11:-1] == ["mouse", "sync"] * 5


async def test_it_is_as_long_as_its_session(make_bench: MakeBench, tmp_path: Path) -> None:
    bench = make_bench()
    _, user = await recorded(bench, tmp_path)
    loop = asyncio.get_running_loop()
    wanted = loop.time() + 0.2
    await until(lambda: loop.time() > wanted, "some time")
    await ended(bench, user)
    times = replay(tmp_path / "recording").times
    assert times[-1] - times[0] >= 150


async def test_a_keyframe_once_nothing_moves(
    make_bench: MakeBench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("guacr.recording.keyframes.KEYFRAME_EVERY", 0.0)
    monkeypatch.setattr("guacr.recording.keyframes.KEYFRAME_SHARE", 1)
    monkeypatch.setattr("guacr.recording.keyframes.QUIET", 0.05)
    bench = make_bench()
    transport, user = await recorded(bench, tmp_path)
    (recording,) = session_of(user).extensions
    recorder = next(iter(recording._written))  # type: ignore[attr-defined]
    first = recorder._keyframes._written_at
    colours = cycle(range(1, 200))
    while not recorder._keyframes._timer:
        paint(user, next(colours), 0, 0)
        await frame(transport)
    await until(lambda: recorder._keyframes._written_at > first, "a keyframe")
    paint(user, 200, 0, 0)
    await frame(transport)
    seen = picture(user)
    await ended(bench, user)
    path = tmp_path / "recording"
    _, *places, end = map(json.loads, (tmp_path / "recording.idx").read_text().splitlines())
    frames = [(place["time"], place["offset"]) for place in places]
    found = scan_file(path)
    assert [(found.start + time, offset) for time, offset in found.keyframes] == frames
    assert (found.start + found.duration, found.size) == (end["time"], end["size"])
    assert len(frames) >= 2
    assert frames[0][1] == 0
    whole = replay(path)
    for time, offset in frames:
        part = replay(path, offset)
        assert part.times[0] == time
        assert (part.canvas.flatten() == seen).all()
        assert (part.canvas.cursor == whole.canvas.cursor).all()


# ---- where


async def test_the_operators_directory_has_every_session(
    make_bench: MakeBench, tmp_path: Path
) -> None:
    bench = make_bench(path=str(tmp_path / "all"), index=False)
    transport, user = bench.connect()
    await frame(transport, 1)
    await ended(bench, user)
    (path,) = (tmp_path / "all").iterdir()
    assert session_of(user).id[1:] in path.name
    assert replay(path).all("sync")


async def test_a_client_cannot_replace_the_operators_recording(
    make_bench: MakeBench, tmp_path: Path
) -> None:
    bench = make_bench(path=str(tmp_path / "all"), index=False)
    _, user = await recorded(bench, tmp_path, recording_exclude_output="true")
    await ended(bench, user)
    (path,) = (tmp_path / "all").iterdir()
    assert replay(path).all("cfill")
    assert not replay(tmp_path / "recording").all("cfill")


async def test_a_client_may_not_record_anywhere(make_bench: MakeBench, tmp_path: Path) -> None:
    bench = make_bench(directories=(tmp_path / "allowed",))
    transport, _ = bench.connect(recording_path=str(tmp_path))
    await until(lambda: transport.closed_with is not None, "the refusal")
    (error,) = transport.all("error")
    assert "recording.directories" in error[0]
    assert error[1] == str(Status.CLIENT_FORBIDDEN.value)
    assert not transport.all("sync")
    assert not os.listdir(tmp_path)  # noqa: PTH208 - quick


async def test_an_operator_may_record_anywhere(make_bench: MakeBench, tmp_path: Path) -> None:
    bench = make_bench(directories=())
    await recorded_by_operator(bench, {"recording-path": str(tmp_path)}, "")
    assert replay(tmp_path / "recording").all("sync")


async def recorded_by_operator(bench: Bench, values: dict[str, str], connection: str) -> Session:
    """Record a session whose parameters an operator has set, to its end."""
    transport = MemoryTransport()
    origin = Origin(frozenset(values), "a/nn", connection)
    session = bench.registry.open("sketch", values, CLIENT, transport, origin).session
    await frame(transport, 1)
    session.close()
    await until(lambda: not bench.registry._ending, "the end of the session")
    return session


async def test_tokens_of_an_operator_are_replaced(make_bench: MakeBench, tmp_path: Path) -> None:
    bench = make_bench(index=False)
    values = {
        "recording-path": f"{tmp_path}/${{GUAC_USERNAME}}",
        "recording-name": "${HISTORY_UUID}",
        "create-recording-path": "true",
    }
    session = await recorded_by_operator(bench, values, "desk")
    assert replay(tmp_path / "a%2Fnn" / session.id[1:]).all("sync")


async def test_tokens_of_a_client_are_not_replaced(make_bench: MakeBench, tmp_path: Path) -> None:
    bench = make_bench(index=False)
    _, user = await recorded(bench, tmp_path, recording_name="${GUAC_DATE}")
    await ended(bench, user)
    assert replay(tmp_path / "${GUAC_DATE}").all("sync")


@pytest.mark.parametrize(
    ("connection", "more", "is_new"),
    [
        ("desk", {}, True),
        ("desk", {"recording-name": "recording"}, False),
        ("desk", {"recording-write-existing": "true"}, False),
        ("", {}, False),
    ],
)
async def test_configured_connections_have_a_new_name_each_time(
    make_bench: MakeBench, tmp_path: Path, connection: str, more: dict[str, str], is_new: bool
) -> None:
    bench = make_bench(index=False)
    values = {"recording-path": str(tmp_path), **more}
    session = await recorded_by_operator(bench, values, connection)
    (name,) = os.listdir(tmp_path)  # noqa: PTH208 - quick
    assert name.endswith(session.id[1:]) if is_new else name == "recording"


async def test_the_end_of_the_numbers_is_announced(
    make_bench: MakeBench, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bench = make_bench(index=False)
    for name in ("recording", *(f"recording.{number}" for number in range(1, 127))):
        (tmp_path / name).touch()
    for _ in range(2):
        _, user = await recorded(bench, tmp_path)
        await ended(bench, user)
    (warning,) = [one.getMessage() for one in caplog.records if "last numbers" in one.message]
    assert "recording.128 has one of the last numbers" in warning
    assert "such as ${GUAC_DATE}" in warning


# ---- failures


async def test_nothing_happens_before_a_recording_has_begun(
    make_bench: MakeBench, tmp_path: Path
) -> None:
    bench = make_bench()
    transport, user = bench.connect(recording_path=str(tmp_path / "missing"))
    handler = sketch(user)
    await until(lambda: transport.closed_with is not None, "the refusal")
    (error,) = transport.all("error")
    assert "must be recorded, and cannot be: its directory does not exist" in error[0]
    assert error[1] == str(Status.SERVER_ERROR.value)
    assert ("run",) not in vars(handler).get("events", [])
    assert not transport.all("sync")


async def test_a_disk_that_does_not_answer(
    make_bench: MakeBench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = threading.Event()

    def slow(place: Place, *, min_free: int) -> RecordingFile:
        assert answers.wait(20)
        return open_file(place, min_free=min_free)

    closed = threading.Event()

    def close(file: RecordingFile) -> None:
        close_file(file)
        closed.set()

    close_file = RecordingFile.close
    monkeypatch.setattr(RecordingFile, "close", close)
    monkeypatch.setattr(opening, "open_file", slow)
    monkeypatch.setattr(opening, "OPENING_MAX", 0.05)
    bench = make_bench()
    transport, _ = bench.connect(recording_path=str(tmp_path))
    await until(lambda: transport.closed_with is not None, "the refusal")
    assert "its disk does not answer" in transport.all("error")[0][0]
    answers.set()
    await until(closed.is_set, "the file, which is closed again")


async def test_a_session_that_must_be_recorded_ends_with_its_recording(
    make_bench: MakeBench, tmp_path: Path
) -> None:
    bench = make_bench()
    with bench.registry.events.subscribe() as events:
        transport, user = await recorded(bench, tmp_path)
        await until((tmp_path / "recording").exists, "the recording")
        (tmp_path / "recording").unlink()
        paint(user, 9, 9, 9)
        await until(lambda: transport.closed_with is not None, "the end")
        assert "its file has been deleted" in transport.all("error")[0][0]
        await until(lambda: not bench.registry._ending, "the end of the session")
        (failed,) = [event for event in events._pending if isinstance(event, RecordingFailed)]
        assert (failed.reason, failed.required) == ("its file has been deleted", True)


async def test_a_full_disk_ends_the_session(make_bench: MakeBench, tmp_path: Path) -> None:
    bench = make_bench()
    transport, user = await recorded(bench, tmp_path)
    generator = np.random.default_rng(1)
    with limited_disk(50_000):
        while transport.closed_with is None:
            noise = generator.integers(0, 256, (100, 200, 4), np.uint8)
            sketch(user).surface.blit(Rect(0, 0, 200, 100), noise)
            session_of(user).context.changed()
            await asyncio.sleep(0.01)
        await until(lambda: not bench.registry._ending, "the end of the session")
    assert "file too large" in transport.all("error")[0][0]
    assert replay(tmp_path / "recording").all("sync"), "what fitted can be read"
    assert '"size"' not in (tmp_path / "recording.idx").read_text()


@pytest.mark.parametrize("how", ["policy", "exempt"])
async def test_best_effort_goes_on_and_says_so(
    make_bench: MakeBench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setattr(notice, "SECONDS", 0.1)
    settings = {"policy": "best-effort"} if how == "policy" else {"exempt": ("admin",)}
    bench = make_bench(**settings)
    transport = MemoryTransport()
    transport.replies = True
    values = {"recording-path": str(tmp_path / "missing")}
    origin = Origin(connection="admin")
    with bench.registry.events.subscribe() as events:
        reader = bench.registry.open("sketch", values, CLIENT, transport, origin)
        await frame(transport, 1)
        plain = reader.session.handler.surface.array[..., 2::-1].copy()  # type: ignore[attr-defined]
        await until(lambda: (transport.canvas.flatten() != plain).any(), "the notice")
        await until(lambda: (transport.canvas.flatten() == plain).all(), "its end")
        assert transport.closed_with is None
        (failed,) = [event for event in events._pending if isinstance(event, RecordingFailed)]
        assert not failed.required


async def test_best_effort_goes_on_after_a_failure(make_bench: MakeBench, tmp_path: Path) -> None:
    bench = make_bench(policy="best-effort")
    transport, user = await recorded(bench, tmp_path)
    await until((tmp_path / "recording").exists, "the recording")
    (tmp_path / "recording").unlink()
    paint(user, 9, 9, 9)
    session = session_of(user)
    await until(lambda: not session.taps, "the end of the recording")
    transport.send("key", 65, 1)
    assert ("key", 65, True) in sketch(user).events
    assert transport.closed_with is None


async def test_events_tell_what_was_recorded(make_bench: MakeBench, tmp_path: Path) -> None:
    bench = make_bench()
    with bench.registry.events.subscribe() as events:
        _, user = await recorded(bench, tmp_path)
        await ended(bench, user)
        kinds = (RecordingStarted, RecordingEnded)
        found = [event for event in events._pending if isinstance(event, kinds)]
    path = tmp_path / "recording"
    session = session_of(user).id
    assert found == [
        RecordingStarted(session, str(path)),
        RecordingEnded(session, str(path), path.stat().st_size),
    ]


@pytest.mark.parametrize("how", ["end", "failure", "refusal"])
async def test_recorded_sessions_are_freed(make_bench: MakeBench, tmp_path: Path, how: str) -> None:
    bench = make_bench()
    async with freed(bench.registry):
        await one_session(bench, tmp_path, how)


async def one_session(bench: Bench, directory: Path, how: str) -> None:
    path = directory / "missing" if how == "refusal" else directory
    values = {"recording_path": str(path), "typescript_path": str(path)}
    transport, user = bench.connect("sketch", None, **values)
    transport.replies = True
    if how != "refusal":
        await frame(transport, 1)
        session_of(user).context.shown(b"text")
        transport.send("mouse", 1, 2, 0)
    if how == "failure":
        (directory / "recording").unlink()
        transport.send("mouse", 1, 3, 0)
    if how == "end":
        session_of(user).detach(user)
    await until(lambda: transport.closed_with is not None, "the end")
    await until(lambda: not bench.registry._ending, "its clean end")


# ---- a slow disk


@pytest.fixture
def hold_disk(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Have the disk accept nothing until the returned function is called."""
    loop_store = threads.store
    held: list[tuple[Callable[[], object], asyncio.Future[object]]] = []
    is_held = True

    def store(function: Callable[[], object]) -> asyncio.Future[object]:
        if not is_held:
            return loop_store(function)
        future = asyncio.get_running_loop().create_future()
        held.append((function, future))
        return future

    def release() -> None:
        nonlocal is_held
        is_held = False
        for function, future in held:
            future.set_result(function())

    monkeypatch.setattr(file_sink, "store", store)
    return release


async def flood(transport: MemoryTransport, user: User, frames: int) -> None:
    generator = np.random.default_rng(len(transport.received))
    for _ in range(frames):
        noise = generator.integers(0, 256, (100, 200, 4), np.uint8)
        sketch(user).surface.blit(Rect(0, 0, 200, 100), noise)
        session_of(user).context.changed()
        await frame(transport)


async def test_a_slow_disk_does_not_slow_the_session(
    make_bench: MakeBench, tmp_path: Path, hold_disk: Callable[[], None]
) -> None:
    bench = make_bench(max_queue=1 << 20)
    transport, user = await recorded(bench, tmp_path)
    session = session_of(user)
    (recording,) = session.extensions
    recorder = next(iter(recording._written))  # type: ignore[attr-defined]
    while not recorder._viewer.stale:
        await flood(transport, user, 1)
    whole: list[bool] = []
    plan_full = session.display.plan_full

    def plan(*, exact: bool = False) -> Plan:
        whole.append(exact)
        return plan_full(exact=exact)

    session.display.plan_full = plan  # type: ignore[method-assign]
    await flood(transport, user, 3)
    assert not whole, "nothing is drawn for a recording that has no room"
    assert 0 < recorder.waiting <= 1 << 20
    hold_disk()
    await until(lambda: not recorder._viewer.stale, "the whole picture")
    await flood(transport, user, 2)
    await until_exact(transport, user)
    seen = picture(user)
    await ended(bench, user)
    found = replay(tmp_path / "recording")
    assert (found.canvas.flatten() == seen).all()
    missing = {int(args[0]) for args in transport.all("sync")} - set(found.times)
    assert missing


async def test_a_slow_disk_can_end_the_session(
    make_bench: MakeBench, tmp_path: Path, hold_disk: Callable[[], None]
) -> None:
    bench = make_bench(max_queue=1 << 20, when_behind="end", policy="best-effort")
    transport, user = await recorded(bench, tmp_path)
    generator = np.random.default_rng(2)
    while transport.closed_with is None:
        noise = generator.integers(0, 256, (100, 200, 4), np.uint8)
        sketch(user).surface.blit(Rect(0, 0, 200, 100), noise)
        session_of(user).context.changed()
        await asyncio.sleep(0.005)
    assert "too slow" in transport.all("error")[0][0]
    hold_disk()


async def test_a_session_that_ends_while_its_recording_is_opened(
    make_bench: MakeBench, tmp_path: Path
) -> None:
    bench = make_bench()
    transport, user = bench.connect(recording_path=str(tmp_path))
    session = session_of(user)
    await asyncio.sleep(0)
    session.close(UpstreamError("gone"))
    await until(lambda: not bench.registry._ending, "the end of the session")
    assert transport.closed_with is not None


async def test_many_that_begin_at_the_same_time(make_bench: MakeBench, tmp_path: Path) -> None:
    bench = make_bench(policy="require")
    count = 3 * opening.OPENING_EACH
    transports = [bench.connect(recording_path=str(tmp_path))[0] for _ in range(count)]
    for transport in transports:
        await frame(transport, 1)
        assert not transport.all("error")
    names = await asyncio.to_thread(os.listdir, tmp_path)
    assert sum(name.endswith(("g", *digits)) for name in names) == count


@pytest.mark.parametrize("policy", ["require", "best-effort"])
async def test_a_disk_that_hangs_is_not_waited_for(
    make_bench: MakeBench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, policy: str
) -> None:
    monkeypatch.setattr(opening, "OPENING_MAX", 0.05)
    monkeypatch.setattr(opening, "OPENING_EACH", 2)
    monkeypatch.setattr(opening, "HANGS_AFTER", 0.0)
    hung, fine = tmp_path / "hung", tmp_path / "fine"
    hung.mkdir()
    fine.mkdir()
    bench = make_bench(policy=policy, directories=[hung, fine])
    with hung_disk(hung):
        for number in range(4):  # the last ones need no thread
            transport, _ = bench.connect("sketch", None, recording_path=str(hung / f"{number}"))
            transport.replies = True
            if policy == "require":
                await until(partial(transport.all, "error"), "the refusal")
                assert "does not answer" in transport.all("error")[0][0]
            else:
                await frame(transport, 1)
        await recorded(bench, fine)
    assert (fine / "recording").exists()
