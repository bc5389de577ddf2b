"""The settings of the journal."""

from pathlib import Path

import pytest

from guacr.errors import SettingsError
from guacr.settings.configuration import Source, merge
from guacr.settings.journal import LOCAL_SECONDS, STORE_SECONDS, JournalSettings


def journal(**values: object) -> JournalSettings:
    return merge([Source("test", {"journal": {"directory": "/j", **values}})]).journal


def refusal(**values: object) -> str:
    with pytest.raises(SettingsError) as caught:
        journal(**values)
    return str(caught.value)


def test_files_are_archived_sooner_in_object_storage() -> None:
    assert journal().seconds == LOCAL_SECONDS
    assert journal(store="s3://bucket").seconds == STORE_SECONDS
    assert journal(store="s3://bucket", segment_seconds=5).seconds == 5


def test_the_name_of_the_machine_becomes_a_part_of_a_path(monkeypatch: pytest.MonkeyPatch) -> None:
    assert journal(node="gateway-1").node_name == "gateway-1"
    for host, name in (("host.example", "host.example"), ("../ä/b", "b"), ("..", "guacr")):
        monkeypatch.setattr("socket.gethostname", lambda host=host: host)
        assert journal().node_name == name


@pytest.mark.parametrize("node", ["../x", "a/b", ".hidden", "a" * 65])
def test_other_names_are_refused(node: str) -> None:
    assert "journal.node" in refusal(node=node)


@pytest.mark.parametrize("store", ["s3://b", "gs://b/p/q", "az://container/p.x-y"])
def test_stores(store: str) -> None:
    assert journal(store=store).store == store


@pytest.mark.parametrize("store", ["/path", "file:///x", "http://host/", "s3://", "s3://b/p?x"])
def test_other_stores_are_refused(store: str) -> None:
    assert "must be like s3://bucket/prefix" in refusal(store=store)


def test_options_may_be_in_files_and_are_not_shown(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("hunter2\n")
    options = {"secret_access_key": {"file": str(tmp_path / "secret")}, "region": "eu-1"}
    found = journal(store="s3://b", store_options=options)
    assert found.store_options == {"secret_access_key": "hunter2", "region": "eu-1"}
    assert "hunter2" not in repr(found)


def test_an_archive_needs_a_directory() -> None:
    with pytest.raises(SettingsError, match="needs directory"):
        merge([Source("test", {"journal": {"compress": True}})])
