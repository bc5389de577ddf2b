"""A daemon with a journal that is killed, and the next one, which archives what it left."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from guacr.cli.main import main
from guacr.testing.client import GuacClient
from tests.integration.test_recording import port_of
from tests.support.replay import replay
from tests.support.waiting import until

CONFIG = """
[server]
port = 0
protocols = ["testcard"]
[websocket]
enabled = false
[journal]
directory = "{}"
node = "node"
sync_interval = 0.05
min_free_disk = 0
[audit]
strict = true
[recording]
journal = true
"""


def start(config: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "guacr", "serve", "-f", "--config", str(config)]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)


async def test_a_daemon_that_is_killed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config, target = tmp_path / "guacr.toml", tmp_path / "saved.guac"
    config.write_text(CONFIG.format(tmp_path / "journal"))

    def printed(*arguments: str) -> list[str]:
        assert main([*arguments, "--config", str(config)]) == 0
        return capsys.readouterr().out.splitlines()

    process = start(config)
    try:
        port = await asyncio.to_thread(port_of, process)
        reader, other = await asyncio.open_connection("127.0.0.1", port)
        other.write(b"6.select,7.nothing;")
        assert b"5.error" in await reader.read()
        other.close()
        async with await GuacClient.connect(("127.0.0.1", port), "testcard") as client:
            await client.wait(lambda: client.state.syncs > 30, "pictures")
            await until(lambda: len(printed("recordings", "list")) == 1, "a recording")
            seen = printed("audit")
            process.send_signal(signal.SIGKILL)
            await client.wait_closed()
    finally:
        process.kill()
        process.communicate()
    events = [json.loads(line)["event"] for line in seen]
    assert sorted(events) == ["recording-started", "refused", "session-opened", "user-joined"]
    refused = json.loads(seen[0])
    assert refused["peer"].startswith("127.0.0.1")
    assert "'nothing'" in refused["reason"]
    assert printed("audit") == seen
    process = start(config)
    try:
        await asyncio.to_thread(port_of, process)
        archived = tmp_path / "journal" / "archive" / "node" / "recording" / "manifest"
        await until(archived.exists, "the archive")
    finally:
        process.terminate()
        assert await asyncio.to_thread(process.wait) == 0
        process.communicate()
    assert not list((tmp_path / "journal" / "wal").iterdir())
    assert printed("audit") == seen
    for line in printed("recordings", "verify"):
        assert "in order" in line
    (line,) = printed("recordings", "list")
    (said,) = printed("recordings", "save", line.split()[0], str(target))
    assert "its end is missing" in said
    found = replay(target)
    assert len(found.all("sync")) > 3
    assert found.canvas.size == (1024, 768)
