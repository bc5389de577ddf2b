"""Shared by the tests of the page."""

from __future__ import annotations

from typing import cast

from guacr.session.session import Session
from handlers.terminal import TerminalHandler
from terminal.engines.contents import Position, Span
from tests.support.browser import Page, Window
from tests.support.loopback import SketchHandler
from tests.support.site import Site
from tests.support.waiting import until

PHONE = Window(width=390, height=844, scale=3.0, mobile=True)
TYPED_A = 0x61
CONNECTED = "document.querySelector('#session').dataset.state === 'connected'"
NOTICE = "#notice:not([hidden]):not(.waiting)"


def sessions(site: Site) -> list[Session]:
    return list(site.bench.registry.sessions.values())


def handler_of(site: Site) -> SketchHandler:
    (session,) = sessions(site)
    return cast(SketchHandler, session.handler)


async def connected(page: Page, site: Site, fragment: str = "connection=sketch") -> None:
    """Open a session and wait for its first picture."""
    await page.goto(f"{site.origin}/#{fragment}")
    await page.until(CONNECTED, "the first picture")
    await page.until("document.activeElement.id === 'sink'", "the focus")


async def happened(site: Site, *event: object) -> None:
    """Wait until the handler has noted an event."""
    await until(lambda: event in handler_of(site).events, f"event {event}")


def screen(site: Site) -> list[str]:
    """The rows of the only session's terminal, as text."""
    (session,) = sessions(site)
    assert isinstance(session.handler, TerminalHandler)
    emulator = session.handler.terminal.emulator
    total = emulator.scrollbar.total
    first = Position(0, total - emulator.rows)
    last = Position(emulator.columns - 1, total - 1)
    return [row.rstrip() for row in emulator.text(Span(first, last)).split("\n")]


async def see(site: Site, text: str) -> None:
    """Wait until a row of the terminal has the text in it."""
    await until(lambda: any(text in row for row in screen(site)), f"{text!r} on the screen")


def keys_of(site: Site) -> list[tuple[object, ...]]:
    """Keysym and whether it went down, of every key that arrived."""
    return [event[1:] for event in handler_of(site).events if event[0] == "key"]


async def pointer_is(site: Site, x: int, y: int, buttons: int) -> None:
    """Wait until the pointer's last event is this one."""

    def last() -> tuple[object, ...]:
        return [event[1:] for event in handler_of(site).events if event[0] == "mouse"][-1]

    await until(lambda: last() == (x, y, buttons), f"the pointer at ({x}, {y}) with {buttons}")
