"""The terminfo entries of terminal types, read by curses in a process for each type."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from functools import cache

import pytest

_EXPAND = """
import curses, json, sys
curses.setupterm(sys.argv[1])
arguments = json.loads(sys.argv[2])
found = {}
for name in sys.argv[3:]:
    value = curses.tigetstr(name)
    if value:
        found[name] = curses.tparm(value, *arguments.get(name, [])).decode("latin-1")
print(json.dumps(found))
"""
_PADDING = re.compile(r"\$<[\d.]+[*/]*>")


@cache
def capabilities(terminal: str, arguments: str) -> dict[str, str]:
    """All string capabilities of a type but its keys and those that take text, without padding,
    with these arguments (JSON, by name)."""
    listing = _output(["infocmp", "-1x", terminal])
    if not listing:
        pytest.skip(f"no terminfo of {terminal} here")
    names = [
        name
        for name, value in re.findall(r"^\t([A-Za-z]\w*)=(.*)", listing, re.MULTILINE)
        if not name.startswith("k") and "%s" not in value
    ]
    expanded = json.loads(_output([sys.executable, "-c", _EXPAND, terminal, arguments, *names]))
    return {name: _PADDING.sub("", value) for name, value in expanded.items()}


def _output(command: list[str]) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return ""
