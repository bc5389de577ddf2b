"""The options of a terminal, from a session's parameters and the daemon's settings."""

from __future__ import annotations

from guacr.api import SessionContext, Settings
from handlers.terminal.fonts import directories
from handlers.terminal.params import TerminalParams
from terminal.terminal import TerminalOptions

REHEARSAL_SIZE = (1024, 768)
"""The size in pixels of the terminal that is used once before there are sessions."""


def wanted(session: SessionContext, params: TerminalParams, font_name: str) -> TerminalOptions:
    """Return the options for a session; `font_name` is the name of an available font."""
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
        minimum_contrast=params.minimum_contrast,
        clipboard_bytes=session.clipboard_limit,
        scrollback_rows=params.scrollback,
        image_bytes=defaults.image_bytes,
        executor=session.executor,
        screen_reports=defaults.screen_reports,
        engine=defaults.engine,
        font_directories=directories(defaults),
    )


def warm_up_options(settings: Settings) -> TerminalOptions:
    """Return the options of the terminal that warms up shared data, once for all sessions."""
    defaults = settings.terminal
    return TerminalOptions(
        width=REHEARSAL_SIZE[0],
        height=REHEARSAL_SIZE[1],
        font_name=defaults.font_name,
        font_size=defaults.font_size,
        engine=defaults.engine,
        font_directories=directories(defaults),
    )
