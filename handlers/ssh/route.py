"""The route to the shell: jump hosts, if any, and then the host itself."""

from __future__ import annotations

from dataclasses import dataclass, field

from guacr.api import BadRequestError, GuacrError, shorten
from handlers.ssh.failures import KeyFormatError
from handlers.ssh.params import JUMPS, SshParams


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """A host on the route, with its credentials and trusted keys. Credentials for one host are
    never sent to another."""

    hostname: str
    port: int
    host_key: str
    username: str
    """Empty: the target's name for a jump host; for the target, the person is asked."""
    password: str = field(repr=False)
    private_key: str = field(repr=False)
    passphrase: str = field(repr=False)
    public_key: str
    prefix: str = ""
    """The prefix of its parameters."""

    @property
    def is_jump(self) -> bool:
        """True if it is a jump host."""
        return bool(self.prefix)

    @property
    def place(self) -> str:
        """Its name in sentences."""
        return f"{'jump ' if self.is_jump else ''}host {shorten(self.hostname)}"

    def told(self, error: GuacrError) -> GuacrError:
        """Return an error that names the jump host at which it occurred, and the jump host's
        parameters."""
        if not self.is_jump:
            return error
        if isinstance(error, KeyFormatError):
            error = BadRequestError(f"parameter {self.prefix}{error.parameter} {error.what}")
        return type(error)(f"{self.place}: {error}")


def route(params: SshParams) -> list[Hop]:
    """All hosts in the order of connection.

    Raises:
        BadRequestError: there is a gap in the numbers of the jump hosts.
    """
    hops: list[Hop] = []
    for prefix in JUMPS:
        hop = _hop(params, f"{prefix}_")
        if hop.hostname and len(hops) < JUMPS.index(prefix):
            missing = JUMPS[len(hops)].replace("_", "-")
            raise BadRequestError(
                f"parameter {missing}-hostname is empty, but a later jump host is named: number "
                "them without a gap, in the order in which they are passed"
            )
        if hop.hostname:
            hops.append(hop)
    return [*hops, _hop(params, "")]


def _hop(params: SshParams, prefix: str) -> Hop:
    names = (
        "hostname", "port", "host_key", "username", "password", "private_key", "passphrase",
        "public_key",
    )  # fmt: skip
    values = {name: getattr(params, prefix + name) for name in names}
    return Hop(**values, prefix=prefix.replace("_", "-"))
