"""Object storage: moto's server, which answers as S3 does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from guacr.errors import SettingsError
from guacr.journal.archive import Archive, Retention
from guacr.journal.encoding import Decoding
from guacr.journal.errors import ExistsError, MissingError, StoreError
from guacr.journal.journal import Journal
from guacr.journal.object_store import ObjectStore, is_url
from guacr.journal.reading import Cursor
from tests.guacr.journal.test_journal import NODE, append, options, wait
from tests.support.guarding import owned
from tests.support.s3 import BUCKET, OPTIONS, s3_server
from tests.support.waiting import free_port


@pytest.fixture(scope="module")
def store() -> Iterator[ObjectStore]:
    with s3_server() as address, owned():  # its connections stay until the process ends
        store = ObjectStore(f"s3://{BUCKET}/below", {**OPTIONS, "endpoint": address})
        list(store.names("none/"))
        yield store


def test_objects_are_created_once(store: ObjectStore, tmp_path: Path) -> None:
    store.put("a/b", b"hello")
    with pytest.raises(ExistsError):
        store.put("a/b", b"other")
    (tmp_path / "file").write_bytes(b"x" * 6_000_000)
    store.put_file("a/c", tmp_path / "file")
    with pytest.raises(ExistsError):
        store.put_file("a/c", tmp_path / "file")
    assert sorted(store.names("a/")) == [("a/b", 5), ("a/c", 6_000_000)]
    assert store.get("a/b", 5) == b"hello"
    assert store.read("a/b", 1, 3) == b"ell"
    assert b"".join(store.pieces("a/c")) == b"x" * 6_000_000
    with pytest.raises(StoreError):
        store.read("a/b", 3, 4)
    store.delete("a/b")
    store.delete("a/b")
    for use in (store.size, lambda name: store.read(name, 0, 1), lambda n: list(store.pieces(n))):
        with pytest.raises(MissingError):
            use("a/b")


def test_a_journal_is_archived_verified_and_expires(store: ObjectStore, tmp_path: Path) -> None:
    journal = Journal(options(tmp_path, store=store))
    append(journal, "audit", b"one")
    journal.rotate()
    archive = Archive(store, NODE, "audit")
    wait(archive.manifest.numbers, "the archive")
    append(journal, "audit", b"two")
    cursor = Cursor(tmp_path / "wal", Archive(store, NODE, "audit"), Decoding(), print)
    assert [found.record.payload for found in cursor.poll()] == [b"one", b"two"]
    assert journal.close()
    assert list(archive.verify()) == []
    (first, _) = archive.manifest.entries()
    store.delete(f"{NODE}/audit/files/{first.file}.seg")
    assert list(archive.verify()) == [f"audit: {first.file} is missing"]
    assert len(list(archive.expire(Retention(days=1), 1 << 62))) == 2
    assert list(archive.verify()) == []


def test_a_store_that_does_not_answer_is_named() -> None:
    with owned():
        place = f"http://127.0.0.1:{free_port()}"
        store = ObjectStore("s3://bucket", {**OPTIONS, "endpoint": place})
        with pytest.raises(StoreError, match="a/b"):
            store.put("a/b", b"x")


def test_wrong_options_are_refused() -> None:
    with pytest.raises(SettingsError, match="cannot be used"):
        ObjectStore("s3://bucket", {"wrong": "x"})
    assert is_url("s3://bucket/x")
    assert not is_url("/var/lib/guacr")
    assert not is_url("file:///var")
