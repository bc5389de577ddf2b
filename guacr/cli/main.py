"""The command `guacr`: parse arguments, and run a subcommand.

Modules are imported where they are used, so that `guacr --version` and wrong arguments are handled
at once.
"""

from __future__ import annotations

import argparse
import errno
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any

from guacr import __version__, garbage
from guacr.cli import control as cli_control
from guacr.cli import explain as cli_explain
from guacr.cli import export as cli_export
from guacr.cli import journal as cli_journal
from guacr.cli import token as cli_token
from guacr.cli.top import command as cli_top
from guacr.errors import GuacrError, SettingsError, shorten
from guacr.showable import escaped, is_unicode, showable

if TYPE_CHECKING:
    from guacr.settings.models import Settings

FAILED = 1
WRONG_SETTINGS = 2
"""The exit status for invalid settings; argparse uses the same for wrong arguments."""
_OWN_FLAGS = ("-h", "--help", "-v", "--version")
PORT_MAX = 65535
LEVELS = ("trace", "debug", "info", "warning", "error")

_SERVE_FLAGS: tuple[tuple[tuple[str, ...], str, str, str], ...] = (
    (
        ("-b", "--host"),
        "server.hosts",
        "HOST",
        "address to listen on, or a list with commas",
    ),
    (("-l", "--port"), "server.port", "PORT", "TCP port to listen on"),
    (("-p", "--pid-file"), "daemon.pid_file", "FILE", "file for the process id"),
    (("-L", "--log-level"), "log.level", "LEVEL", "lowest level logged: " + ", ".join(LEVELS)),
    (("-C", "--certificate"), "server.tls_certificate", "FILE", "certificate for TLS, PEM"),
    (("-K", "--key"), "server.tls_key", "FILE", "key of the certificate, PEM"),
    (("--ws-host",), "websocket.hosts", "HOST", "address for WebSocket and the page"),
    (("--ws-port",), "websocket.port", "PORT", "TCP port for WebSocket and the page"),
)
"""The flags, each with its setting, metavar and help."""

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""Why output cannot be written, such as to a file that standard output is redirected to."""

_SERVE_NOTE = """\
Without -p, guacr stays in the foreground. With -p and without -f it goes to the background like
guacd, and logs to the system log. Flags take precedence over files, and the environment
(GUACR_SECTION__KEY) takes precedence over flags."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command with `argv` (by default the process's arguments); return the exit status."""
    _open_standard_streams()
    _print_every_character()
    given = list(sys.argv[1:] if argv is None else argv)
    if given and given[0].startswith("-") and given[0] not in _OWN_FLAGS:
        given.insert(0, "serve")  # guacd has no commands, and an image accepts just options
    arguments = _parser().parse_args(given)
    run: Callable[[argparse.Namespace], int] = arguments.run
    try:
        _check_texts(arguments)
        status = run(arguments)
        sys.stdout.flush()
        return status
    except BrokenPipeError:  # the reader of the output has stopped, like `head`
        _discard_output()
        return FAILED
    except OSError as error:
        if error.filename is not None:
            print(f"guacr: {shorten(str(error.filename))}: {error.strerror}", file=sys.stderr)
            return WRONG_SETTINGS
        if error.errno not in _FULL:
            raise
        _discard_output()
        print(f"guacr: the output cannot be written: {error.strerror}", file=sys.stderr)
        return FAILED
    except GuacrError as error:
        for line in str(error).splitlines():
            print(f"guacr: {showable(line, escaped)}", file=sys.stderr)
        return WRONG_SETTINGS if isinstance(error, SettingsError) else FAILED
    except KeyboardInterrupt:
        return 130


def _discard_output() -> None:
    """Send what is left of the output to nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _open_standard_streams() -> None:
    """Open those that the caller has closed: other files would get their numbers, and what
    libraries and children write would end up there."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            null = os.open(os.devnull, os.O_RDWR)  # with the lowest number, which is that stream's
            os.set_inheritable(null, True)
            setattr(sys, name, os.fdopen(null, "w" if number else "r"))


