"""Which algorithms are offered to hosts: safe ones, and old ones where they are asked for.

An old algorithm at the end of a list would not weaken connections to hosts that know a better one,
since both sides sign for the lists. But a host that knows only an old one would be connected to
without a word, and what is sent to it can be read and changed by others.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from guacr.errors import BadRequestError, shorten
from guacr.settings import SshSettings
from guacr.sshlib import (
    get_certificate_algs,
    get_default_kex_algs,
    get_default_mac_algs,
    get_encryption_algs,
    get_kex_algs,
    get_mac_algs,
    get_public_key_algs,
)
from handlers.ssh.params import SshParams


@dataclass(frozen=True, slots=True)
class Kind:
    """One of the lists that client and host choose from."""

    name: str
    """As it stands in a sentence."""
    parameter: str
    setting: str
    modern: Sequence[str]
    """What is offered by default, in order of preference."""
    old: Sequence[str]
    """What `legacy` adds."""
    known: frozenset[str]
    """All that asyncssh has."""

    def chosen(self, params: SshParams, settings: SshSettings) -> list[str]:
        """What is offered: the list of the settings, or the default one; with `legacy` the old
        ones after it; and then what the parameter says.

        Raises:
            BadRequestError: an algorithm is not known here.
        """
        names = self._changed(
            self.modern, getattr(settings, self.setting), f"{self.setting} under [ssh]"
        )
        if (params.algorithms or settings.algorithms) == "legacy":
            names += [name for name in self.old if name not in names]
        wanted = getattr(params, self.parameter.replace("-", "_")).replace(" ", "").split(",")
        return self._changed(names, list(filter(None, wanted)), f"parameter {self.parameter}")

    def _changed(self, names: Sequence[str], wanted: Sequence[str], source: str) -> list[str]:
        """A list as OpenSSH has it: on its own, or behind + (also), ^ (first) or - (not)."""
        if not wanted:
            return list(names)
        sign = wanted[0][0] if wanted[0][:1] in ("+", "^", "-") else ""
        given = [name.removeprefix(sign) for name in wanted]
        for name in given:
            if name not in self.known:
                raise BadRequestError(
                    f"{source} has {shorten(name)}, which is no {self.name} algorithm known here: "
                    "correct it, or leave it out"
                )
        if sign == "-":
            return [name for name in names if name not in given]
        parts = {"": (given,), "+": (names, given), "^": (given, names)}[sign]
        return list(dict.fromkeys(name for part in parts for name in part))


def _known(names: Iterable[bytes]) -> frozenset[str]:
    return frozenset(name.decode() for name in names if not name.startswith(b"gss-"))


def _in_order(names: Iterable[bytes], known: frozenset[str]) -> list[str]:
    return [name.decode() for name in names if name.decode() in known]


def _kind(
    name: str, parameter: str, known: frozenset[str], modern: Sequence[str], old: Sequence[str]
) -> Kind:
    return Kind(
        name,
        parameter,
        parameter.replace("-", "_"),
        [name for name in modern if name in known],
        [name for name in old if name in known],
        known,
    )


_KEX, _MACS = _known(get_kex_algs()), _known(get_mac_algs())

KEY_EXCHANGE = _kind(
    "key exchange",
    "kex-algorithms",
    _KEX,
    _in_order(get_default_kex_algs(), _KEX),
    ["diffie-hellman-group-exchange-sha1", "diffie-hellman-group14-sha1",
     "diffie-hellman-group1-sha1"],
)  # fmt: skip
HOST_KEY = _kind(
    "host key",
    "host-key-algorithms",
    _known(get_public_key_algs()),
    # In the order of OpenSSH's client, so that both see the same fingerprint.
    ["ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521",
     "ssh-ed448", "rsa-sha2-512", "rsa-sha2-256", "ssh-rsa"],
    ["ssh-dss"],
)  # fmt: skip
CIPHER = _kind(
    "encryption",
    "ciphers",
    _known(get_encryption_algs()),
    # In the order of their speed: AES-GCM moves twice as many bytes a second as ChaCha20.
    ["aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "chacha20-poly1305@openssh.com",
     "aes256-ctr", "aes192-ctr", "aes128-ctr"],
    ["aes256-cbc", "aes192-cbc", "aes128-cbc", "3des-cbc", "blowfish-cbc", "cast128-cbc",
     "arcfour256", "arcfour128", "arcfour"],
)  # fmt: skip
MAC = _kind(
    "MAC",
    "macs",
    _MACS,
    _in_order(get_default_mac_algs(), _MACS),
    ["hmac-sha1-96", "hmac-md5", "hmac-md5-96"],
)

_CERTIFICATES = frozenset(name.decode() for name in get_certificate_algs())


@dataclass(frozen=True, slots=True, kw_only=True)
class Algorithms:
    """What is offered to one host."""

    key_exchange: Sequence[str] = field(default_factory=lambda: KEY_EXCHANGE.modern)
    host_key: Sequence[str] = field(default_factory=lambda: HOST_KEY.modern)
    ciphers: Sequence[str] = field(default_factory=lambda: CIPHER.modern)
    macs: Sequence[str] = field(default_factory=lambda: MAC.modern)

    def host_key_types(self, expected: Sequence[str], *, certificates: bool) -> list[str]:
        """What is asked for, first the types of the keys that are `expected`. With `certificates`
        before everything, where an authority may have signed for the host."""
        names = list(dict.fromkeys((*expected, *self.host_key)))
        first = [f"{name}-cert-v01@openssh.com" for name in names]
        return [name for name in first if certificates and name in _CERTIFICATES] + names


def algorithms(params: SshParams, settings: SshSettings) -> Algorithms:
    """What parameters and settings say.

    Raises:
        BadRequestError: one names what is not known here.
    """
    return Algorithms(
        key_exchange=KEY_EXCHANGE.chosen(params, settings),
        host_key=HOST_KEY.chosen(params, settings),
        ciphers=CIPHER.chosen(params, settings),
        macs=MAC.chosen(params, settings),
    )
