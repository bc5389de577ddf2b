"""DTLS 1.2 without I/O (RFC 6347), as WebRTC uses it (RFC 8827), by OpenSSL.

Both peers have certificates that they signed themselves. Each trusts the one whose fingerprint is
in the other's session description (RFC 8122); it is compared within the handshake, before any data
is encrypted or decrypted.

There is no exchange of cookies, which prevents that a server sends its certificate to forged
addresses: packets are sent only on a path that ICE has verified with the peer's password. A client
answers servers that ask for a cookie.

The only version is 1.2, since the headers of records in 1.3 are others; the ciphers are those with
forward secrecy and authenticated encryption (AEAD).

OpenSSL repeats a lost flight of the handshake by a clock of its own, after 1 s, 2 s, 4 s and so on.
That is long for one lost packet, so the same messages are in addition sent again much sooner.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from enum import StrEnum

from OpenSSL import SSL, crypto

from guacr.errors import clause
from guacr.tubes.errors import DtlsError, DtlsTimeoutError, FingerprintError
from guacr.tubes.rtc.dtls.certificate import Certificate
from guacr.tubes.rtc.dtls.fingerprint import Fingerprint, matches
from guacr.tubes.rtc.dtls.records import (
    CHANGE_CIPHER_SPEC,
    HANDSHAKE,
    Numbering,
    datagrams_of,
    is_one_record_of_data,
)

HANDSHAKE_TIMEOUT = 30.0
"""Seconds from the start."""
RESEND_FIRST, RESEND_MAX = 0.25, 2.0
"""Seconds after which a flight is repeated; each wait is twice the one before."""
REPLY_INTERVAL = 0.1
"""Seconds between repetitions of the last flight, for a peer that repeats its own."""
EARLY_MAX = 8
"""Datagrams that are kept before the start: a peer's path may stand sooner than ours."""
MTU = 1200
"""Bytes of a datagram in the handshake."""
PLAINTEXT_MAX = 16 * 1024
DATAGRAM_MAX = PLAINTEXT_MAX + 64
"""Longer datagrams are dropped: OpenSSL would take them in parts."""
HANDSHAKE_MAX = 256 * 1024
"""Bytes that are received before the handshake has ended: what OpenSSL can be made to keep, and a
hundred times what a handshake takes."""

VERSION = 0xFEFD  # DTLS 1.2
CIPHERS = (
    b"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
    b"ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:"
    b"ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384"
)
SRTP_PROFILE = b"SRTP_AES128_CM_SHA1_80"
"""Offered, though no media follows: keeper-pam-webrtc-rs and aiortc end the connection without."""

_RECORD_OVERHEAD = 64
_WRITTEN_MAX = 256 * 1024
_VERIFY = SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT


class DtlsState(StrEnum):
    """The course of a connection; `CLOSED` and `FAILED` are final."""

    NEW = "new"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    CLOSED = "closed"
    FAILED = "failed"


