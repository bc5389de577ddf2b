"""The archive: what was removed or changed is found, and what is old expires."""

from __future__ import annotations

import os
from itertools import pairwise
from pathlib import Path

import pytest

from guacr.journal.archive import DAY_NS, EARLIEST_NS, Archive, Retention
from guacr.journal.errors import FormatError, StoreError
from guacr.journal.manifest import Entry, Manifest, decode
from guacr.journal.stores import LocalStore

NOW = EARLIEST_NS + 100 * DAY_NS


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "store")


@pytest.fixture
def archive(store: LocalStore, tmp_path: Path) -> Archive:
    """An archive with five files, one a day, of 1000 bytes."""
    archive = Archive(store, "node", "audit")
    for number in range(1, 6):
        add(archive, tmp_path, number)
    return archive


def add(archive: Archive, tmp_path: Path, number: int) -> Entry:
    path = tmp_path / "new"
    path.unlink(missing_ok=True)  # a store may have linked it
    path.write_bytes(b"%d" % number * 1000)
    time = NOW - (6 - number) * DAY_NS
    return archive.add(path, Entry(0, "", 0, file=f"e-{number}", begin=time, end=time))


def place(tmp_path: Path, name: str) -> Path:
    return tmp_path / "store" / "node" / "audit" / name


def expire(archive: Archive, retention: Retention, now: int) -> int:
    return sum(1 for _ in archive.expire(retention, now))


def entry(tmp_path: Path, number: int) -> Path:
    return place(tmp_path, f"manifest/{number:010}.json")


def file(tmp_path: Path, number: int) -> Path:
    return place(tmp_path, f"files/e-{number}.seg")


def test_an_archive_as_it_was_written_is_in_order(archive: Archive) -> None:
    assert list(archive.verify()) == []
    assert archive.has(archive.manifest.head()[1])
    assert [one.number for one in archive.manifest.entries()] == [1, 2, 3, 4, 5]


def test_adding_a_file_again_changes_nothing(archive: Archive, tmp_path: Path) -> None:
    before = add(archive, tmp_path, 3)
    assert before.number == 3
    assert archive.manifest.numbers() == [1, 2, 3, 4, 5]


def test_a_foreign_file_of_the_same_name_is_not_adopted(archive: Archive, tmp_path: Path) -> None:
    file(tmp_path, 6).write_bytes(b"foreign")
    with pytest.raises(StoreError, match="another content"):
        add(archive, tmp_path, 6)


@pytest.mark.parametrize("number", [1, 3, 5])
def test_a_removed_file_is_found(archive: Archive, tmp_path: Path, number: int) -> None:
    file(tmp_path, number).unlink()
    assert list(archive.verify()) == [f"audit: e-{number} is missing"]


@pytest.mark.parametrize("number", [1, 3, 5])
def test_a_changed_file_is_found(archive: Archive, tmp_path: Path, number: int) -> None:
    data = file(tmp_path, number).read_bytes()
    file(tmp_path, number).write_bytes(data[:-1] + b"x")
    assert list(archive.verify()) == [f"audit: e-{number} was changed"]


@pytest.mark.parametrize("number", [1, 3])
def test_a_removed_entry_is_found(archive: Archive, tmp_path: Path, number: int) -> None:
    entry(tmp_path, number).unlink()
    file(tmp_path, number).unlink()
    (problem,) = archive.verify()
    assert f"entries {number} to {number} of the manifest are missing" in problem


def test_a_removed_end_is_found_with_a_hash_that_was_kept(archive: Archive, tmp_path: Path) -> None:
    _, head = archive.manifest.head()
    entry(tmp_path, 5).unlink()
    assert list(archive.verify()) == ["audit: e-5 is not in the manifest"]
    file(tmp_path, 5).unlink()
    assert list(archive.verify()) == []
    assert not archive.has(head)


def test_a_changed_entry_is_found(archive: Archive, tmp_path: Path) -> None:
    data = entry(tmp_path, 2).read_bytes()
    entry(tmp_path, 2).write_bytes(data.replace(b'"records":0', b'"records":9'))
    assert list(archive.verify()) == ["audit: entry 2 of the manifest was changed"]
    entry(tmp_path, 2).write_bytes(data[:-1])
    assert next(archive.verify()) == "audit: entry 2 of the manifest is damaged"


def test_a_file_that_was_put_there_is_found(archive: Archive, tmp_path: Path) -> None:
    file(tmp_path, 9).write_bytes(b"x")
    assert list(archive.verify()) == ["audit: e-9 is not in the manifest"]


def test_old_files_expire(archive: Archive, tmp_path: Path) -> None:
    assert expire(archive, Retention(days=5.5), NOW) == 0
    assert expire(archive, Retention(days=3.5), NOW) == 2
    assert not file(tmp_path, 2).exists()
    assert file(tmp_path, 3).exists()
    assert archive.manifest.numbers() == [3, 4, 5, 6]
    assert list(archive.verify()) == []
    assert expire(archive, Retention(days=3.5), NOW) == 0
    assert expire(archive, Retention(days=1), NOW + DAY_NS) == 3
    assert archive.manifest.numbers() == [6, 7]
    assert list(archive.verify()) == []
    add(archive, tmp_path, 8)
    assert list(archive.verify()) == []
    assert expire(archive, Retention(days=1), NOW + 9 * DAY_NS) == 1
    assert archive.manifest.numbers() == [9]
    assert list(archive.verify()) == []


