"""The terminal that runs on the server: bytes of a host become cells, cells become pixels.

No asyncio, no socket and no clock stand in this package: who drives it passes bytes in, and takes
bytes and pictures out.
"""
