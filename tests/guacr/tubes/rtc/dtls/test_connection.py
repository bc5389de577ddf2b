from __future__ import annotations

import gc
import os
import weakref

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from OpenSSL import SSL

from guacr.tubes.errors import DtlsError, FingerprintError
from guacr.tubes.rtc.dtls.certificate import Certificate
from guacr.tubes.rtc.dtls.connection import EARLY_MAX, PLAINTEXT_MAX, Dtls, DtlsState
from guacr.tubes.rtc.dtls.fingerprint import Fingerprint
from tests.guacr.tubes.rtc.dtls.link import (
    ONE,
    OTHER,
    STRANGER,
    TRIP,
    Link,
    Plain,
    client,
    connected,
    context,
    encrypted,
    record,
    server,
)

NOW = 0.0


class TestConnection:
    @pytest.mark.parametrize("size", [1, 1200, PLAINTEXT_MAX])
    def test_data_flows_both_ways(self, size: int) -> None:
        one, other = connected()
        for sender, receiver in ((one, other), (other, one)):
            data = os.urandom(size)
            assert receiver.receive(encrypted(sender, data), NOW) == [data]

    def test_each_piece_of_data_is_a_datagram(self) -> None:
        one, other = connected()
        for data in (b"a", b"b", b"c"):
            one.send(data)
        datagrams = one.take()
        assert [other.receive(datagram, NOW) for datagram in datagrams] == [[b"a"], [b"b"], [b"c"]]
        assert one.take() == []

    def test_datagrams_in_another_order(self) -> None:
        one, other = connected()
        datagrams = [encrypted(one, bytes([number])) for number in range(50)]
        assert [other.receive(one, NOW)[0][0] for one in reversed(datagrams)] == [*range(50)][::-1]

    def test_several_records_in_a_datagram(self) -> None:
        one, other = connected()
        datagram = b"".join(encrypted(one, data) for data in (b"a", b"b", b"c"))
        assert other.receive(datagram, NOW) == [b"a", b"b", b"c"]

    def test_other_kinds_of_buffers(self) -> None:
        one, other = connected()
        one.send(memoryview(b"a"))
        (datagram,) = one.take()
        assert other.receive(memoryview(datagram), NOW) == [b"a"]

    def test_data_before_the_handshake_has_ended_is_dropped(self) -> None:
        one = client()
        one.send(b"a")
        one.start(NOW)
        one.take()
        one.send(b"a")
        assert one.take() == []

    @pytest.mark.parametrize("size", [0, PLAINTEXT_MAX + 1])
    def test_what_does_not_fit_a_record_is_a_fault_of_the_caller(self, size: int) -> None:
        one, other = connected()
        with pytest.raises(ValueError, match=f"a record has 1 to {PLAINTEXT_MAX} bytes"):
            one.send(bytes(size))
        assert other.receive(encrypted(one, b"still there"), NOW) == [b"still there"]

    def test_nothing_is_left_without_the_garbage_collector(self) -> None:
        gc.disable()
        try:
            ends = connected()
            watched = [weakref.ref(one) for one in ends]
            inner = [weakref.ref(one._connection) for one in ends]
            del ends
            assert [one() for one in watched + inner] == [None] * 4
        finally:
            gc.enable()


class TestHandshake:
    def test_it_takes_four_flights(self) -> None:
        link = Link().start().run()
        assert link.is_connected
        assert [to for to, _ in link.sent] == ["server", "client", "server", "client"]
        assert link.client.deadline is link.server.deadline is None

    def test_what_is_received_before_the_start_is_answered_afterwards(self) -> None:
        one, other = client(), server()
        one.start(NOW)
        for datagram in one.take():
            assert other.receive(datagram, NOW) == []
        assert other.state is DtlsState.NEW
        assert other.take() == []
        other.start(NOW)
        assert one.receive(other.take()[0], NOW) == []
        assert Link(one, other, now=NOW).run(3 * TRIP).is_connected

    def test_little_is_kept_before_the_start(self) -> None:
        one, other = client(), server()
        one.start(NOW)
        for _ in range(EARLY_MAX):
            other.receive(b"garbage", NOW)
        other.receive(one.take()[0], NOW)
        other.start(NOW)
        assert other.take() == []

    def test_what_is_received_before_the_start_may_end_it(self) -> None:
        other = server()
        other.receive(record(21, 0, 0, b"\2\x28"), NOW)
        with pytest.raises(DtlsError, match="failed: tls alert handshake failure"):
            other.start(NOW)
        assert other.state is DtlsState.FAILED

    def test_a_second_start_changes_nothing(self) -> None:
        one = client()
        one.start(NOW)
        deadline = one.deadline
        one.take()
        one.start(NOW + 100)
        assert one.deadline == deadline
        assert one.take() == []
        one.close()
        one.start(NOW)
        assert one.state is DtlsState.CLOSED

    def test_data_in_the_datagram_that_ends_it(self) -> None:
        one, other = client(), server()
        link = Link(one, other).start()
        link.run(3.5 * TRIP)
        assert (one.state, other.state) == (DtlsState.CONNECTING, DtlsState.CONNECTED)
        last = link.sent[-1][1]
        assert one.receive(last + encrypted(other, b"a"), link.now) == [b"a"]

    @pytest.mark.parametrize("mtu", [300, 600, 1200])
    def test_its_datagrams_have_a_limited_length(self, mtu: int) -> None:
        link = Link(client(mtu=mtu), server(mtu=mtu)).start().run()
        assert link.is_connected
        longest = max(len(datagram) for _, datagram in link.sent)
        assert min(mtu, 600) - 100 < longest <= mtu

    def test_the_cipher_is_authenticated_and_has_forward_secrecy(self) -> None:
        one, other = connected()
        assert one.cipher == other.cipher == "ECDHE-ECDSA-AES128-GCM-SHA256"
        assert client().cipher is None

    @pytest.mark.parametrize(
        "ciphers", [b"ECDHE-ECDSA-AES128-SHA", b"AES128-GCM-SHA256", b"DHE-RSA-AES128-SHA"]
    )
    def test_weaker_ciphers_are_refused(self, ciphers: bytes) -> None:
        weak = context(ciphers=ciphers + b"@SECLEVEL=0")
        with pytest.raises(DtlsError, match="failed: no shared cipher"):
            Link(client=Plain(weak, is_client=True)).start().run()

    def test_older_versions_are_refused(self) -> None:
        old = context(ciphers=b"ALL@SECLEVEL=0")
        old.set_max_proto_version(0xFEFF)  # DTLS 1.0
        with pytest.raises(DtlsError, match="failed: unsupported protocol"):
            Link(client=Plain(old, is_client=True)).start().run()

    def test_peers_without_our_limits(self) -> None:
        one = Plain(context(), is_client=True)
        other = Plain(context(certificate=OTHER, verify=True), is_client=False)
        assert Link(client=one).start().run().is_connected
        assert Link(server=other).start().run().is_connected


