"""Problems that `guacr check-config` finds before `guacr serve` or a connection does."""

from __future__ import annotations

import re
import socket
import sys
import time
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from guacr.cli.check import check
from guacr.errors import SettingsError
from guacr.settings.models import Settings
from guacr.telemetry.wanted import ENDPOINT
from tests.support.certificates import Authority
from tests.support.waiting import free_port

SSH = {"protocol": "ssh", "parameters": {"hostname": "h"}}


def settings(**sections: object) -> Settings:
    return Settings.model_validate(sections)


def problems(**sections: object) -> str:
    with pytest.raises(SettingsError) as caught:
        check(settings(**sections))
    return str(caught.value)


JUNK = "-----BEGIN nonsense"
NO_CA = "connections.a: parameter ca-cert contains no PEM certificate"


def of(protocol: str, **parameters: str) -> dict[str, object]:
    """A connection."""
    own = {name.replace("_", "-"): text for name, text in parameters.items()}
    return {"connections": {"a": {"protocol": protocol, "parameters": own}}}


def with_parameters(**parameters: str) -> dict[str, object]:
    return of("ssh", **({"hostname": "h"} | parameters))


def test_certificates(tmp_path: Path) -> None:
    missing = tmp_path / "none.pem"
    assert f"cannot use {missing}" in problems(server={"tls_certificate": missing})
    assert f"cannot use {missing}" in problems(websocket={"tls_certificate": missing})
    pair = Authority().issue("server", expired=True)
    path = tmp_path / "server.pem"
    path.write_text(pair.certificate + pair.key)
    (line,) = [one for one in check(settings(server={"tls_certificate": path})) if "TLS" in one]
    assert re.search(r", with TLS \(the certificate expired on 20\d\d-.* UTC\)$", line)
    server = {"tls_certificate": path, "tls_client_ca": path}
    assert any(
        "with TLS and client certificates (" in one for one in check(settings(server=server))
    )


def test_certificates_that_clients_refuse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority, path = Authority(), tmp_path / "server.pem"
    secured = settings(server={"tls_certificate": path})
    for expired, remark in ((True, "expired on 20"), (False, "")):
        pair = authority.issue("server", expired=expired)
        path.write_text(pair.certificate + pair.key)
        lines = check(secured)
        assert [one for one in lines if "certificate of server" in one] == [
            one for one in lines[1:2] if remark
        ]
        assert remark in lines[1]
    later = time.time() - 10 * 365 * 86_400
    monkeypatch.setattr("guacr.net.certificates.time.time", lambda: later)
    assert check(secured)[1].startswith(
        "the certificate of server is not valid yet: check the clock"
    )


def test_acme(tmp_path: Path) -> None:
    values = {"domains": ["desk.example"], "agree_to_terms": True, "http_hosts": ["127.0.0.1"]}
    acme = values | {"http_port": free_port(), "state_directory": tmp_path / "state"}
    page = {"tls_certificate": "acme"}
    used = settings(acme=acme, websocket=page)
    text = ", with TLS for desk.example (without a certificate yet)"
    for _ in range(2):
        (line,) = [one for one in check(used) if one.startswith("WebSocket and page: ")]
        assert line.endswith(text)
        used.acme.certificate.parent.mkdir(parents=True, exist_ok=True)
        used.acme.certificate.write_text("damaged")
    (tmp_path / "file").write_text("")
    text = problems(acme=acme | {"state_directory": tmp_path / "file" / "state"})
    assert text.startswith("acme.state_directory ")
    assert "is not a directory that this account may write to" in text


def test_webrtc() -> None:
    assert "WebRTC: off" in check(settings())
    enabled = {"enabled": True, "interfaces": ["lo"]}
    assert "WebRTC: offered by the page" in check(settings(webrtc=enabled))
    server = {"url": "turns:turn.example?transport=udp", "secret": "s"}
    assert "turns is TLS over TCP" in problems(webrtc=enabled | {"servers": [server]})
    missing = enabled | {"interfaces": ["lo", "none0"]}
    assert (
        problems(webrtc=missing) == "webrtc.interfaces: none0 is not an interface of this machine"
    )