def test_the_oldest_files_expire_if_there_are_too_many(archive: Archive, tmp_path: Path) -> None:
    assert expire(archive, Retention(size=5000), NOW) == 0
    assert expire(archive, Retention(size=4999), NOW) == 1
    assert expire(archive, Retention(size=2000), NOW) == 2
    assert not file(tmp_path, 3).exists()
    assert list(archive.verify()) == []


def test_nothing_is_old_while_the_time_is_not_known(archive: Archive) -> None:
    assert expire(archive, Retention(days=1), 0) == 0
    assert expire(archive, Retention(days=1, size=2000), 0) == 3


@pytest.mark.parametrize("wrong", [DAY_NS, 1 << 62])
def test_what_was_written_by_a_wrong_clock_is_as_old_as_what_follows(
    archive: Archive, tmp_path: Path, wrong: int
) -> None:
    for number, end in ((7, NOW + 7 * DAY_NS), (8, wrong), (9, wrong), (10, NOW + 10 * DAY_NS)):
        path = tmp_path / f"new-{number}"
        path.write_bytes(bytes(1000))
        archive.add(path, Entry(0, "", 0, file=f"e-{number}", begin=end, end=end))
    assert expire(archive, Retention(days=1), NOW + 9 * DAY_NS) == 6
    assert [file(tmp_path, number).exists() for number in (7, 8, 9)] == [False, True, True]
    assert expire(archive, Retention(days=1), NOW + 12 * DAY_NS) == 3
    assert list(archive.verify()) == []


def test_an_interrupted_expiry_is_in_order_and_continued(
    archive: Archive, tmp_path: Path, store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = [0]
    real = LocalStore.delete

    def failing(self: LocalStore, name: str) -> None:
        count[0] += 1
        if count[0] > 3:
            raise StoreError("the store does not answer")
        real(self, name)

    monkeypatch.setattr(LocalStore, "delete", failing)
    with pytest.raises(StoreError):
        expire(archive, Retention(days=2.5), NOW)
    with pytest.raises(StoreError):
        expire(archive, Retention(days=2.5), NOW)
    assert archive.manifest.numbers()[-1] == 6, "it is declared once"
    assert list(archive.verify()) == []
    monkeypatch.undo()
    assert expire(archive, Retention(days=2.5), NOW) == 2
    assert list(archive.verify()) == []
    assert file(tmp_path, 4).exists()


def test_what_expired_cannot_hide_what_was_removed(archive: Archive, tmp_path: Path) -> None:
    expire(archive, Retention(days=3.5), NOW)
    entry(tmp_path, 3).unlink()
    file(tmp_path, 3).unlink()
    assert list(archive.verify()) == ["audit: entries 3 to 3 of the manifest are missing"]


def test_only_old_temporary_files_are_deleted(archive: Archive, tmp_path: Path) -> None:
    old, new = place(tmp_path, "manifest/.tmp-old"), place(tmp_path, "files/.tmp-new")
    for path in (old, new):
        path.touch()
    os.utime(old, (0, 0))
    archive.tidy()
    assert new.exists()
    assert not old.exists()
    assert list(archive.verify()) == []


def test_two_processes_share_a_manifest(store: LocalStore) -> None:
    one, other = Manifest(store, "m/"), Manifest(store, "m/")
    assert one.add(Entry(0, "", 1)).number == 1
    assert other.add(Entry(0, "", 2)).number == 2
    assert one.add(Entry(0, "", 3)).number == 3
    assert other.add(Entry(0, "", 4)).number == 4
    entries = list(Manifest(store, "m/").entries())
    assert [entry.time for entry in entries] == [1, 2, 3, 4]
    for before, after in pairwise(entries):
        assert after.previous == before.hash


def test_an_entry_whose_answer_was_lost_is_not_added_twice(store: LocalStore) -> None:
    class Repeating(LocalStore):
        """Repeats what has already succeeded, as a client of HTTP does after a time-out."""

        def put(self, name: str, data: bytes) -> None:
            super().put(name, data)
            super().put(name, data)

    manifest = Manifest(Repeating(store._directory), "m/")
    assert manifest.add(Entry(0, "", 1)).number == 1
    assert manifest.add(Entry(0, "", 2)).number == 2
    assert manifest.numbers() == [1, 2]


def test_entries_name_files_of_the_archive_only(store: LocalStore) -> None:
    for name in ("../../etc/x", "a/b", "", "e-1"):
        data = Entry(1, "0" * 64, 5, file=name).encode()
        if "/" in name:
            with pytest.raises(FormatError):
                decode(data)
        else:
            assert decode(data).file == name


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b'{"number":1,"previous":1,"time":1}'])
def test_entries_are_checked(data: bytes) -> None:
    with pytest.raises(FormatError):
        decode(data)
