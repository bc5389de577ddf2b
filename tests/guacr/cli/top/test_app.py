"""The screen of `guacr top`, with a daemon in this process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual import events
from textual.pilot import Pilot
from textual.widgets import DataTable, Input, Static

from guacr.cli.top.app import Failed, Seen, Top
from guacr.control.client import ControlClient, Place
from guacr.errors import GuacrError
from tests.guacr.operators.conftest import Site, control_settings, running_site
from tests.support.loopback import session_of


@asynccontextmanager
async def screen(path: Path, size: tuple[int, int] = (120, 24)) -> AsyncIterator[Pilot[None]]:
    app = Top(ControlClient(Place(unix_socket=path / "control.sock")), 0.2)
    async with app.run_test(size=size) as pilot:
        yield pilot


async def until(pilot: Pilot[None], condition: Callable[[], bool]) -> None:
    for _ in range(200):
        if condition():
            return
        await pilot.pause(0.05)
    raise AssertionError("the screen does not show it")


def lines(pilot: Pilot[None]) -> list[str]:
    """Return the rows of the table as texts."""
    table = pilot.app.query_one(DataTable)
    return [" ".join(map(str, table.get_row(key))) for key in table.rows]


def titles(pilot: Pilot[None]) -> list[str]:
    return [str(column.label) for column in pilot.app.query_one(DataTable).columns.values()]


def said(pilot: Pilot[None], part: str) -> str:
    return str(pilot.app.query_one(f"#{part}", Static).content)


def painted(pilot: Pilot[None]) -> str:
    """Return the table as it is on the screen."""
    table = pilot.app.query_one(DataTable)
    return "\n".join(table.render_line(row).text for row in range(table.size.height))


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with running_site(control_settings(tmp_path)) as running:
        yield running


async def test_sessions_are_shown_filtered_and_ended(site: Site, tmp_path: Path) -> None:
    transport, user = site.connect(hostname="evil\x1b[2J[red]x[/red]", subject="ann")
    site.connect(hostname="other")
    async with screen(tmp_path) as pilot:
        await until(pilot, lambda: len(lines(pilot)) == 2)
        assert any("evil\\x1b[2J[red]x[/red] - ann" in line for line in lines(pilot))
        assert "sessions 2" in said(pilot, "state")
        assert said(pilot, "workers").startswith("worker  pid ")
        await pilot.press("slash", *"ev", "enter")
        await until(pilot, lambda: len(lines(pilot)) == 1)
        await pilot.press("enter", "enter")
        assert not session_of(user).closed, "Enter alone ends nothing"
        await pilot.press("k", "escape")
        assert not session_of(user).closed
        await pilot.press("k", *"bye", "enter")
        await until(pilot, lambda: not lines(pilot))
        assert transport.all("error")[0][0] == "bye"
        await pilot.press("escape")
        await until(pilot, lambda: len(lines(pilot)) == 1)


async def test_what_follows_a_slash_is_never_a_command(site: Site, tmp_path: Path) -> None:
    _, user = site.connect(hostname="kiosk")
    site.connect(hostname="other")
    async with screen(tmp_path) as pilot:
        await until(pilot, lambda: len(lines(pilot)) == 2)
        for key in ("slash", *"kios"):  # all at once, as from a slow link
            pilot.app.post_message(events.Key(key, key if len(key) == 1 else "/"))
        await until(pilot, lambda: len(lines(pilot)) == 1)
        assert "kiosk" in lines(pilot)[0]
        await pilot.press("slash", "enter")
        await until(pilot, lambda: not lines(pilot))  # it is a part of the text
        assert not session_of(user).closed


async def test_columns_keep_their_widths_while_a_filter_is_typed(
    site: Site, tmp_path: Path
) -> None:
    site.connect(hostname="a-host-with-a-long-name", subject="ann")
    site.connect(hostname="another-host", subject="ann")
    async with screen(tmp_path) as pilot:
        await until(pilot, lambda: len(lines(pilot)) == 2)
        await until(pilot, lambda: "a-host-with-a-long-name" in painted(pilot))
        await pilot.press("slash")
        for key in "a-ho":
            await pilot.press(key)
            assert "a-host-with-a-long-name" in painted(pilot), key


async def test_the_cursor_stays_with_its_session(site: Site, tmp_path: Path) -> None:
    for number in range(3):
        site.connect(hostname=f"host{number}")
    async with screen(tmp_path) as pilot:
        await until(pilot, lambda: len(lines(pilot)) == 3)
        while "HOST▲" not in titles(pilot):
            await pilot.press("s")
        await pilot.press("home", "down", "down")
        await pilot.press("r")
        table = pilot.app.query_one(DataTable)
        assert "HOST▼" in titles(pilot)
        assert "host2" in " ".join(map(str, table.get_row_at(table.cursor_row)))
        assert table.cursor_row == 0


async def test_80_columns_have_the_rates_and_can_be_scrolled(site: Site, tmp_path: Path) -> None:
    site.connect(hostname="a-host-with-a-long-name", subject="ann")
    async with screen(tmp_path, size=(80, 24)) as pilot:
        await until(pilot, lambda: len(lines(pilot)) == 1)
        table = pilot.app.query_one(DataTable)
        widths = [column.get_render_width(table) for column in table.columns.values()]
        assert sum(widths[: titles(pilot).index("OUT/S▼") + 1]) <= 80
        await pilot.press("right", "right")
        await until(pilot, lambda: table.scroll_x > 0)
        site.connect(hostname="other")
        await until(pilot, lambda: len(lines(pilot)) == 2)
        assert table.scroll_x > 0


async def test_columns_beyond_the_screen_are_named(site: Site, tmp_path: Path) -> None:
    site.connect(hostname="a-host-with-a-long-name", subject="ann")
    async with screen(tmp_path, size=(80, 24)) as pilot:
        await until(pilot, lambda: said(pilot, "beyond").endswith("WORKER, IN, OUT →"))
        assert "OUT/S" not in said(pilot, "beyond")
        await pilot.press("right", "right", "left")
        await until(pilot, lambda: said(pilot, "beyond").startswith("← PROTOCOL"))
        # so that one knows whose row it is
        await until(pilot, lambda: painted(pilot).startswith(" ID "))
        await pilot.press("S")
        await pilot.resize_terminal(200, 24)
        await until(pilot, lambda: not said(pilot, "beyond"))
        while "OUT▼" not in titles(pilot):
            await pilot.press("s")
        await pilot.resize_terminal(40, 24)
        await until(pilot, lambda: "OUT▼" in said(pilot, "beyond"))
        await pilot.press("slash", "a", "left", "b")  # arrows move in the text
        await until(pilot, lambda: pilot.app.query_one("#filter", Input).value == "ba")


async def test_a_daemon_that_goes_away_is_waited_for(tmp_path: Path) -> None:
    async with running_site(control_settings(tmp_path)) as site:
        site.connect()
        async with screen(tmp_path, size=(40, 10)) as pilot:
            await until(pilot, lambda: len(lines(pilot)) == 1)
            await site.daemon.close()
            await until(pilot, lambda: "no guacr answers" in said(pilot, "notice"))
            async with running_site(control_settings(tmp_path)):
                await until(pilot, lambda: not said(pilot, "notice"))
                assert not lines(pilot)


async def test_answers_that_come_while_it_closes_are_ignored(site: Site, tmp_path: Path) -> None:
    client = ControlClient(Place(unix_socket=tmp_path / "control.sock"))
    app = Top(client, 60.0)
    status = await asyncio.to_thread(client.status)
    async with app.run_test():
        pass
    app.on_seen(Seen(status, []))
    app.on_failed(Failed(GuacrError("it is gone")))
