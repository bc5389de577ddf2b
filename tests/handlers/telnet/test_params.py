"""The parameters are guacd's, by name and order; guacr's own follow."""

from __future__ import annotations

import pytest

from guacr.errors import BadRequestError
from handlers.telnet.params import TelnetParams

NAMES = """
hostname port timeout username username-regex password password-regex font-name font-size
color-scheme typescript-path typescript-name create-typescript-path typescript-write-existing
recording-path recording-name recording-exclude-output recording-exclude-mouse
recording-include-keys recording-include-clipboard create-recording-path recording-write-existing
read-only backspace func-keys-and-keypad terminal-type scrollback login-success-regex
login-failure-regex clipboard-buffer-size disable-copy disable-paste wol-send-packet wol-mac-addr
wol-broadcast-addr wol-udp-port wol-wait-time
""".split()  # noqa: SIM905 - a list of 37 strings is no easier to read
DEFAULTS = {
    "port": 23,
    "timeout": 10,
    "username-regex": "[Ll]ogin:",
    "password-regex": "[Pp]assword:",
    "terminal-type": "linux",
    "backspace": 127,
}


def test_names_and_their_order_are_guacds() -> None:
    names = [param.name for param in TelnetParams.declared()]
    assert names[:37] == NAMES
    own = [
        "minimum-contrast",
        "allow-clipboard-read",
        "use-ssl",
        "ca-cert",
        "ignore-cert",
        "encoding",
    ]
    assert names[37:] == own


def test_defaults_are_guacds() -> None:
    found = {param.name: param.default for param in TelnetParams.declared()}
    assert {name: found[name] for name in DEFAULTS} == DEFAULTS


def test_the_password_is_secret() -> None:
    assert {p.name for p in TelnetParams.declared() if p.spec.secret} == {"password"}


@pytest.mark.parametrize(("name", "value"), [("port", "0"), ("timeout", "0"), ("use-ssl", "yes")])
def test_what_cannot_be_is_refused(name: str, value: str) -> None:
    with pytest.raises(BadRequestError, match=name):
        TelnetParams.parse({name: value})
