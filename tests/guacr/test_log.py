import json
import logging

import pytest

from guacr import log
from guacr.settings.models import LogSettings


@pytest.fixture
def logger() -> logging.Logger:
    return logging.getLogger("guacr.test")


def test_text_line(logger: logging.Logger, capsys: pytest.CaptureFixture[str]) -> None:
    log.configure(LogSettings())
    logger.info("listening on %s", "::1")
    line = capsys.readouterr().err
    assert line.startswith("guacr[")
    assert line.endswith("]: INFO: listening on ::1\n")


def test_text_line_of_a_session(logger: logging.Logger, capsys: pytest.CaptureFixture[str]) -> None:
    log.configure(LogSettings())
    adapter = logging.LoggerAdapter(logger, {"session": "$1", "user": "@2"})
    adapter.warning("left")
    assert capsys.readouterr().err.endswith("]: WARNING: [$1] [@2] left\n")


def test_json_line(logger: logging.Logger, capsys: pytest.CaptureFixture[str]) -> None:
    log.configure(LogSettings(format="json"))
    logging.LoggerAdapter(logger, {"session": "$1"}).error("“x”\n%s", "y")
    entry = json.loads(capsys.readouterr().err)
    assert entry.pop("time").endswith("+00:00")
    assert entry.pop("pid") > 0
    assert entry == {
        "level": "error",
        "logger": "guacr.test",
        "session": "$1",
        "message": "“x”\\ny",
    }


@pytest.mark.parametrize("format_", ["text", "json"])
def test_traceback(
    logger: logging.Logger, capsys: pytest.CaptureFixture[str], format_: str
) -> None:
    log.configure(LogSettings.model_validate({"format": format_}))
    try:
        raise ValueError("why")
    except ValueError:
        logger.exception("failed")
    assert "ValueError: why" in capsys.readouterr().err


@pytest.mark.parametrize("level", ["trace", "debug", "info", "warning", "error"])
def test_levels(logger: logging.Logger, capsys: pytest.CaptureFixture[str], level: str) -> None:
    log.configure(LogSettings.model_validate({"level": level}))
    numbers = (log.TRACE, logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR)
    for number in numbers:
        logger.log(number, "x")
    names = [line.split(": ")[1].lower() for line in capsys.readouterr().err.splitlines()]
    every = ["trace", "debug", "info", "warning", "error"]
    assert names == every[every.index(level) :]


def test_a_message_cannot_forge_a_line(
    logger: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    log.configure(LogSettings())
    logger.info("name %s", "a\nguacr[1]: ERROR: \x1b[31mforged")
    out = capsys.readouterr().err
    assert out.count("\n") == 1
    assert "\x1b" not in out
    assert "a\\nguacr[1]: ERROR: \\x1b[31mforged" in out


@pytest.mark.parametrize("extra", [0, 1])
def test_long_message_is_cut(
    logger: logging.Logger, capsys: pytest.CaptureFixture[str], extra: int
) -> None:
    log.configure(LogSettings())
    logger.info("%s", "x" * (log.LINE_MAX + extra))
    out = capsys.readouterr().err
    assert out.count("x") == log.LINE_MAX
    assert out.endswith("…\n") is bool(extra)


def test_libraries_are_quiet_unless_debugging(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure(LogSettings())
    logging.getLogger("asyncssh.channel").info("x")
    assert capsys.readouterr().err == ""
    log.configure(LogSettings(level="debug"))
    logging.getLogger("asyncssh.channel").info("x")
    assert capsys.readouterr().err.endswith("INFO: x\n")


def test_a_machine_without_a_system_log(
    logger: logging.Logger, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(log, "SYSLOG", "/nonexistent/log")
    log.configure(LogSettings(), to_syslog=True)
    logger.error("x")
    assert capsys.readouterr().err == ""
