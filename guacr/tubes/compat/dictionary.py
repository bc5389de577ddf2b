"""The settings of `create_tube`: a dictionary as keeper-pam-webrtc-rs takes it, as typed values.

`parse` is as lenient as keeper-pam-webrtc-rs about types, and more lenient about lists, which
that ignores. It is stricter where leniency would open what was meant to be closed: ports that are
none, and networks that are invalid, are errors.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import entry_points
from ipaddress import ip_address
from types import MappingProxyType
from typing import Any, TypeAlias

from guacr.errors import shorten
from guacr.tubes.connections.allow import AllowRules
from guacr.tubes.errors import TubeSettingsError
from guacr.tubes.settings import (
    ConnectAsSettings,
    ConversationSettings,
    GuacdSettings,
    ListenerSettings,
    NoSettings,
    SocksSettings,
    TargetSettings,
)

TUNNEL = "tunnel"
HANDLER = "python_handler"
GUACD_PROTOCOLS = frozenset(
    {
        "ssh",
        "rdp",
        "vnc",
        "telnet",
        "http",
        "kubernetes",
        "mysql",
        "postgresql",
        "postgres",
        "sql-server",
        "mongodb",
    }
)
"""Values of `conversationType` of keeper-pam-webrtc-rs besides these two; they are case-sensitive.
The protocols that are installed are others."""
_ALIASES = {"postgresql": "postgres"}

Dictionary: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class IceOptions:
    """The ICE servers that settings name, empty texts for none; and which candidates are offered.

    Attributes:
        loopback: of guacr's own: 127.0.0.1 and ::1, too, for both ends on one machine.
    """

    turn_only: bool = False
    use_turn: bool = True
    turn_url: str = ""
    turn_username: str = ""
    turn_password: str = field(default="", repr=False)
    stun_url: str = ""
    relay_url: str = ""
    loopback: bool = False


@dataclass(frozen=True, slots=True)
class Parsed:
    """All settings of a conversation at one end.

    Attributes:
        conversation: None if the application serves its connections itself.
    """

    conversation: ConversationSettings | None
    ice: IceOptions


def parse(settings: object, *, is_offerer: bool) -> Parsed:
    """Read the settings of a conversation at one of its ends.

    Raises:
        TubeSettingsError: they are no dictionary, or a value is missing or invalid.
    """
    if not isinstance(settings, Mapping):
        raise TubeSettingsError("Settings parameter must be a dictionary.")
    kind = settings.get("conversationType")
    if kind is None:
        raise TubeSettingsError("No specific protocol defined (conversationType missing)")
    known = {TUNNEL, HANDLER} | GUACD_PROTOCOLS | installed_protocols()
    if not isinstance(kind, str) or kind not in known:
        raise TubeSettingsError(f"Invalid conversationType string: {_bare(kind)}")
    return Parsed(_conversation(settings, kind, is_offerer=is_offerer), _ice(settings))


@cache
def installed_protocols() -> frozenset[str]:
    """Return the protocols whose handlers are installed. The first call reads files."""
    return frozenset(entry.name for entry in entry_points(group="guacr.handlers"))


def _conversation(
    settings: Dictionary, kind: str, *, is_offerer: bool
) -> ConversationSettings | None:
    if kind == HANDLER:
        return None
    if is_offerer:
        return _listener(settings)
    return _tunnel(settings) if kind == TUNNEL else _guacd(settings, kind)


def _listener(settings: Dictionary) -> ListenerSettings | NoSettings:
    address = _text(settings, "local_listen_addr").strip()
    if not address:
        return NoSettings()
    host, separator, port = address.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    host = "127.0.0.1" if host == "localhost" else host.removeprefix("[").removesuffix("]")
    number = _port_number(port, zero=True)
    try:
        valid = bool(separator) and (ip_address(host).version == 6) == bracketed
    except ValueError:
        valid = False
    if not valid or number is None:
        raise TubeSettingsError(
            f"Invalid server address '{_bare(address)}': invalid socket address syntax"
        )
    has_rules = any(_list(settings, key) for key in ("allowed_hosts", "allowed_ports"))
    return ListenerSettings(host, number, _flag(settings, "socks_mode") or has_rules)


def _tunnel(settings: Dictionary) -> TargetSettings | SocksSettings:
    if settings.get("tunnelType") == "database":
        raise TubeSettingsError("tunnelType 'database' is not supported: use a plain tunnel")
    hosts, ports = _list(settings, "allowed_hosts"), _list(settings, "allowed_ports")
    if hosts or ports:
        return SocksSettings(AllowRules.parse(hosts, [_allowed_port(port) for port in ports]))
    if _flag(settings, "socks_mode"):
        return SocksSettings(None)
    guacd = _dictionary(settings, "guacd")
    host = _text(settings, "target_host").strip() or _text(guacd, "guacd_host").strip()
    port = _port(settings, "target_port")
    return TargetSettings(host or None, _port(guacd, "guacd_port") if port is None else port)


def _guacd(settings: Dictionary, kind: str) -> GuacdSettings:
    guacd = _dictionary(settings, "guacd")
    params = {
        str(key): _param(value)
        for key, value in _dictionary(settings, "guacd_params").items()
        if value is not None and key != "protocol"
    }
    return GuacdSettings(
        _ALIASES.get(kind, kind),
        _text(guacd, "guacd_host").strip() or None,
        _port(guacd, "guacd_port"),
        MappingProxyType(params),
        _connect_as(settings),
    )


def _connect_as(settings: Dictionary) -> ConnectAsSettings:
    found = _dictionary(settings, "connect_as_settings")
    return ConnectAsSettings(
        _flag(found, "allow_supply_user"),
        _flag(found, "allow_supply_host"),
        _text(found, "gateway_private_key"),
    )


def _ice(settings: Dictionary) -> IceOptions:
    return IceOptions(
        turn_only=_flag(settings, "turn_only"),
        use_turn=_flag(settings, "use_turn", default=True),
        turn_url=_text(settings, "turn_url"),
        turn_username=_text(settings, "turn_username"),
        turn_password=_text(settings, "turn_password"),
        stun_url=_text(settings, "stun_url"),
        relay_url=_text(settings, "relay_url"),
        loopback=_flag(settings, "loopback_candidates"),
    )


def _param(value: object) -> str:
    """Return a parameter as guacd takes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return ",".join(_param(item) for item in value if item is not None)
    if isinstance(value, Mapping):
        return json.dumps(dict(value), separators=(",", ":"), ensure_ascii=False, default=str)
    return str(value)


