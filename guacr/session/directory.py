"""The interface that finds and opens the sessions of this process; `guacr.session.ids` says which
process has those of others."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

from guacr.protocol.client import ClientInfo
from guacr.session.input.reader import Reader
from guacr.session.origin import ANYONE, Origin
from guacr.session.params import Params
from guacr.session.session import Session
from guacr.transport.base import Transport


@dataclass(frozen=True, slots=True)
class Here:
    """A session in this process."""

    session: Session


class Directory(ABC):
    """The interface through which transports find and open sessions."""

    @abstractmethod
    def find(self, connection_id: str) -> Here:
        """Return where a session runs.

        Raises:
            NotFoundError: the session is unknown.
        """

    @abstractmethod
    def params_type(self, select: str) -> type[Params]:
        """Return the parameters to ask for after a `select` of a protocol or a connection id.

        Raises:
            NotFoundError: the session is unknown in this process.
            UnsupportedError: the protocol is unknown.
        """

    @abstractmethod
    def open(
        self,
        select: str,
        values: Mapping[str, str],
        info: ClientInfo,
        transport: Transport,
        origin: Origin = ANYONE,
    ) -> Reader:
        """Open a session of a protocol, or join a running session of this process by its connection
        id.

        `values` are the texts of parameters by name, and `origin` says where they come from. The
        user is attached: the returned reader is the transport's receiver, and `ready` has been
        sent.

        Raises:
            NotFoundError: the session is unknown in this process.
            UnsupportedError: the protocol is unknown.
            ForbiddenError: the access rules do not allow it.
            BadRequestError: a parameter is invalid.
            BusyError: the daemon has reached its limit of sessions.
            TooManyError: the session has reached its limit of users.
            ShutdownError: the daemon is ending.
            DrainingError: the daemon opens no more sessions.
        """
