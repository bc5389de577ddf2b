"""The commands for operators, against a daemon in this process."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from guacr.cli.control import amount, duration, table
from guacr.cli.main import main
from guacr.control.client import ControlClient
from guacr.control.info import Reloaded
from guacr.settings import configuration
from tests.guacr.operators.conftest import Site, bearer, control_settings, running_site
from tests.support.loopback import session_of


@pytest.fixture(autouse=True)
def no_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(configuration.CONFIG_VARIABLE, raising=False)
    monkeypatch.setattr(configuration, "DEFAULT_PATH", tmp_path / "none.toml")


@pytest.fixture
async def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Site]:
    async with running_site(control_settings(tmp_path)) as running:
        monkeypatch.setenv("GUACR_CONTROL__UNIX_SOCKET", str(tmp_path / "control.sock"))
        yield running


async def run(*arguments: str) -> int:
    return await asyncio.to_thread(main, arguments)


async def test_sessions_are_listed(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    _, user = site.connect(hostname="evil\x1b[2J", subject="ann")
    site.connect(hostname="other")
    session = session_of(user)
    assert await run("sessions", "evil") == 0
    header, line = capsys.readouterr().out.splitlines()
    assert header.split()[:3] == ["ID", "PROTOCOL", "HOST"]
    assert line.split()[:5] == [session.id, "sketch", "evil\\x1b[2J", "-", "ann"]
    assert await run("sessions", "--json") == 0
    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert (first["id"], second["host"]) == (session.id, "other")


async def test_sessions_are_killed_by_the_beginning_of_their_id(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    transport, user = site.connect()
    _, other = site.connect()
    session = session_of(user)
    assert await run("kill", session.id[1:9], "nothing", "--message", "bye") == 1
    assert "no session" in capsys.readouterr().err
    assert not session.closed, "all or none"
    assert await run("kill", session.id[1:9], session_of(other).id, "--message", "bye") == 0
    assert session_of(other).closed
    assert transport.all("error")[0][0] == "bye"
    assert session.id in capsys.readouterr().out


async def test_a_session_that_ends_by_itself_keeps_no_other_from_being_killed(
    site: Site, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, user = site.connect()
    _, other = site.connect()
    first, second = session_of(user), session_of(other)
    end = ControlClient.end

    def late(client: ControlClient, session_id: str, message: str) -> None:
        if session_id == first.id:
            end(client, session_id)
        end(client, session_id, message)

    monkeypatch.setattr(ControlClient, "end", late)
    assert await run("kill", first.id, second.id, first.id[1:9]) == 0
    assert first.closed
    assert second.closed
    assert capsys.readouterr().out == f"{first.id} has ended\n{second.id} has ended\n"


async def test_a_link_to_watch_is_printed(
    site: Site, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, user = site.connect()
    monkeypatch.setenv("GUACR_WEBSOCKET__HOSTS", "::")
    monkeypatch.setenv("GUACR_WEBSOCKET__TOKEN_KEYS", "k" * 32)
    assert await run("watch", session_of(user).id[1:9]) == 0
    assert capsys.readouterr().out.startswith("http://[::1]:4823/#token=ey")
    assert await run("watch", session_of(user).id, "--page", "https://desk.example/guacr/") == 0
    assert capsys.readouterr().out.startswith("https://desk.example/guacr/#token=ey")


async def test_draining_waits_for_the_last_session(
    site: Site, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("guacr.cli.control.POLL", 0.01)
    _, user = site.connect()
    assert await run("drain") == 0
    assert capsys.readouterr().out == "no more sessions are opened; still running: 1\n"
    assert await run("drain", "--undo") == 0
    assert not site.is_draining()
    waiting = asyncio.create_task(run("drain", "--wait"))
    while not site.is_draining():  # noqa: ASYNC110
        await asyncio.sleep(0)
    session_of(user).close()
    assert await waiting == 0
    assert capsys.readouterr().out.endswith("no more sessions are opened; still running: 0\n")


async def test_a_token_comes_from_a_file(
    site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "token"
    file.write_text(bearer()["Authorization"].removeprefix("Bearer ") + "\n")
    url = f"http://127.0.0.1:{site.daemon.control_port}"
    assert await run("sessions", "--url", url, "--token-file", str(file)) == 0
    assert await run("sessions", "--url", url) == 1
    assert "guacr token --operator" in capsys.readouterr().err


@pytest.mark.parametrize("token", ["secret\nb", "secret€", "secret b", "secret\udcff", "secret\0"])
def test_what_cannot_be_a_token_is_not_printed(
    token: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    url = ["--url", "http://127.0.0.1:1"]
    if "\0" not in token:
        monkeypatch.setenv("GUACR_CONTROL_TOKEN", token)
        assert main(["sessions", *url]) == 2
        assert capsys.readouterr().err == "guacr: GUACR_CONTROL_TOKEN does not contain a token\n"
    file = tmp_path / "token"
    file.write_text(token, errors="surrogateescape")
    assert main(["sessions", *url, "--token-file", str(file)]) == 2
    assert "secret" not in capsys.readouterr().err


async def test_what_is_wrong_with_new_settings_is_said(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await run("reload") == 2
    assert "no settings" in capsys.readouterr().err


async def test_a_reload_says_how_far_it_is_and_what_it_has_changed(
    site: Site, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("guacr.cli.control.RELOAD_POLL", 0.01)
    control, asked = site.daemon.control, asyncio.Event()
    sentences = iter(["reading the settings", "starting 2 workers of generation 3"])

    def activity() -> str:
        said = next(sentences, "")
        if not said:
            asked.set()
        return said

    async def reload() -> Reloaded:
        control.activity = activity
        await asked.wait()
        names = tuple(f"connections.{n}" for n in range(22))
        return Reloaded(changed=names, need_restart=("server.port",), warnings=("bad\x1b[2J",))

    control.on_reload = reload
    assert await run("reload") == 0
    reading, starting, changed, restart, warning = capsys.readouterr().out.splitlines()
    assert (reading, starting) == (
        "reading the settings …",
        "starting 2 workers of generation 3 …",
    )
    assert changed.startswith("the settings were reloaded: connections.0, connections.1, ")
    assert changed.endswith("connections.19, 2 more changed")
    assert restart == "server.port has changed: it takes effect with the next start"
    assert warning == "warning: bad\\x1b[2J"


async def test_with_a_socket_the_settings_are_not_read(
    site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    place = ("--socket", str(tmp_path / "control.sock"))
    monkeypatch.setenv(configuration.CONFIG_VARIABLE, str(tmp_path / "nobody.may.read"))
    _, user = site.connect()
    session = session_of(user)
    assert await run("sessions") == 2
    assert await run("sessions", *place) == 0
    assert await run("drain", *place) == 0
    page = ("--page", "https://desk.example")
    assert await run("watch", session.id, *place, *page) == 0
    assert capsys.readouterr().out.rpartition("\n")[0].rpartition("\n")[2].startswith(page[1])
    assert await run("watch", session.id, *place) == 2, "it needs the address of the page"
    assert await run("kill", session.id, *place) == 0
    assert session.closed


def test_without_an_interface_it_says_what_to_set(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sessions"]) == 2
    assert "control.unix_socket" in capsys.readouterr().err


def test_amounts_and_durations_are_short() -> None:
    assert [amount(size) for size in (0, 999, 1000, 123456, 5e9)] == [
        "0B",
        "999B",
        "1.0K",
        "121K",
        "4.7G",
    ]
    assert [duration(age) for age in (-1, 59, 90, 7200, 200000)] == ["0s", "59s", "2m", "2h", "2d"]


def test_long_cells_are_cut() -> None:
    assert list(table([("A", "B"), ("x" * 50, "y")])) == ["A" + " " * 41 + "B", "x" * 39 + "…  y"]
