"""The credentials for a gateway."""

from __future__ import annotations

import base64
from dataclasses import dataclass

from guacr.api import SessionContext, UnauthorizedError
from handlers.rdp.params import RdpParams


@dataclass(slots=True)
class GatewayLogin:
    """User name, password and Windows domain, as far as they are known."""

    username: str
    password: str
    domain: str
    was_asked_for: bool = False
    """True if the owner has entered what was missing."""

    @classmethod
    def of(cls, params: RdpParams) -> GatewayLogin:
        """Return the credentials of a connection's parameters."""
        return cls(params.gateway_username, params.gateway_password, params.gateway_domain)

    @property
    def is_complete(self) -> bool:
        """True if nothing needs to be asked for."""
        return bool(self.username and (self.password or self.was_asked_for))

    @property
    def account(self) -> str:
        r"""The user name with its domain, as in `DOMAIN\user`."""
        if self.domain and "\\" not in self.username:
            return f"{self.domain}\\{self.username}"
        return self.username

    @property
    def basic(self) -> str:
        """The credentials for HTTP's basic authentication (RFC 7617)."""
        return base64.b64encode(f"{self.account}:{self.password}".encode()).decode()

    async def ask(self, session: SessionContext) -> None:
        """Ask the owner for what is missing.

        Raises:
            GuacrError: there is no answer, or no user name in it.
        """
        names = [name for name in ("username", "password") if not getattr(self, name)]
        answers = await session.ask(*(f"gateway-{name}" for name in names))
        for name in names:
            setattr(self, name, answers[f"gateway-{name}"])
        if not self.username:
            raise UnauthorizedError("no user name was entered: the gateway wants one")
        self.was_asked_for = True
