"""Parameters of jump hosts; see `guacr.session.params`.

They are numbered instead of listed in one parameter, so that each has its own credentials and host
key.
"""

from __future__ import annotations

from dataclasses import dataclass

from guacr.api import Params, param


def _hostname(which: str) -> str:
    """The host name."""
    return param(
        "",
        f"Name or address of the {which} jump host to connect through; empty for none.",
        common=which == "first",
    )


def _port(which: str) -> int:
    """The port."""
    return param(22, f"TCP port of the {which} jump host.", minimum=1, maximum=65535)


def _username(which: str) -> str:
    """The user name."""
    return param(
        "", f"Name to log in to the {which} jump host with; empty for the same as on the host."
    )


def _password(which: str) -> str:
    """The password."""
    return param(
        "",
        f"Password on the {which} jump host; asked for in the terminal if it is empty and the jump "
        "host requires one.",
        secret=True,
    )


def _private_key(which: str) -> str:
    """The private key."""
    return param(
        "", f"Private key to log in to the {which} jump host with.", secret=True, multiline=True
    )


def _passphrase(which: str) -> str:
    """The key's passphrase."""
    return param("", f"Passphrase of the private key for the {which} jump host.", secret=True)


def _public_key(which: str) -> str:
    """The key's certificate."""
    return param(
        "",
        f"OpenSSH certificate of the private key for the {which} jump host.",
        multiline=True,
    )


def _host_key(which: str) -> str:
    """The expected host key."""
    return param(
        "",
        f"The {which} jump host's key, as in host-key. Empty: the daemon's known_hosts file, if "
        "it has one.",
        multiline=True,
    )


@dataclass(frozen=True, kw_only=True)
class FirstJumpParams(Params):
    """The first jump host."""

    ssh_jump_hostname: str = _hostname("first")
    ssh_jump_port: int = _port("first")
    ssh_jump_username: str = _username("first")
    ssh_jump_password: str = _password("first")
    ssh_jump_private_key: str = _private_key("first")
    ssh_jump_passphrase: str = _passphrase("first")
    ssh_jump_public_key: str = _public_key("first")
    ssh_jump_host_key: str = _host_key("first")


@dataclass(frozen=True, kw_only=True)
class SecondJumpParams(Params):
    """The second jump host."""

    ssh_jump_2_hostname: str = _hostname("second")
    ssh_jump_2_port: int = _port("second")
    ssh_jump_2_username: str = _username("second")
    ssh_jump_2_password: str = _password("second")
    ssh_jump_2_private_key: str = _private_key("second")
    ssh_jump_2_passphrase: str = _passphrase("second")
    ssh_jump_2_public_key: str = _public_key("second")
    ssh_jump_2_host_key: str = _host_key("second")


@dataclass(frozen=True, kw_only=True)
class ThirdJumpParams(Params):
    """The third jump host."""

    ssh_jump_3_hostname: str = _hostname("third")
    ssh_jump_3_port: int = _port("third")
    ssh_jump_3_username: str = _username("third")
    ssh_jump_3_password: str = _password("third")
    ssh_jump_3_private_key: str = _private_key("third")
    ssh_jump_3_passphrase: str = _passphrase("third")
    ssh_jump_3_public_key: str = _public_key("third")
    ssh_jump_3_host_key: str = _host_key("third")
