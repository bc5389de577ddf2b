"""The examples of docs/tubes.md, each as a program of its own."""

from __future__ import annotations

import asyncio
import re
import sys
from asyncio.subprocess import PIPE, STDOUT
from pathlib import Path

import pytest

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
    "A connection that the application serves, from asyncio": "HELLO",
}


def test_all_examples_are_found() -> None:
    assert list(EXAMPLES) == list(PRINTED)
    assert PAGE.count("```python") == len(EXAMPLES)


@pytest.mark.parametrize("title", PRINTED)
async def test_an_example(title: str, tmp_path: Path) -> None:
    program = tmp_path / "example.py"
    program.write_text(EXAMPLES[title])

    process = await asyncio.create_subprocess_exec(
        sys.executable, "-W", "error", program, stdout=PIPE, stderr=STDOUT
    )
    output, _ = await process.communicate()

    assert PRINTED[title] in output.decode()
    assert process.returncode == 0, output.decode()
