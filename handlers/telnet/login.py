"""Log in by watching the host's output, because Telnet itself has no login."""

from __future__ import annotations

from guacr.api import UnauthorizedError
from handlers.telnet.expressions import Search, search
from handlers.telnet.params import TelnetParams
from handlers.terminal.hosttext import HostText

LINE_MAX = 1024
"""Characters at the end of a line that expressions are matched against."""
WATCHED_MAX = 256 * 1024
"""Bytes of output after which no login is expected any more: a later prompt does not belong to the
login, and must not get the password."""


class LoginWatch:
    """The pending steps of a login.

    Expressions are matched against each line of the output, including an incomplete one. The name
    and the password are given once each. `text` is the host's character set.

    Raises:
        BadRequestError: an expression is invalid, or an answer cannot be encoded in the host's
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
        """True if no step is pending."""
        nothing = not (self._username or self._password or self._success or self._failure)
        return nothing or self._watched > WATCHED_MAX

    @property
    def awaits_success(self) -> bool:
        """True if people must wait until guacr has logged in."""
        return self._success is not None

    def leave_to_person(self) -> None:
        """Leave prompts to a person who types, as with guacd; the next prompt may be for a
        different user."""
        self._username = self._password = None

    def feed(self, output: bytes) -> bytes:
        """Process output of the host, and return what to type.

        Raises:
            UnauthorizedError: the host rejected the login.
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
        """The expression of a prompt, and the answer; None without an answer."""
        if not answer:
            return None
        encoded = self._text.encode(answer, f"parameter {parameter}")
        return search(f"{parameter}-regex", pattern), encoded

    def _look(self, line: str) -> bytes:
        """Match a line, and keep its end."""
        self._line = line[-LINE_MAX:]
        if self._failure is not None and self._failure(self._line):
            raise UnauthorizedError(
                "the host rejects the login: check parameters username and password"
            )
        if self._success is not None and self._success(self._line):
            self._username = self._password = self._success = self._failure = None
        return self._answer()

    def _answer(self) -> bytes:
        if self._username is not None and self._username[0](self._line):
            text, self._username = self._username[1], None
        elif self._password is not None and self._password[0](self._line):
            # a name that has not been asked for by now will not be
            text, self._password, self._username = self._password[1], None, None
        else:
            return b""
        self._line = ""
        return text + b"\r"


def _search(parameter: str, pattern: str) -> Search | None:
    return search(parameter, pattern) if pattern else None
