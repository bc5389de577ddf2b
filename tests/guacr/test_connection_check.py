"""Problems of configured connections that the log reports at the start."""

from __future__ import annotations

from pathlib import Path

import pytest

from guacr.connection_check import ConnectionCheck
from guacr.session.protocols import Protocols
from guacr.settings.models import Settings
from tests.support.waiting import until


async def test_recordings_that_will_be_refused(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    parameters = {"hostname": "h", "recording-path": str(tmp_path), "recording-name": "desk"}
    connections = {
        "new": {"protocol": "ssh", "parameters": parameters | {"recording-name": ""}},
        "same": {"protocol": "ssh", "parameters": parameters},
        "lost": {"protocol": "ssh", "parameters": parameters | {"recording-path": "/missing"}},
    }
    check = ConnectionCheck(Settings.model_validate({"connections": connections}), Protocols())
    await check.start()
    await until(lambda: len(caplog.messages) == 3, "the problems")
    check.stop()
    await check.close()
    same, missing, lost = caplog.messages
    assert same.startswith("connections.same: recording-name: sessions are refused once desk and")
    assert missing == "connections.lost: recording-path: directory /missing does not exist"
    assert lost.startswith("connections.lost: recording-name: ")
