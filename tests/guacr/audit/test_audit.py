"""The audit log: what it says, and that sessions wait for it where they must."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import shutil
import threading
import time
from base64 import b64encode
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from guacr import refusals
from guacr.audit import auditor as module
from guacr.audit.auditor import Auditor
from guacr.audit.entries import TEXT_MAX
from guacr.audit.service import JournalService
from guacr.errors import BusyError, SettingsError
from guacr.journal import writer
from guacr.journal.archive import Archive
from guacr.journal.encoding import Decoding
from guacr.journal.options import AUDIT
from guacr.journal.reading import Cursor
from guacr.journal.stores import LocalStore
from guacr.protocol.client import ClientInfo
from guacr.protocol.status import Status
from guacr.retention import RetentionClock
from guacr.session.events import Refused
from guacr.session.origin import Origin
from guacr.session.streams.inputs import InputStream
from guacr.session.user import User
from guacr.settings.journal import AuditSettings
from guacr.settings.models import Settings
from tests.support.loopback import (
    Bench,
    MemoryTransport,
    SketchHandler,
    session_of,
    sketch,
    until,
)

NODE = "node"


class Receiver(SketchHandler):
    """Receives files and clipboards."""

    clipboard_types = ("text/plain",)

    def open_stream(self, user: User, stream: InputStream) -> None:
        if stream.kind == "file":
            user.transfers.receive(stream, self._take)
        else:
            super().open_stream(user, stream)

    async def _take(self, pieces: AsyncIterator[bytes]) -> None:
        async for piece in pieces:
            self.events.append(("piece", piece))


class AuditBench(Bench):
    """A bench with a journal."""

    def __init__(self, directory: Path, handler: type[SketchHandler], **audit: object) -> None:
        self.directory = directory
        journal = {"directory": directory, "node": NODE, "sync_interval": 0}
        super().__init__(Settings.model_validate({"journal": journal, "audit": audit}), handler)
        self.service = JournalService(self.registry.settings, self.registry)

    @property
    def auditor(self) -> Auditor:
        observer = self.registry.events.observer
        assert isinstance(observer, Auditor)
        return observer

    def entries(self) -> list[dict[str, Any]]:
        """Every entry on the disk."""
        archive = Archive(LocalStore(self.directory / "archive"), NODE, AUDIT)
        found = list(Cursor(self.directory / "wal", archive, Decoding(), pytest.fail).poll())
        return [json.loads(one.record.payload) for one in found if not one.record.is_end]

    def raw(self) -> bytes:
        """The content of the journal's files."""
        return b"".join(path.read_bytes() for path in self.directory.glob("wal/*/*.wal"))

    def names(self) -> list[str]:
        return [entry["event"] for entry in self.entries()]

    async def until_noted(self) -> None:
        """Until every entry is durable."""
        await until(lambda: not self.auditor._pending)


@asynccontextmanager
async def audited(
    directory: Path, handler: type[SketchHandler] = Receiver, **audit: object
) -> AsyncIterator[AuditBench]:
    bench = AuditBench(directory, handler, **audit)
    await bench.service.open()
    try:
        yield bench
    finally:
        await bench.close()
        await bench.service.close()


def paste(transport: MemoryTransport, text: bytes, index: int = 1) -> None:
    transport.send("clipboard", index, "text/plain")
    transport.send("blob", index, b64encode(text).decode())
    transport.send("end", index)


async def test_a_session_from_its_opening_to_its_end(tmp_path: Path) -> None:
    async with audited(tmp_path) as bench:
        transport, owner = bench.connect(
            info=ClientInfo(width=9, height=9, name="Ann"),
            hostname="example.com",
            password="s3cret",
        )
        _, joiner = bench.connect(session_of(owner).id, read_only="true")
        session_of(joiner).detach(joiner)
        transport.send("disconnect")
        await bench.until_noted()
        opened, joined, other, left, gone, closed = bench.entries()
        text = json.dumps(bench.entries())
    session = session_of(owner).id
    assert opened.items() >= {
        "event": "session-opened", "session": session, "protocol": "sketch", "host": "example.com",
    }.items()  # fmt: skip
    assert joined.items() >= {
        "event": "user-joined", "session": session, "user": owner.id, "name": "Ann",
        "peer": "memory", "owner": True, "read_only": False,
    }.items()  # fmt: skip
    assert (other["owner"], other["read_only"]) == (False, True)
    assert (left["event"], left["user"], left["status"]) == ("user-left", joiner.id, "SUCCESS")
    assert (gone["event"], gone["user"]) == ("user-left", owner.id)
    assert closed["event"] == "session-closed"
    assert closed["seconds"] >= 0
    assert closed["sent"] > 0
    assert "s3cret" not in text
    ids = [entry["id"] for entry in (opened, joined, other, left, gone, closed)]
    assert len(set(ids)) == 6
    assert opened["time"].endswith("+00:00")