class TestFingerprints:
    def test_the_server_refuses_a_stranger(self) -> None:
        link = Link(server=server(remote=STRANGER)).start()
        with pytest.raises(FingerprintError, match="does not have the fingerprint"):
            link.run()
        assert link.server.state is DtlsState.FAILED
        with pytest.raises(DtlsError, match="alert"):
            link.run()
        assert link.client.state is DtlsState.FAILED

    def test_the_client_refuses_a_stranger_and_sends_nothing_but_an_alert(self) -> None:
        one = client(remote=STRANGER)
        link = Link(client=one).start()
        with pytest.raises(FingerprintError):
            link.run()
        one.send(b"secret")
        assert [(len(datagram), datagram[0]) for datagram in one.take()] == [(15, 21)]
        assert link.server.state is DtlsState.CONNECTING

    def test_data_of_a_stranger_does_not_count(self) -> None:
        stranger = Plain(context(certificate=STRANGER), is_client=True)
        other = server()
        link = Link(stranger, other).start()
        with pytest.raises(FingerprintError):
            link.run()
        assert link.heard["server"] == []
        assert other.receive(link.sent[0][1], NOW) == []

    def test_a_client_without_certificate_is_refused(self) -> None:
        with pytest.raises(DtlsError, match="failed: peer did not return a certificate"):
            Link(client=Plain(context(certificate=None), is_client=True)).start().run()

    def test_a_client_without_certificate_is_refused_even_if_openssl_would_not(self) -> None:
        other = server()
        other._connection.set_verify(SSL.VERIFY_NONE)
        with pytest.raises(DtlsError, match="failed: the peer has no certificate"):
            Link(Plain(context(certificate=None), is_client=True), other).start().run()
        assert other.state is DtlsState.FAILED

    def test_without_fingerprints_nobody_is_trusted(self) -> None:
        with pytest.raises(FingerprintError):
            Link(server=Dtls(OTHER, is_client=False, remote_fingerprints=[])).start().run()

    @pytest.mark.parametrize("algorithm", ["sha-256", "sha-384", "sha-512"])
    def test_every_algorithm(self, algorithm: str) -> None:
        def of(certificate: Certificate) -> list[Fingerprint]:
            return [Fingerprint.of(certificate.certificate.public_bytes(Encoding.DER), algorithm)]

        one = Dtls(ONE, is_client=True, remote_fingerprints=of(OTHER))
        other = Dtls(OTHER, is_client=False, remote_fingerprints=of(ONE))
        assert Link(one, other).start().run().is_connected


class TestClose:
    def test_the_peer_is_told(self) -> None:
        one, other = connected()
        last = encrypted(one, b"last")
        one.close()
        assert one.state is DtlsState.CLOSED
        (goodbye,) = one.take()
        assert other.receive(last, NOW) == [b"last"]
        assert other.receive(goodbye, NOW) == []
        assert other.state is DtlsState.CLOSED
        (answer,) = other.take()
        assert one.receive(answer, NOW) == []

    def test_data_in_the_datagram_that_closes(self) -> None:
        one, other = connected()
        last = encrypted(one, b"last")
        one.close()
        assert other.receive(last + one.take()[0], NOW) == [b"last"]
        assert other.state is DtlsState.CLOSED

    def test_afterwards_nothing_is_sent_or_received(self) -> None:
        one, other = connected()
        late = encrypted(other, b"late")
        one.close()
        one.take()
        one.send(b"more")
        one.close()
        one.handle_timeout(1e9)
        assert one.take() == []
        assert one.receive(late, NOW) == []
        assert one.deadline is None

    def test_before_the_handshake_has_ended_there_is_nothing_to_tell(self) -> None:
        fresh, begun = client(), client()
        begun.start(NOW)
        begun.take()
        for one in (fresh, begun):
            one.close()
            assert one.state is DtlsState.CLOSED
            assert one.deadline is None
            assert one.take() == []

    def test_a_failure_stays_one(self) -> None:
        one = client(remote=STRANGER)
        with pytest.raises(FingerprintError):
            Link(client=one).start().run()
        one.close()
        assert one.state is DtlsState.FAILED