class Dtls:
    """One end of a connection: datagrams in and out, and the data that they carry.

    All times are in seconds on one monotonic clock. After each call, `take` has the datagrams to
    send, and `deadline` the time when `handle_timeout` is due.

    Args:
        certificate: our own.
        is_client: whether we begin the handshake.
        remote_fingerprints: of the peer's certificate.
        mtu: bytes of a datagram in the handshake.
        handshake_timeout: seconds for the handshake.
    """

    def __init__(
        self,
        certificate: Certificate,
        *,
        is_client: bool,
        remote_fingerprints: Iterable[Fingerprint],
        mtu: int = MTU,
        handshake_timeout: float = HANDSHAKE_TIMEOUT,
    ) -> None:
        self._peer = _Peer(remote_fingerprints)
        self._connection = SSL.Connection(_context(certificate))
        self._connection.set_verify(_VERIFY, self._peer.verify)
        self._connection.set_ciphertext_mtu(mtu)
        if is_client:
            self._connection.set_connect_state()
        else:
            self._connection.set_accept_state()
        self._mtu = mtu
        self._timeout = handshake_timeout
        self._state = DtlsState.NEW
        self._early: list[bytes] = []
        self._out: list[bytes] = []
        self._flight: list[bytes] = []
        self._wait = RESEND_FIRST
        self._resend_at = self._give_up_at = 0.0
        self._received = 0
        self._numbering = Numbering()

    @property
    def state(self) -> DtlsState:
        """How far the connection is."""
        return self._state

    @property
    def cipher(self) -> str | None:
        """OpenSSL's name of the cipher, once there is one."""
        return self._connection.get_cipher_name()

    @property
    def deadline(self) -> float | None:
        """When `handle_timeout` is due; None outside of the handshake."""
        if self._state is not DtlsState.CONNECTING:
            return None
        return min(self._resend_at, self._give_up_at) if self._flight else self._give_up_at

    def start(self, now: float) -> None:
        """Begin the handshake, with the datagrams that were received before.

        Raises:
            DtlsError: it has failed because of these.
        """
        if self._state is not DtlsState.NEW:
            return
        self._state = DtlsState.CONNECTING
        self._give_up_at = now + self._timeout
        self._shake_hands(now)
        early, self._early = self._early, []
        for datagram in early:
            self.receive(datagram, now)  # data is not among it: that takes an answer of ours

    def receive(self, datagram: bytes | memoryview, now: float) -> list[bytes]:
        """Return the data that a datagram carries.

        What is not DTLS, a replay or a forgery is dropped, as a network may drop it. Only messages
        of the handshake are not protected, so that a forged one may end it.

        Raises:
            FingerprintError: the peer's certificate is not the one that was announced.
            DtlsError: the handshake has failed, or the peer has reported an error.
        """
        if not 0 < len(datagram) <= DATAGRAM_MAX:
            return []
        if self._state is DtlsState.CONNECTED:
            if is_one_record_of_data(datagram):
                return self._receive_data(datagram)
            return self._receive_records(datagram, now)
        if self._state is DtlsState.CONNECTING:
            return self._receive_flight(datagram, now)
        if self._state is DtlsState.NEW and len(self._early) < EARLY_MAX:
            self._early.append(bytes(datagram))
        return []

    def send(self, data: bytes | memoryview) -> None:
        """Encrypt data into a datagram of its own, as long as the connection stands.

        Without one, or after its end, data is dropped, as a network may drop it.

        Args:
            data: 1 to `PLAINTEXT_MAX` bytes.

        Raises:
            DtlsError: OpenSSL has refused.
        """
        if self._state is not DtlsState.CONNECTED:
            return
        size = len(data)
        if not 0 < size <= PLAINTEXT_MAX:
            raise ValueError(f"a record has 1 to {PLAINTEXT_MAX} bytes, not {size}")
        try:
            self._connection.send(data)
            self._out.append(self._connection.bio_read(size + _RECORD_OVERHEAD))
        except SSL.Error as error:
            raise self._failed(error) from error

    def take(self) -> list[bytes]:
        """Return the datagrams to send, in order, and forget them."""
        out, self._out = self._out, []
        return out

    def handle_timeout(self, now: float) -> None:
        """Repeat what the peer may have lost, or give up.

        Raises:
            DtlsTimeoutError: the handshake has not ended in time.
            DtlsError: OpenSSL has given up.
        """
        if self._state is not DtlsState.CONNECTING:
            return
        if now >= self._give_up_at:
            self._state = DtlsState.FAILED
            raise DtlsTimeoutError(
                f"the DTLS handshake has not ended in {self._timeout:g} s: the peer does not answer"
            )
        if now >= self._resend_at:
            self._resend(now)

    def close(self) -> None:
        """End the connection, and tell the peer."""
        if self._state is DtlsState.CONNECTED:
            self._say_goodbye()
        if self._state is not DtlsState.FAILED:
            self._state = DtlsState.CLOSED

    def _receive_data(self, datagram: bytes | memoryview) -> list[bytes]:
        """The usual case, which leaves nothing else to read, and nothing to send."""
        try:
            self._connection.bio_write(datagram)
            return [self._connection.recv(len(datagram))]
        except SSL.WantReadError:
            return []
        except SSL.Error as error:
            raise self._failed(error) from error

    def _receive_records(self, datagram: bytes | memoryview, now: float) -> list[bytes]:
        self._connection.bio_write(datagram)
        found = self._read()
        repeats = datagram[0] in (CHANGE_CIPHER_SPEC, HANDSHAKE)
        if not self._flush() and repeats and now >= self._resend_at:
            # The peer has lost our last flight, for which there is no time-out on our side.
            self._repeat_flight()
            self._resend_at = now + REPLY_INTERVAL
        return found

    def _receive_flight(self, datagram: bytes | memoryview, now: float) -> list[bytes]:
        self._received += len(datagram)
        if self._received > HANDSHAKE_MAX:
            self._state = DtlsState.FAILED
            raise DtlsError(f"the DTLS handshake has more than {HANDSHAKE_MAX} bytes")
        self._connection.bio_write(datagram)
        self._shake_hands(now)
        return self._read() if self._state is DtlsState.CONNECTED else []

    def _shake_hands(self, now: float) -> None:
        """Let OpenSSL go on with what it has received."""
        try:
            self._connection.do_handshake()
        except SSL.WantReadError:
            self._sent(self._flush(), now)
            return
        except SSL.Error as error:
            raise self._failed(error) from error
        if not self._peer.is_verified:
            raise self._failed(SSL.Error([("", "", "the peer has no certificate")]))
        self._state = DtlsState.CONNECTED
        self._flight = self._flush()
        self._resend_at = now + REPLY_INTERVAL

    def _read(self) -> list[bytes]:
        """All data of the records that have been received."""
        found: list[bytes] = []
        try:
            while True:
                found.append(self._connection.recv(PLAINTEXT_MAX))
        except SSL.WantReadError:
            pass
        except SSL.ZeroReturnError:
            self._say_goodbye()
            self._state = DtlsState.CLOSED
        except SSL.Error as error:
            raise self._failed(error) from error
        return found

    def _sent(self, flight: list[bytes], now: float) -> None:
        """Note a new flight, if it is one."""
        if flight:
            self._flight = flight
            self._wait = RESEND_FIRST
            self._resend_at = now + self._wait

    def _resend(self, now: float) -> None:
        try:
            self._connection.DTLSv1_handle_timeout()  # in new records, if OpenSSL's time has come
        except SSL.Error as error:
            raise self._failed(error) from error
        again = self._flush()
        if again:
            self._flight = again
        else:
            self._repeat_flight()
        self._wait = min(self._wait * 2, RESEND_MAX)
        self._resend_at = now + self._wait

    def _repeat_flight(self) -> None:
        self._flight = [self._numbering.renew(datagram) for datagram in self._flight]
        self._out += self._flight

    def _flush(self) -> list[bytes]:
        """Hand out what OpenSSL has written, as datagrams."""
        try:
            written = self._connection.bio_read(_WRITTEN_MAX)
        except SSL.WantReadError:
            return []
        datagrams = list(datagrams_of(self._numbering.renew(written), self._mtu))
        self._out += datagrams
        return datagrams

    def _say_goodbye(self) -> None:
        with suppress(SSL.Error):  # it cannot be told
            self._connection.shutdown()
        self._flush()

    def _failed(self, error: SSL.Error) -> DtlsError:
        """The error to raise; the alert for the peer, if there is one, is handed out."""
        self._state = DtlsState.FAILED
        self._flush()
        if not self._peer.is_verified and self._peer.is_known:
            return FingerprintError(
                "the peer's certificate does not have the fingerprint of its description: "
                "make sure that the description comes from the peer"
            )
        return DtlsError(f"the DTLS connection has failed: {_reason(error)}")