async def test_a_subject_is_that_of_each_user(tmp_path: Path) -> None:
    async with audited(tmp_path) as bench:
        transport, info = MemoryTransport(), ClientInfo(width=9, height=9)
        reader = bench.registry.open(
            "sketch", {}, info, transport, Origin(subject="ann", connection="box")
        )
        session = reader.session.id
        bench.registry.open(session, {}, info, MemoryTransport(), Origin(subject="ben"))
        await bench.until_noted()
        opened, owner, joiner = bench.entries()
    assert opened["connection"] == "box"
    assert (opened["subject"], owner["subject"], joiner["subject"]) == ("ann", "ann", "ben")


async def test_files_have_their_sizes_and_hashes(tmp_path: Path) -> None:
    async with audited(tmp_path) as bench:
        transport, user = bench.connect()

        async def send() -> None:
            async with user.outputs.open_file("down.txt", "text/plain") as stream:
                transport.send("ack", stream.index, "OK", 0)
                await stream.write(b"12345")
                transport.send("ack", stream.index, "OK", 0)

        await send()
        transport.send("file", 1, "text/plain", "up\u202e.txt")
        transport.send("blob", 1, "AAAA")
        transport.send("end", 1)
        await until(lambda: bench.names().count("transfer-ended") == 2)
        raw = bench.raw()
        found = [entry for entry in bench.entries() if "transfer" in entry["event"]]
    assert b"\\u202e" in raw
    started, down, _, up = found
    assert (started["event"], started["name"]) == ("transfer-started", "down.txt")
    assert (down["name"], down["size"], down["incoming"]) == ("down.txt", 5, False)
    assert down["sha256"] == sha256(b"12345").hexdigest()
    assert (up["name"], up["size"], up["incoming"]) == ("up\u202e.txt", 3, True)
    assert up["sha256"] == sha256(bytes(3)).hexdigest()
    assert "error" not in up


async def test_changes_of_files_are_noted(tmp_path: Path) -> None:
    async with audited(tmp_path) as bench:
        _, user = bench.connect()
        user.transfers.note("deleted '/x' in Test card")
        await bench.until_noted()
        changed = bench.entries()[-1]
    assert (changed["event"], changed["user"]) == ("files-changed", user.id)
    assert changed["what"] == "deleted '/x' in Test card"


@pytest.mark.parametrize("content", [False, True])
async def test_clipboards_are_noted_and_their_content_if_it_is_wanted(
    tmp_path: Path, content: bool
) -> None:
    async with audited(tmp_path, clipboard_content=content) as bench:
        transport, user = bench.connect()
        bench.connect(session_of(user).id, disable_copy="true")
        paste(transport, b"hunter2")
        session_of(user).context.send_clipboard("text/plain", b"from the host")
        await bench.until_noted()
        pasted, copied = bench.entries()[-2:]
    assert (pasted["event"], pasted["user"]) == ("pasted", user.id)
    assert pasted["sizes"] == {"text/plain": 7}
    assert pasted.get("text") == ("hunter2" if content else None)
    assert (copied["event"], copied["users"]) == ("copied", [user.id])
    assert copied["sizes"] == {"text/plain": 13}
    assert copied.get("text") == ("from the host" if content else None)


