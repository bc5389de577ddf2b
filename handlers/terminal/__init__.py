"""What all protocols share that show a terminal."""

from handlers.terminal.handler import TerminalHandler

__all__ = ["TerminalHandler"]
