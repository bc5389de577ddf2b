"""Reports of what happens to a session: in the log, in the counters and as events."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from guacr.errors import GuacrError
from guacr.protocol.clipboard import TEXT
from guacr.protocol.status import Status
from guacr.session.counters import Counters
from guacr.session.drive_reports import DriveReports
from guacr.session.events import (
    Copied,
    Events,
    Pasted,
    SessionClosed,
    SessionOpened,
    UserJoined,
    UserLeft,
)
from guacr.session.link import Traffic
from guacr.session.origin import Origin
from guacr.session.streams.transfers import SessionLog
from guacr.session.target import Target
from guacr.session.user import User
from guacr.settings.journal import AuditSettings

AUDITED_MAX = 65536
"""Maximum bytes of a clipboard that an entry of the audit log contains."""


class SessionReports:
    """Logs, counts and publishes what happens to one session.

    Args:
        session: its id.
        protocol: the name of its protocol.
        origin: the source of its parameters.
        settings: the settings of the audit log.
        log: the session's logger.
        counters: the counts of all sessions of the protocol.
        events: receives what happens.
    """

    __slots__ = (
        "_client",
        "_counters",
        "_events",
        "_log",
        "_origin",
        "_protocol",
        "_session",
        "_settings",
        "drive",
    )

    def __init__(
        self,
        session: str,
        protocol: str,
        origin: Origin,
        *,
        settings: AuditSettings,
        log: SessionLog,
        counters: Counters,
        events: Events,
    ) -> None:
        self._session = session
        self._protocol = protocol
        self._origin = origin
        self._settings = settings
        self._log = log
        self._counters = counters
        self._events = events
        self._client = ""
        self.drive = DriveReports(events, session)
        """Reports of what the host does with files on the drive of the session."""

    def opened(self, target: Target, client: str) -> None:
        """Report that the session has been started by `client`, an address."""
        self._client = client
        about = f"session opened: {target}" if str(target) else "session opened"
        self._log.info("%s", about, extra={"event": "opened", "client": client})
        self._counters.opened += 1
        subject, connection = self._origin.subject, self._origin.connection
        self._events.publish(
            SessionOpened(self._session, self._protocol, target, subject, connection)
        )

    def ended(
        self, target: Target, seconds: float, traffic: Traffic, error: GuacrError | None
    ) -> None:
        """Report that the session has ended after `seconds`; `traffic` is that of all users."""
        about = f"after {seconds:.0f} s, {traffic}"
        if str(target):
            about = f"{target}, {about}"
        extra = {"event": "ended", "client": self._client}
        if error is None:
            self._log.info("session ended: %s", about, extra=extra)
        else:
            self._log.warning("session ended: %s: %s", about, error, extra=extra)
        status = status_of(error)
        self._counters.ended[status] += 1
        self._counters.traffic_of_ended += traffic
        self.drive.flush()
        self._events.publish(
            SessionClosed(
                self._session, self._protocol, target, seconds, traffic, status, _reason(error)
            )
        )

    def joined(self, user: User, origin: Origin) -> None:
        """Report a user who has joined, whose parameters are those of `origin`."""
        self._counters.users += 1
        about = _fields_of(user, "joined")
        self._log.info("user %s joined from %s", user.id, user.link.peer, extra=about)
        self._events.publish(
            UserJoined(
                self._session,
                user.id,
                user.info.name,
                user.link.peer,
                owner=user.owner,
                read_only=user.rights.read_only,
                subject=user.subject,
                certificate=next(iter(origin.client.certificates), ""),
            )
        )

    def left(self, user: User, error: GuacrError | None) -> None:
        """Report a user who has left, or has been sent `error`."""
        self._log.info("user %s left", user.id, extra=_fields_of(user, "left"))
        self._events.publish(
            UserLeft(self._session, user.id, user.link.traffic, status_of(error), _reason(error))
        )

    def pasted(self, user: User, contents: Mapping[str, bytes]) -> None:
        """Report that a user pastes a clipboard, whose contents are given by type."""
        sizes, text = self._described(contents)
        self._events.publish(Pasted(self._session, user.id, sizes, text))

    def copied(self, users: Iterable[User], contents: Mapping[str, bytes]) -> None:
        """Report that a clipboard of the host is sent to those of `users` who may copy."""
        ids = tuple(user.id for user in users if not user.rights.disable_copy)
        if ids:
            sizes, text = self._described(contents)
            self._events.publish(Copied(self._session, ids, sizes, text))

    def _described(self, contents: Mapping[str, bytes]) -> tuple[dict[str, int], str]:
        text = ""
        if self._settings.clipboard_content:
            text = contents.get(TEXT, b"")[:AUDITED_MAX].decode(errors="replace")
        return {mimetype: len(content) for mimetype, content in contents.items()}, text


def status_of(error: GuacrError | None) -> Status:
    """Return the status that clients are sent at the end."""
    return Status.SUCCESS if error is None else error.status


def _reason(error: GuacrError | None) -> str:
    """Return the sentence that clients are sent at the end."""
    return "" if error is None else str(error)


def _fields_of(user: User, event: str) -> dict[str, str]:
    """Return the fields of a log line about a user."""
    return {
        "event": event,
        "user": user.id,
        "client": user.link.peer,
        "subject": user.subject,
    }
