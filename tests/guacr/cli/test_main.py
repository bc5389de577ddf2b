import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from guacr import __version__, log
from guacr.cli.main import main
from guacr.errors import SettingsError
from guacr.process import background
from guacr.process import run as process_run
from guacr.settings import configuration
from guacr.settings.models import Settings

WAIT = 20.0


@pytest.fixture(autouse=True)
def no_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(configuration.CONFIG_VARIABLE, raising=False)
    monkeypatch.setattr(configuration, "DEFAULT_PATH", tmp_path / "none.toml")


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come to hold"
        time.sleep(0.02)


def answers(port: int) -> bool:
    """Return whether a daemon speaks the Guacamole protocol on `port`."""
    try:
        with socket.create_connection(("127.0.0.1", port), 1) as connection:
            connection.sendall(b"6.select,7.nothing;")
            return connection.recv(7) == b"5.error"
    except OSError:
        return False


def alive(pid: int) -> bool:
    """Return whether the process runs; a zombie does not."""
    try:
        return " Z " not in Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False


def resident(pid: int) -> int:
    """Bytes of memory that the process has."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def gone(pid: int) -> bool:
    """Return whether the process has ended."""
    return not alive(pid)


def handles(pid: int, number: signal.Signals) -> bool:
    """Return whether the process has a handler for a signal."""
    status = Path(f"/proc/{pid}/status").read_text()
    return bool(int(status.split("SigCgt:")[1].split()[0], 16) >> (number - 1) & 1)


@pytest.fixture
def ports() -> tuple[int, int]:
    with socket.socket() as first, socket.socket() as second:
        first.bind(("127.0.0.1", 0))
        second.bind(("127.0.0.1", 0))
        return first.getsockname()[1], second.getsockname()[1]


@pytest.fixture
def flags(ports: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The flags of a daemon, which starts sooner with one protocol."""
    monkeypatch.setenv("GUACR_SERVER__PROTOCOLS", "testcard")
    return ["-b", "127.0.0.1", "-l", str(ports[0]), "--ws-port", str(ports[1])]


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "guacr", *arguments]


@pytest.fixture
def foreground(flags: list[str]) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(command("serve", "-f", *flags), stderr=subprocess.PIPE, text=True)
    yield process
    process.kill()
    process.communicate()


@pytest.mark.parametrize("arguments", [["--version"], ["-v"], ["serve", "-v"]])
def test_version(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(arguments)
    assert exit_.value.code == 0
    assert capsys.readouterr().out == f"guacr {__version__}\n"


def test_version_imports_next_to_nothing() -> None:
    code = "import sys; from guacr.cli.main import main\ntry: main(['-v'])\nexcept SystemExit: pass"
    code += "\nprint([name for name in ('numpy', 'aiohttp', 'pydantic') if name in sys.modules])"
    result = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    )
    assert result.stdout.splitlines()[-1] == "[]"


def test_closed_standard_streams_are_opened(tmp_path: Path) -> None:
    files = tmp_path / "files"
    program = f"""
import os
from guacr.cli.main import main
try:
    main(["--version"])
finally:
    with open({str(files)!r}, "w") as file:
        file.writelines(os.readlink(f"/proc/self/fd/{{number}}") + "\\n" for number in range(3))
"""
    shell = ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh"]
    subprocess.run([*shell, sys.executable, "-c", program], check=True, timeout=60)
    assert files.read_text() == f"{os.devnull}\n" * 3


def test_wrong_settings_are_told_a_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", "-l", "70000", "-L", "loud"]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "guacr: arguments: server.port must be a whole number from 0 to 65535, not '70000'",
        "guacr: arguments: log.level must be one of trace, debug, info, warning, error, not 'loud'",
    ]


