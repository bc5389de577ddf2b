"""Private keys that would keep the daemon busy."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from guacr.sshlib import String, UInt32, asyncssh
from handlers.ssh.derivation import ITERATIONS_MAX, ROUNDS_MAX
from handlers.ssh.failures import KeyFormatError
from handlers.ssh.keys import check_private_key

KEY = asyncssh.generate_private_key("ssh-ed25519")
PRIMES = (2**4253 - 1, 2**4423 - 1)
"""Of Mersenne, so that the test need not look for any."""


def pem(label: str, data: bytes) -> str:
    text = base64.encodebytes(data).decode()
    return f"-----BEGIN {label}-----\n{text}-----END {label}-----\n"


def body(text: str) -> bytes:
    return base64.b64decode("".join(text.splitlines()[1:-1]))


def rsa(p: int, q: int, *, d: int | None = None) -> str:
    n, e = p * q, 65537
    if d is None:
        d = pow(e, -1, (p - 1) * (q - 1))
    numbers = (0, n, e, d, p, q, d % (p - 1), d % (q - 1), pow(q, -1, p))
    parts = b"".join(_integer(number) for number in numbers)
    return pem("RSA PRIVATE KEY", b"\x30" + _length(len(parts)) + parts)


def _integer(number: int) -> bytes:
    data = number.to_bytes(number.bit_length() // 8 + 1, "big")
    return b"\x02" + _length(len(data)) + data


def _length(size: int) -> bytes:
    return b"\x82" + size.to_bytes(2, "big")


def refused(text: str, match: str) -> None:
    with pytest.raises(KeyFormatError, match=match):
        check_private_key(text, "secret", "")


def with_rounds(rounds: int) -> str:
    text = KEY.export_private_key(
        "openssh", passphrase="secret", rounds=16, ignore_few_rounds=True
    ).decode()
    salt_end = String(bytes(16))[:4]
    data = body(text)
    at = data.index(salt_end) + 20
    return pem("OPENSSH PRIVATE KEY", data[:at] + UInt32(rounds) + data[at + 4 :])


def with_iterations(iterations: int, **options: Any) -> str:
    text = KEY.export_private_key("pkcs8-pem", passphrase="secret", **options).decode()
    usual, other = b"\x02\x02\x08\x00", b"\x02\x04" + iterations.to_bytes(4, "big")
    data = body(text)
    assert data.count(usual) == 1
    return pem("ENCRYPTED PRIVATE KEY", _longer(data, data.index(usual), usual, other))


def _longer(data: bytes, at: int, usual: bytes, other: bytes) -> bytes:
    """`data` with a longer integer, and with the lengths of what is around it."""
    start = 0
    changed = bytearray(data)
    while start < at:  # every sequence on the way down is around the integer, or before it
        header = 2 if data[start + 1] < 0x80 else 2 + (data[start + 1] & 0x7F)
        length = int.from_bytes(data[start + 2 : start + header] or data[start + 1 : start + 2])
        if start + header + length > at and data[start] == 0x30:
            longer = length + len(other) - len(usual)
            changed[start + header - 1] = longer & 0xFF
            start += header
        else:
            start += header + length
    return bytes(changed[:at]) + other + bytes(changed[at + len(usual) :])


def test_rounds_without_end_are_refused() -> None:
    refused(with_rounds(ROUNDS_MAX + 1), f"hashes its passphrase {ROUNDS_MAX + 1} times")
    refused(with_rounds(2**31), "at most 1024 are accepted: re-encrypt it with ssh-keygen -p")
    refused(with_rounds(0), "its encryption parameters are invalid")
    check_private_key(with_rounds(16), "secret", "")


@pytest.mark.parametrize(
    "options",
    [{}, {"pbe_version": 1, "cipher_name": "des3-cbc", "hash_name": "sha1"}],
    ids=["PBKDF2", "PKCS#12"],
)
def test_iterations_without_end_are_refused(options: dict[str, Any]) -> None:
    refused(with_iterations(2**30, **options), f"at most {ITERATIONS_MAX} are accepted")
    refused(with_iterations(ITERATIONS_MAX + 1, **options), "hashes its passphrase 5000001 times")


def test_large_rsa_keys_are_refused_at_once() -> None:
    refused(rsa(*PRIMES), "is an RSA key of 8676 bits, and at most 8192 are accepted")


def test_an_rsa_key_whose_parts_do_not_fit_is_damaged() -> None:
    p, q = 2**521 - 1, 2**607 - 1
    check_private_key(rsa(p, q), "", "")
    refused(rsa(p, q, d=65539), "the key itself is damaged")


def test_nesting_without_end_is_refused() -> None:
    nested = b""
    for _ in range(5000):
        nested = b"\x30\x83" + len(nested).to_bytes(3, "big") + nested
    refused(pem("PRIVATE KEY", nested), "the key itself is damaged")
