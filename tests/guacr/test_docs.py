"""The documentation is true to the code where a machine can tell."""

import re
import tomllib
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path

import pytest

from guacr import paramdoc
from guacr.cli import main
from guacr.configuration import Source, merge
from guacr.protocol.status import Status
from guacr.session import registry
from guacr.session.handler import ENTRY_POINT_GROUP
from guacr.session.opcodes import OPCODES
from guacr.session.registry import Protocols
from tests.support.client import GuacClient
from tests.support.daemon import address, running_daemon

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
LINK = re.compile(r"\]\((?!https?://|#)([^)#]+)(?:#[^)]*)?\)")
CODE = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)


def blocks(name: str, language: str) -> list[str]:
    text = (ROOT / name).read_text()
    return [code for found, code in CODE.findall(text) if found == language]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    for target in LINK.findall(path.read_text()):
        assert (path.parent / target).exists(), target


def test_parameters_are_those_of_the_handlers() -> None:
    written = (ROOT / "docs" / "parameters.md").read_text()
    assert written == paramdoc.document(Protocols()), "run `make docs`"


def test_every_opcode_that_is_taken_is_named() -> None:
    text = (ROOT / "docs" / "protocol.md").read_text()
    taken = text.split("Taken from clients:")[1].split("Unknown opcodes")[0]
    assert sorted(re.findall(r"`(\w+)`", taken)) == sorted(name for name in OPCODES if name)


def test_every_status_named_is_one() -> None:
    text = (ROOT / "docs" / "protocol.md").read_text()
    rows = re.findall(r"^\| (\d+) \| (\w+) \|", text, re.MULTILINE)
    assert rows
    for number, name in rows:
        assert Status[name] == int(number)


async def test_example_of_a_handler_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = blocks("docs/writing-a-handler.md", "python")[0]
    (tmp_path / "guacr_colour.py").write_text(code)
    project = tomllib.loads(blocks("docs/writing-a-handler.md", "toml")[0])["project"]
    ((name, target),) = project["entry-points"][ENTRY_POINT_GROUP].items()
    points = EntryPoints([EntryPoint(name, target, ENTRY_POINT_GROUP)])
    monkeypatch.setattr(registry, "entry_points", points.select)
    monkeypatch.syspath_prepend(tmp_path)
    async with (
        running_daemon() as daemon,
        await GuacClient.connect(address(daemon), "colour", {"first": "1"}) as client,
    ):
        await client.wait(lambda: shows(client, (0x45, 0x85, 0x88)), "the first colour")
        client.key(ord("x"), True)
        await client.wait(lambda: shows(client, (0x98, 0x97, 0x1A)), "the next colour")


def shows(client: GuacClient, colour: tuple[int, int, int]) -> bool:
    """Whether the whole picture has one colour."""
    picture = client.canvas.flatten()
    return picture.size > 0 and bool((picture == colour).all())


def test_example_settings_are_in_order(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("key")
    (code,) = blocks("README.md", "toml")
    values = tomllib.loads(code.replace("/etc/guacr/web-server.key", str(tmp_path / "key")))
    connection = merge([Source("README.md", values)]).connections["web-server"]
    assert connection.parameters["hostname"] == "10.0.0.7"


def test_every_flag_of_serve_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["serve", "--help"])
    text = (ROOT / "docs" / "operations.md").read_text()
    flags = set(re.findall(r"^  (?:(-\w)\b|(--[\w-]+))", capsys.readouterr().out, re.MULTILINE))
    for short, long in flags - {("-h", "")}:
        assert f"`{short or long}" in text, short or long
