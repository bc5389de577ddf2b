"""RFB (RFC 6143, rfbproto.rst) without I/O: bytes in, events out."""
