import io
import time
from pathlib import Path

import pytest

from guacr.access.guacamole_lite import read_guacamole_lite_token
from guacr.access.operator_tokens import Right, read_operator_token
from guacr.access.tokens import read_token
from guacr.cli.main import main
from guacr.settings import configuration
from guacr.settings.limits import OwnLimits

KEY = "0123456789" * 4
OPERATOR_KEY = "9876543210" * 4
LITE_KEY = "0123456789abcdef0123456789abcdef"


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(configuration.CONFIG_VARIABLE, raising=False)
    monkeypatch.setattr(configuration, "DEFAULT_PATH", tmp_path / "none.toml")
    monkeypatch.setenv("GUACR_WEBSOCKET__TOKEN_KEYS", KEY)
    monkeypatch.setenv("GUACR_WEBSOCKET__GUACAMOLE_LITE_KEY", LITE_KEY)
    monkeypatch.setenv("GUACR_CONTROL__TOKEN_KEYS", OPERATOR_KEY)
    monkeypatch.setenv("GUACR_CONNECTIONS__BOX__PROTOCOL", "ssh")


def made(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["token", *arguments]) == 0
    return capsys.readouterr().out.strip()


def test_token_for_a_protocol(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "key").write_text("the key\n")
    monkeypatch.setattr("sys.stdin", io.StringIO("typed\n"))
    arguments = ["hostname=h=1", f"private-key=@{tmp_path / 'key'}", "password=-"]
    token = made(capsys, "ssh", *arguments, "--allow", "font-size")
    grant = read_token([KEY], token, now=time.time())
    assert grant.protocol == "ssh"
    assert grant.parameters == {"hostname": "h=1", "private-key": "the key", "password": "typed"}
    assert grant.allow == ("font-size",)


