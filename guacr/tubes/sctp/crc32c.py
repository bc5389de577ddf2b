"""The checksum of SCTP packets (RFC 9260 section 6.8)."""

from __future__ import annotations

from google_crc32c import extend

__all__ = ["extend"]
