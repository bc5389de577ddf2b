"""Descriptions for operators: values without secrets that become JSON and come back unchanged.

`plain` turns them into dictionaries, for interfaces and for channels between processes; `of` of
each class turns these back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

State = Literal["starting", "ready", "draining"]


@dataclass(frozen=True, slots=True, kw_only=True)
class UserInfo:
    """A user of a session."""

    id: str
    name: str
    """The name that the client gives itself."""
    client: str
    """The client's address."""
    subject: str
    """The person: the subject of a token, or else the first name in a client certificate; empty
    without."""
    owner: bool
    """True if this user has opened the session."""
    read_only: bool
    since: float
    """Seconds since 1970."""
    received: int
    """Bytes from the user so far."""
    sent: int
    """Bytes to the user so far."""

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """Return what `plain` has turned into `values`."""
        return cls(**values)


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionInfo:
    """A session."""

    id: str
    protocol: str
    host: str
    """The remote host; empty if the protocol has none."""
    username: str
    """The user name there, if known."""
    connection: str
    """The name of the configured connection; empty for others."""
    client: str
    """The address of the user who opened it; empty once that user has left."""
    subject: str
    """The person: the subject of a token, or else the first name in a client certificate; empty
    without."""
    since: float
    """Seconds since 1970."""
    received: int
    """Bytes from all users so far, including those who have left."""
    sent: int
    """Bytes to all users so far."""
    worker: str
    """The name of the process that it runs in."""
    users: tuple[UserInfo, ...]
    """The present ones, in the order in which they joined."""

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """Return what `plain` has turned into `values`."""
        return cls(**{**values, "users": tuple(map(UserInfo.of, values["users"]))})


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerInfo:
    """A process that runs sessions. Of one that does not answer, this is what it has last said,
    with the time that it was given to answer as its `loop_lag`."""

    name: str
    pid: int
    state: State
    since: float
    """Seconds since 1970."""
    sessions: int
    users: int
    loop_lag: float
    """Seconds by which its event loop was late, at most, in the last ten seconds."""
    memory: int
    """Resident bytes; 0 if the system does not say."""

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """Return what `plain` has turned into `values`."""
        return cls(**values)


@dataclass(frozen=True, slots=True, kw_only=True)
class DaemonStatus:
    """The daemon as a whole."""

    version: str
    state: State
    not_ready: tuple[str, ...]
    """The reasons why no client should be sent here, as sentences; empty if it is ready."""
    workers: tuple[WorkerInfo, ...]
    activity: str = ""
    """The sentence that says what a reload is doing; empty if there is none."""

    @property
    def is_ready(self) -> bool:
        """True if clients can open sessions."""
        return not self.not_ready

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """Return what `plain` has turned into `values`."""
        workers = tuple(map(WorkerInfo.of, values["workers"]))
        return cls(**{**values, "not_ready": tuple(values["not_ready"]), "workers": workers})


@dataclass(frozen=True, slots=True, kw_only=True)
class Reloaded:
    """The result of reading the settings again."""

    changed: tuple[str, ...] = ()
    """The names of the settings that have another value than before."""
    need_restart: tuple[str, ...] = ()
    """The names of those that differ from the ones at the start, and have no effect yet."""
    warnings: tuple[str, ...] = ()
    """Sentences about what the settings ask for in vain, as `guacr check-config` says them."""

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """Return what `plain` has turned into `values`."""
        return cls(**{name: tuple(values[name]) for name in cls.__slots__})


Info = UserInfo | SessionInfo | WorkerInfo | DaemonStatus | Reloaded


def plain(info: Info) -> dict[str, Any]:
    """Return the fields as a dictionary that JSON can represent. There can be thousands of
    sessions: this is several times as fast as `dataclasses.asdict`."""
    return {name: _plain_value(getattr(info, name)) for name in info.__slots__}


def _plain_value(value: Any) -> Any:
    if isinstance(value, tuple):
        return [plain(one) if isinstance(one, Info) else one for one in value]
    return value