@pytest.mark.parametrize("errors", ["strict", "surrogateescape"])
def test_a_line_of_input_that_is_not_utf_8(
    errors: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    typed = io.TextIOWrapper(io.BytesIO(b"\xff\n"), encoding="utf-8", errors=errors)
    monkeypatch.setattr("sys.stdin", typed)
    assert main(["token", "ssh", "hostname=h", "password=-"]) == 2
    assert capsys.readouterr().err == "guacr: standard input cannot be read as text\n"


def test_token_for_a_connection(capsys: pytest.CaptureFixture[str]) -> None:
    grant = read_token([KEY], made(capsys, "--connection", "box"), now=time.time())
    assert (grant.name, grant.protocol, grant.join) == ("box", "", "")


@pytest.mark.parametrize(("flags", "read_only"), [([], "false"), (["--read-only"], "true")])
def test_token_to_join(
    capsys: pytest.CaptureFixture[str], flags: list[str], read_only: str
) -> None:
    grant = read_token([KEY], made(capsys, "--join", "$id", *flags), now=time.time())
    assert grant.join == "$id"
    assert grant.parameters == {"read-only": read_only}
    without = read_token([KEY], made(capsys, "--join", "id", *flags), now=time.time())
    assert without.join == "$id", "shells expand the prefix"


def test_token_with_terms(capsys: pytest.CaptureFixture[str]) -> None:
    flags = ["--once", "--limit", "idle_time=90", "--limit", "users=2"]
    grant = read_token([KEY], made(capsys, "--connection", "box", *flags), now=time.time())
    assert grant.terms.id
    assert grant.terms.once_until > time.time()
    assert grant.terms.limits == OwnLimits(idle_time=90, users=2)
    other = read_token([KEY], made(capsys, "ssh", "--limit", "sessions=1"), now=time.time())
    assert (other.terms.once_until, other.terms.limits.sessions) == (0, 1)


def test_token_of_guacamole_lite(capsys: pytest.CaptureFixture[str]) -> None:
    token = made(capsys, "ssh", "hostname=h", "--guacamole-lite")
    grant = read_guacamole_lite_token(LITE_KEY, token)
    assert (grant.protocol, grant.parameters) == ("ssh", {"hostname": "h"})


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "name one of a protocol, --connection, --join and --recordings"),
        (["ssh", "--join", "$id"], "name one of a protocol, --connection, --join and --recordings"),
        (["ssh", "hostname"], "'hostname' is not NAME=VALUE"),
        (["ssh", "password=@/nonexistent"], "/nonexistent cannot be read as text"),
        (["ssh", "--read-only"], "--read-only needs --join"),
        (["ssh", "--expires", "0"], "--expires must be at least 1 second"),
        (["ssh", "--expires", "9" * 20], "--expires must be at most 316224000 seconds"),
        (["--operator", ""], "--operator must be a name of 1 to 256 characters"),
        (["--operator", "a" * 257], "--operator must be a name of 1 to 256 characters"),
        (["--connection", "a", "--guacamole-lite"], "guacamole-lite's tokens do not support"),
        (["ssh", "--once", "--guacamole-lite"], "guacamole-lite's tokens do not support"),
        (["ssh", "--limit", "session=1"], "--limit is not NAME=NUMBER with one of sessions, users"),
        (["ssh", "--limit", "users"], "'users' is not NAME=VALUE"),
        (["--recordings", "*", "--once"], "--recordings supports none of --once, --limit and"),
        (["--recordings", "*", "--limit", "users=1"], "--recordings supports none of --once"),
        (["--recordings", "*", "--allow", "font-size"], "--recordings supports none of --once"),
        (["ssh", "--guacamole-lite", "--expires", "60"], "guacamole-lite's tokens do not support"),
        (["ssh", "--rights", "act"], "--rights needs --operator"),
    ],
)
def test_arguments_that_do_not_fit(
    capsys: pytest.CaptureFixture[str], arguments: list[str], sentence: str
) -> None:
    assert main(["token", *arguments]) == 2
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "setting"),
    [([], "websocket.token_keys"), (["--guacamole-lite"], "websocket.guacamole_lite_key")],
)
def test_without_a_key(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    flags: list[str],
    setting: str,
) -> None:
    monkeypatch.delenv("GUACR_WEBSOCKET__TOKEN_KEYS")
    monkeypatch.delenv("GUACR_WEBSOCKET__GUACAMOLE_LITE_KEY")
    assert main(["token", "ssh", *flags]) == 2
    assert f"{setting} is not set" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ["--connection", "nowhere"],
            "connection 'nowhere' is not in the settings: the known ones are box",
        ),
        (["gopher"], "protocol 'gopher' is unknown"),
        (["testcard", "colour=red"], "parameter 'colour' is unknown"),
        (["testcard", "frame-rate=many"], "parameter frame-rate must be"),
        (["testcard", "--allow", "colour"], "testcard has no parameter 'colour'"),
    ],
)
def test_unknown_names_are_refused(
    arguments: list[str],
    sentence: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GUACR_WEBSOCKET__TOKEN_KEYS", "a key that is long enough for tokens")
    assert main(["token", *arguments]) != 0
    captured = capsys.readouterr()
    assert sentence in captured.err
    assert captured.out == ""


def test_token_for_an_operator(capsys: pytest.CaptureFixture[str]) -> None:
    token = made(capsys, "--operator", "ann", "--rights", "watch, act", "--expires", "60")
    grant = read_operator_token([OPERATOR_KEY], token, now=time.time())
    assert grant.name == "ann"
    assert grant.rights == {Right.WATCH, Right.ACT}
    token = made(capsys, "--operator", "bob")
    assert read_operator_token([OPERATOR_KEY], token, now=time.time()).rights == {Right.READ}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--rights", "all"], "--rights 'all' has an unknown right: the known ones are read"),
        (["--rights", ""], "has an unknown right"),
        (["ssh"], "--operator supports only --rights and --expires: omit the protocol\n"),
        (["--join", "$1"], "omit --join\n"),
        (["--connection", "box"], "omit --connection\n"),
        (["--recordings", "*"], "omit --recordings\n"),
        (["--guacamole-lite"], "omit --guacamole-lite\n"),
        (["--once", "--limit", "users=1"], "omit --once and --limit\n"),
        (["--read-only"], "omit --read-only\n"),
        (["--allow", "font-size"], "omit --allow\n"),
        (["--subject", "ben"], "omit --subject\n"),
        (["--expires", "0"], "--expires must be at least 1 second"),
    ],
)
def test_contradictions_about_operators_are_refused(
    capsys: pytest.CaptureFixture[str], arguments: list[str], sentence: str
) -> None:
    assert main(["token", "--operator", "ann", *arguments]) == 2
    printed = capsys.readouterr()
    assert sentence in printed.err
    assert not printed.out
