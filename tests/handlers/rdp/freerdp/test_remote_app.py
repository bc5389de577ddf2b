"""The RAIL channel, called as FreeRDP calls it."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from ctypes import c_uint32, c_void_p
from types import SimpleNamespace
from typing import Any, cast

import pytest

from handlers.rdp.freerdp.client import Client
from handlers.rdp.freerdp.remote_app import RemoteApp
from handlers.rdp.freerdp.structs import (
    CONTEXT,
    SLOT,
    Rail,
    RailHandshake,
    RailSystemParameters,
    Update,
    WindowUpdate,
    slot,
)

_HANDSHAKE = ctypes.CFUNCTYPE(c_uint32, c_void_p, c_void_p)
FUNCTIONS = (
    "ClientHandshake",
    "ClientInformation",
    "ClientSystemParam",
    "ClientExecute",
)


class FreeRdp:
    """FreeRDP's side of the channel, as a client shows it."""

    def __init__(self, version: tuple[int, int, int]) -> None:
        self.called: list[str] = []
        self.areas: list[list[int]] = []
        self.numbers = {"DesktopWidth": 800, "DesktopHeight": 600}
        self.library = SimpleNamespace(version=version)
        self.settings = SimpleNamespace(number=self.numbers.__getitem__, text=lambda _name: "pad")
        self._kept: list[Any] = []
        self._slots = ctypes.create_string_buffer(SLOT * 64)
        self.context = ctypes.addressof(self._slots)
        self._windows, self._update, self._rail = WindowUpdate(), Update(), Rail()
        self._update.window = ctypes.addressof(self._windows)
        slot(self.context, CONTEXT["update"]).value = ctypes.addressof(self._update)
        for name in FUNCTIONS:
            setattr(self._rail, name, self._function(name))
        self.remote_app = RemoteApp(cast(Client, self), lambda _message: None)
        self.remote_app.open(ctypes.addressof(self._rail))

    def callback(self, result: Any, function: Callable[..., Any], *arguments: Any) -> int:
        made = ctypes.CFUNCTYPE(result, *arguments)(function)
        self._kept.append(made)
        return ctypes.cast(made, c_void_p).value or 0

    def _function(self, name: str) -> int:
        def called(_rail: int, order: int) -> int:
            self.called.append(name)
            if name == "ClientSystemParam":
                self.areas.append(list(RailSystemParameters.from_address(order).workArea))
            return 0

        return self.callback(c_uint32, called, c_void_p, c_void_p)

    def shake_hands(self) -> None:
        order = RailHandshake(1)
        function = _HANDSHAKE(cast(Any, self._rail).ServerHandshake)
        assert not function(ctypes.addressof(self._rail), ctypes.addressof(order))


@pytest.mark.parametrize(
    ("version", "answered"), [((2, 11, 7), 0), ((3, 26, 9), 0), ((3, 27, 0), 1), ((3, 30, 1), 1)]
)
def test_later_versions_leave_the_answer_to_clients(
    version: tuple[int, int, int], answered: int
) -> None:
    freerdp = FreeRdp(version)
    freerdp.shake_hands()
    assert freerdp.called == list(FUNCTIONS[1 - answered :])


def test_windows_have_the_whole_desktop() -> None:
    freerdp = FreeRdp((3, 15, 0))
    freerdp.remote_app.follow_size()
    assert not freerdp.areas  # nothing may precede the handshake
    freerdp.shake_hands()
    freerdp.numbers["DesktopWidth"] = 1000
    freerdp.remote_app.follow_size()
    freerdp.remote_app.close()
    freerdp.remote_app.follow_size()
    assert freerdp.areas == [[0, 0, 800, 600], [0, 0, 1000, 600]]
