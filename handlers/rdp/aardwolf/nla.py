"""Network level authentication: CredSSP (MS-CSSP), with tokens of NTLM that pyspnego makes.

asyauth, which aardwolf uses for it, is not: its answer to a challenge ignores the server's time, so
that FreeRDP's servers refuse it, and it compares no signatures. NTLM is sent without SPNEGO around
it, because FreeRDP 2 does not unwrap it.
"""

from __future__ import annotations

import hashlib
import os
from typing import Any

import spnego
from asn1crypto.x509 import Certificate
from asyauth.protocols.credssp.messages.asn1_structs import (
    NegoData,
    NegoDatas,
    TSCredentials,
    TSPasswordCreds,
    TSRequest,
)
from spnego.exceptions import SpnegoError

from handlers.rdp.aardwolf.errors import LOGON_FAILED, LOST, EndError, invalid
from handlers.rdp.aardwolf.link import Link

VERSION, VERSION_MIN = 6, 2
HASHED_SINCE = 5
"""The version since which the key is sent as a hash (CVE-2018-0886)."""
MESSAGE_MAX = 1 << 17
"""Bytes of one of the server's messages."""
STEPS_MAX = 8
AUTHORIZATION = 4
"""Bytes of an early user authorization result (MS-RDPBCGR 2.2.10.2)."""
_PASSWORD = 1
_SEQUENCE, _LONG = 0x30, 0x80
_STATUS = {
    0xC000006D: LOGON_FAILED,
    0xC000006A: "ERRCONNECT_WRONG_PASSWORD",
    0xC0000064: LOGON_FAILED,
    0x8009030C: LOGON_FAILED,
    0x8009030E: "ERRCONNECT_NO_OR_MISSING_CREDENTIALS",
    0xC0000022: "ERRCONNECT_ACCESS_DENIED",
    0xC000006E: "ERRCONNECT_ACCOUNT_RESTRICTION",
    0xC000006F: "ERRCONNECT_ACCOUNT_RESTRICTION",
    0xC0000070: "ERRCONNECT_ACCOUNT_RESTRICTION",
    0xC0000071: "ERRCONNECT_PASSWORD_EXPIRED",
    0xC0000072: "ERRCONNECT_ACCOUNT_DISABLED",
    0xC000015B: "ERRCONNECT_LOGON_TYPE_NOT_GRANTED",
    0xC0000193: "ERRCONNECT_ACCOUNT_EXPIRED",
    0xC0000224: "ERRCONNECT_PASSWORD_MUST_CHANGE",
    0xC0000234: "ERRCONNECT_ACCOUNT_LOCKED_OUT",
    0xC0000413: "ERRCONNECT_ACCESS_DENIED",
}
"""Errors by the codes that servers give (NTSTATUS, MS-ERREF 2.3.1)."""


def authenticate(
    link: Link, username: str, password: str, domain: str, host: str, certificate: bytes
) -> None:
    """Prove the password to the server, and that the server has the key of its certificate.

    Args:
        link: the connection, with TLS.
        username: the user name.
        password: the password, which is sent to the server after both have been proven.
        domain: the user's domain, or an empty one.
        host: the name of the server.
        certificate: the one of the connection, in DER.

    Raises:
        EndError: the server refuses the login, or cannot prove its key.
    """
    login = CredSsp(username, password, domain, host, certificate)
    message: bytes | None = None
    for _ in range(STEPS_MAX):
        link.send(login.step(message))
        if login.is_done:
            return
        message = _receive(link, has_answered=login.has_answered)
    raise invalid("the login does not end")


def authorization(link: Link) -> int:
    """Return the server's early user authorization result: 0 if the user may log on."""
    while (data := link.take(AUTHORIZATION)) is None:
        link.receive()
    return int.from_bytes(data, "little")


