"""The files of docs/writing-a-handler.md, written out as a third party does, need guacr alone."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from guacr.cli.check import check
from guacr.session.handler import ENTRY_POINT_GROUP, ProtocolHandler
from guacr.session.protocols import Protocols
from guacr.settings.models import Settings
from tests.support.loopback import Bench, session_of

GUIDE = Path(__file__).parents[2] / "docs" / "writing-a-handler.md"
FILE = re.compile(r"^`([\w.-]+)`:\n\n```\w+\n(.*?)```", re.DOTALL | re.MULTILINE)
PYTHON = re.compile(r"^```python\n(.*?)```", re.DOTALL | re.MULTILINE)
ALONE = """\
import importlib.util

for name in ("tests", "benchmarks"):
    assert importlib.util.find_spec(name) is None, name
"""
"""Run before the third party's tests: of guacr's tree, only what is in its wheel is there."""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The guide's distribution, with the metadata that installing it would write."""
    for name, text in FILE.findall(GUIDE.read_text()):
        (tmp_path / name).write_text(text)
    declared = tomllib.loads((tmp_path / "pyproject.toml").read_text())["project"]
    info = tmp_path / f"{declared['name'].replace('-', '_')}-{declared['version']}.dist-info"
    info.mkdir()
    points = declared["entry-points"][ENTRY_POINT_GROUP].items()
    lines = [f"[{ENTRY_POINT_GROUP}]", *(f"{name} = {target}" for name, target in points)]
    (info / "entry_points.txt").write_text("\n".join(lines))
    return tmp_path


def test_the_tests_of_the_guide_pass_outside_of_the_tree(project: Path) -> None:
    (project / "conftest.py").write_text(ALONE)
    variables = {n: v for n, v in os.environ.items() if not n.startswith(("PYTEST", "PYTHONPATH"))}
    command = [sys.executable, "-P", "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider"]
    run = subprocess.run(
        command, cwd=project, env=variables, capture_output=True, text=True, timeout=50, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert re.search(r"^6 passed", run.stdout, re.MULTILINE)


def test_the_handler_is_found_once_it_is_installed(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(project)
    assert Protocols().find("colour").__module__ == "guacr_colour"
    (protocols,) = [line for line in check(Settings()) if line.startswith("protocols: ")]
    assert "colour" in protocols.removeprefix("protocols: ").split(", ")


async def test_all_that_a_handler_may_use_or_override_is_in_the_guide() -> None:
    bench = Bench()
    _, user = bench.connect()
    members = {*vars(ProtocolHandler), *dir(session_of(user).context)}
    await bench.close()
    public = {name for name in members if not name.startswith("_")}
    words = set(re.findall(r"\w+", GUIDE.read_text()))
    assert public - words == set()


def test_the_parameters_of_the_guide_are_in_their_order() -> None:
    (code,) = [code for code in PYTHON.findall(GUIDE.read_text()) if "class DeskParams" in code]
    names = subprocess.run(
        [sys.executable, "-c", code + '\nprint(*DeskParams.names())'],
        capture_output=True, text=True, timeout=20, check=True,
    ).stdout.split()  # fmt: skip
    assert names[:3] + names[-1:] == ["hostname", "port", "read-only", "colour-depth"]
    assert len(names) == 7
