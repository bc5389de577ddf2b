"""Describe a protocol's parameters for the page's form."""

from collections.abc import Callable
from typing import Any

from guacr.session.params import Param, Params

_WORDS = {
    "addr": "address", "args": "arguments", "auth": "authentication", "ca": "CA",
    "cert": "certificate", "cn": "common name", "color": "colour", "dest": "destination",
    "dir": "directory", "dns": "DNS", "dpi": "DPI", "func": "function",
    "gfx": "graphics pipeline", "gss": "Kerberos", "hostname": "host name", "id": "ID",
    "kex": "key exchange", "mac": "MAC", "macs": "MACs", "regex": "pattern",
    "servername": "server name", "sftp": "SFTP", "sql": "SQL", "ssh": "SSH", "ssl": "TLS",
    "tcp": "TCP", "timezone": "time zone", "tls": "TLS", "tofu": "trust on first use",
    "udp": "UDP", "username": "user name", "wol": "wake-on-LAN",
}  # fmt: skip
"""Parts of names and their equivalents in words."""


def describe(params_type: type[Params], may_set: Callable[[str], bool]) -> list[dict[str, Any]]:
    """Return the fields of a form: the parameters that `may_set` allows, in order, except those
    that are not supported yet or only for operators.

    Each has `name`, `title`, `kind` (text, suggestion, multiline, password, number, boolean,
    choice), `doc`, `default` as text, `common`, and if applicable `required`, `minimum`, `maximum`,
    and `choices`, to which a suggestion is not limited.
    """
    offered = [one for one in params_type.declared() if not (one.spec.later or one.spec.operator)]
    return [_field(one) for one in offered if may_set(one.name)]


def _field(param: Param) -> dict[str, Any]:
    spec = param.spec
    field = {
        "name": param.name,
        "title": spec.title or title_of(param.name),
        "kind": _kind(param),
        "doc": spec.doc,
        "default": param.text(param.default),
        "common": spec.common,
        "minimum": spec.minimum,
        "maximum": spec.maximum,
        "choices": list(spec.choices or spec.suggestions),
        "required": spec.required or None,
    }
    return {name: value for name, value in field.items() if value not in (None, [])}


def title_of(name: str) -> str:
    """Return a parameter's name in words: "ssh-jump-hostname" becomes "SSH jump host name"."""
    words = " ".join(_WORDS.get(word, word) for word in name.split("-"))
    return words[:1].upper() + words[1:]


def _kind(param: Param) -> str:
    if param.type is bool:
        return "boolean"
    if param.type is int:
        return "number"
    if param.spec.choices:
        return "choice"
    if param.spec.suggestions:
        return "suggestion"
    if param.spec.multiline:
        return "multiline"
    return "password" if param.spec.secret else "text"
