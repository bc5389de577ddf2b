"""A protocol without a host, for tests of what all terminals share."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from guacr.display.geometry import Rect
from guacr.protocol.client import ClientInfo
from guacr.session.params import Params
from guacr.session.registry import Protocols, SessionRegistry
from guacr.session.session import Session
from guacr.session.user import User
from guacr.settings import Settings
from handlers.terminal import TerminalHandler, params
from tests.support.loopback import MemoryTransport, until


@dataclass(frozen=True, slots=True, kw_only=True)
class EchoParams(Params):
    """All parameters that terminals share."""

    font_name: str = params.font_name()
    font_size: int = params.font_size()
    color_scheme: str = params.color_scheme()
    terminal_type: str = params.terminal_type()
    func_keys_and_keypad: str = params.func_keys_and_keypad()
    backspace: int = params.backspace()
    scrollback: int = params.scrollback()
    clipboard_buffer_size: int = params.clipboard_buffer_size()
    disable_copy: bool = params.disable_copy()
    disable_paste: bool = params.disable_paste()
    read_only: bool = params.read_only()
    recording_path: str = params.recording_path()
    typescript_path: str = params.typescript_path()
    wol_send_packet: bool = params.wol_send_packet()
    minimum_contrast: int = params.minimum_contrast()
    allow_clipboard_read: bool = params.allow_clipboard_read()
    encoding: str = params.encoding()


class EchoHandler(TerminalHandler):
    """Keeps what it is to send; the test plays the host with `feed`."""

    name: ClassVar[str] = "echo"
    params_type: ClassVar[type[Params]] = EchoParams

    def __init__(self, session: Session, params: Params) -> None:
        self.sent = bytearray()
        self.windows: list[tuple[int, int, int, int]] = []
        self.blocks: list[bool] = []
        super().__init__(session, params)

    async def run(self) -> None:
        await asyncio.get_running_loop().create_future()

    def send(self, data: bytes) -> None:
        self.sent += data

    def window_changed(self, columns: int, rows: int, width: int, height: int) -> None:
        self.windows.append((columns, rows, width, height))

    def block_output(self, blocked: bool) -> None:
        self.blocks.append(blocked)


class Desk:
    """A registry with that protocol, and its users, connected in memory."""

    def __init__(self, settings: Settings | None = None) -> None:
        self._executor = ThreadPoolExecutor(1)
        self._registry = SessionRegistry(
            Protocols({"echo": EchoHandler}), settings or Settings(), self._executor
        )

    @property
    def sessions(self) -> list[str]:
        """Ids of the sessions that run."""
        return list(self._registry.sessions)

    def join(
        self, select: str = "echo", info: ClientInfo | None = None, **values: str
    ) -> tuple[MemoryTransport, User, EchoHandler]:
        """A client that acknowledges frames; `values` are parameters with `_` for `-`."""
        transport = MemoryTransport()
        transport.replies = True
        texts = {name.replace("_", "-"): text for name, text in values.items()}
        user = self._registry.open(select, texts, info or ClientInfo(), transport)
        assert isinstance(user.session.handler, EchoHandler)
        return transport, user, user.session.handler

    async def close(self) -> None:
        """End all sessions."""
        await self._registry.close()
        self._executor.shutdown()


def press(transport: MemoryTransport, *keysyms: int | str) -> None:
    """Press and release keys, by keysym or by the characters of a text."""
    for one in keysyms:
        for code in [one] if isinstance(one, int) else map(ord, one):
            transport.send("key", code, 1)
            transport.send("key", code, 0)


def text_of(handler: EchoHandler) -> list[str]:
    """The rows of the viewport, without blanks at their ends."""

    def rows() -> Iterator[str]:
        bar = handler.terminal.emulator.scrollbar
        for number in range(bar.offset, bar.offset + bar.visible):
            row = handler.terminal.emulator.row_at(number)
            yield "".join(row.cells).rstrip() if row else ""

    lines = list(rows())
    while lines and not lines[-1]:
        lines.pop()
    return lines


def expected_picture(handler: EchoHandler) -> NDArray[np.uint8]:
    """What a viewer has to see, composed without the display: background, text, overlays."""
    terminal = handler.terminal
    layout, text = terminal.layout, terminal.layout.text
    picture = np.empty((layout.height, layout.width, 3), np.uint8)
    picture[:] = terminal.scheme.colours.background
    pixels = terminal.surface.pixels(Rect(0, 0, *terminal.surface.size))
    array = getattr(pixels, "array", None)
    if array is None:
        array = pixels.bgrx().array  # type: ignore[union-attr]
    picture[text.y : text.bottom, text.x : text.right] = array[..., 2::-1]
    return picture


async def settled(transport: MemoryTransport) -> None:
    """Until the newest picture has been painted."""
    await until(lambda: bool(transport.all("sync")))
    session = transport.receiver.session  # type: ignore[attr-defined]
    clock = session.frames._clock
    await until(lambda: not (clock.pending or clock.busy or session.display.changed))
