"""What `guacr check-config` finds before `guacr serve` or a connection would."""

from __future__ import annotations

from pathlib import Path

import asyncssh
import pytest

from guacr.check import check
from guacr.errors import SettingsError
from guacr.settings import Settings

SSH = {"protocol": "ssh", "parameters": {"hostname": "h"}}


def settings(**sections: object) -> Settings:
    return Settings.model_validate(sections)


def problems(**sections: object) -> str:
    with pytest.raises(SettingsError) as caught:
        check(settings(**sections))
    return str(caught.value)


def with_parameters(**parameters: str) -> dict[str, object]:
    own = {name.replace("_", "-"): text for name, text in parameters.items()}
    return {"connections": {"a": {"protocol": "ssh", "parameters": {"hostname": "h"} | own}}}


def test_certificates(tmp_path: Path) -> None:
    missing = tmp_path / "none.pem"
    assert f"cannot use {missing}" in problems(server={"tls_certificate": missing})


@pytest.mark.parametrize(
    ("hosts", "page_hosts"),
    [(["127.0.0.1"], ["127.0.0.1"]), (["0.0.0.0"], ["127.0.0.1"]), (["::"], ["::1"])],
)
def test_one_port_twice(hosts: list[str], page_hosts: list[str]) -> None:
    sections = {
        "server": {"hosts": hosts, "port": 4900},
        "websocket": {"hosts": page_hosts, "port": 4900},
    }
    assert "are both 4900" in problems(**sections)


def test_one_port_on_two_addresses_is_fine() -> None:
    check(
        settings(
            server={"hosts": ["127.0.0.2"], "port": 4900},
            websocket={"hosts": ["127.0.0.1"], "port": 4900},
        )
    )


def test_directories(tmp_path: Path) -> None:
    missing = tmp_path / "none"
    text = problems(daemon={"pid_file": missing / "a.pid"}, server={"unix_socket": missing / "s"})
    assert f"daemon.pid_file {missing}/a.pid cannot be written" in text
    assert f"server.unix_socket: there is no directory {missing}" in text


@pytest.mark.parametrize(
    ("sections", "sentence"),
    [
        ({"ssh": {"ciphers": ["rot13"]}}, "ciphers under [ssh] has 'rot13'"),
        ({"terminal": {"color_scheme": "mauve-ish"}}, "terminal.color_scheme: 'mauve-ish'"),
        (with_parameters(ciphers="rot13"), "connections.a: parameter ciphers has 'rot13'"),
        (with_parameters(private_key="nonsense"), "connections.a: "),
        (with_parameters(host_key="nonsense"), "connections.a: parameter host-key has no key"),
        (with_parameters(hostname=""), "connections.a: parameter hostname is empty"),
        (
            {
                "connections": {
                    "a": {
                        "protocol": "telnet",
                        "parameters": {"hostname": "h", "username": "u", "username-regex": "(("},
                    }
                }
            },
            "connections.a: ",
        ),
        (
            {"connections": {"a": {"protocol": "kubernetes", "parameters": {"kubeconfig": ": ["}}}},
            "connections.a: ",
        ),
    ],
)
def test_what_would_fail_at_connecting(sections: dict[str, object], sentence: str) -> None:
    assert sentence in problems(**sections)


def test_remarks_do_not_fail() -> None:
    lines = check(settings(**with_parameters(recording_path="/var/rec", color_scheme="mauve-ish")))
    assert lines[0] == "the settings are in order, but for these remarks:"
    assert any("not supported yet, and ignored: recording-path" in line for line in lines)
    assert any("'mauve-ish' is no colour scheme" in line for line in lines)


def test_an_encrypted_key_without_a_passphrase_is_fine(tmp_path: Path) -> None:
    key = asyncssh.generate_private_key("ssh-ed25519").export_private_key(passphrase="x")
    check(settings(**with_parameters(private_key=key.decode())))
    check(settings(connections={"a": SSH}))
