"""Parameters of jump hosts, which each of them has; see `param`.

They are numbered and not one list, so that each has credentials and a host key of its own.
"""

from __future__ import annotations

from typing import Any

from guacr.session.params import param


def hostname(which: str) -> Any:
    """Where it is."""
    return param(
        "",
        f"Name or address of the {which} jump host, through which the host is reached; empty for "
        "none.",
        common=which == "first",
    )


def port(which: str) -> Any:
    """Its port."""
    return param(22, f"TCP port of the {which} jump host.", minimum=1, maximum=65535)


def username(which: str) -> Any:
    """Who logs in."""
    return param(
        "", f"Name to log in to the {which} jump host with; empty for the same as on the host."
    )


def password(which: str) -> Any:
    """Its password."""
    return param(
        "",
        f"Password on the {which} jump host; asked for in the terminal if it is empty and the jump "
        "host wants one.",
        secret=True,
    )


def private_key(which: str) -> Any:
    """Its key."""
    return param(
        "", f"Private key to log in to the {which} jump host with.", secret=True, multiline=True
    )


def passphrase(which: str) -> Any:
    """The key's passphrase."""
    return param("", f"Passphrase of the private key for the {which} jump host.", secret=True)


def public_key(which: str) -> Any:
    """The key's certificate."""
    return param(
        "",
        f"OpenSSH certificate of the private key for the {which} jump host.",
        multiline=True,
    )


def host_key(which: str) -> Any:
    """What it is to show."""
    return param(
        "",
        f"The {which} jump host's key, as in host-key. Empty: the daemon's file of known hosts, if "
        "it has one.",
        multiline=True,
    )
