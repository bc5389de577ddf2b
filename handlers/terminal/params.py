"""The parameters of protocols with a terminal; `guacr.session.params` explains parameters."""

from __future__ import annotations

from dataclasses import dataclass

from guacr.api import ClipboardParams, Params, ReadOnlyParams, RecordingParams, order, param
from terminal.drawing.colours import PRESETS

FONT_SIZE_MIN, FONT_SIZE_MAX = 4, 144
"""Points."""
SCROLLBACK_MAX = 100_000
"""Rows."""


@dataclass(frozen=True, kw_only=True)
class TypescriptParams(Params):
    """The parameters of a typescript, a record of the host's output."""

    typescript_path: str = param(
        "",
        "Directory for typescripts; one is written if set. Clients may only name those of the "
        "setting recording.directories.",
        common=True,
    )
    typescript_name: str = param(
        "typescript",
        "Name of the typescript; .1 to .255 is appended if a file of this name exists.",
        common=True,
    )
    create_typescript_path: bool = param(
        False, "Create the last level of the typescript directory."
    )
    typescript_write_existing: bool = param(False, "Overwrite a typescript of the same name.")


@dataclass(frozen=True, kw_only=True)
class TerminalParams(ReadOnlyParams, ClipboardParams, RecordingParams, TypescriptParams):
    """The parameters of every protocol of a `TerminalHandler`."""

    ORDER = order(
        "font-name font-size color-scheme minimum-contrast terminal-type func-keys-and-keypad",
        "backspace scrollback",
        ClipboardParams,
        "read-only",
        TypescriptParams,
        RecordingParams,
    )

    font_name: str = param(
        "monospace", "Font family, by any name known to fontconfig.", common=True, live=True
    )
    font_size: int = param(
        12,
        "Font size in points.",
        common=True,
        live=True,
        minimum=FONT_SIZE_MIN,
        maximum=FONT_SIZE_MAX,
    )
    color_scheme: str = param(
        "",
        "Colours: gray-black (the default), black-white, green-black, white-black, or pairs like "
        "'background: #002b36; foreground: light gray; color1: rgb:d/3/2'.",
        common=True,
        live=True,
        suggestions=("", *filter(None, PRESETS)),
    )
    minimum_contrast: int = param(
        1,
        "Minimum contrast between text and background, as in WCAG 2: 1 leaves colours unchanged, "
        "7 suits low vision, 21 is black or white.",
        live=True,
        minimum=1,
        maximum=21,
    )
    terminal_type: str = param(
        "linux",
        "Value of TERM on the remote host; the codes of function keys depend on it.",
        common=True,
    )
    func_keys_and_keypad: str = param(
        "",
        "Codes of function keys and keypad: those of the terminal type, of the Linux console "
        "(esc), or of a VT100 (vt100).",
        choices=("", "esc", "vt100"),
    )
    backspace: int = param(
        127,
        "Code sent by Backspace: 127 (delete) or 8 (backspace).",
        common=True,
        minimum=0,
        maximum=127,
    )
    scrollback: int = param(
        1000, "Rows kept above the screen.", common=True, minimum=0, maximum=SCROLLBACK_MAX
    )


@dataclass(frozen=True, kw_only=True)
class HostTerminalParams(TerminalParams):
    """Additional parameters of protocols in which programs on the host draw the screen."""

    allow_clipboard_read: bool = param(
        False, "Let programs on the remote host read the clipboard (OSC 52)."
    )
    encoding: str = param(
        "",
        "Character set of the host, such as iso-8859-1, windows-1251, koi8-r, gbk, big5, "
        "shift_jis, euc-jp or cp437; empty for UTF-8.",
        common=True,
    )
