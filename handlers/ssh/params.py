"""The parameters of SSH connections: guacd's, in its order and with its meaning, then guacr's."""

from __future__ import annotations

from dataclasses import dataclass

from guacr.api import ClipboardParams, RecordingParams, SftpParams, WakeOnLanParams, order, param
from handlers.ssh.jump_params import FirstJumpParams, SecondJumpParams, ThirdJumpParams
from handlers.terminal.params import HostTerminalParams, TypescriptParams

JUMPS = ("ssh_jump", "ssh_jump_2", "ssh_jump_3")
"""The prefixes of the jump hosts' fields, in the order of connection."""
TIMEOUT_MAX = 600
"""Seconds."""


def _algorithms(what: str) -> str:
    return param(
        "",
        f"{what} in order of preference, separated by commas, instead of the default list; a "
        "leading + appends to it, ^ prepends, and - removes.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SshParams(
    HostTerminalParams,
    SftpParams,
    WakeOnLanParams,
    FirstJumpParams,
    SecondJumpParams,
    ThirdJumpParams,
):
    """The parameters of an SSH connection."""

    ORDER = order(
        "hostname host-key port timeout username password font-name font-size",
        SftpParams,
        "private-key passphrase public-key enable-agent color-scheme command",
        TypescriptParams,
        RecordingParams,
        "read-only server-alive-interval backspace func-keys-and-keypad terminal-type scrollback",
        "locale timezone",
        ClipboardParams,
        WakeOnLanParams,
        "minimum-contrast allow-clipboard-read encoding",
        "algorithms kex-algorithms host-key-algorithms ciphers macs",
        FirstJumpParams,
        SecondJumpParams,
        ThirdJumpParams,
        "gss-auth",
    )

    hostname: str = param("", "Name or address of the host.", common=True, required=True, host=True)
    host_key: str = param(
        "",
        "The host's key: one or more lines of known_hosts, or a type and a key (ssh-ed25519 "
        "AAAA…). Any other key is refused. Empty: the daemon's known_hosts file, if it has one.",
        common=True,
        multiline=True,
    )
    port: int = param(22, "TCP port.", common=True, minimum=1, maximum=65535)
    timeout: int = param(
        10,
        "Seconds within which the host must accept the TCP connection, and then send a greeting.",
        minimum=1,
        maximum=TIMEOUT_MAX,
    )
    username: str = param(
        "", "Name to log in with; asked for in the terminal if empty.", common=True
    )
    password: str = param(
        "",
        "Password; asked for in the terminal if it is empty and the host requires one.",
        common=True,
        secret=True,
    )
    private_key: str = param(
        "",
        "Private key to log in with, in OpenSSH or PEM format: the whole text of its file.",
        common=True,
        secret=True,
        multiline=True,
    )
    passphrase: str = param(
        "",
        "Passphrase of the private key; asked for in the terminal if the key needs one.",
        common=True,
        secret=True,
    )
    public_key: str = param(
        "",
        "OpenSSH certificate of the private key. A plain public key is accepted, but not needed.",
        multiline=True,
    )
    enable_agent: bool = param(
        False, "Let the remote host use the private key through a forwarded agent."
    )
    command: str = param("", "Command to run instead of a shell.", common=True)
    server_alive_interval: int = param(
        0,
        "Seconds between keep-alive requests, at least 2; 0 for none. After three without an "
        "answer the session ends.",
        common=True,
        minimum=0,
        maximum=86400,
    )
    locale: str = param(
        "", "Sent as LANG, such as en_GB.UTF-8; the host may ignore it.", common=True
    )
    timezone: str = param(
        "",
        "Sent as TZ, such as Europe/Zurich; empty for the client's own. The host may ignore it.",
        common=True,
    )
    algorithms: str = param(
        "",
        "Algorithms that are offered: modern, or legacy, which adds those of old devices, all of "
        "them weak (diffie-hellman-group1-sha1, hmac-md5, 3des-cbc, ssh-dss and others). Empty: "
        "the setting applies.",
        common=True,
        choices=("", "modern", "legacy"),
    )
    kex_algorithms: str = _algorithms("Key exchange algorithms")
    host_key_algorithms: str = _algorithms("Algorithms of host keys")
    ciphers: str = _algorithms("Ciphers")
    macs: str = _algorithms("Message authentication codes")
    gss_auth: bool = param(
        False,
        "Log in with Kerberos, using the tickets in the cache of the setting kerberos_cache. "
        "Only an operator can set it, with hostname and username: in a configured connection "
        "or in a token.",
        operator=True,
    )