def test_metrics(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ENDPOINT, raising=False)
    assert "metrics: off" in check(settings())
    metrics = {"enabled": True, "hosts": ["127.0.0.1"]}
    telemetry = {"endpoint": "http://127.0.0.1:4318"}
    expected = "metrics: Prometheus on 127.0.0.1:4825; OpenTelemetry to http://127.0.0.1:4318"
    assert expected in check(settings(metrics=metrics, telemetry=telemetry))
    monkeypatch.setenv(ENDPOINT, "http://user:secret@127.0.0.1:4318")
    assert f"metrics: OpenTelemetry to {ENDPOINT}" in check(settings())
    assert "no address 192.0.2.1" in problems(metrics=metrics | {"hosts": ["192.0.2.1"]})
    monkeypatch.setitem(sys.modules, "guacr.telemetry.sdk", None)
    assert "install guacr[otel]" in problems(telemetry=telemetry)


def test_interfaces_for_operators(tmp_path: Path) -> None:
    assert "operators: off" in check(settings())
    path = tmp_path / "control.sock"
    key = {"token_keys": ["k" * 32]}
    enabled = {"unix_socket": path, "http": True, "grpc": True, "hosts": ["127.0.0.1"], **key}
    lines = check(settings(control=enabled))
    assert f"operators: {path}; HTTP on 127.0.0.1:4824; gRPC on 127.0.0.1:50051" in lines
    assert "generate another one" in problems(control=enabled, websocket=key)
    missing = tmp_path / "none"
    assert f"cannot use {missing} for TLS" in problems(control={"tls_certificate": missing})
    sock = missing / "control.sock"
    assert f"directory {missing} does not exist" in problems(control={"unix_socket": sock})


def test_protocols_that_are_not_offered() -> None:
    assert "protocol 'shs' is unknown: known" in problems(server={"protocols": ["shs"]})
    connection = of("ssh", hostname="h")
    assert "connections.a: protocol ssh is disabled" in problems(
        server={"protocols": ["vnc"]}, **connection
    )
    assert check(settings(server={"protocols": ["ssh"]}, **connection))[-1] == "protocols: ssh"


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


@pytest.mark.parametrize(
    ("section", "values", "name"),
    [
        ("metrics", {"enabled": True, "port": 4823}, "metrics.port"),
        ("control", {"http": True, "port": 4823}, "control.port"),
        ("control", {"grpc": True, "grpc_port": 4823}, "control.grpc_port"),
    ],
)
def test_listeners_with_the_port_of_the_page(
    section: str, values: dict[str, object], name: str
) -> None:
    keys = {"token_keys": ["o" * 40]} if section == "control" else {}
    text = problems(**{section: values | keys})
    assert f"websocket.port and {name} are both 4823: change one of them" in text


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
    assert f"server.unix_socket: directory {missing} does not exist" in text


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
        (with_parameters(encoding="klingon"), "connections.a: parameter encoding"),
        (of("kubernetes", hostname="h", pod="p", ca_cert=JUNK, use_ssl="true"), NO_CA),
        (
            of(
                "kubernetes",
                hostname="h",
                pod="p",
                client_cert=JUNK,
                client_key=JUNK,
                use_ssl="true",
            ),
            "connections.a: parameters client-cert and client-key must be",
        ),
        (of("telnet", hostname="h", port="992", ca_cert=JUNK), NO_CA),
        (
            of("postgresql", hostname="h", username="u", tls_ca=JUNK),
            "connections.a: parameter tls-ca contains no PEM certificate",
        ),
        (of("mysql", hostname="h", tls="verify-ca"), "connections.a: tls=verify-ca needs"),
        (of("sqlite", database="shop.db"), "connections.a: parameter database must be an absolute"),
        (of("sqlite", database="/none/shop.db"), "connections.a: there is no file '/none/shop.db'"),
        (of("redis", hostname="h", database="one"), "connections.a: parameter database must be"),
        (
            of("redis", hostname="h", tls="require", tls_cert=JUNK, tls_key=JUNK),
            "connections.a: parameters tls-cert and tls-key must be",
        ),
    ],
)
def test_what_would_fail_at_connecting(sections: dict[str, object], sentence: str) -> None:
    assert sentence in problems(**sections)


