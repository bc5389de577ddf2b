"""The hosts that lead to the shell: jump hosts, if there are any, and then the host itself."""

from __future__ import annotations

from dataclasses import dataclass, field

from guacr.errors import BadRequestError, GuacrError, shorten
from handlers.ssh.params import JUMPS, SshParams


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """A host on the way, and what it is told and trusted. Each has credentials of its own: what is
    meant for one host is sent to no other."""

    hostname: str
    port: int
    host_key: str
    username: str
    """Empty: for jump hosts, the same as on the host; for the host, to be asked for."""
    password: str = field(repr=False)
    private_key: str = field(repr=False)
    passphrase: str = field(repr=False)
    public_key: str
    is_jump: bool = False

    @property
    def place(self) -> str:
        """What it is called in sentences."""
        return f"{'jump ' if self.is_jump else ''}host {shorten(self.hostname)}"

    def told(self, error: GuacrError) -> GuacrError:
        """An error with the name of the jump host at which it came up."""
        return type(error)(f"{self.place}: {error}") if self.is_jump else error


def route(params: SshParams) -> list[Hop]:
    """All hosts in the order in which they are connected to.

    Raises:
        BadRequestError: there is a second jump host, but no first one.
    """
    hops: list[Hop] = []
    for prefix in JUMPS:
        hop = _hop(params, f"{prefix}_", is_jump=True)
        if hop.hostname and len(hops) < JUMPS.index(prefix):
            missing = JUMPS[len(hops)].replace("_", "-")
            raise BadRequestError(
                f"parameter {missing}-hostname is empty, but a later jump host is named: number "
                "them without a gap, in the order in which they are passed"
            )
        if hop.hostname:
            hops.append(hop)
    return [*hops, _hop(params, "", is_jump=False)]


def _hop(params: SshParams, prefix: str, *, is_jump: bool) -> Hop:
    names = (
        "hostname", "port", "host_key", "username", "password", "private_key", "passphrase",
        "public_key",
    )  # fmt: skip
    values = {name: getattr(params, prefix + name) for name in names}
    return Hop(**values, is_jump=is_jump)
