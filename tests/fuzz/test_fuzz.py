"""Each fuzz target for a moment, with inputs that are the same every time."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

from fuzz.targets import OTHERS, TARGETS
from tests.fuzz import driver

ROOT = Path(__file__).parents[2]
NAMES = ("decode", "feed", "parse", "receive", "scan")
"""Functions, also with more words after the first, that are defined by parsers."""
CALLS = {
    "b64decode", "decompress", "from_bytes", "iter_unpack", "loads", "parse_json", "unpack",
    "unpack_from",
}  # fmt: skip
"""Functions that are called by them."""
MENTIONED = re.compile(rf"\bdef (?:{'|'.join(NAMES)})|\b(?:{'|'.join(CALLS)})\(")
"""Text without which a module cannot look like a parser."""


@pytest.mark.parametrize("name", TARGETS)
def test_a_short_run(name: str) -> None:
    if name == "rdp_server":
        pytest.importorskip("aardwolf")
    target = importlib.import_module(f"tests.fuzz.{name}")
    driver.run(target.one_input, target.SAMPLES, count=TARGETS[name].count)


def test_every_target_is_known() -> None:
    files = Path(__file__).parent.glob("*.py")
    assert {file.stem for file in files if "\ndef one_input(" in file.read_text()} == set(TARGETS)


def test_every_parser_has_a_target() -> None:
    fuzzed = [module for target in TARGETS.values() for module in target.parsers]
    names = {name: looks_like_a_parser(path) for name, path in modules()}
    assert {*fuzzed, *OTHERS} <= set(names)
    covered = {name for name in names if any(f"{name}.".startswith(f"{one}.") for one in fuzzed)}
    assert not covered & set(OTHERS)
    found = {name for name, is_parser in names.items() if is_parser} - covered
    assert found == set(OTHERS), "add a target or a reason to fuzz/targets.py"


def modules() -> list[tuple[str, Path]]:
    found = [
        path for top in ("guacr", "handlers", "terminal") for path in (ROOT / top).rglob("*.py")
    ]
    return [
        (".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"), path)
        for path in found
    ]


def looks_like_a_parser(path: Path) -> bool:
    text = path.read_text()
    for node in ast.walk(ast.parse(text)) if MENTIONED.search(text) else ():
        if isinstance(node, ast.FunctionDef) and node.name.split("_")[0] in NAMES:
            return True
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if name in CALLS:
                return True
    return False


def test_a_failing_input_is_shown() -> None:
    def picky(data: bytes) -> None:
        assert b"bad" not in data

    with pytest.raises(AssertionError) as raised:
        driver.run(picky, [b"good", b"bad"], count=1)
    assert raised.value.__notes__ == ["with the input b'bad'"]


def test_the_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.parser", "--seconds", "0.1", "--seed", "7"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("seed 7\n")
    assert "no failure" in done.stdout
