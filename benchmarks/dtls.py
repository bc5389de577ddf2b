"""DTLS: the processor time of records and handshakes, beside that of the cipher alone."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from benchmarks import table
from benchmarks.table import print_table
from guacr.tubes.rtc.dtls.certificate import Certificate
from guacr.tubes.rtc.dtls.connection import Dtls, DtlsState

SIZES = (64, 1200)
"""Bytes of data in a record: a keystroke, and a full packet."""
BATCH = 500
NONCE, HEADER = bytes(12), bytes(13)


def seconds(work: Callable[[], object]) -> float:
    """The processor time of a call."""
    return table.seconds(work, time.thread_time)


def main() -> None:
    """Print the tables."""
    columns = ["data", "send and take, us", "receive, us", "encrypt, us", "decrypt, us"]
    print_table("DTLS: a record, and AESGCM of cryptography alone", columns, [*map(_row, SIZES)])
    rows = [
        ["a certificate", seconds(Certificate.create) * 1e3],
        ["a handshake, both ends with new certificates", seconds(lambda: _connected()) * 1e3],
    ]
    print_table("DTLS: connections", ["", "ms"], rows)


def _row(size: int) -> list[object]:
    one, other = _connected()
    data = os.urandom(size)
    cipher = AESGCM(os.urandom(16))
    encrypted = cipher.encrypt(NONCE, data, HEADER)

    def send() -> None:
        one.send(data)
        one.take()

    return [
        f"{size} B",
        seconds(send) * 1e6,
        _receiving(one, other, data) * 1e6,
        seconds(lambda: cipher.encrypt(NONCE, data, HEADER)) * 1e6,
        seconds(lambda: cipher.decrypt(NONCE, encrypted, HEADER)) * 1e6,
    ]


def _receiving(one: Dtls, other: Dtls, data: bytes) -> float:
    """Seconds for a record, the median of several rounds: each record counts once only."""
    rounds = []
    for _ in range(30):
        for _ in range(BATCH):
            one.send(data)
        datagrams = one.take()
        begin = time.thread_time()
        for datagram in datagrams:
            other.receive(datagram, 0.0)
        rounds.append((time.thread_time() - begin) / BATCH)
    return sorted(rounds)[len(rounds) // 2]


def _connected() -> tuple[Dtls, Dtls]:
    own, remote = Certificate.create(), Certificate.create()
    one = Dtls(own, is_client=True, remote_fingerprints=[remote.fingerprint])
    other = Dtls(remote, is_client=False, remote_fingerprints=[own.fingerprint])
    other.start(0.0)
    one.start(0.0)
    while other.state is DtlsState.CONNECTING or one.state is DtlsState.CONNECTING:
        for datagram in one.take():
            other.receive(datagram, 0.0)
        for datagram in other.take():
            one.receive(datagram, 0.0)
    return one, other


if __name__ == "__main__":
    main()
