"""The documentation is true to the code where a machine can tell."""

import re
import tomllib
from pathlib import Path

import pytest

from guacr.cli import paramdoc
from guacr.cli.main import main
from guacr.protocol.status import Status
from guacr.session.input.opcodes import OPCODES
from guacr.session.protocols import Protocols
from guacr.settings.configuration import Source, merge

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


def test_every_accepted_opcode_is_named() -> None:
    text = (ROOT / "docs" / "protocol.md").read_text()
    accepted = text.split("Accepted from clients:")[1].split("Unknown opcodes")[0]
    assert sorted(re.findall(r"`(\w+)`", accepted)) == sorted(name for name in OPCODES if name)


def test_behaviours_are_where_the_architecture_says() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text()
    table = text.split("## Where to find it")[1].split("\n## ")[0]
    places = re.findall(r"`([\w/]+\.py)`: (`\w+`(?:, `\w+`)*)", table)
    assert len(places) >= table.count("\n| ") - 1
    for module, names in places:
        code = (ROOT / "guacr" / module).read_text()
        for name in re.findall(r"`(\w+)`", names):
            assert re.search(rf"\b{name}\b", code), f"{name} in {module}"


def test_every_status_named_is_one() -> None:
    text = (ROOT / "docs" / "protocol.md").read_text()
    rows = re.findall(r"^\| (\d+) \| (\w+) \|", text, re.MULTILINE)
    assert rows
    for number, name in rows:
        assert Status[name] == int(number)


def test_example_settings_are_in_order(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("key")
    (code,) = blocks("README.md", "toml")
    values = tomllib.loads(code.replace("/etc/guacr/web-server.key", str(tmp_path / "key")))
    connection = merge([Source("README.md", values)]).connections["web-server"]
    assert connection.parameters["hostname"] == "10.0.0.7"


def test_the_readme_misses_no_protocol() -> None:
    features, missing = (ROOT / "README.md").read_text().split("Not available yet:")
    words = set(re.findall(r"\w+", missing.split("\n\n")[0].lower()))
    assert not words & set(Protocols().names)
    for name in ("SSH", "RDP", "VNC", "Telnet", "Kubernetes"):
        assert f"\n- {name} " in features.replace(",", " "), name


@pytest.mark.parametrize("package", ["guacr", "handlers", "terminal"])
def test_docstrings_begin_with_what_there_is(package: str) -> None:
    begun = re.compile(r'^\s*r?"""(What |Whether |See `)', re.MULTILINE)
    for path in (ROOT / package).rglob("*.py"):
        for found in begun.finditer(path.read_text()):
            pytest.fail(f"{path}: {found.group().strip()}")


def test_every_flag_of_serve_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["serve", "--help"])
    text = (ROOT / "docs" / "operations.md").read_text()
    flags = set(re.findall(r"^  (?:(-\w)\b|(--[\w-]+))", capsys.readouterr().out, re.MULTILINE))
    for short, long in flags - {("-h", "")}:
        assert f"`{short or long}" in text, short or long
