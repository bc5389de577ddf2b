"""Descendants of processes that leave their group, or end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from guacr.settings import descendants
from guacr.settings.descendants import Descendants

TREE = """
import os, time
from subprocess import Popen
sleep = ["sleep", "60"]
children = [
    Popen(sleep),
    Popen(sleep, start_new_session=True),
    Popen(["setsid", "-w", *sleep]),
]
print(*(child.pid for child in children), flush=True)
time.sleep(60)
"""


def is_running(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return stat.rpartition(") ")[2][0] != "Z"


@contextmanager
def tree() -> Iterator[tuple[subprocess.Popen[bytes], list[int]]]:
    """A process that has three children."""
    with subprocess.Popen([sys.executable, "-c", TREE], stdout=subprocess.PIPE) as root:
        assert root.stdout is not None
        children = [int(word) for word in root.stdout.readline().split()]
        yield root, children
        root.kill()
        for child in children:
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)


def open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def test_those_in_other_groups_are_killed_too() -> None:
    with tree() as (root, children):
        before = open_files()
        Descendants(root.pid).kill()
        assert open_files() == before
        assert root.poll() is None, "the process itself goes on"
        for child in children:
            while is_running(child):
                pass


def test_one_that_has_no_descendants() -> None:
    with subprocess.Popen(["sleep", "60"]) as process:
        found = Descendants(process.pid)
        assert found._processes == []
        found.kill()
        assert process.poll() is None
        process.kill()


def test_another_process_with_the_same_id_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def parent(pid: int) -> int:
        seen.append(pid)
        return 1 if seen.count(pid) == 2 else parent_of(pid)

    parent_of, seen = descendants._parent, list[int]()
    monkeypatch.setattr(descendants, "_parent", parent)
    with tree() as (root, children):
        before = open_files()
        assert Descendants(root.pid)._processes == []
        assert open_files() == before
        assert all(seen.count(child) == 2 for child in children)


def test_without_proc(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(descendants, "_PROC", tmp_path / "proc")
    with tree() as (root, _):
        assert Descendants(root.pid)._processes == []
