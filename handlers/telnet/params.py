"""The parameters of Telnet connections, in the order and with the meaning that guacd gives them.

The last ones are specific to guacr.
"""

from __future__ import annotations

from dataclasses import dataclass

from guacr.api import ClipboardParams, RecordingParams, WakeOnLanParams, order, param
from handlers.terminal.params import HostTerminalParams, TypescriptParams

TIMEOUT_MAX = 600
"""Seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TelnetParams(HostTerminalParams, WakeOnLanParams):
    """The parameters of a Telnet connection."""

    ORDER = order(
        "hostname port timeout username username-regex password password-regex",
        "font-name font-size color-scheme",
        TypescriptParams,
        RecordingParams,
        "read-only backspace func-keys-and-keypad terminal-type scrollback",
        "login-success-regex login-failure-regex",
        ClipboardParams,
        WakeOnLanParams,
        "minimum-contrast allow-clipboard-read use-ssl ca-cert ignore-cert encoding",
    )

    hostname: str = param("", "Name or address of the host.", common=True, required=True, host=True)
    port: int = param(23, "TCP port; 992 implies TLS.", common=True, minimum=1, maximum=65535)
    timeout: int = param(
        10,
        "Seconds within which the host must accept the TCP connection.",
        minimum=1,
        maximum=TIMEOUT_MAX,
    )
    username: str = param(
        "", "Name to type at the host's login prompt; empty: a person types it.", common=True
    )
    username_regex: str = param(
        "[Ll]ogin:", "Regular expression (POSIX extended) of the login prompt.", common=True
    )
    password: str = param(
        "",
        "Password to type at the host's password prompt; empty: a person types it.",
        common=True,
        secret=True,
    )
    password_regex: str = param(
        "[Pp]assword:", "Regular expression (POSIX extended) of the password prompt.", common=True
    )
    login_success_regex: str = param(
        "",
        "Regular expression of the host's output after a successful login; until it matches, "
        "input is held back.",
        common=True,
    )
    login_failure_regex: str = param(
        "",
        "Regular expression of the host's output when it rejects a login: the session ends "
        "with status 769.",
        common=True,
    )
    use_ssl: bool = param(False, "Use TLS from the first byte, as port 992 always does.")
    ca_cert: str = param(
        "",
        "PEM certificates of the authorities to trust with TLS; empty for the system's.",
        multiline=True,
    )
    ignore_cert: bool = param(False, "Accept any certificate of the host.")
