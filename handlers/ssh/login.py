"""The answers at login: the key, the password, and what the person types."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from guacr.api import GuacrError, UnauthorizedError, shorten, showable, with_line_feeds
from handlers.ssh.key_texts import PrivateKey
from handlers.ssh.keys import Person

TYPED_TRIES = 3
"""Attempts of a person, as with OpenSSH's client."""
PROMPTS_MAX = 32
"""Maximum prompts in one request of the host."""
ROUNDS_MAX = 32
"""Maximum requests with prompts in one login."""
TEXT_MAX = 16384
"""Maximum characters of a banner or of instructions that are shown."""
PROMPT_MAX = 1024
"""Maximum characters of a prompt."""

PASSWORD_WORDS = (
    "password", "passwort", "passwd", "kennwort", "mot de passe", "contraseña", "clave", "senha",
    "palavra-passe", "parola", "пароль", "wachtwoord", "hasło", "heslo", "lösenord", "salasana",
    "adgangskode", "passord", "jelszó", "şifre", "密码", "密碼", "口令", "パスワード", "암호",
    "비밀번호", "סיסמה", "كلمة المرور",
)  # fmt: skip
"""Words that identify a prompt for the password."""
ONE_TIME_WORDS = re.compile(
    r"\b(one[- ]?time|otp|totp|code|passcode|token|pin|new|retype)\b|einmal", re.IGNORECASE
)
"""Words that identify a prompt for something else, or for more."""


