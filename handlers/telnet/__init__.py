"""Telnet in a terminal."""

from handlers.telnet.handler import TelnetHandler

__all__ = ["TelnetHandler"]
