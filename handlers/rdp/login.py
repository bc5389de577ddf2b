"""The credentials of an RDP connection."""

from __future__ import annotations

from dataclasses import dataclass

from guacr.api import BadRequestError, SessionContext, UnauthorizedError
from handlers.rdp.params import RdpParams

TEXT_MAX = 255
"""UTF-16 code units of each text that a host receives when a user logs on (MS-RDPBCGR
2.2.1.11.1.1: 512 bytes, with two for its end)."""
TOKEN_MAX = 238
"""Bytes of a token in a connection request, whose length is one byte (X.224 13.3, MS-RDPBCGR
2.2.1.1)."""


@dataclass(slots=True)
class Login:
    """User name, password and Windows domain, as far as they are known."""

    username: str
    password: str
    domain: str
    was_asked_for: bool = False
    """True if the owner has entered what was missing; an empty password is then meant so."""
    cookie: bytes = b""
    """Of a redirection, instead of a password."""

    @classmethod
    def of(cls, params: RdpParams) -> Login:
        """Return the credentials of a connection's parameters."""
        return cls(params.username, params.password, params.domain)

    @property
    def is_complete(self) -> bool:
        """True if nothing needs to be asked for."""
        return bool(self.username and (self.has_secret or self.was_asked_for))

    @property
    def has_secret(self) -> bool:
        """True if there is a password, or a cookie instead."""
        return bool(self.password or self.cookie)

    @property
    def account(self) -> tuple[str, str]:
        r"""The user name and the domain; `DOMAIN\user` as a user name contains both. A name such as
        `user@domain` stays as it is, with an empty domain: Windows wants it so."""
        domain, separator, name = self.username.partition("\\")
        return (name, domain) if separator and not self.domain else (self.username, self.domain)

    def check(self) -> None:
        """Check that RDP has room for the credentials.

        Raises:
            BadRequestError: one of them is too long.
        """
        username, domain = self.account
        check_length("username", username)
        check_length("domain", domain)
        check_length("password", self.password)

    async def ask(self, session: SessionContext) -> None:
        """Ask the owner for what is missing.

        Raises:
            GuacrError: there is no answer, or no user name in it.
        """
        names = [name for name in ("username", "password") if not getattr(self, name)]
        if "username" in names and not self.domain:
            names.insert(1, "domain")
        for name, value in (await session.ask(*names)).items():
            setattr(self, name, value)
        if not self.username:
            raise UnauthorizedError("no user name was entered: the host wants one")
        self.check()
        self.was_asked_for = True


def check_length(name: str, text: str) -> None:
    """Check that RDP has room for the text of a parameter.

    Raises:
        BadRequestError: it has not.
    """
    if is_too_long(text):
        raise BadRequestError(
            f"parameter {name} is too long: RDP has room for {TEXT_MAX} characters"
        )


def is_too_long(text: str) -> bool:
    """Return whether RDP has no room for a text."""
    return len(text.encode("utf-16-le", "surrogatepass")) > 2 * TEXT_MAX


def check_token(token: bytes) -> None:
    """Check that a connection request has room for the parameter load-balance-info. FreeRDP 2 would
    write beyond the end of its memory.

    Raises:
        BadRequestError: it has not.
    """
    if is_token_too_long(token):
        raise BadRequestError(
            f"parameter load-balance-info is too long: RDP has room for {TOKEN_MAX} bytes"
        )


def is_token_too_long(token: bytes) -> bool:
    """Return whether a connection request has no room for a token for a load balancer."""
    return len(token) > TOKEN_MAX
