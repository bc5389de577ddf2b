"""The examples of docs/tubes.md, each as a program of its own."""

from __future__ import annotations

import asyncio
import re
import sys
from asyncio.subprocess import PIPE, STDOUT
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[3] / "docs" / "tubes.md").read_text()
EXAMPLES = re.findall(
    r"^### (.+?)$.*?^```python\n(.*?)^```$|^## (asyncio)$.*?^```python\n(.*?)^```$",
    PAGE,
    re.MULTILINE | re.DOTALL,
)
PRINTED = {
    "A tunnel": "hello through the tube",
    "SOCKS5": "reached by SOCKS5",
    "A Guacamole session, served to the application": "5.error",
    "Trickle and signals": "Connected",
    "asyncio": "hello from asyncio",
}


def test_all_examples_are_found() -> None:
    assert [one[0] or one[2] for one in EXAMPLES] == list(PRINTED)
    assert PAGE.count("```python") == len(EXAMPLES)


@pytest.mark.parametrize("title", PRINTED)
async def test_an_example(title: str) -> None:
    (code,) = [one[1] or one[3] for one in EXAMPLES if title in (one[0], one[2])]

    process = await asyncio.create_subprocess_exec(
        sys.executable, "-W", "error", "-c", code, stdout=PIPE, stderr=STDOUT
    )
    output, _ = await process.communicate()

    assert PRINTED[title] in output.decode()
    assert process.returncode == 0, output.decode()
