from pathlib import Path

import pytest
from pydantic import BaseModel, ValidationError

from guacr.errors import SettingsError
from guacr.settings.acme import AcmeSettings
from guacr.settings.configuration import Source, merge
from guacr.settings.limits import OwnLimits
from guacr.settings.loopback import is_loopback
from guacr.settings.models import (
    Connection,
    ServerSettings,
    Settings,
    WebSocketSettings,
)
from guacr.settings.webrtc import IceServerSettings, WebRtcSettings

KEY = "k" * 32


def test_defaults_are_safe() -> None:
    settings = Settings()
    assert settings.server.hosts == ("127.0.0.1", "::1")
    assert settings.websocket.hosts == ("127.0.0.1", "::1")
    assert (settings.server.port, settings.websocket.port) == (4822, 4823)
    assert not settings.websocket.has_key


def test_settings_read_no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GUACR_SERVER__PORT", "1")
    assert Settings().server.port == 4822


def test_settings_are_frozen() -> None:
    settings = Settings()
    for model, name in ((settings.server, "port"), (settings, "server")):
        with pytest.raises(ValidationError, match="frozen"):
            setattr(model, name, getattr(model, name))


def test_every_setting_has_a_meaning() -> None:
    sections: list[BaseModel] = [value for _, value in Settings() if isinstance(value, BaseModel)]
    assert len(sections) == len(Settings.model_fields) - 1
    models: list[type[BaseModel]] = [*map(type, sections), Connection, IceServerSettings, OwnLimits]
    for model in models:
        assert model.__doc__
        for name, field in model.model_fields.items():
            assert field.description, name


@pytest.mark.parametrize("port", [0, 65535])
def test_port_at_its_bounds(port: int) -> None:
    assert ServerSettings(port=port).port == port


@pytest.mark.parametrize("port", [-1, 65536, True, 1.5, "gopherx"])
def test_port_beyond_its_bounds(port: object) -> None:
    with pytest.raises(ValidationError):
        ServerSettings.model_validate({"port": port})


def test_servers_of_webrtc(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("north\n")
    servers = [
        {"url": "stun:[::1]:3478"},
        {"url": "turn:turn.example?transport=tcp", "secret": f"file:{tmp_path}/secret"},
        {"url": "turns:turn.example", "username": "ann", "credential": "word"},
    ]
    settings = WebRtcSettings.model_validate({"servers": servers, "relay_only": True})
    assert [server.is_relay for server in settings.servers] == [False, True, True]
    assert settings.servers[1].secret == "north"
    assert "north" not in repr(settings) + repr(settings.servers)
    assert "word" not in repr(settings) + repr(settings.servers)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"servers": [{"url": "http://x"}]}, "must be like stun:host:3478"),
        ({"servers": [{"url": "stun:"}]}, "must be like stun:host:3478"),
        ({"servers": [{"url": "turn:x"}]}, "needs secret, or username and credential"),
        ({"servers": [{"url": "turn:x", "username": "a"}]}, "needs secret, or username"),
        (
            {"servers": [{"url": "turn:x", "username": "a", "credential": "b", "secret": "c"}]},
            "either secret or credential",
        ),
        ({"servers": [{"url": "stun:x"}] * 9}, "at most 8"),
        ({"relay_only": True, "servers": [{"url": "stun:x"}]}, "no TURN server"),
        ({"max_tubes": 0}, "greater than or equal to 1"),
        ({"max_tubes_per_address": 0}, "greater than or equal to 1"),
        ({"port_min": 50_000}, "from 50000 to 0: set both"),
        ({"port_max": 50_000}, "from 0 to 50000: set both"),
        ({"port_min": 50_000, "port_max": 49_999}, "from 50000 to 49999"),
        ({"port_min": 65_535, "port_max": 65_536}, "less than or equal to 65535"),
    ],
)
def test_settings_of_webrtc_that_cannot_be_used(values: dict[str, object], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        WebRtcSettings.model_validate(values)


def test_unix_socket_mode_is_octal() -> None:
    mode = ServerSettings.model_validate({"unix_socket_mode": "0600"}).unix_socket_mode
    assert mode == 0o600
    with pytest.raises(ValidationError, match="octal digits"):
        ServerSettings.model_validate({"unix_socket_mode": "0800"})


def test_tls_key_needs_a_certificate() -> None:
    with pytest.raises(ValidationError, match="tls_certificate"):
        ServerSettings.model_validate({"tls_key": "/key.pem"})


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "desk.example"])
def test_websocket_beyond_loopback_needs_a_key(host: str) -> None:
    with pytest.raises(ValidationError, match="set token_keys"):
        WebSocketSettings(hosts=(host,))
    assert WebSocketSettings(hosts=(host,), token_keys=(KEY,)).has_key
    assert WebSocketSettings(hosts=(host,), guacamole_lite_key=KEY).has_key
    assert not WebSocketSettings(hosts=(host,), enabled=False).has_key


def test_websocket_needs_an_address() -> None:
    with pytest.raises(ValidationError, match="hosts is empty: name an address"):
        WebSocketSettings(hosts=())
    assert WebSocketSettings(hosts=(), enabled=False).hosts == ()


