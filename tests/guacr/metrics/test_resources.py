"""What processes use of the system is read from the system."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from guacr import memory
from guacr.metrics import resources
from guacr.metrics.resources import used, used_by_children


def test_files_and_memory_of_this_process() -> None:
    before = used()
    assert before["process_resident_memory_bytes"] > 1 << 20
    assert before["process_open_fds"] < before["process_max_fds"]
    with open(os.devnull) as first, open(os.devnull) as second:  # noqa: PTH123
        assert first.fileno() != second.fileno()
        assert used()["process_open_fds"] == before["process_open_fds"] + 2


def test_children_are_counted_with_theirs() -> None:
    before = used_by_children()["guacr_children"]
    program = "import subprocess; print(1, flush=True); subprocess.run(['sleep', '60'])"
    command = [sys.executable, "-S", "-c", program]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        while (now := used_by_children())["guacr_children"] < before + 2:
            assert child.poll() is None
        assert now["guacr_children_resident_memory_bytes"] > 1 << 20
        tree = Path(f"/proc/{child.pid}/task/{child.pid}/children").read_text()
        os.kill(int(tree), 9)
    assert used_by_children()["guacr_children"] == before


def test_a_system_that_does_not_tell(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for module in (resources, memory):
        monkeypatch.setattr(module, "_PROC", tmp_path)
    assert used_by_children() == {}
    assert "process_resident_memory_bytes" not in used()
    assert used()["process_cpu_seconds_total"] > 0
