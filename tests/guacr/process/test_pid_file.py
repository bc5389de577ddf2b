"""Whose the pid file is."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from guacr.errors import SettingsError
from guacr.process.pid_file import PidFile

WAITS = "import sys; print('ready', flush=True); sys.stdin.read()"


def test_it_is_written_and_removed(tmp_path: Path) -> None:
    path = tmp_path / "guacr.pid"
    file = PidFile(path)
    file.write()
    assert path.read_text() == f"{os.getpid()}\n"
    assert path.stat().st_mode & 0o777 == 0o644
    assert list(tmp_path.iterdir()) == [path]
    file.remove()
    file.remove()
    assert not path.exists()


@pytest.mark.parametrize("content", ["", "x", "999999999", "9" * 20, "1\n1", "-1", "0"])
def test_one_that_names_no_daemon_is_replaced(tmp_path: Path, content: str) -> None:
    path = tmp_path / "guacr.pid"
    path.write_text(content)
    PidFile(path).write()
    assert path.read_text() == f"{os.getpid()}\n"


@pytest.mark.parametrize("name", ["guacr", "guacd"])
def test_a_running_daemons_is_left_alone(tmp_path: Path, name: str) -> None:
    path = tmp_path / "daemon.pid"
    with subprocess.Popen(
        [sys.executable, "-c", WAITS, name], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        path.write_text(f"{process.pid}\n")
        with pytest.raises(SettingsError, match=f"belongs to process {process.pid}"):
            PidFile(path).write()
        assert path.read_text() == f"{process.pid}\n"
        process.communicate()
    PidFile(path).write()


def test_another_program_with_that_number_is_none(tmp_path: Path) -> None:
    path = tmp_path / "daemon.pid"
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as process:
        path.write_text(f"{process.pid}\n")
        PidFile(path).write()
        process.communicate()


def test_who_took_it_over_keeps_it(tmp_path: Path) -> None:
    path = tmp_path / "guacr.pid"
    file = PidFile(path)
    file.write()
    path.write_text("12345\n")
    file.remove()
    assert path.read_text() == "12345\n"


def test_a_directory_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="is not a directory"):
        PidFile(tmp_path / "none" / "guacr.pid").check()


@pytest.mark.parametrize("through_link", [False, True])
def test_what_is_not_a_file_is_left_alone(tmp_path: Path, through_link: bool) -> None:
    fifo = path = tmp_path / "fifo"  # as /dev/null, which root could replace
    os.mkfifo(fifo)
    if through_link:
        path = tmp_path / "link"
        path.symlink_to(fifo)
    with pytest.raises(SettingsError, match="exists, but is not a file"):
        PidFile(path).write()
    assert fifo.is_fifo()
    assert path.is_symlink() == through_link


def test_a_link_in_a_directory_of_others_is_not_followed(tmp_path: Path) -> None:
    path, victim = tmp_path / "pid", tmp_path / "victim"
    victim.write_text("important")
    path.with_name(f"pid.{os.getpid()}").symlink_to(victim)
    PidFile(path).write()
    assert victim.read_text() == "important"
    assert path.read_text() == f"{os.getpid()}\n"
    assert not path.is_symlink()
