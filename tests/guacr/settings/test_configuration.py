from pathlib import Path

import pytest

from guacr.errors import SettingsError
from guacr.settings import configuration
from guacr.settings.models import Settings

SECRET = "this is a secret that nobody may see"


@pytest.fixture(autouse=True)
def no_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(configuration.CONFIG_VARIABLE, raising=False)
    monkeypatch.setattr(configuration, "DEFAULT_PATH", tmp_path / "default.toml")


def written(directory: Path, text: str, name: str = "guacr.toml") -> Path:
    path = directory / name
    path.write_text(text)
    return path


def problem(path: Path) -> str:
    with pytest.raises(SettingsError) as caught:
        configuration.load(path)
    return str(caught.value)


def test_without_sources_there_are_the_defaults() -> None:
    assert configuration.load() == Settings()


def test_each_source_goes_before_the_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = written(
        tmp_path,
        "[server]\nhosts = ['file']\nport = 1\nbacklog = 1\n[log]\nlevel = 'error'\n"
        "[daemon]\npid_file = '/file'",
    )
    guacd = written(
        tmp_path,
        "[server]\nbind_host = conf\nbind_port = 2\n[daemon]\nlog_level = debug\n",
        "guacd.conf",
    )
    monkeypatch.setenv("GUACR_SERVER__HOSTS", "env, ::1")
    settings = configuration.load(config, guacd, {"server": {"hosts": "arg", "port": "3"}})
    assert settings.server.hosts == ("env", "::1")
    assert settings.server.port == 3
    assert settings.server.backlog == 1
    assert settings.log.level == "debug"
    assert settings.daemon.pid_file == Path("/file")


def test_the_file_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path, "[server]\nport = 1", "default.toml")
    assert configuration.load().server.port == 1
    monkeypatch.setenv("GUACR_CONFIG_PATH", str(written(tmp_path, "[server]\nport = 2", "env")))
    assert configuration.load().server.port == 2
    assert configuration.load(written(tmp_path, "[server]\nport = 3")).server.port == 3


def test_every_kind_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    values = {
        "GUACR_WEBSOCKET__ENABLED": "false",
        "GUACR_DISPLAY__QUALITY": "auto",
        "GUACR_SERVER__UNIX_SOCKET_MODE": "0600",
        "GUACR_SERVER__HANDSHAKE_TIMEOUT": "2.5",
        "GUACR_TERMINAL__FONT_DIRS": "/a,/b",
        "GUACR_CONNECTIONS__BOX__PROTOCOL": "ssh",
        "GUACR_CONNECTIONS__BOX__PARAMETERS__PRIVATE_KEY": "key",
        "GUACR_PORT": "tcp://10.0.0.1:4822",  # as Kubernetes sets it for a service named guacr
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    settings = configuration.load()
    assert not settings.websocket.enabled
    assert settings.display.quality == 0
    assert settings.server.unix_socket_mode == 0o600
    assert settings.server.handshake_timeout == 2.5
    assert settings.terminal.font_dirs == (Path("/a"), Path("/b"))
    assert settings.connections["box"].parameters == {"private-key": "key"}


def test_unknown_variable_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GUACR_SERVR__PORT", "1")
    with pytest.raises(SettingsError, match="GUACR_SERVR__PORT has no effect; the sections are"):
        configuration.load()


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("GUACR_WEBSOCKET__HOSTS", "\udcff"),
        ("GUACR_WEBSOCKET__TOKEN_KEYS", SECRET + "\udcff"),
        ("GUACR_CONTROL__TOKEN_KEYS", SECRET + "\udcff"),
        ("GUACR_WEBSOCKET__GUACAMOLE_LITE_KEY", "k" * 31 + "\udcff"),
    ],
)
def test_bytes_of_the_environment_that_are_not_utf_8(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError, match="UTF-8") as caught:
        configuration.load()
    assert SECRET not in str(caught.value)


