"""What the client says of its channels; `tests.handlers.rdp.test_introduction` reads the rest from
whole connections."""

from __future__ import annotations

import struct

import pytest

from handlers.rdp.aardwolf import introduction
from handlers.rdp.aardwolf.settings import Settings

NETWORK = 0xC003


def test_channels() -> None:
    blocks = introduction.blocks(Settings(), 1, {"cliprdr": True, "drdynvc": False})
    network = blocks[blocks.index(struct.pack("<HH", NETWORK, 32)) :]
    assert network[4:] == struct.pack("<I8sI8sI", 2, b"cliprdr", 0xC0200000, b"drdynvc", 0xC0000000)


def test_the_secret_of_a_login_is_not_shown() -> None:
    settings = Settings(password="sesame", redirection_password=b"sesame")
    assert "sesame" not in repr(settings)
    assert b"s\0e\0s\0" in introduction.logon(Settings(password="sesame"), "")


def test_settings() -> None:
    settings = Settings()
    assert settings.put("DesktopWidth", "640")
    assert settings.put("KeyboardSubType", "7")
    assert settings.put("NlaSecurity", "FALSE")
    assert settings.put("GfxH264", "TRUE")  # only FreeRDP's
    assert not settings.put("DesktopHeight", "many")
    assert settings.put_block("LoadBalanceInfo", b"x")
    assert not settings.put_block("RedirectionGuid", b"x")
    assert (settings.desktop_width, settings.keyboard_sub_type) == (640, 7)
    assert not settings.nla_security
    assert settings.load_balance_info == b"x"


@pytest.mark.parametrize(("asked", "used"), [(8, 16), (15, 16), (16, 16), (24, 32), (32, 32)])
def test_depths(asked: int, used: int) -> None:
    assert introduction.depth(Settings(color_depth=asked)) == used
