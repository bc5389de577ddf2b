"""The credentials of an RDP connection."""

from __future__ import annotations

from dataclasses import dataclass

from guacr.api import SessionContext
from handlers.rdp.channel.messages import Credentials
from handlers.rdp.params import RdpParams


@dataclass(slots=True)
class Login:
    """User name, password and Windows domain, as far as they are known."""

    username: str
    password: str
    domain: str

    @classmethod
    def of(cls, params: RdpParams) -> Login:
        """Return the credentials of a connection's parameters."""
        return cls(params.username, params.password, params.domain)

    @property
    def is_complete(self) -> bool:
        """True if nothing needs to be asked for."""
        return bool(self.username and self.password)

    async def ask(self, session: SessionContext) -> None:
        """Ask the owner for what is missing.

        Raises:
            GuacrError: there is no answer.
        """
        names = [name for name in ("username", "password") if not getattr(self, name)]
        if "username" in names and not self.domain and "@" not in self.username:
            names.insert(1, "domain")
        if not names:
            return
        for name, value in (await session.ask(*names)).items():
            setattr(self, name, value)

    def message(self) -> Credentials:
        """Return the credentials as a worker receives them."""
        return Credentials(True, self.username, self.password, self.domain)
