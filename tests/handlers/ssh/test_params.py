"""The parameters are guacd's, by name and order, and then guacr's own."""

from __future__ import annotations

import pytest

from guacr.errors import BadRequestError
from handlers.ssh.params import SshParams

NAMES = """
hostname host-key port timeout username password font-name font-size enable-sftp
sftp-root-directory sftp-disable-download sftp-disable-upload private-key passphrase public-key
enable-agent color-scheme command typescript-path typescript-name create-typescript-path
typescript-write-existing recording-path recording-name recording-exclude-output
recording-exclude-mouse recording-include-keys recording-include-clipboard create-recording-path
recording-write-existing read-only server-alive-interval backspace func-keys-and-keypad
terminal-type scrollback locale timezone clipboard-buffer-size disable-copy disable-paste
wol-send-packet wol-mac-addr wol-broadcast-addr wol-udp-port wol-wait-time
minimum-contrast allow-clipboard-read encoding
algorithms kex-algorithms host-key-algorithms ciphers macs ssh-jump-hostname ssh-jump-port
ssh-jump-username ssh-jump-password ssh-jump-private-key ssh-jump-passphrase ssh-jump-public-key
ssh-jump-host-key ssh-jump-2-hostname ssh-jump-2-port ssh-jump-2-username ssh-jump-2-password
ssh-jump-2-private-key ssh-jump-2-passphrase ssh-jump-2-public-key ssh-jump-2-host-key
ssh-jump-3-hostname ssh-jump-3-port ssh-jump-3-username ssh-jump-3-password ssh-jump-3-private-key
ssh-jump-3-passphrase ssh-jump-3-public-key ssh-jump-3-host-key
gss-auth
""".split()  # noqa: SIM905 - a list of 49 strings is no easier to read
JUMP_NAMES = ("ssh-jump", "ssh-jump-2", "ssh-jump-3")
DEFAULTS = {
    "port": 22,
    "timeout": 10,
    "font-name": "monospace",
    "font-size": 12,
    "sftp-root-directory": "/",
    "typescript-name": "typescript",
    "recording-name": "recording",
    "server-alive-interval": 0,
    "backspace": 127,
    "terminal-type": "linux",
    "scrollback": 1000,
    "clipboard-buffer-size": 262144,
    "wol-broadcast-addr": "255.255.255.255",
    "wol-udp-port": 9,
    "wol-wait-time": 0,
    "minimum-contrast": 1,
    "ssh-jump-port": 22,
    "ssh-jump-2-port": 22,
    "ssh-jump-3-port": 22,
}
"""Those that are neither false nor empty."""


def flagged(flag: str) -> set[str]:
    return {p.name for p in SshParams.declared() if getattr(p.spec, flag)}


def test_names_and_their_order_are_guacds() -> None:
    assert [param.name for param in SshParams.declared()] == NAMES
    assert len(NAMES) == 46 + 8 + 24 + 1


def test_defaults_are_guacds() -> None:
    found = {param.name: param.default for param in SshParams.declared()}
    assert {name: value for name, value in found.items() if value not in (False, "")} | {
        name: 0 for name, value in found.items() if value == 0 and value is not False
    } == DEFAULTS


def test_secrets_are_marked() -> None:
    secrets = {"password", "private-key", "passphrase"}
    jumps = {f"{prefix}-{name}" for prefix in JUMP_NAMES for name in secrets}
    assert flagged("secret") == secrets | jumps


def test_what_can_change_while_connected_is_marked() -> None:
    assert flagged("live") == {"color-scheme", "font-name", "font-size", "minimum-contrast"}
    assert flagged("personal") == {"read-only", "disable-copy", "disable-paste"}


@pytest.mark.parametrize(
    ("name", "value"),
    [("port", "0"), ("port", "65536"), ("timeout", "0"), ("enable-agent", "yes"),
     ("server-alive-interval", "-1"), ("backspace", "128"), ("func-keys-and-keypad", "emacs")],
)  # fmt: skip
def test_what_cannot_be_is_refused(name: str, value: str) -> None:
    with pytest.raises(BadRequestError, match=name):
        SshParams.parse({name: value})


def test_a_secret_is_not_shown() -> None:
    params = SshParams.parse({"password": "hunter2"})
    assert params.password == "hunter2"
