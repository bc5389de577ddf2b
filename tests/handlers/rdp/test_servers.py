"""The servers of the tests: what they negotiate, and that nothing of them is left."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from tests.support.certificates import Pair
from tests.support.freerdp_shadow import freerdp_shadow
from tests.support.waiting import listens
from tests.support.weston import weston
from tests.support.xrdp import Xrdp, xrdp_server
from tests.support.xvnc import Desktop

RDP, TLS, NLA = 0, 1, 2
"""Protocols, as flags in a request and as a number in a response."""
TLS_REQUIRED, TLS_NOT_ALLOWED, NLA_REQUIRED = 1, 2, 5
"""Codes of failures."""
RESPONSE, FAILURE = 2, 3


async def negotiate(parameters: Mapping[str, str], protocols: int) -> tuple[int, int]:
    """Send an X.224 connection request, and return the type and the value of the answer."""
    reader, writer = await asyncio.open_connection(parameters["hostname"], parameters["port"])
    writer.write(struct.pack(">BxHBBHHB", 3, 19, 14, 0xE0, 0, 0, 0))
    writer.write(struct.pack("<BBHI", 1, 0, 8, protocols))
    answer = await reader.readexactly(19)
    writer.close()
    await writer.wait_closed()
    assert answer[:7] == struct.pack(">BxHBBx", 3, 19, 14, 0xD0)
    kind, _, _, value = struct.unpack("<BBHI", answer[11:])
    return kind, value


@pytest.mark.parametrize(
    ("security", "answers"),
    [
        ("rdp", {RDP: (RESPONSE, RDP), TLS: (FAILURE, TLS_NOT_ALLOWED)}),
        ("tls", {TLS | NLA: (RESPONSE, TLS), RDP: (FAILURE, TLS_REQUIRED)}),
        ("nla", {TLS | NLA: (RESPONSE, NLA), TLS: (FAILURE, NLA_REQUIRED)}),
    ],
)
async def test_freerdp_shadow(
    security: str, answers: dict[int, tuple[int, int]], desktop: Desktop, pair: Pair, tmp_path: Path
) -> None:
    async with freerdp_shadow(desktop, security, pair, tmp_path) as parameters:
        for protocols, answer in answers.items():
            assert await negotiate(parameters, protocols) == answer
    assert not listens(int(parameters["port"]))


@pytest.mark.parametrize(
    ("port", "protocols", "answer"),
    [
        ("Xorg", TLS | NLA, (RESPONSE, TLS)),
        ("Xvnc", RDP, (RESPONSE, RDP)),
        ("rdp", RDP, (RESPONSE, RDP)),
    ],
)
async def test_xrdp(port: str, protocols: int, answer: tuple[int, int], xrdp: Xrdp) -> None:
    assert await negotiate(xrdp.address(port), protocols) == answer


async def test_weston(pair: Pair) -> None:
    async with weston(np.zeros((48, 64, 3), np.uint8), pair) as parameters:
        assert await negotiate(parameters, TLS | NLA) == (RESPONSE, TLS)
        assert await negotiate(parameters, RDP) == (RESPONSE, RDP)
        place = f"--port={parameters['port']}"
        assert processes_naming(place)
    assert not processes_naming(place)


async def test_nothing_is_left_of_xrdp(pair: Pair) -> None:
    with xrdp_server(pair) as server:
        place = str(server.log.parent)
        assert processes_naming(place)
        ports = server.ports.values()
    assert not processes_naming(place)
    assert not any(map(listens, ports))


def processes_naming(text: str) -> list[str]:
    """Return the commands of processes that have a text in it."""
    commands = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            commands.append(path.read_text(errors="replace"))
        except OSError:  # it has ended
            continue
    return [command for command in commands if text in command]