def test_unknown_key_of_guacd_conf_stops_the_start(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "guacd.conf"
    path.write_text("[server]\nbind_prt = 1\n")
    assert main(["serve", "--guacd-conf", str(path)]) == 2
    assert "line 2: [server] bind_prt is unknown" in capsys.readouterr().err


def test_names_in_the_settings_do_not_control_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "guacr.toml"
    file.write_text('[connections."\\u001b[2Ja"]\nprotocol = "ssh"\n')
    assert main(["check-config", "--config", str(file)]) == 2
    assert r"connections.\x1b[2Ja: parameter hostname is empty" in capsys.readouterr().err


def test_check_config_says_what_would_be(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "guacr.toml"
    path.write_text("[connections.card]\nprotocol = 'testcard'\n[websocket]\nenabled = false")
    assert main(["check-config", "--config", str(path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "the settings are valid"
    assert "connections: card" in lines
    assert "WebSocket and page: off" in lines


@pytest.mark.parametrize(
    ("connection", "sentence"),
    [
        ("protocol = 'gopher'", "connections.a: protocol 'gopher' is unknown"),
        (
            "protocol = 'testcard'\nparameters = { colour = 'red' }",
            "connections.a: parameter 'colour' is unknown",
        ),
    ],
)
def test_check_config_looks_into_connections(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], connection: str, sentence: str
) -> None:
    path = tmp_path / "guacr.toml"
    path.write_text(f"[connections.a]\n{connection}\n")
    assert main(["check-config", "--config", str(path)]) == 2
    assert sentence in capsys.readouterr().err


def test_serve_stays_in_the_foreground_until_sigterm(
    foreground: subprocess.Popen[str], ports: tuple[int, int]
) -> None:
    wait_for(lambda: answers(ports[0]))
    foreground.send_signal(signal.SIGTERM)
    _, log = foreground.communicate(timeout=WAIT)
    assert foreground.returncode == 0
    assert f"guacr[{foreground.pid}]: INFO: listening on" in log
    assert "Traceback" not in log


def test_healthcheck_asks_the_page(
    foreground: subprocess.Popen[str],
    ports: tuple[int, int],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    wait_for(lambda: answers(ports[0]))
    monkeypatch.setenv("GUACR_WEBSOCKET__PORT", str(ports[1]))
    assert main(["healthcheck"]) == 0
    assert capsys.readouterr().out == f"guacr answers at 127.0.0.1:{ports[1]}\n"
    foreground.send_signal(signal.SIGTERM)
    _, log = foreground.communicate(timeout=WAIT)
    assert "/health" not in log


def test_healthcheck_of_an_address_in_brackets(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as server:
        port = server.getsockname()[1]
        monkeypatch.setenv("GUACR_WEBSOCKET__ENABLED", "false")
        monkeypatch.setenv("GUACR_SERVER__HOSTS", "[::1]")
        monkeypatch.setenv("GUACR_SERVER__PORT", str(port))
        assert main(["healthcheck"]) == 0
        assert capsys.readouterr().out == f"guacr answers at [::1]:{port}\n"


def test_healthcheck_without_a_daemon(
    ports: tuple[int, int], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GUACR_WEBSOCKET__ENABLED", "false")
    monkeypatch.setenv("GUACR_SERVER__PORT", str(ports[0]))
    assert main(["healthcheck"]) == 1
    assert f"no guacr answers at 127.0.0.1:{ports[0]}" in capsys.readouterr().err


@pytest.mark.parametrize("workers", ["1", "2"])
def test_serve_goes_to_the_background_as_guacd_does(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    flags: list[str],
    ports: tuple[int, int],
    workers: str,
) -> None:
    monkeypatch.setenv("GUACR_DAEMON__WORKERS", workers)
    path = tmp_path / "guacr.pid"
    start = command("serve", "-p", str(path), *flags)
    # its output ends, since no process keeps it open
    started = subprocess.run(start, check=False, capture_output=True, timeout=WAIT)
    assert started.returncode == 0
    pid = int(path.read_text())
    try:
        assert answers(ports[0])  # at once: the command ends when the daemon listens
        assert os.getsid(pid) != os.getsid(0)
    finally:
        os.kill(pid, signal.SIGTERM)
    wait_for(lambda: not alive(pid))
    wait_for(lambda: not path.exists())
    wait_for(lambda: not answers(ports[0]))


def test_a_restart_by_guacds_init_script(
    tmp_path: Path, flags: list[str], ports: tuple[int, int]
) -> None:
    """The script looks whether the process is gone right after it has sent SIGTERM, and starts
    nothing if not. Sessions take longer than that to end, and so does a process of 50 MB."""
    path = tmp_path / "guacd.pid"
    start = command("serve", "-p", str(path), *flags)
    assert subprocess.run(start, check=False, timeout=WAIT).returncode == 0
    for _ in range(2):
        pid = int(path.read_text())
        with socket.create_connection(("127.0.0.1", ports[0]), WAIT) as client:
            client.sendall(b"6.select,8.testcard;")
            assert client.recv(10)
            os.kill(pid, signal.SIGHUP)
            assert answers(ports[0])
            assert resident(pid) < 16 << 20
            assert not handles(pid, signal.SIGTERM)
            os.kill(pid, signal.SIGTERM)
            wait_for(partial(gone, pid))
            assert subprocess.run(start, check=False, timeout=WAIT).returncode == 0
    os.kill(int(path.read_text()), signal.SIGTERM)
    wait_for(lambda: not path.exists())
    wait_for(lambda: not answers(ports[0]))


def test_background_tells_why_it_cannot_start(tmp_path: Path, flags: list[str]) -> None:
    path = tmp_path / "missing" / "guacr.pid"
    result = subprocess.run(
        command("serve", "-p", str(path), *flags),
        check=False,
        timeout=WAIT,
        capture_output=True,
        text=True,
    )
    assert result.returncode != 0
    assert f"daemon.pid_file {path} cannot be written" in result.stderr


@pytest.mark.parametrize("flags", [(), ("-f",)])
def test_background_tells_that_there_is_no_system_log(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    flags: tuple[str, ...],
) -> None:
    def run(*args: object, **kwargs: object) -> None:
        raise SettingsError("it is not run")

    path = tmp_path / "log"
    monkeypatch.setattr(log, "SYSLOG", str(path))
    monkeypatch.setattr(background, "detach", lambda: None)
    monkeypatch.setattr(process_run, "run", run)
    assert main(["serve", "-p", str(tmp_path / "guacr.pid"), *flags])
    problem = f"guacr: there is no system log at {path} (No such file or directory): nothing is "
    assert (problem in capsys.readouterr().err) is not bool(flags)


def test_port_in_use(ports: tuple[int, int], flags: list[str]) -> None:
    with socket.create_server(("127.0.0.1", ports[0])):
        result = subprocess.run(
            command("serve", *flags), check=False, timeout=WAIT, capture_output=True, text=True
        )
    assert result.returncode == 2
    assert str(ports[0]) in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    "arguments", [["check-config"], ["explain", "--protocol", "ssh", "--target", "a:22"]]
)
def test_output_to_a_full_disk(tmp_path: Path, arguments: list[str]) -> None:
    (tmp_path / "guacr.toml").touch()
    with Path("/dev/full").open("w") as full:
        result = subprocess.run(
            command(*arguments, "--config", str(tmp_path / "guacr.toml")),
            check=False,
            timeout=WAIT,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert result.returncode == 1
    assert result.stderr == "guacr: the output cannot be written: No space left on device\n"


def test_characters_that_the_terminal_lacks_are_escaped(tmp_path: Path) -> None:
    path = tmp_path / "guacr.toml"
    path.write_text("[connections.'łódź']\nprotocol = 'testcard'", encoding="utf-8")
    done = subprocess.run(
        command("check-config", "--config", str(path)),
        check=False,
        timeout=WAIT,
        capture_output=True,
        env=os.environ | {"PYTHONUTF8": "0", "PYTHONIOENCODING": "latin-1"},
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"connections: \\u0142\xf3d\\u017a\n" in done.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ["sessions", "\udcff"],
        ["kill", "a", "\udcff"],
        ["token", "ssh", "password=\udcff"],
        ["token", "--subject", "\udcff"],
        ["check-config", "--ws-host", "\udcff"],
    ],
)
def test_arguments_that_are_not_utf_8(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert error.endswith(" is not UTF-8\n")
    assert "udcff" not in error, "it may be a secret"


def test_paths_need_not_be_utf_8(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check-config", "-p", f"{tmp_path}/\udcff"]) == 0
    assert main(["check-config", "--config", f"{tmp_path}/\udcff"]) == 2
    assert "\\udcff" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["play", "x"], ["demo"]])
@pytest.mark.parametrize("port", ["99999", "-1", "http"])
def test_ports_that_do_not_exist(
    command: list[str], port: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exit_:
        main([*command, "--port", port])
    assert exit_.value.code == 2
    assert "--port: must be a whole number from 0 to 65535" in capsys.readouterr().err


def test_names_of_files_that_are_too_long(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = "/" + "a" * 5000
    monkeypatch.setenv("GUACR_JOURNAL__DIRECTORY", path)
    for arguments in (["export", path, "--txt"], ["recordings", "list"], ["audit"]):
        assert main(arguments) == 2
        assert "aaa…': File name too long" in capsys.readouterr().err


# ---- in guacd's place


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[Settings]:
    """The settings that daemons would have run with; none runs, and the process does not end."""
    seen: list[Settings] = []
    monkeypatch.setattr("guacr.process.run.run", lambda settings, **_: seen.append(settings))
    return seen


def test_flags_alone_are_those_of_serve(served: list[Settings]) -> None:
    main(["-L", "debug", "-l", "ssh"])
    assert (served[0].log.level, served[0].server.port) == ("debug", 22)


def test_an_empty_list_of_hosts_is_refused(
    served: list[Settings],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for command in ("serve", "check-config"):
        assert main([command, "-b", ""]) == 2
        assert "arguments: server.hosts is empty: name an address" in capsys.readouterr().err
    monkeypatch.setenv("LISTEN_PID", str(os.getpid()))
    main(["serve", "-b", ""])
    monkeypatch.delenv("LISTEN_PID")
    monkeypatch.setenv("GUACR_SERVER__UNIX_SOCKET", str(tmp_path / "socket"))
    main(["serve", "-b", ""])
    assert [one.server.hosts for one in served] == [(), ()]


def test_a_flag_that_the_environment_overrides_is_told(
    served: list[Settings], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GUACR_SERVER__PORT", "4900")
    main(["serve", "-l", "4822", "-b", "127.0.0.1"])
    assert served[0].server.port == 4900
    assert capsys.readouterr().err == (
        "guacr: server.port is '4900' from the environment (GUACR_SERVER__PORT), "
        "not '4822' from the flag\n"
    )
    main(["serve", "-l", "4900"])
    assert capsys.readouterr().err == ""


def test_check_config_takes_the_flags_of_serve(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check-config", "-l", "4900", "-b", "localhost"]) == 0
    assert "Guacamole protocol: localhost:4900" in capsys.readouterr().out


def test_a_reader_that_has_seen_enough_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GUACR_SERVER__PROTOCOLS", "testcard")
    command = f"{sys.executable} -m guacr check-config | true"
    done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, timeout=60)
    assert done.stderr == ""