def test_one_protocol_at_least() -> None:
    with pytest.raises(ValidationError, match="protocols is empty: name a protocol"):
        ServerSettings(protocols=())


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "::1", "localhost"])
def test_loopback(host: str) -> None:
    assert is_loopback(host)
    assert not WebSocketSettings(hosts=(host,)).has_key


def test_addresses_of_ipv6_may_be_in_brackets() -> None:
    hosts = ("[::1]", "::2", "[box")
    assert WebSocketSettings(hosts=hosts, token_keys=(KEY,)).hosts == ("::1", "::2", "[box")
    assert ServerSettings(hosts=hosts).hosts == ("::1", "::2", "[box")


@pytest.mark.parametrize(
    ("path", "error"),
    [("/run/\0", "without null characters"), ("~nobody-here/guacr", "of an unknown account")],
)
def test_paths_that_cannot_exist(path: str, error: str) -> None:
    for wrong in (
        lambda: ServerSettings.model_validate({"unix_socket": path}),
        lambda: WebSocketSettings(token_keys=(f"file:{path}",)),
    ):
        with pytest.raises(ValidationError, match=error):
            wrong()


def test_keys_come_from_files(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text(KEY + "\n")
    settings = WebSocketSettings(token_keys=(f"file:{path}",), guacamole_lite_key=f"file:{path}")
    assert settings.token_keys == (KEY,)
    assert settings.guacamole_lite_key == KEY


def test_key_in_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="cannot be read: No such file"):
        WebSocketSettings(token_keys=(f"file:{tmp_path / 'none'}",))


def test_key_in_an_endless_file() -> None:
    with pytest.raises(ValidationError, match="more than 65536 bytes"):
        WebSocketSettings(token_keys=("file:/dev/zero",))


@pytest.mark.parametrize("key", [KEY[:-1], KEY + "k", "ä" * 17])
def test_guacamole_lite_key_of_another_length(key: str) -> None:
    with pytest.raises(ValidationError, match="exactly 32 bytes"):
        WebSocketSettings(guacamole_lite_key=key)


def test_token_key_at_its_bound() -> None:
    assert WebSocketSettings(token_keys=(KEY,)).token_keys == (KEY,)
    with pytest.raises(ValidationError, match="at least 32 characters"):
        WebSocketSettings(token_keys=(KEY[:-1],))


def test_parameters_become_texts(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("-----BEGIN\n-----END\n")
    given = {
        "hostname": "h",
        "port": 22,
        "read-only": True,
        "private_key": {"file": str(tmp_path / "key")},
    }
    connection = Connection.model_validate({"protocol": "ssh", "parameters": given})
    assert connection.parameters == {
        "hostname": "h",
        "port": "22",
        "read-only": "true",
        "private-key": "-----BEGIN\n-----END",
    }


def test_secrets_are_in_no_representation() -> None:
    connection = Connection(protocol="ssh", parameters={"password": "topsecret"})
    websocket = WebSocketSettings(token_keys=(KEY,), guacamole_lite_key=KEY)
    shown = repr(Settings(websocket=websocket, connections={"a": connection}))
    assert KEY not in shown
    assert "topsecret" not in shown


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"domains": ["*.desk.example"]}, "without wildcards"),
        ({"domains": ["127.0.0.1"]}, "host names such as"),
        ({"domains": ["localhost"]}, "host names such as"),
        ({"domains": ["-a.example"]}, "host names such as"),
        ({"domains": [f"a{n}.example" for n in range(101)]}, "at most 100 names"),
        ({"domains": ["a.example"], "agree_to_terms": False}, "agree_to_terms = true"),
        ({"domains": ["a.example"], "state_directory": ""}, "needs a state_directory"),
        ({"directory_url": "http://ca.example"}, "begins with https://"),
        ({"eab_key_id": "a"}, "both eab_key_id and eab_key"),
        ({"eab_key_id": "a", "eab_key": "topsecret!"}, "must be base64url"),
    ],
)
def test_settings_of_acme(values: dict[str, object], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem) as refused:
        AcmeSettings.model_validate({"agree_to_terms": True} | values)
    assert "topsecret" not in str(refused.value.errors()[0]["msg"])


def test_certificates_of_acme() -> None:
    acme = {"domains": ["Desk.Example"], "agree_to_terms": True, "state_directory": "/var/lib/a"}
    page = {"tls_certificate": "acme"}
    settings = Settings.model_validate({"websocket": page, "acme": acme})
    name = "acme-v02.api.letsencrypt.org_directory"
    assert settings.acme.domains == ("desk.example",)
    assert settings.acme.certificate == Path("/var/lib/a") / name / "certificate.pem"
    with pytest.raises(SettingsError, match=r'settings: websocket\.tls_certificate is "acme": '):
        merge([Source("file", {"websocket": page})])
    with pytest.raises(SettingsError, match=r'control\.tls_certificate cannot be "acme"'):
        merge([Source("file", {"control": page, "acme": acme})])
