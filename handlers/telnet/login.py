"""Logs in by watching what the host prints, for Telnet itself knows no login."""

from __future__ import annotations

from guacr.errors import UnauthorizedError
from handlers.telnet.expressions import Search, search
from handlers.telnet.params import TelnetParams
from handlers.terminal.hosttext import HostText

LINE_MAX = 1024
"""Characters at the end of a line in which expressions are searched."""
WATCHED_MAX = 256 * 1024
"""Bytes of output after which no login is expected any more: a prompt that comes later is not the
login's, and shall not get the password."""


class LoginWatch:
    """What is still expected of a login.

    Expressions are searched in each line of the output, and in the line that has not ended yet.
    The name and the password are given once each. `text` says what the host's bytes stand for.

    Raises:
        BadRequestError: an expression is none, or an answer cannot be typed in the host's
            character set.
    """

    __slots__ = (
        "_decoder", "_failure", "_line", "_password", "_success", "_text", "_username", "_watched",
    )  # fmt: skip

    def __init__(self, params: TelnetParams, text: HostText) -> None:
        self._text = text
        self._decoder = text.decoder()
        self._line = ""
        self._watched = 0
        self._username = self._prompt("username", params.username_regex, params.username)
        self._password = self._prompt("password", params.password_regex, params.password)
        self._success = _search("login-success-regex", params.login_success_regex)
        self._failure = _search("login-failure-regex", params.login_failure_regex)

    @property
    def over(self) -> bool:
        """Whether nothing is expected any more."""
        nothing = not (self._username or self._password or self._success or self._failure)
        return nothing or self._watched > WATCHED_MAX

    @property
    def awaits_success(self) -> bool:
        """Whether people have to wait for the login to succeed: guacr is at it."""
        return self._success is not None

    def leave_to_person(self) -> None:
        """A person types: prompts are theirs from now on, as with guacd, for the next one may be
        another user's."""
        self._username = self._password = None

    def feed(self, output: bytes) -> bytes:
        """The host has printed: what is to be typed.

        Raises:
            UnauthorizedError: the host has refused the login.
        """
        typed = b""
        self._watched += len(output)
        *ended, last = self._decoder.decode(output).split("\n")
        for line in ended:
            typed += self._look((self._line + line).rstrip("\r"))
            self._line = ""
        typed += self._look(self._line + last)
        return typed

    def _prompt(self, parameter: str, pattern: str, answer: str) -> tuple[Search, bytes] | None:
        """How to know a prompt, and what to answer; None without an answer."""
        if not answer:
            return None
        encoded = self._text.encode(answer, f"parameter {parameter}")
        return search(f"{parameter}-regex", pattern), encoded

    def _look(self, line: str) -> bytes:
        """Search a line, and keep its end."""
        self._line = line[-LINE_MAX:]
        if self._failure is not None and self._failure(self._line):
            raise UnauthorizedError(
                "the host refuses the login: check parameters username and password"
            )
        if self._success is not None and self._success(self._line):
            self._username = self._password = self._success = self._failure = None
        return self._answer()

    def _answer(self) -> bytes:
        if self._username is not None and self._username[0](self._line):
            text, self._username = self._username[1], None
        elif self._password is not None and self._password[0](self._line):
            # a name that was not asked for by now will not be
            text, self._password, self._username = self._password[1], None, None
        else:
            return b""
        self._line = ""
        return text + b"\r"


def _search(parameter: str, pattern: str) -> Search | None:
    return search(parameter, pattern) if pattern else None
