"""The algorithms that are offered to hosts: safe ones, and old ones on request.

An old algorithm at the end of a list does not weaken connections to hosts that support a better
one, because both sides authenticate the lists. But a connection to a host that supports only an old
one would be insecure without anyone noticing: others could read and change the traffic.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from guacr.api import BadRequestError, SshSettings, shorten
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
    """A list that client and host negotiate."""

    name: str
    """Its name in a sentence."""
    parameter: str
    setting: str
    modern: Sequence[str]
    """The default list, in order of preference."""
    old: Sequence[str]
    """The algorithms that `legacy` adds."""
    known: frozenset[str]
    """All algorithms of asyncssh."""

    def chosen(self, params: SshParams, settings: SshSettings) -> list[str]:
        """The algorithms to offer: the list of the settings, or the default list; with `legacy`
        followed by the old ones; finally changed by the parameter.

        Raises:
            BadRequestError: an algorithm is unknown.
        """
        names = self._changed(
            self.modern, getattr(settings, self.setting), f"{self.setting} under [ssh]"
        )
        if (params.algorithms or settings.algorithms) == "legacy":
            names += [name for name in self.old if name not in names]
        wanted = params.value(self.parameter).replace(" ", "").split(",")
        return self._changed(names, list(filter(None, wanted)), f"parameter {self.parameter}")

    def _changed(self, names: Sequence[str], wanted: Sequence[str], source: str) -> list[str]:
        """Apply a list in OpenSSH's notation: a replacement, or with + (append), ^ (prepend) or -
        (remove)."""
        if not wanted:
            return list(names)
        sign = wanted[0][0] if wanted[0][:1] in ("+", "^", "-") else ""
        given = [name.removeprefix(sign) for name in wanted]
        for name in given:
            if name not in self.known:
                raise BadRequestError(
                    f"{source} has {shorten(name)}, which is an unknown {self.name} algorithm: "
                    "correct or remove it"
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
    # In the order of OpenSSH's client, so that both show the same fingerprint.
    ["ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521",
     "ssh-ed448", "rsa-sha2-512", "rsa-sha2-256", "ssh-rsa"],
    ["ssh-dss"],
)  # fmt: skip
CIPHER = _kind(
    "encryption",
    "ciphers",
    _known(get_encryption_algs()),
    # Ordered by speed: AES-GCM is twice as fast as ChaCha20.
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

KINDS = (KEY_EXCHANGE, HOST_KEY, CIPHER, MAC)

_CERTIFICATES = frozenset(name.decode() for name in get_certificate_algs())


@dataclass(frozen=True, slots=True, kw_only=True)
class Algorithms:
    """The algorithms that are offered to a host."""

    key_exchange: Sequence[str] = field(default_factory=lambda: KEY_EXCHANGE.modern)
    host_key: Sequence[str] = field(default_factory=lambda: HOST_KEY.modern)
    ciphers: Sequence[str] = field(default_factory=lambda: CIPHER.modern)
    macs: Sequence[str] = field(default_factory=lambda: MAC.modern)

    def host_key_types(self, expected: Sequence[str], *, certificates: bool) -> list[str]:
        """The host key types to request, beginning with those of the `expected` keys. If an
        authority may have signed the host's key, `certificates` puts certificates before
        everything."""
        names = list(dict.fromkeys((*expected, *self.host_key)))
        first = [f"{name}-cert-v01@openssh.com" for name in names]
        return [name for name in first if certificates and name in _CERTIFICATES] + names


def algorithms(params: SshParams, settings: SshSettings) -> Algorithms:
    """The algorithms selected by parameters and settings.

    Raises:
        BadRequestError: an algorithm is unknown.
    """
    return Algorithms(
        key_exchange=KEY_EXCHANGE.chosen(params, settings),
        host_key=HOST_KEY.chosen(params, settings),
        ciphers=CIPHER.chosen(params, settings),
        macs=MAC.chosen(params, settings),
    )
