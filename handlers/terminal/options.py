"""What a terminal is made with, out of a session's parameters and the daemon's settings."""

from __future__ import annotations

from typing import cast

from guacr.session.params import Params
from guacr.session.session import Session
from guacr.settings import Settings
from handlers.terminal.fonts import directories
from handlers.terminal.params import TerminalParams
from terminal.terminal import TerminalOptions

REHEARSAL_SIZE = (1024, 768)
"""Pixels of the terminal that is used once before there are sessions."""


def wanted(session: Session, given: Params, font_name: str) -> TerminalOptions:
    """For a session; `font_name` is that of a font there is."""
    params = cast(TerminalParams, given)
    defaults = session.settings.terminal
    width, height = session.size
    return TerminalOptions(
        width=width,
        height=height,
        dpi=session.owner_info.dpi,
        font_name=font_name,
        font_size=params.font_size,
        colour_scheme=params.color_scheme,
        terminal_type=params.terminal_type,
        function_keys=params.func_keys_and_keypad,
        backspace=params.backspace,
        minimum_contrast=getattr(params, "minimum_contrast", 1),
        clipboard_bytes=session.clipboard_limit_for(given),
        scrollback_rows=params.scrollback,
        image_bytes=defaults.image_bytes,
        executor=session.executor,
        screen_reports=defaults.screen_reports,
        engine=defaults.engine,
        font_directories=directories(defaults),
    )


def rehearsed(settings: Settings) -> TerminalOptions:
    """For the rehearsal of what all sessions have in common."""
    defaults = settings.terminal
    return TerminalOptions(
        width=REHEARSAL_SIZE[0],
        height=REHEARSAL_SIZE[1],
        font_name=defaults.font_name,
        font_size=defaults.font_size,
        engine=defaults.engine,
        font_directories=directories(defaults),
    )
