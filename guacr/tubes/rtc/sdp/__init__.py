"""Session descriptions, as values and as text."""

from guacr.tubes.rtc.sdp.text import decode, encode, parse, write

__all__ = ["decode", "encode", "parse", "write"]