def _print_every_character() -> None:
    """Escape characters that the terminal's character set lacks."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _check_texts(arguments: argparse.Namespace) -> None:
    """Check that all arguments but paths are Unicode, which everything else expects.

    Raises:
        SettingsError: one is not.
    """
    paths = {setting for _, setting, metavar, _ in _SERVE_FLAGS if metavar == "FILE"}
    for name, value in vars(arguments).items():
        for text in value if isinstance(value, list) else [value]:
            if isinstance(text, str) and not is_unicode(text) and name not in paths:
                raise SettingsError(f"the argument {name} is not UTF-8")  # it may be secret


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="guacr", description="A daemon that speaks the Guacamole protocol."
    )
    parser.add_argument("-v", "--version", action="version", version=f"guacr {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add_serve(commands)
    _add_demo(commands)
    _add_token(commands)
    audit = _add(commands, "audit", _audit, "print the audit log")
    _add_files(audit)
    cli_journal.add_audit_arguments(audit)
    recordings = _add(
        commands, "recordings", _recordings, "list, save or verify what is in the journal"
    )
    _add_files(recordings)
    cli_journal.add_recordings_arguments(recordings)
    _add_play(commands)
    _add_export(commands)
    check = _add(commands, "check-config", _check_config, "check the settings")
    _add_files(check)
    _add_serve_flags(check)
    _add_control(commands)
    explain = _add(commands, "explain", _explain, "say what the access rules decide, and why")
    _add_files(explain)
    cli_explain.add_arguments(explain)
    health = _add(commands, "healthcheck", _healthcheck, "check the daemon on this machine")
    _add_files(health)
    health.add_argument(
        "--ready", action="store_true", help="check whether it opens sessions, and say why not"
    )
    return parser


def _add(
    commands: Any, name: str, run: Callable[[argparse.Namespace], int], summary: str
) -> argparse.ArgumentParser:
    description = summary[0].upper() + summary[1:] + "."
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=summary, description=description
    )
    parser.set_defaults(run=run)
    return parser


def _add_files(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help="guacr.toml to read, else GUACR_CONFIG_PATH, else /etc/guacr/guacr.toml if it exists",
    )
    parser.add_argument(
        "--guacd-conf", type=Path, metavar="FILE", help="guacd's own configuration file to read"
    )


def _add_serve(commands: Any) -> None:
    parser = _add(commands, "serve", _serve, "run the daemon")
    parser.epilog = _SERVE_NOTE
    _add_files(parser)
    _add_serve_flags(parser)
    parser.add_argument("-f", "--foreground", action="store_true", help="stay in the foreground")
    parser.add_argument("-v", "--version", action="version", version=f"guacr {__version__}")


def _add_serve_flags(parser: argparse.ArgumentParser) -> None:
    for flags, setting, metavar, meaning in _SERVE_FLAGS:
        parser.add_argument(*flags, dest=setting, metavar=metavar, help=meaning)


def _add_demo(commands: Any) -> None:
    parser = _add(commands, "demo", _demo, "try guacr on this machine, without any configuration")
    parser.add_argument("--no-browser", action="store_true", help="do not open the browser")
    _add_page_port(parser)


def _add_page_port(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--port",
        type=_port,
        default=0,
        metavar="PORT",
        help="port of the page (default: a free one)",
    )


def _port(text: str) -> int:
    with suppress(ValueError):
        if 0 <= (port := int(text)) <= PORT_MAX:
            return port
    raise argparse.ArgumentTypeError(f"must be a whole number from 0 to {PORT_MAX}")


def _add_play(commands: Any) -> None:
    parser = _add(commands, "play", _play, "show a recording in the browser")
    parser.add_argument(
        "file",
        type=Path,
        metavar="FILE",
        help="a recording, or the id of one in the journal (guacr recordings list)",
    )
    parser.add_argument("--no-browser", action="store_true", help="do not open the browser")
    _add_page_port(parser)
    _add_files(parser)
    cli_journal.add_identity(parser)


def _add_export(commands: Any) -> None:
    parser = _add(commands, "export", _export, "convert a recording to a video or to text")
    cli_export.add_arguments(parser)
    _add_files(parser)
    cli_journal.add_identity(parser)


def _add_control(commands: Any) -> None:
    for name, add, run, summary in (
        (
            "sessions",
            cli_control.add_sessions_arguments,
            cli_control.sessions,
            "list the sessions of a running daemon",
        ),
        (
            "top",
            cli_top.add_arguments,
            cli_top.top,
            "show the sessions of a running daemon, live",
        ),
        (
            "kill",
            cli_control.add_kill_arguments,
            cli_control.kill,
            "end sessions of a running daemon",
        ),
        (
            "watch",
            cli_control.add_watch_arguments,
            cli_control.watch,
            "print a link to watch a session of a running daemon",
        ),
        (
            "drain",
            cli_control.add_drain_arguments,
            cli_control.drain,
            "stop a running daemon from opening sessions",
        ),
        (
            "reload",
            cli_control.add_place_arguments,
            cli_control.reload,
            "make a running daemon read its settings again",
        ),
        (
            "events",
            cli_control.add_place_arguments,
            cli_control.events,
            "print what happens in a running daemon, as JSON",
        ),
    ):
        parser = _add(commands, name, partial(_control, run), summary)
        _add_files(parser)
        add(parser)


def _add_token(commands: Any) -> None:
    parser = _add(commands, "token", _token, "make a token that lets a browser connect")
    _add_files(parser)
    cli_token.add_arguments(parser)


# ---- the commands


def _load(arguments: argparse.Namespace, *, run_commands: bool = True) -> Settings:
    from guacr.settings import configuration

    return configuration.load(
        arguments.config, arguments.guacd_conf, _given(arguments), run_commands=run_commands
    )


def _check_hosts(arguments: argparse.Namespace, settings: Settings) -> None:
    """Check that an empty --host was meant.

    Raises:
        SettingsError: the daemon would not listen for the Guacamole protocol.
    """
    from guacr.systemd import is_activated

    server, given = settings.server, vars(arguments)["server.hosts"]
    if given is not None and not (server.hosts or server.unix_socket or is_activated()):
        raise SettingsError(
            "arguments: server.hosts is empty: name an address, or set server.unix_socket"
        )


def _given(arguments: argparse.Namespace) -> dict[str, dict[str, str]]:
    """Return the values of flags by section and key."""
    given: dict[str, dict[str, str]] = {}
    for _, setting, _, _ in _SERVE_FLAGS:
        value = getattr(arguments, setting, None)
        if value is not None:
            section, key = setting.split(".")
            given.setdefault(section, {})[key] = value
    return given


@garbage.postponed()
def _serve(arguments: argparse.Namespace) -> int:
    settings = _load(arguments)
    _check_hosts(arguments, settings)
    from guacr import log
    from guacr.process import background
    from guacr.process import run as process
    from guacr.settings import configuration

    for sentence in configuration.overridden(_given(arguments)):
        print(f"guacr: {showable(sentence, escaped)}", file=sys.stderr)
    in_background = not arguments.foreground and vars(arguments)["daemon.pid_file"] is not None
    detached = background.detach() if in_background else None
    log.configure(settings.log, to_syslog=in_background)
    if in_background and (problem := log.syslog_problem()):
        print(f"guacr: {problem}", file=sys.stderr)
    process.run(settings, detached=detached, load=partial(_load, arguments))


@garbage.postponed()
def _demo(arguments: argparse.Namespace) -> int:
    from guacr import log
    from guacr.demo import run as demo
    from guacr.settings.models import Settings

    settings = Settings()
    log.configure(settings.log)
    return demo.run(settings, port=arguments.port, open_browser=not arguments.no_browser)


def _token(arguments: argparse.Namespace) -> int:
    print(cli_token.token(arguments, _load(arguments)))
    return 0


def _audit(arguments: argparse.Namespace) -> int:
    for line in cli_journal.audit(arguments, _load(arguments)):
        print(line, flush=arguments.follow)
    return 0


def _recordings(arguments: argparse.Namespace) -> int:
    settings, wrong = _load(arguments), False
    if arguments.action == "save":
        print(cli_journal.save_recording(arguments, settings))
    elif arguments.action == "list":
        for line in cli_journal.list_recordings(arguments, settings):
            print(line)
    else:
        for is_wrong, line in cli_journal.verify(arguments, settings):
            print(line)
            wrong = wrong or is_wrong
    return FAILED if wrong else 0


@garbage.postponed()
def _play(arguments: argparse.Namespace) -> int:
    from guacr.cli import play

    return play.play(arguments, partial(_load, arguments))


def _export(arguments: argparse.Namespace) -> int:
    cli_export.export(arguments, partial(_load, arguments))
    return 0


def _check_config(arguments: argparse.Namespace) -> int:
    from guacr.cli import check

    settings = _load(arguments)
    _check_hosts(arguments, settings)
    for line in check.check(settings):
        print(showable(line, escaped))
    return 0


def _control(
    run: Callable[[argparse.Namespace, Callable[[], Settings]], Iterator[str]],
    arguments: argparse.Namespace,
) -> int:
    for line in run(arguments, partial(_load, arguments, run_commands=False)):
        print(line, flush=True)
    return 0


def _explain(arguments: argparse.Namespace) -> int:
    allowed, lines = cli_explain.explain(arguments, _load(arguments, run_commands=False))
    for line in lines:
        print(showable(line, escaped))
    return 0 if allowed else FAILED


def _healthcheck(arguments: argparse.Namespace) -> int:
    from guacr.cli import healthcheck

    settings = _load(arguments, run_commands=False)  # it needs no secrets
    print(healthcheck.check(settings, ready=arguments.ready))
    return 0