async def test_what_is_refused_is_noted_with_the_reason(tmp_path: Path) -> None:
    async with audited(tmp_path) as bench:
        transport, user = bench.connect(disable_paste="true")
        paste(transport, b"x")
        refusals.Refusals(module.log).refused("192.0.2.1:7", BusyError("no room"))
        await bench.until_noted()
        stream, client = bench.entries()[-2:]
    assert (stream["event"], stream["user"], stream["peer"]) == ("refused", user.id, "memory")
    assert stream["reason"] == "pasting is disabled for this connection"
    assert (client["peer"], client["reason"]) == ("192.0.2.1:7", "no room")
    assert refusals.observers == []


async def test_a_flood_of_refusals_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "REFUSALS_MAX", 3)
    async with audited(tmp_path) as bench:
        for number in range(9):
            bench.registry.events.publish(Refused(str(number), "no"))
        auditor = bench.registry.events.observer
        assert isinstance(auditor, Auditor)
        auditor._refusals._period = 0
        bench.registry.events.publish(Refused("later", "no"))
        await bench.until_noted()
        assert [entry.get("peer") for entry in bench.entries()] == ["0", "1", "2", None, "later"]
        assert bench.entries()[3]["count"] == 6


async def test_long_texts_are_cut(tmp_path: Path) -> None:
    async with audited(tmp_path) as bench:
        bench.registry.events.publish(Refused("p", "x" * (TEXT_MAX + 1)))
        bench.registry.events.publish(Refused("p", "x" * TEXT_MAX))
        await bench.until_noted()
        cut, whole = (entry["reason"] for entry in bench.entries())
    assert cut == "x" * (TEXT_MAX - 1) + "…"
    assert whole == "x" * TEXT_MAX


