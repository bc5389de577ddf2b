"""Recordings of real hosts, of a daemon that is killed, and on a disk that becomes full."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from guacr.recording.scan import scan_file
from guacr.testing.client import GuacClient
from guacr.testing.daemon import address, local_settings, running_daemon
from handlers import testcard
from handlers.ssh import SshHandler
from handlers.vnc import VncHandler
from tests.handlers.vnc.test_session import shows
from tests.support.openssh import OpenSsh, openssh_server, sshd
from tests.support.replay import replay, up_to
from tests.support.require import missing, require
from tests.support.ssh_desk import shell
from tests.support.waiting import until
from tests.support.x_window import film, photograph, x_window
from tests.support.xvnc import xvnc


@pytest.fixture(scope="module")
def server() -> Iterator[OpenSsh]:
    if sshd() is None:
        missing("OpenSSH's server is not installed")
    with openssh_server() as running:
        yield running


def settings(directory: Path, **recording: object):  # type: ignore[no-untyped-def]
    values = {"directories": (directory,), "min_free_disk": 0} | recording
    return local_settings(recording=values, ssh={"known_hosts": None})


async def test_a_shell(server: OpenSsh, tmp_path: Path) -> None:
    key = server.make_key("-t", "ed25519")
    values = {"recording-path": str(tmp_path), "typescript-path": str(tmp_path)}
    async with running_daemon(SshHandler, settings=settings(tmp_path)) as daemon:
        async with shell(daemon, server, key, **values) as person:
            person.client.type("seq 1 300; printf '\\033[44mgr\\303\\274n\\n'\n")
            await person.see("grün")
            person.client.type("read -sp 'Secret: ' x; echo ${#x}\n")
            await person.see("\nSecret:")
            person.client.type("hunter2\n")
            await person.see("Secret: 7\n")
            session = person.session
            await until(lambda: not session.display.changed, "the last frame")
            person.client.size(900, 600)
            await until(lambda: person.client.canvas.size == (900, 600), "another size")
            person.client.type("seq 1 10\n")
            await person.see("\n10\n")
            await until(lambda: not session.display.changed, "the last frame")
            await person.client.frame()
            client, seen = person.client, person.client.canvas.flatten().copy()
        await until(lambda: not daemon.registry._ending, "the end of the session")
    found = replay(up_to(tmp_path / "recording", client))
    assert (found.canvas.flatten() == seen).all()
    assert not replay(tmp_path / "recording").all("key")
    command = ["scriptreplay", "--divisor", "1000000", "-t", str(tmp_path / "typescript.timing")]
    shown = subprocess.run(  # noqa: ASYNC221 - it ends at once
        [*command, "-s", str(tmp_path / "typescript")], capture_output=True, check=True
    ).stdout
    assert b"\r\n300\r\n" in shown
    assert "\x1b[44mgrün".encode() in shown
    assert b"hunter2" not in shown


async def test_a_desktop_with_losses(tmp_path: Path) -> None:
    """What was sent with losses becomes exact in the recording, too, and keyframes are exact."""
    async with (
        xvnc(size=(640, 480)) as desktop,
        running_daemon(VncHandler, settings=settings(tmp_path)) as daemon,
    ):
        values = desktop.parameters | {"recording-path": str(tmp_path)}
        async with await GuacClient.connect(address(daemon), "vnc", values) as client:
            await client.frame()
            client.mouse(1, 1)
            with x_window(desktop, (640, 480)) as window:
                pictures = [window.upload(photograph(seed, 640, 480)) for seed in range(4)]
                async with film(window, pictures, 20) as running:
                    await until(lambda: running.shown > 8, "some pictures")
            await shows(client, desktop)
            (session,) = daemon.registry.sessions.values()
            await until(lambda: session.display.refined, "the exact picture")
            seen = client.canvas.flatten()
        await until(lambda: not daemon.registry._ending, "the end of the session")
    assert (replay(tmp_path / "recording").canvas.flatten() == seen).all()


CONFIG = """
[server]
port = 0
protocols = ["testcard"]
[websocket]
enabled = false
[recording]
path = "{}"
min_free_disk = 0
"""


async def test_a_daemon_that_is_killed(tmp_path: Path) -> None:
    config = tmp_path / "guacr.toml"
    config.write_text(CONFIG.format(tmp_path / "all"))
    command = [sys.executable, "-m", "guacr", "serve", "-f", "--config", str(config)]
    (tmp_path / "all").mkdir()
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)  # noqa: ASYNC220
    try:
        port = await asyncio.to_thread(port_of, process)
        async with await GuacClient.connect(("127.0.0.1", port), "testcard") as client:
            await client.wait(lambda: client.state.syncs > 30, "pictures")
            path = recording_in(tmp_path / "all")
            await until(lambda: path.stat().st_size > 100_000, "a recording")
            process.send_signal(signal.SIGKILL)
            await client.wait_closed()
    finally:
        process.kill()
        process.communicate()
    found = replay(path)
    assert len(found.all("sync")) > 3
    assert found.canvas.size == (1024, 768)
    assert scan_file(path).keyframes[0] == (0, 0)


def recording_in(directory: Path) -> Path:
    (found,) = [path for path in directory.iterdir() if path.suffix not in (".idx", ".ttyrec")]
    return found


def port_of(process: subprocess.Popen[str]) -> int:
    assert process.stderr is not None
    for line in process.stderr:
        if match := re.search(r"listening on 127.0.0.1:(\d+)", line):
            return int(match[1])
    raise AssertionError("it does not listen")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, of 1 MiB."""
    if os.getuid() != 0:
        missing("only root can mount a small disk")
    path = tmp_path / "disk"
    path.mkdir()
    require("mount")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(path)], check=False
    )
    if mounted.returncode:
        missing("this machine mounts nothing")
    try:
        yield path
    finally:
        subprocess.run(["umount", "--lazy", str(path)], check=True)  # a server may look at it


async def test_a_disk_that_becomes_full(small_disk: Path) -> None:
    values = settings(small_disk, path=str(small_disk))
    async with running_daemon(testcard.TestcardHandler, settings=values) as daemon:
        parameters = {"motion": "noise"}
        async with await GuacClient.connect(address(daemon), "testcard", parameters) as client:
            await client.wait_closed()
            ((sentence, status),) = client.state.errors
            assert "no space left on device" in sentence
            assert str(small_disk) not in sentence
        await until(lambda: not daemon.registry._ending, "the end of the session")
        replay(recording_in(small_disk))
    assert status == 0x200
