"""Fuzzes the decoder of SFTP: bytes of a server have only the errors that are documented, and every
name can be given back."""

from __future__ import annotations

import contextlib

from handlers.sftp.names import Names
from handlers.sftp.wire import Decoder, Kind, StatusError, WireError, checked, names
from tests.fuzz.driver import main
from tests.handlers.sftp.test_wire import BYTES, PACKETS

SAMPLES = [BYTES, *(one.body for one in PACKETS)]
EXPECTED = (Kind.STATUS, Kind.HANDLE, Kind.DATA, Kind.NAME, Kind.ATTRS)


def one_input(data: bytes) -> None:
    """Decode all packets in `data`, as every type of answer."""
    assert Names().encode(Names().decode(data)) == data
    decoder = Decoder()
    with contextlib.suppress(WireError):
        for answer in decoder.feed(data[:7]) + decoder.feed(data[7:]):
            for kind in EXPECTED:
                with contextlib.suppress(WireError, StatusError):
                    checked(answer, kind).string()
                with contextlib.suppress(WireError, StatusError):
                    checked(answer, kind).attributes()
                with contextlib.suppress(WireError, StatusError):
                    for _ in names(checked(answer, kind)):
                        pass


if __name__ == "__main__":
    main(one_input, SAMPLES)
