"""Files below a directory: nothing leads out of it."""

from __future__ import annotations

import asyncio
import os
import stat
import threading
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path

import pytest

from handlers.rdp.devices import tree as tree_of_drives
from handlers.rdp.devices.tree import DEPTH_MAX, Limits, Tree

GENEROUS = Limits(1 << 30, 0)


def tree_of(path: Path, limits: Limits = GENEROUS) -> Tree:
    return Tree(os.open(path, os.O_RDONLY | os.O_DIRECTORY), limits)


@pytest.fixture
async def tree(tmp_path: Path) -> AsyncIterator[Tree]:
    """The directory `drive`, beside which there is a secret."""
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "drive").mkdir()
    (tmp_path / "drive/sub").mkdir()
    (tmp_path / "drive/sub/file").write_text("content")
    made = tree_of(tmp_path / "drive")
    yield made
    made.close()


def inside(path: Path) -> set[str]:
    """The names in a directory."""
    return {entry.name for entry in path.iterdir()}


def operations(tree: Tree, path: tuple[str, ...]) -> list[Callable[[], object]]:
    """Everything that can be done with a path."""
    return [
        lambda: os.close(tree.open(path, os.O_RDONLY)),
        lambda: os.close(tree.open(path, os.O_RDWR | os.O_CREAT)),
        lambda: tree.stat(path),
        lambda: tree.names(path, 100),
        lambda: tree.make_directory(path),
        lambda: tree.rename(path, ("new",), replace=True),
        lambda: tree.rename(("sub", "file"), path, replace=True),
        lambda: tree.remove(path),
        lambda: tree.remove_all(path),
    ]


@pytest.mark.parametrize(
    "path",
    [
        ("..", "secret"),
        ("sub", "..", "..", "secret"),
        ("..",),
        (".",),
        ("sub/../../secret",),
        ("/etc/passwd",),
        ("",),
        ("sub", "", "file"),
    ],
)
async def test_paths_that_would_lead_out(path: tuple[str, ...], tree: Tree, tmp_path: Path) -> None:
    for operation in operations(tree, path):
        with pytest.raises(OSError, match="may lead out of the drive"):
            operation()
    assert (tmp_path / "secret").read_text() == "secret"
    assert inside(tmp_path / "drive") == {"sub"}


@pytest.mark.parametrize("target", ["../secret", "/etc/passwd", "sub/file", "nowhere", ".."])
async def test_links_are_not_followed(target: str, tree: Tree, tmp_path: Path) -> None:
    link = tmp_path / "drive/link"
    link.symlink_to(target)
    for path in (("link",), ("link", "secret"), ("link", "file")):
        for operation in operations(tree, path)[:6]:
            with pytest.raises(OSError, match="Errno"):
                operation()
    assert link.is_symlink()
    assert tree.look((), ["link", "sub"])[0][0] == "sub"
    with pytest.raises(FileExistsError):
        tree.rename(("sub",), ("link",), replace=False)
    tree.rename(("sub", "file"), ("link",), replace=True)  # replaces the link itself
    assert link.read_text() == "content"
    assert not link.is_symlink()
    assert (tmp_path / "secret").read_text() == "secret"


async def test_deleting_a_directory_spares_the_targets_of_links(tree: Tree, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").touch()
    (tmp_path / "drive/sub/link").symlink_to(outside)
    tree.remove_all(("sub",))
    assert inside(tmp_path / "drive") == set()
    assert (outside / "kept").exists()


async def test_what_is_no_file_is_not_opened(tree: Tree, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "drive/fifo")
    for flags in (os.O_RDONLY, os.O_RDWR, os.O_WRONLY):
        with pytest.raises(PermissionError):
            tree.open(("fifo",), flags)
    with pytest.raises(FileNotFoundError):
        tree.stat(("fifo",))
    assert tree.look((), ["fifo"]) == []


async def test_a_directory_that_becomes_a_link_meanwhile(tree: Tree, tmp_path: Path) -> None:
    """Whoever else may write to the drive cannot lead it out, whatever the time."""
    outside, swapped = tmp_path / "outside", tmp_path / "drive/swapped"
    outside.mkdir()
    swapped.mkdir()
    aside, link = tmp_path / "drive/aside", tmp_path / "drive/link"
    link.symlink_to(outside)
    stopped = threading.Event()

    def swap() -> None:
        while not stopped.is_set():
            swapped.rename(aside)
            link.rename(swapped)
            swapped.rename(link)
            aside.rename(swapped)

    swapping = threading.Thread(target=swap)
    swapping.start()
    made = number = 0
    try:
        while number < 2000 or not made:
            number += 1
            try:
                os.close(tree.open(("swapped", str(number)), os.O_RDWR | os.O_CREAT))
                made += 1
            except OSError:
                pass
            await asyncio.sleep(0)
    finally:
        stopped.set()
        swapping.join()
    assert inside(outside) == set()
    assert len(inside(swapped)) == made


async def test_what_is_created_belongs_to_the_daemon_alone(tree: Tree, tmp_path: Path) -> None:
    os.close(tree.open(("new",), os.O_RDWR | os.O_CREAT))
    tree.make_directory(("made",))
    assert stat.S_IMODE((tmp_path / "drive/new").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "drive/made").stat().st_mode) == 0o700
    with pytest.raises(FileExistsError):
        tree.open(("new",), os.O_RDWR | os.O_CREAT)


