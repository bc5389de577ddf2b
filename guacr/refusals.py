"""Log lines about refusals: each refusal is logged, but a flood of them is summarised."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable

from guacr.errors import GuacrError
from guacr.quota import Quota

LINES = 20
"""Maximum lines of one kind in `PERIOD`; of others, only the number is logged."""
PERIOD = 60.0
"""Seconds."""

observers: list[Callable[[str, str], None]] = []
"""Called with the address of each client that is refused, and the reason, without any limit."""


counts: Counter[str] = Counter()
"""The number of clients that were refused, by the name of the error's status in lower case, or else
by the kind of the refusal."""
OPERATOR = "operator"
"""The kind of what is refused to operators, whatever the error."""


class Refusals:
    """Logs refusals of one kind; `kind` names those without an error, such as "tls", and all those
    of `OPERATOR`."""

    __slots__ = ("_kind", "_log", "_quota")

    def __init__(
        self,
        log: logging.Logger,
        kind: str = "other",
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._log = log
        self._kind = kind
        self._quota = Quota(LINES, PERIOD, clock)

    def refused(self, peer: str, reason: object) -> None:
        """Report that a client was refused, and why: an error or a sentence; to the observers as
        well."""
        kind = self._kind
        if isinstance(reason, GuacrError) and kind != OPERATOR:
            kind = reason.status.name.lower()
        counts[kind] += 1
        self._report("refused %s: %s", peer, reason, event="refused", client=peer)
        for observer in observers:
            observer(peer, str(reason))

    def report(self, message: str, *args: object, **fields: str) -> None:
        """Report a refusal; the arguments are those of `Logger.warning`, and fields of the line."""
        self._report(message, *args, **fields)

    def _report(self, message: str, *args: object, **fields: str) -> None:
        if self._quota.admits(self._report_excess):
            self._log.warning(message, *args, extra=fields)

    def _report_excess(self, count: int) -> None:
        self._log.warning("%d more refusals of this kind were not logged", count)