def test_all_problems_of_all_connections_are_told() -> None:
    text = problems(
        connections={
            "a": {
                "protocol": "ssh",
                "parameters": {"hostname": "h", "hostnam": "h", "port": "x"}
                | {"macs": "m1", "ciphers": "rot13"},
                "allow_query_parameters": ["*", "username", "pasword"],
            },
            "b": {
                "protocol": "redis",
                "parameters": {"hostname": "h", "database": "one", "tls": "require"}
                | {"tls-ca": JUNK, "tls-cert": JUNK},
            },
        }
    )
    assert [line.partition(",")[0] for line in text.splitlines()] == [
        "connections.a: parameter 'hostnam' is unknown: did you mean hostname?",
        "connections.a: parameter port must be a whole number from 1 to 65535",
        "connections.a: allow_query_parameters: parameter 'pasword' is unknown: did you mean "
        "password?",
        "connections.a: parameter ciphers has 'rot13'",
        "connections.a: parameter macs has 'm1'",
        "connections.b: parameter database must be a number from 0",
        "connections.b: parameter tls-ca contains no PEM certificate: give the whole text of its "
        "file",
    ]


def test_addresses_of_other_machines() -> None:
    text = problems(server={"hosts": ["192.0.2.1"]}, websocket={"hosts": ["127.0.0.1", "::1"]})
    assert "server.hosts: this machine has no address 192.0.2.1 to listen on" in text
    assert "websocket" not in text
    assert "server.hosts: cannot listen on 'bad..name'" in problems(server={"hosts": ["bad..name"]})


def test_ports_that_this_account_may_not_use(monkeypatch: pytest.MonkeyPatch) -> None:
    class Refused(socket.socket):
        def bind(self, address: Any, /) -> None:
            if isinstance(address, tuple) and 0 < address[1] < 1024:
                raise PermissionError
            super().bind(address)

    monkeypatch.setattr(socket, "socket", Refused)
    control = {"hosts": ["127.0.0.1"], "token_keys": ["o" * 40], "port": 424, "grpc_port": 551}
    for way, refused in (("http", "control.port"), ("grpc", "control.grpc_port")):
        number = control[refused.removeprefix("control.")]
        text = problems(control={**control, way: True})
        assert text == f"{refused}: this account may not listen on port {number}"


def test_a_port_in_use_is_fine() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        check(settings(server={"hosts": ["127.0.0.1"], "port": taken.getsockname()[1]}))


LONG = "/" + "a" * 5000


@pytest.mark.parametrize(
    ("section", "key", "path"),
    [
        ("recording", "path", LONG),
        ("journal", "directory", LONG),
        ("daemon", "pid_file", LONG),
        ("server", "unix_socket", f"{LONG}/a"),
        ("control", "unix_socket", f"{LONG}/a"),
    ],
)
def test_paths_that_are_too_long(section: str, key: str, path: str) -> None:
    found = problems(**{section: {key: path}})
    assert f"{section}.{key}" in found
    assert "too long" in found or "does not exist" in found


def test_what_is_no_pid_file(tmp_path: Path) -> None:
    for place in (tmp_path, Path("/dev/null")):
        assert "exists, but is not a file" in problems(daemon={"pid_file": place})


