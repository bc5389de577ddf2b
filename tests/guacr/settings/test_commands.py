"""Secrets that commands print."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path

import pytest

from guacr.errors import SettingsError
from guacr.settings import commands, configuration
from guacr.settings.commands import ENVIRONMENT, OUTPUT_MAX, RESOLVED, Commands
from guacr.settings.configuration import Source, merge
from guacr.settings.models import Settings

KEY = "k" * 32


def of(command: object, **rest: object) -> Settings:
    """The settings with a command in place of a password."""
    secret = {"exec": command} | rest
    connection = {"protocol": "ssh", "parameters": {"password": secret}}
    return merge([Source("file", {"connections": {"a": connection}})])


def password(settings: Settings) -> str:
    return settings.connections["a"].parameters["password"]


def python(program: str) -> list[str]:
    return [sys.executable, "-c", program]


def test_everywhere_a_secret_may_be(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(f"{KEY}\n")
    printed = {"exec": ["echo", KEY]}
    values = {
        "websocket": {
            "token_keys": [KEY[::-1], printed, {"file": str(tmp_path / "key")}],
            "guacamole_lite_key": printed,
        },
        "webrtc": {"servers": [{"url": "turn:a", "secret": printed}]},
        "journal": {"store_options": {"secret_access_key": printed}},
        "connections": {"a": {"protocol": "ssh", "parameters": {"password": printed}}},
    }
    settings = merge([Source("file", values)])
    assert settings.websocket.token_keys == (KEY, KEY, KEY)
    assert settings.websocket.guacamole_lite_key == KEY
    assert settings.webrtc.servers[0].secret == KEY
    assert settings.journal.store_options == {"secret_access_key": KEY}
    assert password(settings) == KEY


def test_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    prefix = "GUACR_CONNECTIONS__A__"
    monkeypatch.setenv(f"{prefix}PROTOCOL", "ssh")
    monkeypatch.setenv(f"{prefix}PARAMETERS__PASSWORD__EXEC", "echo,a b")
    assert password(configuration.load()) == "a b"


@pytest.mark.parametrize(
    ("command", "problem"),
    [
        ([], "has exec without a command"),
        ([""], "has exec without a command"),
        ([1], "has exec, which must be a list of texts"),
        (["/nonexistent/vault", "topsecret"], "command vault, which cannot be run: No such file"),
        (["\0"], "cannot be run: a null character"),
        (
            python("import sys; print('topsecret'); sys.exit('a\x1b\\ntopsecret')"),
            "failed with status 1: a\\x1b",
        ),
        (["false"], "failed with status 1"),
        (python("import os; os.kill(os.getpid(), 9)"), "was ended by signal 9"),
        (["true"], "printed nothing"),
        (["printf", "topsecret\\377"], "printed something else than UTF-8"),
        (python(f"print('x' * {OUTPUT_MAX})"), "printed more than 65536 bytes"),
        (["yes", "topsecret"], "printed more than 65536 bytes"),
    ],
)
def test_commands_that_do_not_help(command: list[str], problem: str) -> None:
    with pytest.raises(SettingsError) as refused:
        of(command)
    assert str(refused.value).startswith("file: connections.a.parameters contains password, which ")
    assert problem in str(refused.value)
    assert "topsecret" not in str(refused.value)


def test_each_secret_that_cannot_be_read_is_named() -> None:
    parameters = {"password": {"exec": ["false"]}, "hostname": "h", "passphrase": {"file": "/none"}}
    connection = {"protocol": "ssh", "parameters": parameters}
    options = {"a": {"exec": ["false"]}, "b": {"exec": []}}
    with pytest.raises(SettingsError) as refused:
        merge(
            [
                Source(
                    "file",
                    {"connections": {"box": connection}, "journal": {"store_options": options}},
                )
            ]
        )
    lines = str(refused.value).splitlines()
    failed = "which needs the command false, which failed with status 1"
    assert sorted(lines) == [
        "file: connections.box.parameters contains passphrase, which names the file /none, which "
        "cannot be read: No such file or directory",
        f"file: connections.box.parameters contains password, {failed}",
        f"file: journal.store_options contains a, {failed}",
        "file: journal.store_options contains b, which has exec without a command",
    ]


def test_the_longest_output() -> None:
    assert len(password(of(python(f"print('x' * {OUTPUT_MAX - 1})")))) == OUTPUT_MAX - 1


@pytest.mark.parametrize(
    "secret", [{}, {"exec": ["a"], "file": "b"}, {"exec": ["a"], "shell": True}, {"file": 1}]
)
def test_tables_that_are_no_secret(secret: dict[str, object]) -> None:
    with pytest.raises(SettingsError, match=r"must be a text, \{ file = PATH \}"):
        merge([Source("file", {"websocket": {"guacamole_lite_key": secret}})])


def test_it_gets_few_variables_and_those_that_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GUACR_WEBSOCKET__TOKEN_KEYS", KEY)
    monkeypatch.setenv("VAULT_ADDR", "http://vault")
    given = password(of(["env"], env=["VAULT_ADDR"]))
    names = {line.partition("=")[0] for line in given.splitlines()}
    assert names == {"VAULT_ADDR"} | (set(ENVIRONMENT) & set(os.environ))


def test_it_is_ended_with_its_children(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "TIMEOUT", 0.3)
    begin = time.monotonic()
    with pytest.raises(SettingsError, match=r"did not end within 0\.3 seconds"):
        of(["sh", "-c", "sleep 60 & sleep 60"])
    with pytest.raises(SettingsError, match=r"did not end within 0\.3 seconds"):
        of(["sh", "-c", "exec >&- 2>&-; sleep 60"])
    assert time.monotonic() - begin < 30


def test_its_children_in_other_sessions_are_ended_too(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(commands, "TIMEOUT", 1.0)
    path = tmp_path / "pipe"
    os.mkfifo(path)
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as held:
        with pytest.raises(SettingsError, match="did not end within 1 seconds"):
            of(["sh", "-c", f"setsid -w sh -c 'echo begun >&3; sleep 60' 3>{path}"])
        os.set_blocking(held.fileno(), True)
        assert held.read() == b"begun\n", "it reaches its end: nobody holds the other one"


def test_one_that_may_not_be_killed_is_left_to_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    kill, groups = os.killpg, list[int]()

    def forbid(group: int, number: int) -> None:
        groups.append(group)
        raise PermissionError

    monkeypatch.setattr(commands, "TIMEOUT", 0.3)
    monkeypatch.setattr(os, "killpg", forbid)
    begin = time.monotonic()
    try:
        with pytest.raises(SettingsError, match=r"did not end within 0\.3 seconds"):
            of(["sleep", "60"])
        assert time.monotonic() - begin < 30
    finally:
        for group in groups:
            kill(group, signal.SIGKILL)
        for thread in threading.enumerate():
            if thread.name == commands.WAITING:
                thread.join()


def test_the_same_command_is_run_once(tmp_path: Path) -> None:
    command = ["sh", "-c", f"echo run >> {tmp_path}/count; echo secret"]
    parameters = {"password": {"exec": command}}
    one = {"protocol": "ssh", "parameters": parameters}
    values = {"connections": {"a": one, "b": one}}
    for _ in range(2):
        merge([Source("file", values)], Commands())
    assert (tmp_path / "count").read_text() == "run\n" * 2


def test_without_running_it_secrets_are_unknown() -> None:
    secret = {"exec": ["false"]}
    page = {"token_keys": [secret], "guacamole_lite_key": secret}
    one, other = (merge([Source("f", {"websocket": page})], Commands(run=False)) for _ in "ab")
    assert one.websocket.token_keys != other.websocket.token_keys
    assert len(one.websocket.guacamole_lite_key) == 32


def test_secrets_of_another_process_are_not_read_again() -> None:
    page = {"token_keys": [f"file:{KEY}"], "guacamole_lite_key": "file:" + "k" * 27}
    settings = Settings.model_validate({"websocket": page}, context=RESOLVED)
    assert settings.websocket.token_keys == (f"file:{KEY}",)
    assert settings.websocket.guacamole_lite_key.startswith("file:")
