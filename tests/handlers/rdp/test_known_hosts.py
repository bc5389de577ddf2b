"""The store of certificates that were trusted on first use."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from guacr.errors import BusyError, GuacrError
from handlers.rdp import known_hosts
from handlers.rdp.known_hosts import KnownHosts

ONE, OTHER = "a1" * 32, "b2" * 32


@pytest.fixture(params=["file", "memory"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path | None:
    return tmp_path / "hosts" if request.param == "file" else None


def test_the_first_is_trusted(path: Path | None) -> None:
    known = KnownHosts(path)
    assert known.trust("Host.Example.", 3389, ONE) == ONE
    assert known.trust("host.example", 3389, OTHER) == ONE
    assert known.trust("host.example", 3390, OTHER) == OTHER
    assert known.trust("odd host\n", 3389, OTHER) == OTHER
    assert known.trust("odd host\n", 3389, ONE) == OTHER


def test_the_file(tmp_path: Path) -> None:
    path = tmp_path / "hosts"
    (tmp_path / "hosts.new").write_text("left by a crash")
    KnownHosts(path).trust("2001:db8::1", 3389, ONE)
    KnownHosts(path).trust("\u00e9", 3389, OTHER)
    assert path.read_text() == f"2001:db8::1:3389 {ONE}\n%C3%A9:3389 {OTHER}\n"
    assert path.stat().st_mode & 0o777 == 0o600
    assert sorted(file.name for file in tmp_path.iterdir()) == ["hosts", "hosts.lock"]
    assert KnownHosts(path).trust("2001:db8::1", 3389, OTHER) == ONE


def test_there_is_a_limit(path: Path | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known_hosts, "HOSTS_MAX", 2)
    known = KnownHosts(path)
    for host in ("a", "b"):
        known.trust(host, 1, ONE)
    with pytest.raises(BusyError, match="remove those that are no longer needed"):
        known.trust("c", 1, ONE)
    assert known.trust("a", 1, OTHER) == ONE


@pytest.mark.parametrize(
    "text", ["nonsense\n", f"a:1 {ONE}\na:1 {OTHER}\n", f"a:1 {ONE[1:]}", "\xe9"]
)
def test_files_that_are_not_such(text: str, tmp_path: Path) -> None:
    path = tmp_path / "hosts"
    path.write_text(text)
    with pytest.raises(GuacrError, match=r"check the setting rdp\.known_hosts"):
        KnownHosts(path).trust("b", 1, ONE)
    assert path.read_text() == text


def test_a_directory_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(GuacrError, match=r"no such file or directory; check .* rdp\.known_hosts"):
        KnownHosts(tmp_path / "missing/hosts").trust("b", 1, ONE)


ADD = """\
import sys
from pathlib import Path
from handlers.rdp.known_hosts import KnownHosts
for number in range(40):
    KnownHosts(Path(sys.argv[1])).trust(f"{sys.argv[2]}{number}", 1, "a1" * 32)
"""


def test_several_processes(tmp_path: Path) -> None:
    path = tmp_path / "hosts"
    commands = [[sys.executable, "-c", ADD, str(path), name] for name in "abc"]
    processes = [subprocess.Popen(command) for command in commands]
    assert [process.wait(60) for process in processes] == [0, 0, 0]
    assert len(path.read_text().splitlines()) == 120
