"""Features that an engine lacks, as far as a connection's parameters ask for them."""

from __future__ import annotations

from dataclasses import dataclass

from guacr.api import UnsupportedError
from handlers.rdp.params import RdpParams
from handlers.rdp.worker.engines import AARDWOLF

DEPTHS = ("8", "15", "24")
"""Bits of a colour that aardwolf does not decode."""
WITHOUT_ZONES = "2."
"""The versions of FreeRDP that send no other time zone than the system's."""
_IGNORED = ("enable-audio-input", "enable-touch")
"""Parameters that only FreeRDP has, besides those that no engine has yet."""


def check_engine(engine: str, params: RdpParams) -> None:
    """Check that an engine can connect as the parameters ask.

    Raises:
        UnsupportedError: it cannot.
    """
    if engine != AARDWOLF:
        return
    for name, is_asked in (
        ("security=vmconnect", params.security == "vmconnect"),
        ("remote-app", bool(params.remote_app)),
    ):
        if is_asked:
            raise UnsupportedError(
                f"{name} needs FreeRDP, and this daemon uses aardwolf: install FreeRDP, or change "
                "the setting engine under [rdp]"
            )


@dataclass(frozen=True, slots=True)
class Restrictions:
    """The limits of an engine; as a text, the predicate of a sentence.

    Attributes:
        missing: what it never does.
        ignored: the parameters that have no effect, with their values.
    """

    missing: tuple[str, ...]
    ignored: tuple[str, ...]

    def __str__(self) -> str:
        parts = []
        if self.missing:
            parts.append(f"has {' and '.join(f'no {what}' for what in self.missing)}")
        if self.ignored:
            parts.append(f"ignores {', '.join(self.ignored)}")
        return ", and ".join(parts)


def restrictions_of(engine: str, version: str, params: RdpParams) -> Restrictions | None:
    """Return what a version of an engine cannot do; None if it can do everything."""
    if engine != AARDWOLF:
        is_old = version.startswith(WITHOUT_ZONES)
        return (
            Restrictions((), (f"timezone={params.timezone}",))
            if is_old and params.timezone
            else None
        )
    ignored = [f"{name}={value}" for name in _IGNORED if (value := _changed(params, name))]
    if params.color_depth in DEPTHS:
        ignored.append(f"color-depth={params.color_depth}")
    missing = ("graphics pipeline",) if params.disable_audio else ("graphics pipeline", "sound")
    return Restrictions(missing, tuple(ignored))


def _changed(params: RdpParams, name: str) -> str:
    """Return the value of a parameter, or an empty text if it is the default one."""
    value = params.value(name)
    return "" if value == RdpParams().value(name) else value
