"""Who may name the directory of a drive."""

from __future__ import annotations

import asyncio
import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from guacr.api import BadRequestError, BusyError, ForbiddenError, GuacrError, Origin
from guacr.settings.models import RdpSettings, Settings
from guacr.threads import WAITING_MAX
from handlers.rdp.devices.place import open_tree
from handlers.rdp.open_file import OpenFile
from handlers.rdp.params import RdpParams
from tests.support.hung_disk import hung_disk
from tests.support.waiting import until

OPERATOR, CLIENT = Origin(frozenset(("drive-path",))), Origin()


def opened(
    path: Path | str, origin: Origin = OPERATOR, *allowed: Path, create: bool = False
) -> list[str]:
    """The names in the directory."""
    params = RdpParams(enable_drive=True, drive_path=str(path), create_drive_path=create)
    tree = open_tree(params, origin, Settings(rdp=RdpSettings(drive_directories=allowed)))
    try:
        return sorted(tree.names((), 100))
    finally:
        tree.close()


async def test_an_operator_may_name_any(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to(tmp_path)
    assert opened(tmp_path) == ["file", "link"]
    assert opened(tmp_path / "link") == ["file", "link"]


async def test_a_client_may_name_those_that_are_listed(tmp_path: Path) -> None:
    allowed, other = tmp_path / "drives", tmp_path / "drives-of-others"
    for path in (allowed / "mine/below", other):
        path.mkdir(parents=True)
    (allowed / "link").symlink_to(other)
    assert opened(allowed / "mine", CLIENT, allowed) == ["below"]
    assert opened(allowed, CLIENT, other, allowed) == ["link", "mine"]
    for path in (
        other, tmp_path, allowed / "..", allowed / "link", allowed / "mine/../../drives-of-others",
    ):  # fmt: skip
        for create in (True, False):
            with pytest.raises(ForbiddenError, match=r"rdp\.drive_directories"):
                opened(path, CLIENT, allowed, create=create)
    with pytest.raises(ForbiddenError):
        opened(allowed, CLIENT)
    with pytest.raises(ForbiddenError):
        opened(f"{allowed}/a\0b", CLIENT, allowed)


async def test_a_client_learns_nothing_of_other_directories(tmp_path: Path) -> None:
    sentences = set()
    for path in (tmp_path, tmp_path / "missing"):
        with pytest.raises(ForbiddenError) as raised:
            opened(path, CLIENT, tmp_path / "allowed")
        sentences.add(str(raised.value))
    assert len(sentences) == 1


async def test_a_directory_that_is_replaced_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, original = tmp_path / "drives/mine", os.open
    path.mkdir(parents=True)

    def replacing(opened: Any, *arguments: Any, **more: Any) -> int:
        if opened == path:
            path.rmdir()
            path.symlink_to("/etc")
        return original(opened, *arguments, **more)

    monkeypatch.setattr(os, "open", replacing)
    with pytest.raises(ForbiddenError):
        opened(path, CLIENT, path.parent)


async def test_creating_the_last_level(tmp_path: Path) -> None:
    path = tmp_path / "new"
    assert opened(path, create=True) == []
    assert stat.S_IMODE(path.stat().st_mode) == 0o700
    assert opened(path, create=True) == []
    with pytest.raises(BadRequestError, match="is in does not exist"):
        opened(tmp_path / "a/b", create=True)


@pytest.mark.parametrize(
    ("path", "kind", "sentence"),
    [
        ("", BadRequestError, "drive-path is empty"),
        ("relative", BadRequestError, "absolute path"),
        ("{}/missing", BadRequestError, "create-drive-path"),
        ("{}/file", BadRequestError, "no directory"),
        ("{}/loop", BusyError, "cannot open"),
    ],
)
async def test_what_cannot_be_a_drive(
    path: str, kind: type[GuacrError], sentence: str, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(kind, match=sentence):
        opened(path.format(tmp_path))


async def test_disks_that_hang_are_not_asked(tmp_path: Path) -> None:
    hung, allowed = tmp_path / "hung", tmp_path / "allowed"
    hung.mkdir()
    allowed.mkdir()
    with hung_disk(hung):
        async with asyncio.timeout(10):
            with pytest.raises(ForbiddenError):
                await asyncio.to_thread(opened, hung / "x", CLIENT, allowed)
            assert opened(allowed, CLIENT, hung, allowed) == []


async def test_a_disk_that_hangs_leaves_the_daemons_threads_free(tmp_path: Path) -> None:
    async def look() -> None:
        with suppress(OSError):
            await file.call(os.stat, hung / "x")

    hung, file = tmp_path / "hung", OpenFile()
    hung.mkdir()
    with hung_disk(hung):
        looking = [asyncio.create_task(look()) for _ in range(WAITING_MAX)]
        await until(lambda: file._uses > WAITING_MAX, "all of them")
        async with asyncio.timeout(10):
            assert await asyncio.to_thread(tmp_path.exists)
    await asyncio.gather(*looking)
    file.release()