class CredSsp:
    """The client without input and output.

    Attributes:
        has_answered: True once the server can check the password.
        is_done: True once there is nothing more to say.
    """

    def __init__(
        self, username: str, password: str, domain: str, host: str, certificate: bytes
    ) -> None:
        self._username, self._password, self._domain = username, password, domain
        self._key = _public_key(certificate)
        self._nonce = os.urandom(32)
        self._version = VERSION
        self._has_sent_key = False
        self.has_answered = self.is_done = False
        os.environ["NETBIOS_COMPUTER_NAME"] = ""  # otherwise NTLM tells that of this machine
        name = f"{domain}\\{username}" if domain else username
        self._context = spnego.client(
            name,
            password,
            hostname=host,
            service="TERMSRV",
            protocol="ntlm",
            options=spnego.NegotiateOptions.use_ntlm,
        )

    def step(self, message: bytes | None) -> bytes:
        """Return the next message for an answer of the server, or the first one.

        Raises:
            EndError: the server refuses the login, or its message is invalid.
        """
        try:
            request = TSRequest.load(message, strict=True) if message else None
            return self._step(request)
        except EndError:
            raise
        except SpnegoError as error:
            raise invalid(f"NTLM: {error}") from None
        except Exception as error:  # noqa: BLE001 -- the libraries raise all kinds for bad messages
            raise invalid(f"CredSSP: {type(error).__name__}") from None

    def _step(self, request: Any) -> bytes:
        token = None if request is None else self._check(request)
        fields: dict[str, Any] = {}
        if not self._has_sent_key:
            if request is not None and not token:
                raise invalid("CredSSP: there is no token")
            made = self._context.step(token)
            self.has_answered = request is not None  # the second token answers the challenge
            if made:
                fields["negoTokens"] = NegoDatas([NegoData({"negoToken": made})])
            if self._context.complete:
                bound = self._context.wrap(self._binding("Client-To-Server", 0))
                fields["pubKeyAuth"] = bound.data
                if self._version >= HASHED_SINCE:
                    fields["clientNonce"] = self._nonce
                self._has_sent_key = True
        else:
            sealed = request["pubKeyAuth"].native
            if not sealed or self._context.unwrap(sealed).data != self._binding(
                "Server-To-Client", 1
            ):
                raise invalid("CredSSP: the server has not proven its key")
            fields["authInfo"] = self._context.wrap(self._credentials()).data
            self.is_done = True
        encoded: bytes = TSRequest({"version": VERSION, **fields}).dump()
        return encoded

    def _check(self, request: Any) -> bytes | None:
        """Note the server's version, and return its token."""
        code = request["errorCode"].native
        if code:
            code &= 0xFFFFFFFF
            # FreeRDP 3 has the same code for all reasons
            unknown = LOGON_FAILED if self.has_answered else LOST
            raise EndError(_STATUS.get(code, unknown), f"the server's code is {code:#x}")
        self._version = min(self._version, request["version"].native)
        if self._version < VERSION_MIN:
            raise invalid(f"CredSSP: version {self._version}")
        tokens = request["negoTokens"].native
        return tokens[0]["negoToken"] if tokens else None

    def _binding(self, direction: str, more: int) -> bytes:
        """Return what proves the key: a hash, or before version 5 the key, which the server adds
        one to (MS-CSSP 3.1.5)."""
        if self._version >= HASHED_SINCE:
            text = f"CredSSP {direction} Binding Hash\0".encode()
            return hashlib.sha256(text + self._nonce + self._key).digest()
        number = int.from_bytes(self._key, "little") + more
        return (number % (1 << 8 * len(self._key))).to_bytes(len(self._key), "little")

    def _credentials(self) -> bytes:
        names = {
            "domainName": self._domain,
            "userName": self._username,
            "password": self._password,
        }
        encoded = {name: value.encode("utf-16-le") for name, value in names.items()}
        credentials = TSPasswordCreds(encoded).dump()
        found: bytes = TSCredentials({"credType": _PASSWORD, "credentials": credentials}).dump()
        return found


def _public_key(certificate: bytes) -> bytes:
    """Return the SubjectPublicKey of a certificate."""
    try:
        info = Certificate.load(certificate)["tbs_certificate"]["subject_public_key_info"]
        found: bytes = info["public_key"].contents[1:]  # without the number of unused bits
    except Exception as error:  # noqa: BLE001 -- it raises all kinds of errors
        raise invalid(f"the server's certificate cannot be read: {error}") from None
    return found


def _receive(link: Link, *, has_answered: bool) -> bytes:
    """Return one TSRequest. Servers of FreeRDP 2 hang up after a wrong password."""
    try:
        while not (size := _size(link.peek())) or len(link.peek()) < size:
            link.receive()
    except EndError as error:
        if has_answered and error.name == LOST:
            raise EndError(LOGON_FAILED, "the server hung up on the password") from None
        raise
    return link.take(size) or b""


def _size(data: bytearray) -> int:
    """Return the size of the value in DER that `data` begins with; 0 if it is not known yet."""
    if len(data) < 2:
        return 0
    if data[0] != _SEQUENCE or data[1] == _LONG or data[1] > _LONG + 3:
        raise invalid("CredSSP: there is no message")
    more = max(data[1] - _LONG, 0)
    if len(data) < 2 + more:
        return 0
    size = 2 + more + (int.from_bytes(data[2 : 2 + more], "big") if more else data[1])
    if size > MESSAGE_MAX:
        raise invalid(f"CredSSP: a message has {size} bytes")
    return size