class Login:
    """The `Dialogue` of a login: it offers each credential once, and gives the person three
    attempts.

    The password of the connection answers the first request for a single hidden answer, whatever
    its wording or language. Once rejected it is not tried again, because accounts are locked after
    a few failures. If it was correct and the host requires more, it may be used again. `prefix` is
    the prefix of the host's parameters; `on_host` is called with the fingerprint of the host key;
    `kerberos` says that tickets are offered, too.
    """

    def __init__(
        self,
        person: Person,
        username: str,
        *,
        password: str = "",
        prefix: str = "",
        key: PrivateKey | None = None,
        kerberos: bool = False,
        on_host: Callable[[str], None] | None = None,
    ) -> None:
        self.failure: GuacrError | None = None
        """The reason for a missing answer."""
        self._person = person
        self.username = username
        self._password = password
        self._prefix = prefix
        self._password_used = False
        self._password_accepted = False
        self._misfit = False
        """True if the password answered a question that may have been about something else."""
        self._key = key
        self._key_offered = False
        self._kerberos = kerberos
        self._on_host = on_host
        self._methods: dict[str, int] = {}
        self._typed_for = ""
        self._tries = TYPED_TRIES
        self._rounds = 0
        self._last_password = ""

    # ---- Dialogue

    def begun(self, fingerprint: str) -> None:
        """Handle the host's key."""
        if self._on_host is not None:
            self._on_host(fingerprint)

    def partial_success(self) -> None:
        """Allow the password for the next method: nothing so far was wrong."""
        self._methods.clear()
        self._typed_for = ""
        self._password_accepted = self._password_accepted or self._password_used
        self._password_used = False

    def banner(self, text: str) -> None:
        """Show the host's message, without characters that could control the terminal."""
        for line in printable(text, TEXT_MAX).rstrip().splitlines():
            self._person.print_line(line)

    def next_key(self) -> PrivateKey | None:
        """Return the key, once."""
        self._requested("publickey")
        if self._key is None or self._key_offered:
            return None
        self._key_offered = True
        return self._key

    async def password(self) -> str | None:
        """Return the password of the connection once, then typed ones."""
        self._requested("password")
        if self._password:
            if self._password_used:
                return None
            self._password_used = True
            self._last_password = self._password
        elif self._may_type("password"):
            self._last_password = await self._typed("password", "Password: ", echo=False)
        else:
            return None
        return self._last_password

    async def new_password(self, prompt: str) -> tuple[str, str] | None:
        """Return the password that was sent last, and a new one, typed twice."""
        self.banner(prompt)
        for _ in range(TYPED_TRIES):
            new = await self._typed("password", "New password: ", echo=False)
            if new == await self._typed("password", "Retype new password: ", echo=False):
                return self._last_password, new
            self._person.print_line("The two passwords differ.")
        return None

    def takes_prompts(self) -> bool:
        """Return whether the host may ask questions. If it clearly asked for the password and
        rejected it, the login ends; if the question may have been a different one, the person is
        asked."""
        method = "keyboard-interactive"
        if self._requested(method) > 1 and self._typed_for != method and not self._misfit:
            return False
        self._misfit = False
        return self._may_type(method)

    async def answers(
        self, instructions: Sequence[str], prompts: Sequence[tuple[str, bool]]
    ) -> list[str] | None:
        """Answer a request for a single hidden answer with the password, once; otherwise ask the
        person."""
        self._rounds += 1
        if self._rounds > ROUNDS_MAX or len(prompts) > PROMPTS_MAX:
            self.failure = UnauthorizedError("the host asks more questions than can be answered")
            return None
        if self._fits_password(prompts):
            self._password_used = True
            self._last_password = self._password
            self._misfit = not asks_for_password(prompts[0][0])
            return [self._password]
        for text in instructions:
            self.banner(text)
        method = "keyboard-interactive"
        return [await self._typed(method, prompt, echo=echo) for prompt, echo in prompts]

    # ----

    def refusal(self, host: str) -> GuacrError:
        """The error for a login that the host refused."""
        if self.failure is not None:
            return self.failure
        tried = []
        if self._key_offered:
            tried.append("private key")
        if self._password_used or self._tries < TYPED_TRIES or self._typed_for:
            tried.append("password")
        user = f"user {shorten(self.username)}"
        if tried:
            return UnauthorizedError(
                f"host {shorten(host)} rejects the {' and the '.join(tried)} of {user}: "
                "check both, and whether the user may log in"
            )
        if self._kerberos:
            return UnauthorizedError(
                f"host {shorten(host)} does not let {user} log in with Kerberos: check that it "
                "offers that (GSSAPIAuthentication of OpenSSH's server), and that the user may log "
                "in with the principal of the tickets"
            )
        methods = " or ".join(self._methods) or "no known method"
        return UnauthorizedError(
            f"host {shorten(host)} lets {user} log in only by {methods}: set "
            f"{self._prefix}private-key or {self._prefix}password accordingly"
        )

    def _requested(self, method: str) -> int:
        """Count the requests of the host for a method."""
        self._methods[method] = self._methods.get(method, 0) + 1
        return self._methods[method]

    def _may_type(self, method: str) -> bool:
        """Return whether the person has an attempt left; a repeated method has failed before."""
        if self._typed_for == method:
            self._tries -= 1
            if self._tries:
                self._person.print_line("Permission denied, please try again.")
        self._typed_for = ""
        return self._tries > 0 and self.failure is None

    async def _typed(self, method: str, prompt: str, *, echo: bool) -> str:
        self._typed_for = method
        try:
            return await self._person.ask(printable(prompt, PROMPT_MAX), echo=echo)
        except GuacrError as error:
            self.failure = error
            raise

    def _fits_password(self, prompts: Sequence[tuple[str, bool]]) -> bool:
        if not self._password or self._password_used or len(prompts) != 1:
            return False
        text, echo = prompts[0]
        # A password that was correct is not the answer to a further question, unless that asks for
        # it.
        return not echo and (not self._password_accepted or asks_for_password(text))


def asks_for_password(prompt: str) -> bool:
    """Return whether a prompt clearly asks for the password and nothing else, in one of many
    languages."""
    text = prompt.lower()
    return any(word in text for word in PASSWORD_WORDS) and not ONE_TIME_WORDS.search(text)


def printable(text: str, limit: int) -> str:
    """Shorten a text of the host, and remove characters that could control the terminal."""
    shown = with_line_feeds(text[:limit])
    return showable(shown, lambda _: "\N{REPLACEMENT CHARACTER}", keep="\n\t")