async def test_the_root_stays(tree: Tree) -> None:
    for operation in operations(tree, ())[4:]:
        with pytest.raises(OSError, match=r"root of the drive|File exists|Is a directory"):
            operation()
    assert tree.names((), 10) == ["sub"]


async def test_names_have_a_limit(tree: Tree, tmp_path: Path) -> None:
    for number in range(5):
        (tmp_path / f"drive/sub/{number}").touch()
    assert len(tree.names(("sub",), 6)) == 6
    with pytest.raises(OSError, match="too many files"):
        tree.names(("sub",), 5)


async def test_trees_that_are_too_large_to_be_deleted(
    tree: Tree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tree_of_drives, "TREE_MAX", 2)
    (tmp_path / "drive/sub/other").mkdir()
    tree.remove_all(("sub",))
    path = tmp_path / "drive/sub"
    path.mkdir()
    for name in ("a", "b", "c"):
        (path / name).mkdir()
    with pytest.raises(OSError, match="too many files"):
        tree.remove_all(("sub",))


async def test_trees_that_are_too_deep_to_be_deleted(tree: Tree, tmp_path: Path) -> None:
    deep = tmp_path / "drive/deep"
    deep.joinpath(*["d"] * DEPTH_MAX).mkdir(parents=True)
    with pytest.raises(OSError, match="too many directories in each other"):
        tree.remove_all(("deep",))
    tree.remove_all(("deep", "d"))
    assert inside(deep) == set()


async def test_sizes_have_a_limit(tmp_path: Path) -> None:
    tree = tree_of(tmp_path, Limits(100, 0))
    file = tree.open(("file",), os.O_RDWR | os.O_CREAT)
    tree.write(file, bytes(50), 50)
    tree.resize(file, 100)
    with pytest.raises(OSError, match=r"rdp\.max_drive_file"):
        tree.write(file, b"x", 100)
    with pytest.raises(OSError, match=r"rdp\.max_drive_file"):
        tree.resize(file, 101)
    assert os.fstat(file).st_size == 100
    os.close(file)
    tree.close()


async def test_the_disk_keeps_free_space(tmp_path: Path) -> None:
    tree = tree_of(tmp_path, Limits(1 << 30, 1 << 50))
    (tmp_path / "file").touch()
    file = tree.open(("file",), os.O_RDWR)
    for grow in (
        partial(tree.write, file, b"x", 0),
        partial(tree.open, ("new",), os.O_RDWR | os.O_CREAT),
        partial(tree.make_directory, ("new",)),
    ):
        with pytest.raises(OSError, match=r"rdp\.min_drive_free"):
            grow()
    assert inside(tmp_path) == {"file"}
    total, left = tree.space()
    assert total > 0
    assert left == 0
    os.close(file)
    tree.close()


async def test_the_disk_keeps_room_for_files(
    tree: Tree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not os.statvfs(tmp_path).f_files:
        pytest.skip("this file system does not limit the number of files")
    monkeypatch.setattr(tree_of_drives, "FREE_FILES_MIN", 1 << 60)
    with pytest.raises(OSError, match="disk would be fuller"):
        tree.make_directory(("new",))


async def test_the_directory_stays_open_for_those_who_use_it(tmp_path: Path) -> None:
    tree, begun, go_on = tree_of(tmp_path), threading.Event(), threading.Event()

    def slow() -> None:
        begun.set()
        go_on.wait(10)
        os.close(tree.open(("late",), os.O_RDWR | os.O_CREAT))

    work = asyncio.ensure_future(tree.call(slow))
    await asyncio.to_thread(begun.wait, 10)
    tree.close()
    go_on.set()
    await work
    assert (tmp_path / "late").exists()
