"""`guacr explain`."""

from __future__ import annotations

from pathlib import Path

import pytest

from guacr.cli.main import main

RULES = """
[[access.rules]]
name = "administrators"
identities = ["ann"]
protocols = ["ssh", "postgres"]
targets = ["127.0.0.0/8", "*.example.com"]
parameters = ["hostname"]

[[access.rules]]
name = "never"
effect = "deny"
targets = ["127.0.0.9"]

[[access.rules]]
name = "watch"
join = true
identities = ["ben"]

[[access.rules]]
name = "rdp"
protocols = ["rdp"]
identities = ["dan"]

[connections.web]
protocol = "ssh"
[connections.web.parameters]
hostname = "127.0.0.9"
port = 2222
"""


@pytest.fixture
def explained(tmp_path: Path, capsys: pytest.CaptureFixture[str]):  # type: ignore[no-untyped-def]
    path = tmp_path / "guacr.toml"
    path.write_text(RULES)

    def explain(*arguments: str) -> tuple[int, str]:
        status = main(["explain", "--config", str(path), *arguments])
        printed = capsys.readouterr()
        return status, printed.out + printed.err

    return explain


@pytest.mark.parametrize(
    ("arguments", "status", "line"),
    [
        ("--identity ann --protocol ssh --target 127.0.0.1", 0,
         "allowed: 127.0.0.1:22, by administrators"),
        ("--identity ann --protocol postgresql --target 127.0.0.1", 0,
         "allowed: 127.0.0.1:5432, by administrators"),
        ("--identity ann --protocol ssh --target localhost:2200", 0,
         "allowed: localhost:2200 at 127.0.0.1, by administrators"),
        ("--identity ann --protocol ssh --target 127.0.0.9:22", 1,
         "refused: 127.0.0.9:22: never denies it"),
        ("--identity ann --protocol ssh --target [::1]:22", 1,
         "refused: ::1:22: no rule allows it"),
        ("--identity ann --protocol ssh --target a.example.com --beyond", 1,
         "refused: a.example.com:22, resolved elsewhere: never denies it"),
        ("--identity ann --protocol ssh --target a.example.com --beyond", 1,
         "  never (deny): applies"),
        ("--identity ann --protocol ssh --target 10.0.0.1 --beyond", 1,
         "  never (deny): does not apply: targets or ports"),
        ("--identity ann --protocol ssh --target 127.0.0.9 --beyond", 1,
         "  never (deny): applies"),
        ("--identity ben --protocol ssh --join", 0, "  watch (allow): applies"),
        ("--identity ben --protocol ssh --join", 0, "  never (deny): does not apply: join"),
        ("--identity ann --protocol ssh --join", 1,
         "  administrators (allow): does not apply: join"),
        ("--identity ben --protocol ssh", 1, "  watch (allow): does not apply: join"),
        ("--identity ann --protocol ssh --parameter enable-sftp", 1,
         "  administrators (allow): does not apply: parameters"),
        ("--identity ann --protocol ssh --parameter hostname=x", 0,
         "allowed: session of ssh, by administrators"),
        ("--identity ben --protocol ssh", 1, "refused: session of ssh: no rule allows it"),
        ("--identity ben --protocol ssh --join", 0, "allowed: joining a session of ssh, by watch"),
        ("--identity ann --connection web", 1, "refused: 127.0.0.9:2222: never denies it"),
        ("--protocol ssh", 1, "  administrators (allow): does not apply: identities"),
        ("--protocol ssh", 1, "  never (deny): applies to some hosts or ports"),
        ("--protocol rdp --identity dan --target 127.0.0.8", 0, "allowed: 127.0.0.8:3389, by rdp"),
    ],
)  # fmt: skip
def test_decisions(explained, arguments: str, status: int, line: str) -> None:  # type: ignore[no-untyped-def]
    found, text = explained(*arguments.split())
    assert line in text.splitlines()
    assert found == status


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ("--protocol ssh --connection web", "name only one of --protocol and --connection"),
        ("--parameter no-such-thing", "no protocol has all of these parameters"),
        ("--identity ann --target a.example.com:0", "needs a port"),
        ("--protocol nosuch", "protocol 'nosuch' is unknown: known protocols are "),
        ("--connection none", "connection 'none' is not in the settings"),
        ("--protocol ssh --address x", "--address must be an IP address, not 'x'"),
        ("--protocol ssh --parameter x=y", "parameter 'x' is unknown"),
        ("--protocol ssh --identity ann --target a.example.com:0", "needs a port"),
    ],
)
def test_wrong_arguments(explained, arguments: str, problem: str) -> None:  # type: ignore[no-untyped-def]
    status, text = explained(*arguments.split())
    assert problem in text
    assert status == 2


def test_each_protocol_is_decided_on(explained) -> None:  # type: ignore[no-untyped-def]
    status, text = explained("--identity", "dan", "--target", "127.0.0.1")
    assert status == 0
    assert "refused: session of ssh: no rule allows it\n" in text
    assert "allowed: session of rdp, by rdp\n  allowed: 127.0.0.1:3389, by rdp\n" in text
    assert "postgres:" not in text, "it is another name of postgresql"
    assert "session of testcard" not in text, "it has no host"
    assert "(allow)" not in text, "the rules apply to some protocols only"
    status, text = explained("--identity", "dan", "--parameter", "security")
    assert "session of ssh" not in text, "it has no such parameter"
    assert explained("--identity", "nobody")[0] == 1
    status, text = explained("--identity", "ben", "--join")
    assert "allowed: joining a session of testcard, by watch" in text.splitlines()


def test_without_rules(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "guacr.toml"
    path.write_text("")
    for arguments in ([], ["--protocol", "ssh"]):
        assert main(["explain", "--config", str(path), *arguments]) == 0
        assert capsys.readouterr().out == "allowed: there are no access rules\n"
