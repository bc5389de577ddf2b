"""The protocols that sessions can use."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping
from importlib.metadata import EntryPoint, entry_points

from guacr.errors import GuacrError, SettingsError, UnsupportedError, shorten
from guacr.session.handler import ENTRY_POINT_GROUP, ProtocolHandler
from guacr.settings.models import EVERYTHING, Settings

log = logging.getLogger("guacr.protocols")


class Protocols:
    """The handlers by protocol: those in `entries`, by default every installed one, and in `more`.

    The handler of an entry point is imported when it is first requested. Only the protocols named
    in `offered` can be selected.

    Raises:
        SettingsError: a name in `offered` is unknown.
    """

    def __init__(
        self,
        more: Mapping[str, type[ProtocolHandler]] | None = None,
        *,
        entries: Iterable[EntryPoint] | None = None,
        offered: Collection[str] = (EVERYTHING,),
    ) -> None:
        found = entry_points(group=ENTRY_POINT_GROUP) if entries is None else entries
        self._entries = {entry.name: entry for entry in found}
        self._loaded = dict(more or {})
        self._disabled = frozenset[str]()
        if EVERYTHING not in offered:
            self._disable_others(offered)

    def _disable_others(self, offered: Collection[str]) -> None:
        installed = self.names
        for name in offered:
            if name not in installed:
                raise SettingsError(
                    f"server.protocols: protocol {shorten(name)} is unknown: known protocols are "
                    + ", ".join(installed)
                )
        self._disabled = frozenset(installed) - set(offered)

    @property
    def names(self) -> list[str]:
        """The protocols that can be selected."""
        return sorted({*self._entries, *self._loaded} - self._disabled)

    def find(self, name: str) -> type[ProtocolHandler]:
        """Return the handler of a protocol.

        Raises:
            UnsupportedError: the protocol is unknown or disabled, or its handler cannot be loaded.
        """
        if name in self._disabled:
            raise UnsupportedError(
                f"protocol {name} is disabled: add it to server.protocols, or select one of "
                + ", ".join(self.names)
            )
        known = self._loaded.get(name)
        if known is not None:
            return known
        entry = self._entries.get(name)
        if entry is None:
            raise UnsupportedError(
                f"protocol {shorten(name)} is unknown: known protocols are {', '.join(self.names)}"
            )
        handler = self._load(entry)
        self._loaded[name] = handler
        return handler

    def _load(self, entry: EntryPoint) -> type[ProtocolHandler]:
        """Import a handler; a broken one is logged, and affects only users who request it."""
        try:
            handler = entry.load()
        except ImportError as error:
            log.exception("protocol %s cannot be loaded", entry.name)
            raise UnsupportedError(
                f"protocol {entry.name} is not installed completely: install guacr[all]"
            ) from error
        except (Exception, SystemExit) as error:
            log.exception("protocol %s cannot be loaded", entry.name)
            raise UnsupportedError(
                f"protocol {entry.name} cannot be loaded: see the daemon's log"
            ) from error
        if not (isinstance(handler, type) and issubclass(handler, ProtocolHandler)):
            log.error("protocol %s: %s is not a protocol handler", entry.name, entry.value)
            raise UnsupportedError(f"protocol {entry.name} cannot be loaded: see the daemon's log")
        return handler

    def warm_up(self, settings: Settings) -> None:
        """Load every protocol, and what its first session would have to wait for; a failure does
        not affect other protocols."""
        for name in self.names:
            try:
                self.find(name).warm_up(settings)
            except GuacrError as error:
                log.warning("protocol %s: %s", name, error)
            except Exception:
                log.exception("protocol %s cannot be warmed up", name)