class _Peer:
    """The peer's certificate, as OpenSSL asks about it.

    It is an object of its own so that a connection and its callback make no cycle.
    """

    def __init__(self, fingerprints: Iterable[Fingerprint]) -> None:
        self._fingerprints = tuple(fingerprints)
        self.is_known = False
        self.is_verified = False

    def verify(
        self, connection: SSL.Connection, certificate: crypto.X509, error: int, depth: int, ok: int
    ) -> bool:
        """Return whether OpenSSL may go on: the peer's certificate decides, not who signed it."""
        if depth == 0:
            der = crypto.dump_certificate(crypto.FILETYPE_ASN1, certificate)
            self.is_known = True
            self.is_verified = matches(der, self._fingerprints)
        return depth > 0 or self.is_verified


def _context(certificate: Certificate) -> SSL.Context:
    """It takes 0.3 ms and 20 KB, little beside the handshake with its 0.7 ms and 80 KB."""
    context = SSL.Context(SSL.DTLS_METHOD)
    context.set_min_proto_version(VERSION)
    context.set_max_proto_version(VERSION)
    context.set_options(SSL.OP_NO_QUERY_MTU | SSL.OP_NO_RENEGOTIATION | SSL.OP_NO_TICKET)
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    context.set_cipher_list(CIPHERS)
    context.set_tlsext_use_srtp(SRTP_PROFILE)
    context.set_verify_depth(0)
    context.use_certificate(certificate.certificate)
    context.use_privatekey(certificate.key)
    return context


def _reason(error: SSL.Error) -> str:
    """The last of OpenSSL's reasons."""
    queue = error.args[0] if error.args else None
    if isinstance(queue, list) and queue:
        return clause(queue[-1][2])
    if isinstance(error, SSL.ZeroReturnError):
        return "the peer has closed it"
    return "the peer's messages are invalid"
