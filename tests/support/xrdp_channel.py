"""A program of an xrdp session that echoes a static channel. Its arguments are the path of
libxrdpapi, the name of the channel, a greeting that is sent first, and how often."""

import ctypes
import sys
import time

TIMEOUT = 15.0
"""Seconds within which the channel must be there."""
READ_MAX = 1 << 16
WAIT = 1000
"""Milliseconds."""

api = ctypes.CDLL(sys.argv[1])
api.WTSVirtualChannelOpenEx.restype = ctypes.c_void_p
api.WTSVirtualChannelOpenEx.argtypes = [ctypes.c_uint32, ctypes.c_char_p, ctypes.c_uint32]
api.WTSVirtualChannelWrite.argtypes = [
    ctypes.c_void_p, ctypes.c_char_p, ctypes.c_uint32, ctypes.POINTER(ctypes.c_uint32),
]  # fmt: skip
api.WTSVirtualChannelRead.argtypes = [
    ctypes.c_void_p, ctypes.c_uint32, ctypes.c_char_p, ctypes.c_uint32,
    ctypes.POINTER(ctypes.c_uint32),
]  # fmt: skip


def write(channel: int, data: bytes) -> None:
    done = ctypes.c_uint32()
    while data:
        if not api.WTSVirtualChannelWrite(channel, data, len(data), ctypes.byref(done)):
            sys.exit("the channel cannot be written to")
        data = data[done.value :]


def main(name: str, greeting: str, count: str) -> None:
    deadline = time.monotonic() + TIMEOUT
    while not (channel := api.WTSVirtualChannelOpenEx(0xFFFFFFFF, name.encode(), 0)):
        if time.monotonic() > deadline:
            sys.exit("there is no such channel")
        time.sleep(0.1)
    for _ in range(int(count)):
        write(channel, greeting.encode())
    buffer, size = ctypes.create_string_buffer(READ_MAX), ctypes.c_uint32()
    while api.WTSVirtualChannelRead(channel, WAIT, buffer, READ_MAX, ctypes.byref(size)):
        write(channel, buffer.raw[: size.value])


main(*sys.argv[2:])
