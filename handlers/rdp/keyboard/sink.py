"""The keyboard messages to an RDP server."""

from __future__ import annotations

from typing import NamedTuple, Protocol


class Locks(NamedTuple):
    """The locks of a keyboard that are on."""

    scroll: bool = False
    num: bool = False
    caps: bool = False
    kana: bool = False


class KeySink(Protocol):
    """Receives the input events of [MS-RDPBCGR] 2.2.8.1.1.3.1.1 and their fast-path equivalents."""

    def scancode(self, code: int, *, extended: bool, pressed: bool) -> None:
        """Press or release a key by its code in scan code set 1, 0x01 to 0x7F. The codes of
        `extended` keys have the prefix 0xE0 (KBDFLAGS_EXTENDED). A key that is pressed again before
        it was released repeats."""

    def unicode(self, unit: int, *, pressed: bool) -> None:
        """Press or release a key that types a UTF-16 code unit, whatever the server's layout is.
        Characters above U+FFFF are two units. Only servers with INPUT_FLAG_UNICODE accept it."""

    def locks(self, *, scroll: bool, num: bool, caps: bool, kana: bool) -> None:
        """Set the state of the locks (TS_SYNC_EVENT). Servers also release all keys."""

    def pause(self) -> None:
        """Press and release Pause, the only key with the prefix 0xE1: 0x1D with
        KBDFLAGS_EXTENDED1, 0x45, then the same released, as the protocol requires."""
