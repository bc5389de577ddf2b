"""VNC."""

from handlers.vnc.handler import VncHandler

__all__ = ["VncHandler"]
