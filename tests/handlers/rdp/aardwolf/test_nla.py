"""Network level authentication, with an acceptor of our own: FreeRDP's server does not show what a
hostile one could send."""

from __future__ import annotations

import hashlib
import random
import ssl
from pathlib import Path

import pytest
import spnego
from asn1crypto.core import OctetString
from asyauth.protocols.credssp.messages.asn1_structs import (
    NegoData,
    NegoDatas,
    TSCredentials,
    TSPasswordCreds,
    TSRequest,
)

from handlers.rdp.aardwolf.errors import INVALID, LOGON_FAILED, LOST, EndError
from handlers.rdp.aardwolf.nla import CredSsp, _public_key
from tests.support.certificates import Authority

CERTIFICATE = ssl.PEM_cert_to_DER_cert(Authority().issue("host", rsa_key=True).certificate)
PASSWORD = "through the looking-glass é"


class Acceptor:
    """A server that knows ann.

    Args:
        key: the key that it proves.
        version: of CredSSP.
    """

    def __init__(self, key: bytes, version: int = 6) -> None:
        self._key, self._version = key, version
        self._context = spnego.server(protocol="ntlm", options=spnego.NegotiateOptions.use_ntlm)
        self.credentials: list[str] = []
        self.is_honest = True

    def step(self, message: bytes) -> bytes:
        """Answer a message."""
        request = TSRequest.load(message)
        answer: dict[str, object] = {"version": self._version}
        tokens, sealed = request["negoTokens"].native, request["authInfo"].native
        if tokens and (token := self._context.step(tokens[0]["negoToken"])):
            answer["negoTokens"] = NegoDatas([NegoData({"negoToken": token})])
        if request["pubKeyAuth"].native:
            nonce = request["clientNonce"].native
            shown = self._context.unwrap(request["pubKeyAuth"].native).data
            assert shown == self._proof("Client-To-Server", nonce, 0)
            proof = self._proof("Server-To-Client", nonce, 1) if self.is_honest else bytes(32)
            answer["pubKeyAuth"] = self._context.wrap(proof).data
        if sealed:
            found = TSCredentials.load(self._context.unwrap(sealed).data)
            password = TSPasswordCreds.load(found["credentials"].native)
            parts = [password[name] for name in ("domainName", "userName", "password")]
            assert all(isinstance(part, OctetString) for part in parts)
            self.credentials = [part.native.decode("utf-16-le") for part in parts]
        encoded: bytes = TSRequest(answer).dump()
        return encoded

    def _proof(self, direction: str, nonce: bytes | None, more: int) -> bytes:
        if nonce:
            text = f"CredSSP {direction} Binding Hash\0".encode()
            return hashlib.sha256(text + nonce + self._key).digest()
        number = int.from_bytes(self._key, "little") + more
        return number.to_bytes(len(self._key), "little")


@pytest.fixture(autouse=True)
def _accounts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "accounts"
    path.write_text(f"CORP:ann:{PASSWORD}\n")
    monkeypatch.setenv("NTLM_USER_FILE", str(path))
    monkeypatch.setenv("NETBIOS_COMPUTER_NAME", "")  # a client sets it, and this restores it


def client(password: str = PASSWORD) -> CredSsp:
    return CredSsp("ann", password, "CORP", "host", CERTIFICATE)


def talked(client: CredSsp, acceptor: Acceptor) -> Acceptor:
    message = client.step(None)
    while not client.is_done:
        message = client.step(acceptor.step(message))
    acceptor.step(message)
    return acceptor


@pytest.mark.parametrize("version", [2, 4, 5, 6, 7])
def test_logins(version: int) -> None:
    acceptor = talked(client(), Acceptor(_public_key(CERTIFICATE), version))
    assert acceptor.credentials == ["CORP", "ann", PASSWORD]


@pytest.mark.parametrize("version", [2, 6])
def test_the_password_is_sent_to_nobody_else(version: int) -> None:
    """Who intercepts the connection with a certificate of its own cannot prove the key."""
    one, other = client(), Acceptor(_public_key(CERTIFICATE), version)
    answer = other.step(one.step(other.step(one.step(None))))
    request = TSRequest.load(answer)
    forged = bytearray(request["pubKeyAuth"].native)
    forged[-1] ^= 1
    with pytest.raises(EndError) as raised:
        one.step(TSRequest({"version": version, "pubKeyAuth": bytes(forged)}).dump())
    assert raised.value.name == INVALID
    assert not one.is_done


def test_a_key_that_is_not_proven() -> None:
    """Signed, but for another key."""
    one, other = client(), Acceptor(_public_key(CERTIFICATE))
    message = one.step(other.step(one.step(None)))
    other.is_honest = False
    with pytest.raises(EndError) as raised:
        one.step(other.step(message))
    assert raised.value.name == INVALID
    assert not one.is_done


@pytest.mark.parametrize(
    ("code", "name"),
    [
        (0xC000006D, LOGON_FAILED),
        (0xC0000234, "ERRCONNECT_ACCOUNT_LOCKED_OUT"),
        (0xC0000071, "ERRCONNECT_PASSWORD_EXPIRED"),
        (0xC00700EA, LOGON_FAILED),
    ],
)
def test_refusals(code: int, name: str) -> None:
    one, other = client(), Acceptor(_public_key(CERTIFICATE))
    one.step(other.step(one.step(None)))
    assert one.has_answered
    with pytest.raises(EndError) as raised:
        one.step(TSRequest({"version": 6, "errorCode": code - (1 << 32)}).dump())
    assert raised.value.name == name


def test_an_error_before_the_password_is_no_refusal() -> None:
    one = client()
    one.step(None)
    with pytest.raises(EndError) as raised:
        one.step(TSRequest({"version": 6, "errorCode": 0xC00700EA - (1 << 32)}).dump())
    assert raised.value.name == LOST


def test_damaged_messages() -> None:
    source = random.Random(1)
    valid = Acceptor(_public_key(CERTIFICATE)).step(client().step(None))
    for _ in range(100):
        one, data = client(), bytearray(valid)
        one.step(None)
        for _ in range(source.randint(1, 3)):
            data[source.randrange(len(data))] ^= 1 << source.randrange(8)
        del data[source.choice([len(data), len(data), source.randrange(len(data))]) :]
        try:
            one.step(bytes(data))
        except EndError as error:
            assert error.name in (INVALID, LOST)  # noqa: PT017 - or it is no damage that matters
        assert not one.is_done


def test_a_certificate_without_a_key() -> None:
    with pytest.raises(EndError):
        CredSsp("ann", "x", "", "host", b"\x30\3\2\1\1")