class Disk:
    """Holds up and fails the synchronisation of the journal's files."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.works = threading.Event()
        self.works.set()
        self.error: OSError | None = None
        monkeypatch.setattr(writer, "_sync", self._sync)
        monkeypatch.setattr(writer, "RETRY", 0.0)
        monkeypatch.setattr(module, "RETRY", 0.02)

    def _sync(self, descriptor: int) -> None:
        assert self.works.wait(20)
        if self.error is not None:
            raise self.error
        os.fsync(descriptor)

    def fill(self) -> None:
        self.error = OSError(errno.ENOSPC, "No space left on device")


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    disk = Disk(monkeypatch)
    yield disk
    disk.works.set()


async def stays(condition: Callable[[], bool]) -> None:
    """A condition holds for some turns of the event loop."""
    for _ in range(20):
        await asyncio.sleep(0.001)
        assert condition()


async def test_a_strict_session_begins_once_its_opening_is_durable(
    tmp_path: Path, disk: Disk
) -> None:
    async with audited(tmp_path, strict=True) as bench:
        disk.works.clear()
        transport = MemoryTransport()
        info = ClientInfo(width=9, height=9)
        reader = bench.registry.open("sketch", {}, info, transport)
        handler = reader.session.handler
        assert isinstance(handler, SketchHandler)
        transport.send("key", 65, 1)
        await stays(lambda: handler.events == [] and not transport.reading)
        disk.works.set()
        await until(lambda: ("key", 65, True) in handler.events and transport.reading)
        disk.works.clear()
        joiner = MemoryTransport()
        bench.registry.open(reader.session.id, {}, info, joiner)
        await stays(lambda: not joiner.all("sync") and not joiner.reading)
        assert transport.reading
        disk.works.set()
        await until(lambda: bool(joiner.all("sync")) and joiner.reading)


async def test_a_strict_user_waits_for_each_entry(tmp_path: Path, disk: Disk) -> None:
    async with audited(tmp_path, strict=True) as bench:
        transport, user = bench.connect()
        await bench.until_noted()
        handler = sketch(user)
        disk.works.clear()
        paste(transport, b"x")
        transport.send("key", 65, 1)
        await stays(lambda: not transport.reading)
        assert not [one for one in handler.events if one[0] in ("clipboard", "key")]
        session_of(user).context.send_clipboard("text/plain", b"from the host")
        await stays(lambda: not transport.all("clipboard"))
        disk.works.set()
        await until(lambda: ("key", 65, True) in handler.events)
        (pasted, key) = (one for one in handler.events if one[0] in ("clipboard", "key"))
        assert pasted == ("clipboard", "text/plain", b"x")
        assert key[0] == "key"
        await until(lambda: bool(transport.all("clipboard")))
        await until(lambda: transport.reading)


async def test_a_strict_session_ends_if_its_entries_cannot_be_written(
    tmp_path: Path, disk: Disk, caplog: pytest.LogCaptureFixture
) -> None:
    async with audited(tmp_path, strict=True) as bench:
        transport, user = bench.connect()
        quiet, other = bench.connect()
        await bench.until_noted()
        disk.fill()
        paste(transport, b"x")
        await until(lambda: session_of(user).closed)
        reason, status = transport.all("error")[0]
        assert "the audit log cannot be written" in reason
        assert "No space left on device" in reason
        assert status == str(int(Status.SERVER_BUSY))
        assert not [one for one in sketch(user).events if one[0] == "clipboard"]
        await until(lambda: bench.auditor._failure is not None)
        with pytest.raises(BusyError, match="the audit log cannot be written"):
            bench.connect()
        assert not session_of(other).closed
        assert not quiet.all("error")
        disk.error = None
        await until(lambda: "pasted" in bench.names() and not bench.auditor._pending)
        bench.connect()
        await bench.until_noted()
    assert "the audit log cannot be written" in caplog.text


async def test_strict_sessions_are_refused_if_the_disk_hangs(
    tmp_path: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "STALL_MAX", 0.1)
    async with audited(tmp_path, strict=True) as bench:
        quiet, other = bench.connect()
        transport, user = bench.connect()
        await bench.until_noted()
        disk.works.clear()
        waiting = MemoryTransport()
        bench.registry.open("sketch", {}, ClientInfo(width=9, height=9), waiting)
        paste(transport, b"x")
        for one in (waiting, transport):
            await until(lambda one=one: bool(one.all("error")))  # type: ignore[misc]
            reason, status = one.all("error")[0]
            assert "the audit log cannot be written" in reason
            assert "disk does not answer" in reason
            assert status == str(int(Status.SERVER_BUSY))
        with pytest.raises(BusyError, match="disk does not answer"):
            bench.connect()
        assert not session_of(other).closed
        assert not quiet.all("error")
        assert session_of(user).closed
        disk.works.set()
        await bench.until_noted()
        bench.connect()
        await bench.until_noted()
        assert bench.names().count("session-opened") == 4
        assert bench.names().count("session-closed") == 2
        assert bench.auditor._watch is None


async def test_sessions_go_on_if_the_disk_hangs(
    tmp_path: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "PENDING_MAX", 4)
    monkeypatch.setattr(module, "STALL_MAX", 0.1)
    async with audited(tmp_path) as bench:
        transport, user = bench.connect()
        await bench.until_noted()
        disk.works.clear()
        for index in range(6):
            paste(transport, b"x", index)
        assert not transport.reading
        await until(lambda: transport.reading)
        paste(transport, b"last", 7)
        await until(lambda: ("clipboard", "text/plain", b"last") in sketch(user).events)
        bench.connect()
        assert "not in the audit log" in caplog.text
        disk.works.set()
        await bench.until_noted()
        assert "the audit log's disk answers again" in caplog.text
        assert "more-in-log" in bench.names()
        assert bench.auditor._bytes == 0


async def test_other_sessions_go_on_and_no_entry_is_lost(
    tmp_path: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "PENDING_MAX", 4)
    async with audited(tmp_path) as bench:
        transport, user = bench.connect()
        await bench.until_noted()
        disk.fill()
        for number in range(9):
            bench.registry.events.publish(Refused(str(number), "no"))
            await asyncio.sleep(0.01)
        paste(transport, b"x")
        await until(lambda: ("clipboard", "text/plain", b"x") in sketch(user).events)
        await until(lambda: "not in the audit log" in caplog.text)
        assert not session_of(user).closed
        disk.error = None
        await bench.until_noted()
        written = [entry["peer"] for entry in bench.entries() if entry["event"] == "refused"]
        logged = [line for line in caplog.messages if "not in the audit log" in line]
        for number in range(9):
            assert str(number) in written or any(f'"peer": "{number}"' in one for one in logged)
        assert "more-in-log" in bench.names()


async def test_entries_go_on_in_a_directory_that_was_deleted(tmp_path: Path, disk: Disk) -> None:
    async with audited(tmp_path, strict=True) as bench:
        bench.registry.events.publish(Refused("1", "no"))
        await bench.until_noted()
        shutil.rmtree(tmp_path / "wal")
        bench.registry.events.publish(Refused("2", "no"))
        await until(lambda: bench.service.failures == 1)
        await until(lambda: bench.raw().count(b'"refused"') == 1)
        await bench.until_noted()
        bench.registry.events.check()
    assert [entry["peer"] for entry in bench.entries()] == ["2"]
    assert bench.service.failures == 1


async def test_a_slow_disk_holds_up_clients_instead_of_losing_entries(
    tmp_path: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PENDING_MAX", 10)
    async with audited(tmp_path) as bench:
        transport, user = bench.connect()
        await bench.until_noted()
        disk.works.clear()
        for index in range(12):
            paste(transport, b"x", index)
        await stays(lambda: not transport.reading)
        before = len(sketch(user).events)
        transport.send("key", 65, 1)
        await stays(lambda: len(sketch(user).events) == before)
        with pytest.raises(BusyError, match="too slow"):
            bench.connect()
        disk.works.set()
        await until(lambda: ("key", 65, True) in sketch(user).events)
        assert transport.reading
        paste(transport, b"last", 20)
        await bench.until_noted()
        assert bench.names().count("pasted") == 13


async def test_large_entries_count_by_their_size(
    tmp_path: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PENDING_BYTES", 8000)
    async with audited(tmp_path, clipboard_content=True) as bench:
        transport, _ = bench.connect()
        await bench.until_noted()
        disk.works.clear()
        paste(transport, b"x" * 4000)
        await stays(lambda: transport.reading)
        paste(transport, b"x" * 4000)
        await stays(lambda: not transport.reading)
        disk.works.set()
        await until(lambda: transport.reading)
        await bench.until_noted()
        assert bench.auditor._bytes == 0


async def test_what_has_expired_is_noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with audited(tmp_path) as bench:
        bench.connect()
        await bench.until_noted()
    monkeypatch.setattr(RetentionClock, "now", lambda clock: time.time() + 2 * 86400)
    async with audited(tmp_path, days=1) as bench:
        await until(lambda: b'"expired"' in bench.raw())
        (entry,) = bench.entries()
    assert entry.items() >= {"place": "archive audit", "count": 1}.items()
    assert entry["oldest"] <= entry["newest"] <= entry["time"]
    assert entry["size"] > 0


async def test_without_a_journal_there_is_no_audit_log() -> None:
    bench = Bench()
    service = JournalService(bench.registry.settings, bench.registry)
    await service.open()
    assert bench.registry.events.observer is None
    await bench.close()
    await service.close()


async def test_it_can_be_disabled(tmp_path: Path) -> None:
    bench = AuditBench(tmp_path, Receiver, enabled=False)
    await bench.service.open()
    bench.connect()
    await bench.close()
    await bench.service.close()
    assert bench.entries() == []


async def test_a_reload_changes_what_is_strict(tmp_path: Path, disk: Disk) -> None:
    async with audited(tmp_path) as bench:
        transport, _ = bench.connect()
        await bench.until_noted()
        strict = bench.registry.settings.model_copy(update={"audit": AuditSettings(strict=True)})
        apply = bench.service.reload(strict)
        assert not bench.registry.events.is_strict
        apply()
        disk.works.clear()
        paste(transport, b"x")
        await stays(lambda: not transport.reading)
        disk.works.set()
        await until(lambda: transport.reading)


async def test_a_directory_that_cannot_be_used_prevents_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    bench = AuditBench(tmp_path / "file" / "journal", Receiver)
    with pytest.raises(SettingsError, match=r"journal\.directory"):
        await bench.service.open()
    await bench.close()
    await bench.service.close()


async def test_entries_that_cannot_be_written_at_the_end_are_logged(
    tmp_path: Path, disk: Disk, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CLOSE_TIMEOUT", 0.05)
    async with audited(tmp_path) as bench:
        bench.connect()
        disk.fill()
    assert "not in the audit log" in caplog.text
    assert "session-closed" in caplog.text
