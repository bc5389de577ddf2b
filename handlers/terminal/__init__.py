"""The common part of all protocols that show a terminal."""

from handlers.terminal.handler import TerminalHandler

__all__ = ["TerminalHandler"]
