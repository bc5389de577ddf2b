"""The examples of docs/tubes.md, each as a program of its own."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from asyncio.subprocess import PIPE, STDOUT
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.support.coturn import Coturn, coturn

PAGE = (Path(__file__).parents[3] / "docs" / "tubes.md").read_text()
EXAMPLES = dict(
    re.findall(
        r"^### ([^\n]+)\n(?:(?!^##).)*?^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL
    )
)
PRINTED = {
    "A tunnel": "hello through the tube",
    "SOCKS5": "reached by SOCKS5",
    "A Guacamole session, served to the application": "5.error",
    "Trickle and signals": "Connected",
    "A tunnel, from asyncio": "hello from asyncio",
    "SOCKS5, from asyncio": "reached from asyncio",
    "A connection that the application serves, from asyncio": "HELLO",
    "A guacd elsewhere": "guacd has drawn a frame",
    "Joining a session": "2 users see the session",
    "Credentials that the peer supplies (ConnectAs)": "the supplied host is reached",
    "TURN": "hello candidate:",
    "An ICE restart between two processes": "after the restart",
}


def test_all_examples_are_found() -> None:
    assert list(EXAMPLES) == list(PRINTED)
    assert PAGE.count("```python") == len(EXAMPLES)


@pytest.mark.parametrize("title", PRINTED)
async def test_an_example(title: str, tmp_path: Path) -> None:
    program = tmp_path / "example.py"
    program.write_text(EXAMPLES[title])

    async with AsyncExitStack() as stack:
        turn = await stack.enter_async_context(coturn()) if title == "TURN" else None
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-W", "error", program),
            stdout=PIPE,
            stderr=STDOUT,
            env={**os.environ, **(_environment(turn) if turn is not None else {})},
        )
        try:
            async with asyncio.timeout(40):
                output, _ = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()

    assert PRINTED[title] in output.decode()
    assert process.returncode == 0, output.decode()


def _environment(turn: Coturn) -> dict[str, str]:
    server = turn.server("udp")
    return {
        "TURN_URL": server.url,
        "TURN_USER": server.username,
        "TURN_PASSWORD": server.credential,
    }
