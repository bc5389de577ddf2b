"""Parameters that the protocols with a terminal share, one function each; see `param`.

A protocol lists them among its own, in guacd's order:

    font_name: str = params.font_name()
"""

from __future__ import annotations

from typing import Any, Protocol

from guacr.session.params import param
from terminal.colours import PRESETS

FONT_SIZE_MIN, FONT_SIZE_MAX = 4, 144
"""Points."""
SCROLLBACK_MAX = 100_000
"""Rows."""
CLIPBOARD_MIN, CLIPBOARD_MAX = 262_144, 52_428_800
"""Bytes, as guacd has it."""


class TerminalParams(Protocol):
    """What `TerminalHandler` reads of a protocol's parameters."""

    @property
    def font_name(self) -> str:
        """See the function of that name; so for the others."""

    @property
    def font_size(self) -> int: ...  # noqa: D102

    @property
    def color_scheme(self) -> str: ...  # noqa: D102

    @property
    def terminal_type(self) -> str: ...  # noqa: D102

    @property
    def func_keys_and_keypad(self) -> str: ...  # noqa: D102

    @property
    def backspace(self) -> int: ...  # noqa: D102

    @property
    def scrollback(self) -> int: ...  # noqa: D102

    def asked_later(self) -> list[str]:
        """See `Params.asked_later`."""


# ---- the terminal


def font_name() -> Any:
    """The font's family."""
    return param("monospace", "Font family, by any name that fontconfig knows.",
                 common=True, live=True)  # fmt: skip


def font_size() -> Any:
    """The font's size."""
    return param(12, "Font size in points.", common=True, live=True,
                 minimum=FONT_SIZE_MIN, maximum=FONT_SIZE_MAX)  # fmt: skip


def color_scheme() -> Any:
    """The colours."""
    return param(
        "",
        "Colours: gray-black (the default), black-white, green-black, white-black, or pairs like "
        "'background: #002b36; foreground: light gray; color1: rgb:d/3/2'.",
        common=True,
        live=True,
        suggestions=("", *filter(None, PRESETS)),
    )


def minimum_contrast() -> Any:
    """For readers with low vision."""
    return param(
        1,
        "Least contrast of text to its background, as WCAG 2 has it: 1 leaves the colours alone, "
        "7 suits low vision, 21 is black or white.",
        live=True,
        minimum=1,
        maximum=21,
    )


def terminal_type() -> Any:
    """TERM."""
    return param(
        "linux",
        "Value of TERM on the remote host; the codes of function keys follow it.",
        common=True,
    )


def func_keys_and_keypad() -> Any:
    """Whose codes the function keys send."""
    return param(
        "",
        "Codes of function keys and keypad: those of the terminal type, of the Linux console "
        "(esc), or of a VT100 (vt100).",
        choices=("", "esc", "vt100"),
    )


def backspace() -> Any:
    """What Backspace sends."""
    return param(
        127,
        "Code that Backspace sends: 127 (delete) or 8 (backspace).",
        common=True,
        minimum=0,
        maximum=127,
    )


def scrollback() -> Any:
    """How far back one can scroll."""
    return param(1000, "Rows kept above the screen.", common=True,
                 minimum=0, maximum=SCROLLBACK_MAX)  # fmt: skip


def encoding() -> Any:
    """The host's character set."""
    return param(
        "",
        "Character set of the host, such as iso-8859-1, windows-1251, koi8-r, gbk, big5, "
        "shift_jis, euc-jp or cp437; empty for UTF-8.",
        common=True,
    )


# ---- the clipboard, and what users may do


def clipboard_buffer_size() -> Any:
    """The clipboard's bound."""
    return param(CLIPBOARD_MIN, "Bytes that the clipboard may hold; `max_clipboard` may be more.",
                 minimum=CLIPBOARD_MIN, maximum=CLIPBOARD_MAX)  # fmt: skip


def disable_copy() -> Any:
    """No copying."""
    return param(False, "Do not give the client what is copied in the terminal.",
                 common=True, personal=True)  # fmt: skip


def disable_paste() -> Any:
    """No pasting."""
    return param(False, "Do not take what the client has copied.",
                 common=True, personal=True)  # fmt: skip


def read_only() -> Any:
    """No input."""
    return param(False, "Ignore all input of this user.", common=True, personal=True)


def allow_clipboard_read() -> Any:
    """Programs may read the clipboard."""
    return param(False, "Let programs on the remote host read the clipboard (OSC 52).")


# ---- typescripts


def typescript_path() -> Any:
    """Where typescripts go."""
    return param("", "Directory for typescripts; makes one when set.", common=True, later=True)


def typescript_name() -> Any:
    """A typescript's name."""
    return param("typescript", "Base name of the typescript's files.", common=True, later=True)


def create_typescript_path() -> Any:
    """Whether to make its directory."""
    return param(False, "Make the last level of the typescript's directory.", later=True)


def typescript_write_existing() -> Any:
    """Whether to write over files."""
    return param(False, "Write over a typescript of the same name.", later=True)


# ---- recordings


def recording_path() -> Any:
    """Where recordings go."""
    return param("", "Directory for recordings; makes one when set.", common=True, later=True)


def recording_name() -> Any:
    """A recording's name."""
    return param("recording", "Base name of the recording's file.", common=True, later=True)


def recording_exclude_output() -> Any:
    """No pictures."""
    return param(False, "Leave the pictures out of the recording.", later=True)


def recording_exclude_mouse() -> Any:
    """No pointer."""
    return param(False, "Leave the pointer out of the recording.", later=True)


def recording_include_keys() -> Any:
    """Keys, too."""
    return param(False, "Have the keys in the recording; passwords are keys, too.", later=True)


def recording_include_clipboard() -> Any:
    """The clipboard, too."""
    return param(False, "Have the clipboard in the recording, both ways.", later=True)


def create_recording_path() -> Any:
    """Whether to make its directory."""
    return param(False, "Make the last level of the recording's directory.",
                 common=True, later=True)  # fmt: skip


def recording_write_existing() -> Any:
    """Whether to write over files."""
    return param(False, "Write over a recording of the same name.", later=True)


# ---- wake on LAN


def wol_send_packet() -> Any:
    """Whether to wake the host."""
    return param(False, "Send a wake-on-LAN packet before connecting.", later=True)


def wol_mac_addr() -> Any:
    """Whom to wake."""
    return param("", "Ethernet address of the host to wake.", later=True)


def wol_broadcast_addr() -> Any:
    """Where to send the packet."""
    return param("255.255.255.255", "IPv4 broadcast or IPv6 multicast address that the packet "
                 "goes to.", later=True)  # fmt: skip


def wol_udp_port() -> Any:
    """Which port to send it to."""
    return param(9, "UDP port that the packet goes to.", later=True, minimum=0, maximum=65535)


def wol_wait_time() -> Any:
    """How long to wait for the host."""
    return param(0, "Seconds that the host is given to wake up, at each of five attempts.",
                 later=True, minimum=0)  # fmt: skip