def test_problem_names_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GUACR_SERVER__PORT", "x")
    assert problem(written(tmp_path, "[server]\nport = 1")) == (
        "environment: server.port must be a port number or the name of a service, not 'x'"
    )


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[server]\nport = 65536", "server.port must be a whole number from 0 to 65535, not 65536"),
        ("[server]\nport = true", "server.port must be a number, not true or false"),
        ("[server]\nhosts = [1]", "server.hosts must be a list of texts, not 1"),
        ("[server]\nunix_socket_mode = 'rw'", "server.unix_socket_mode must be octal digits such"),
        ("[server]\nhandshake_timeout = nan", "server.handshake_timeout must be a number from 0.1"),
        ("[websocket]\nenabled = 2", "websocket.enabled must be true or false, not 2"),
        ("[display]\nquality = 'best'", "display.quality must be \"auto\" or 0 to 100, not 'best'"),
        ("[log]\nlevel = 'loud'", "log.level must be one of trace, debug, info, warning, error"),
        ("[log]\nlevl = 'info'", "setting 'log.levl' is unknown; log has level, format"),
        ("[webrtc]\nservers = 7", "webrtc.servers must be a list of up to 8 tables"),
        ("[webrtc]\nservers = [7]", "webrtc.servers must be a list of up to 8 tables"),
        (
            "[[webrtc.servers]]\nurl = 'stun:a'\n[[webrtc.servers]]\nuri = ''\nurl = 'stun:b'",
            "setting 'webrtc.servers.uri' is unknown; webrtc.servers has url, username,",
        ),
        ("[[webrtc.servers]]\nusername = 'a'", "webrtc.servers.url is missing"),
        ("[[webrtc.servers]]\nurl = 'a'", "webrtc.servers.url must be like stun:host:3478,"),
        ("port = 1", "setting 'port' is unknown; the sections are server, websocket,"),
        ("server = 1", "server must be a table of settings"),
        ("connections = 1", "connections must be a table, not 1"),
        ("[connections.a]", "connections.a.protocol is missing"),
        (
            "[connections.a]\nprotocol = 'ssh'\nname = 'x'",
            "setting 'connections.a.name' is unknown; connections.a has protocol, title,",
        ),
        (
            "[connections.a]\nprotocol = 'ssh'\nparameters = { port = [1] }",
            "connections.a.parameters contains port, which must be a text, a number,",
        ),
        ("[session]\nsend_limit = 70000", "session needs a send_limit that is larger"),
        ("[websocket]\nhosts = ['::']", "websocket listens on ::, where anyone could connect:"),
    ],
)
def test_problem_names_file_key_and_what_is_allowed(
    tmp_path: Path, text: str, sentence: str
) -> None:
    path = written(tmp_path, text)
    told = problem(path)
    assert told.startswith(f"{path}: {sentence}")
    assert "\n" not in told


def test_each_problem_has_a_line(tmp_path: Path) -> None:
    told = problem(written(tmp_path, "[server]\nport = -1\nprt = 1\n[log]\nlevel = 1"))
    assert len(told.splitlines()) == 3


@pytest.mark.parametrize(
    "text",
    [
        f"[websocket]\ntoken_keys = ['{SECRET[:31]}']",
        f"[websocket]\ntoken_keys = {{ a = '{SECRET}' }}",
        f"[websocket]\nguacamole_lite_key = '{SECRET}'",
        f"[websocket]\nguacamole_lite_key = ['{SECRET}']",
        f"[connections.a]\nprotocol = 'ssh'\nparameters = '{SECRET}'",
        f"[[webrtc.servers]]\nurl = 'turn:a'\nsecret = ['{SECRET}']",
        f"[[webrtc.servers]]\nurl = 'turn:a'\ncredential = '{SECRET}'",
        f"[webrtc]\nservers = ['{SECRET}']",
        f"[connections.a]\nprotocol = 'ssh'\nparameters = {{ password = ['{SECRET}'] }}",
    ],
)
def test_no_problem_tells_a_secret(tmp_path: Path, text: str) -> None:
    assert SECRET[:8] not in problem(written(tmp_path, text))


def test_file_that_is_missing(tmp_path: Path) -> None:
    assert problem(tmp_path / "none") == f"{tmp_path / 'none'} cannot be read: " + (
        "No such file or directory"
    )


@pytest.mark.parametrize(
    ("data", "sentence"), [(b"[server", "is not TOML: expected"), (b"\xff", "is not UTF-8")]
)
def test_file_that_is_no_toml(tmp_path: Path, data: bytes, sentence: str) -> None:
    path = tmp_path / "guacr.toml"
    path.write_bytes(data)
    assert problem(path).startswith(f"{path} {sentence}")


# ---- what lies below the file


def test_a_packagers_file_gives_way_to_everything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "image.toml").write_text('[server]\nhosts = ["0.0.0.0"]\nport = 1\n')
    (tmp_path / "guacr.toml").write_text("[server]\nport = 2\n")
    monkeypatch.setenv("GUACR_DEFAULTS_PATH", str(tmp_path / "image.toml"))
    settings = configuration.load(tmp_path / "guacr.toml")
    assert (settings.server.hosts, settings.server.port) == (("0.0.0.0",), 2)
    assert configuration.load(arguments={"server": {"hosts": "::1"}}).server.hosts == ("::1",)


@pytest.mark.parametrize("variable", ["LOG_LEVEL", "GUACD_LOG_LEVEL"])
def test_the_level_of_guacds_image(
    variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "debug")
    assert configuration.load().log.level == "debug"
    assert configuration.load(arguments={"log": {"level": "error"}}).log.level == "error"
    monkeypatch.setenv(variable, "chatty")
    assert configuration.load().log.level == "info"


def test_a_directory_that_cannot_be_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> bool:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "exists", refuse)
    with pytest.raises(SettingsError, match="cannot be searched for: Permission denied"):
        configuration.load()


@pytest.mark.parametrize(
    "text",
    ["a = " + "[" * 100_000, ".".join("a" * 5000) + " = 1", "[server]\nport = " + "9" * 6000],
)
def test_what_no_parser_can_take(tmp_path: Path, text: str) -> None:
    assert "nested too deeply" in problem(written(tmp_path, text))