def test_known_hosts(tmp_path: Path) -> None:
    path = tmp_path / "known_hosts"
    lines = check(settings(ssh={"known_hosts": path}))
    assert f"ssh.known_hosts: there is no file {path}, so hosts are not verified" in lines
    path.write_text("nonsense\n")
    assert f"known hosts file {path} cannot be used" in problems(ssh={"known_hosts": path})
    path.write_bytes(b"\xff\xfe")
    assert f"known hosts file {path} cannot be read" in problems(ssh={"known_hosts": path})
    assert not any("known_hosts" in line for line in check(settings()))


def test_a_public_key_that_is_none() -> None:
    lines = check(settings(**with_parameters(public_key="nonsense")))
    assert any(
        "public-key of host 'h' is neither a certificate nor a public key" in x for x in lines
    )
    key = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
    assert "but for" not in check(settings(**with_parameters(public_key=key)))[0]


def test_limits_of_people_who_are_not_known() -> None:
    limits = {"sessions_per_subject": 1, "sessions_per_address": 1}
    lines = check(Settings.model_validate({"limits": limits}))
    (line,) = [line for line in lines if line.startswith("limits.")]
    assert "sessions_per_subject has no effect" in line
    page = {"token_keys": ["k" * 32]}
    lines = check(Settings.model_validate({"limits": limits, "websocket": page}))
    assert not [line for line in lines if line.startswith("limits.")]


def test_remarks_do_not_fail() -> None:
    lines = check(settings(**with_parameters(color_scheme="mauve-ish")))
    assert lines[0] == "the settings are valid, with these remarks:"
    assert any("'mauve-ish' is neither a colour scheme" in line for line in lines)


def test_an_encrypted_key_without_a_passphrase_is_fine(tmp_path: Path) -> None:
    key = asyncssh.generate_private_key("ssh-ed25519")
    text = key.export_private_key(passphrase="x", rounds=1, ignore_few_rounds=True).decode()
    check(settings(**with_parameters(private_key=text)))
    check(settings(connections={"a": SSH}))


def test_a_unix_socket_alone_is_fine(tmp_path: Path) -> None:
    server = {"hosts": [], "unix_socket": str(tmp_path / "guacr.sock")}
    check(settings(server=server, websocket={"enabled": False}))


def test_directories_of_recordings(tmp_path: Path) -> None:
    missing = str(tmp_path / "missing" / "recordings")
    text = f"directory {tmp_path / 'missing'} does not exist"
    assert f"recording.path: {text}" in problems(recording={"path": missing})
    values = with_parameters(recording_path=str(tmp_path / "missing"))
    assert f"recording-path: {text}" in problems(**values)


def test_what_is_recorded_where(tmp_path: Path) -> None:
    nowhere: dict[str, object] = {"directories": ()}
    assert "recordings: none" in check(settings(recording=nowhere))
    assert "recordings: what clients ask for in /r" in check(
        settings(recording={"directories": ["/r"]})
    )
    everywhere = nowhere | {"path": tmp_path, "journal": True}
    own = with_parameters(recording_path=str(tmp_path))
    assert (
        f"recordings: every session in {tmp_path} and in the journal; connections with their own "
        "directory: a"
    ) in check(settings(recording=everywhere, journal={"directory": tmp_path / "journal"}, **own))


@pytest.mark.parametrize("section", [{"recording": {"journal": True}}, {"audit": {"strict": True}}])
def test_what_needs_the_journal(section: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"needs a journal: set journal\.directory"):
        settings(**section)


def test_the_journal(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    missing = tmp_path / "a" / "journal"
    assert any("audit log: in" in line for line in check(settings(journal={"directory": missing})))
    assert "audit log: off" in check(settings())
    assert not missing.parent.exists(), "nothing is created"
    wrong = {"directory": tmp_path / "file" / "journal"}
    assert "journal.directory" in problems(journal=wrong)
    assert "recipient" in problems(journal={"directory": missing, "recipients": ["age1wrong"]})
    option = {"directory": missing, "store": "s3://bucket", "store_options": {"wrong": "x"}}
    assert "journal.store" in problems(journal=option)