def _text(settings: Dictionary, key: str) -> str:
    value = settings.get(key)
    if value is None:
        return ""
    if isinstance(value, (str, int, float)) and not isinstance(value, bool):
        return str(value)
    raise TubeSettingsError(f"{key} must be a text")


def _flag(settings: Dictionary, key: str, *, default: bool = False) -> bool:
    value = settings.get(key)
    if value is None:
        return default
    if isinstance(value, bool):
        return value
    known = {"true": True, "1": True, "false": False, "0": False, "": False}
    found = known.get(str(value).strip().lower())
    if found is None:
        raise TubeSettingsError(f"{key} must be true or false, not {shorten(str(value))}")
    return found


def _list(settings: Dictionary, key: str) -> list[str]:
    """Read a list, or a text with commas or lines."""
    value = settings.get(key)
    if value is None:
        return []
    if isinstance(value, (list, tuple, set, frozenset)):
        items = [str(item) for item in value]
    elif isinstance(value, (str, int)) and not isinstance(value, bool):
        items = re.split(r"[,\n]", str(value))
    else:
        raise TubeSettingsError(f"{key} must be a text with commas, or a list")
    return [item.strip() for item in items if item.strip()]


def _dictionary(settings: Dictionary, key: str) -> Dictionary:
    value = settings.get(key)
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise TubeSettingsError(f"{key} must be a dictionary")
    return value


def _port(settings: Dictionary, key: str) -> int | None:
    value = settings.get(key)
    if value is None or value == "":
        return None
    number = None if isinstance(value, bool) else _port_number(str(value).strip())
    if number is None:
        raise TubeSettingsError(f"{key} must be a port (1 to 65535), not {shorten(str(value))}")
    return number


def _allowed_port(text: str) -> int:
    number = _port_number(text)
    if number is None:
        raise TubeSettingsError(f"{shorten(text)} in allowed_ports is no port (1 to 65535)")
    return number


def _port_number(text: str, *, zero: bool = False) -> int | None:
    if not (text.isascii() and text.isdecimal() and len(text) <= 5):
        return None
    number = int(text)
    return number if (0 if zero else 1) <= number <= 65535 else None


def _bare(value: object) -> str:
    return shorten(str(value))[1:-1]
