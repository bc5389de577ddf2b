"""The handshake: version, security, and the desktop's size and name (RFC 6143, 7.1 to 7.3)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from struct import Struct

from guacr.api import UnauthorizedError, UnsupportedError, UpstreamError, shorten
from handlers.vnc.rfb import numbers, repeater, rsa_login
from handlers.vnc.rfb.context import broken
from handlers.vnc.rfb.events import CredentialsWanted, Event, Ready, TlsWanted
from handlers.vnc.rfb.input import Input, Steps, Wait
from handlers.vnc.rfb.security import apple, choice, ms_logon, vnc
from handlers.vnc.rfb.security.rsa_aes import Channel, credentials

VERSION_SIZE = 12
REASON_MAX = 4096
"""Maximum bytes of a reason."""
NAME_MAX = 65536
"""Bytes of a desktop's name."""
CREDENTIAL_MAX = 1024
"""Bytes of a user name or password for VeNCrypt's Plain."""

VENCRYPT_VERSION = b"\0\2"

_VERSION = re.compile(rb"RFB (\d{3})\.(\d{3})\n")
_LOCKED_OUT = re.compile(r"(?i)too many .*(failures|attempts)")
_SERVER_INIT = Struct(">HH16sI")


@dataclass(slots=True)
class Credentials:
    """The connection's credentials; a person is asked for those that are empty."""

    username: str = ""
    password: str = ""

    def add(self, answers: Mapping[str, str]) -> None:
        """Add a person's answers, by their names."""
        self.username = answers.get("username", self.username)
        self.password = answers.get("password", self.password)


def early() -> UpstreamError:
    """Return the error for plaintext that would be read as if it had been encrypted."""
    return broken("data between its consent to TLS and the start of TLS")


