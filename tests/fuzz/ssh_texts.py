"""Fuzzes what guacr itself reads for SSH: private keys as people paste them, host keys, requests to
its agent, and the algorithms of a host."""

from __future__ import annotations

import contextlib
import struct
from pathlib import Path

import asyncssh

from guacr.errors import GuacrError
from handlers.ssh.agent import Agent
from handlers.ssh.armour import ordered
from handlers.ssh.failures import KeyFormatError, PassphraseError
from handlers.ssh.host_keys import pinned
from handlers.ssh.key_texts import read_private_key
from handlers.ssh.keys import is_public
from handlers.ssh.negotiation import explained, mismatches
from tests.fuzz.driver import main

_KEY = asyncssh.generate_private_key("ssh-ed25519")
TEXT = _KEY.export_private_key().decode()
AGENT = Agent(read_private_key(TEXT, None, ""), Path("/nonexistent"))


def _string(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


_LISTS = (b"curve25519-sha256", b"ssh-ed25519", *(b"aes128-ctr",) * 2, *(b"hmac-sha2-256",) * 2)
_KEXINIT = b"\x14" + bytes(16) + b"".join(map(_string, _LISTS))
_OTHER = b"\x14" + bytes(16) + b"".join(map(_string, (b"a", b"ssh-rsa", b"", b"x,y", b"z", b"")))
SAMPLES = [
    TEXT.encode(),
    TEXT.replace("\n", " ").encode(),
    _KEY.export_private_key("pkcs8-pem"),
    _KEY.export_public_key(),
    b"host " + _KEY.export_public_key(),
    b"SHA256:" + b"a" * 43,
    b"\x0b",
    b"\x0d" + _string(_KEY.public_data) + _string(b"data") + bytes(4),
    _string(b"SSH-2.0-a") + _string(b"SSH-2.0-b") + _string(_KEXINIT) + _string(_OTHER),
]


def one_input(data: bytes) -> None:
    """Read `data` as each of them."""
    text = data.decode(errors="replace")
    with contextlib.suppress(KeyFormatError, PassphraseError):
        read_private_key(ordered(text), None, "")
    is_public(text)
    with contextlib.suppress(GuacrError):
        pinned(text).check()
    if data:
        AGENT.reply(data)
    explained("host", mismatches(data))


if __name__ == "__main__":
    main(one_input, SAMPLES)