class Handshake:
    """One handshake.

    Args:
        source: the server's bytes.
        send: sends bytes to the server.
        emit: receives events.
        credentials: the known credentials; a person's answers are added.
        requests: messages that are sent right behind ClientInit.
        verified_only: accept no login without a key of the server.
    """

    def __init__(
        self,
        source: Input,
        send: Callable[[bytes], None],
        emit: Callable[[Event], None],
        credentials: Credentials,
        requests: bytes,
        *,
        verified_only: bool,
    ) -> None:
        self._input = source
        self._send = send
        self._emit = emit
        self._credentials = credentials
        self._requests = requests
        self._terms = choice.Terms(bool(credentials.username), verified_only)
        self._version = (3, 8)
        self.channel: Channel | None = None
        """Encrypts what is sent, if RSA-AES has been chosen for the whole session."""
        self._in_tls = False
        self.greeted = False
        """True if the server has sent its version."""
        self.is_judged = False
        """True while the server has credentials that it has not accepted."""

    def run(self) -> Steps[Ready]:
        """Perform the handshake.

        Raises:
            UnauthorizedError: the server has refused the credentials.
            UnsupportedError: the server offers no security type that guacr supports.
            UpstreamError: the server has ended the handshake, or is not a VNC server.
        """
        yield from self._agree_on_version()
        yield from self._secure()
        # Others may stay connected. TigerVNC ends connections that have not said yet that they can
        # follow a new size of the desktop if somebody changes it then.
        self._send(b"\1" + self._requests)
        width, height, layout, size = yield from self._input.unpack(_SERVER_INIT)
        if size > NAME_MAX:
            raise broken(f"a name of {size} bytes")
        name = (yield from self._input.read(size)).decode(errors="replace")
        return Ready(width, height, name, layout)

    def _agree_on_version(self) -> Steps[None]:
        line = yield from self._input.read(VERSION_SIZE)
        found = _VERSION.fullmatch(line)
        if found is None:
            raise UpstreamError(
                f"this is not a VNC server: it begins with {shorten(line.decode('latin-1'))}; "
                "check host and port"
            )
        if line == repeater.GREETING:
            raise repeater.unexpected_repeater()
        self.greeted = True
        offered = int(found[1]), int(found[2])
        # Apple announces 3.889, RealVNC 4.0 and above, some others 3.4 to 3.6 or 3.14.
        if offered >= (3, 8):
            self._version = (3, 8)
        elif offered == (3, 7):
            self._version = (3, 7)
        else:
            self._version = (3, 3)
        self._send(b"RFB %03d.%03d\n" % self._version)

    # ---- security

    def _secure(self) -> Steps[None]:
        if self._version == (3, 3):
            chosen = yield from self._input.u32()
            if chosen == 0:
                raise self._refused((yield from self._reason()))
            yield from self._authenticate(chosen, told_result=chosen != numbers.NONE)
            return
        count = yield from self._input.u8()
        if not count:
            raise self._refused((yield from self._reason()))
        offered = yield from self._input.read(count)
        if self._in_tls:
            inner = bytes(number for number in offered if number not in choice.ENCRYPTED)
            offered = inner or offered
        chosen = choice.choose(offered, self._terms)
        self._send(bytes([chosen]))
        told = chosen != numbers.NONE or self._version >= (3, 8)
        yield from self._authenticate(chosen, told_result=told)

    def _authenticate(self, chosen: int, *, told_result: bool) -> Steps[None]:
        if self._in_tls and chosen in choice.ENCRYPTED:
            raise broken("TLS within TLS")
        if chosen == numbers.TLS:
            yield from self._start_tls(anonymous=True)
            yield from self._secure()  # once more, now with a list for inside TLS
            return
        if chosen == numbers.VENCRYPT:
            yield from self._vencrypt()
        elif chosen == numbers.VNC_AUTHENTICATION:
            yield from self._vnc_authentication()
        elif chosen == numbers.APPLE:
            yield from self._apple()
        elif chosen in choice.RSA_TYPES:
            yield from self._rsa_aes(chosen)
        elif chosen == numbers.MS_LOGON_2:
            yield from self._ms_logon()
        elif chosen != numbers.NONE:
            raise UnsupportedError(f"the VNC server requires the unknown security type {chosen}")
        if told_result:
            yield from self._result()

    def _vnc_authentication(self) -> Steps[None]:
        challenge = yield from self._input.read(vnc.CHALLENGE_SIZE)
        yield from self._want(username=False)
        self._send(vnc.response(challenge, self._credentials.password))

    def _apple(self) -> Steps[None]:
        generator = yield from self._input.u16()
        size = yield from self._input.u16()
        if not apple.KEY_MIN <= size <= apple.KEY_MAX:
            raise broken(f"a key of {size} bytes")
        modulus = yield from self._input.read(size)
        key = yield from self._input.read(size)
        yield from self._want(username=True)
        own = self._credentials
        yield Wait.THREAD
        self._send(apple.response(generator, modulus, key, own.username, own.password))

    def _ms_logon(self) -> Steps[None]:
        exchange = yield from self._input.read(3 * ms_logon.NUMBER_SIZE)
        yield from self._want(username=True)
        own = self._credentials
        self._send(ms_logon.response(exchange, own.username, own.password))

    def _rsa_aes(self, chosen: int) -> Steps[None]:
        wide = chosen in (numbers.RA2_256, numbers.RA2NE_256)
        channel = yield from rsa_login.agree(self._input, self._send, self._emit, wide=wide)
        username = yield from rsa_login.wants_username(self._input, channel)
        yield from self._want(username=username)
        own = self._credentials
        fields = credentials(own.username if username else "", own.password)
        self._send(channel.seal(fields))
        if chosen in (numbers.RA2, numbers.RA2_256):
            self.channel = channel
            self._input.decrypt(channel.receive)

    def _vencrypt(self) -> Steps[None]:
        version = yield from self._input.read(2)
        if version < VENCRYPT_VERSION:
            raise UnsupportedError("the VNC server's VeNCrypt is older than version 0.2")
        self._send(VENCRYPT_VERSION)
        if (yield from self._input.u8()):
            raise broken("a refusal of VeNCrypt's version 0.2")
        count = yield from self._input.u8()
        data = yield from self._input.read(4 * count)
        offered = {int.from_bytes(data[at : at + 4], "big") for at in range(0, len(data), 4)}
        chosen = choice.choose_vencrypt(offered, self._terms)
        self._send(chosen.to_bytes(4, "big"))
        inner = chosen
        if chosen in choice.TLS_TYPES or chosen in choice.X509_TYPES:
            if not (yield from self._input.u8()):
                raise broken("a refusal to start TLS")
            yield from self._start_tls(anonymous=chosen in choice.TLS_TYPES)
            inner = choice.TLS_TYPES.get(chosen) or choice.X509_TYPES[chosen]
        if inner == choice.PLAIN:
            yield from self._plain()
        elif inner == numbers.VNC_AUTHENTICATION:
            yield from self._vnc_authentication()

    def _start_tls(self, *, anonymous: bool) -> Steps[None]:
        if self._input.available:
            raise early()
        self._emit(TlsWanted(anonymous=anonymous))
        yield Wait.ANSWER
        self._in_tls = True

    def _plain(self) -> Steps[None]:
        yield from self._want(username=True)
        name = self._credentials.username.encode()[:CREDENTIAL_MAX]
        password = self._credentials.password.encode()[:CREDENTIAL_MAX]
        self._send(Struct(">II").pack(len(name), len(password)) + name + password)

    def _want(self, *, username: bool) -> Steps[None]:
        """Wait for credentials that are not known yet; they are sent right after this."""
        own = self._credentials
        lacking = CredentialsWanted(username and not own.username, not own.password)
        if lacking.username or lacking.password:
            self._emit(lacking)
            yield Wait.ANSWER
        self.is_judged = True

    def _result(self) -> Steps[None]:
        result = yield from self._input.u32()
        if result == 0:
            if self.is_judged and self._input.available:
                # neatvnc 0.5 (wayvnc) refuses a login in the form of a server without security
                # types, and sends uninitialized memory as the reason.
                raise self._refused("")
            self.is_judged = False
            return
        if self._version >= (3, 8):
            raise self._refused((yield from self._reason()))
        if result == 2:
            raise self._refused("too many attempts")
        raise self._refused("")

    def _reason(self) -> Steps[str]:
        size = yield from self._input.u32()
        if size > REASON_MAX:
            raise broken(f"a reason of {size} bytes")
        return (yield from self._input.read(size)).decode(errors="replace").strip()

    @staticmethod
    def _refused(reason: str) -> UnauthorizedError:
        told = f": {shorten(reason, 200)}" if reason else ""
        if _LOCKED_OUT.search(reason):
            return UnauthorizedError(
                "the VNC server accepts no login from here for a while, after several failed ones"
                f"{told}; check the password, and connect again in half a minute: each failed "
                "login makes the wait longer"
            )
        return UnauthorizedError(
            f"the VNC server refuses the login{told}; check the password, and the user name if the "
            "server wants one"
        )
