"""A protocol's parameters as the page's form needs them."""

from collections.abc import Callable
from typing import Any

from guacr.session.params import Param, Params

_WORDS = {
    "addr": "address", "auth": "authentication", "ca": "CA", "cert": "certificate",
    "cn": "common name", "color": "colour", "dns": "DNS", "func": "function", "gss": "Kerberos",
    "hostname": "host name", "kex": "key exchange", "mac": "MAC", "macs": "MACs",
    "regex": "pattern", "sftp": "SFTP", "sql": "SQL", "ssh": "SSH", "ssl": "TLS", "tcp": "TCP",
    "tls": "TLS", "udp": "UDP", "username": "user name", "wol": "wake-on-LAN",
}  # fmt: skip
"""Parts of names, in words."""


def describe(params_type: type[Params], may_set: Callable[[str], bool]) -> list[dict[str, Any]]:
    """The fields of a form: those parameters that `may_set` allows, in their order, without those
    whose feature is not there yet.

    Each has `name`, `title`, `kind` (text, suggestion, multiline, password, number, boolean,
    choice), `doc`, `default` as text, `common`, and where they apply `required`, `minimum`,
    `maximum`, and `choices`, which are not all there is for a suggestion.
    """
    declared = params_type.declared()
    return [_field(one) for one in declared if may_set(one.name) and not one.spec.later]


def _field(param: Param) -> dict[str, Any]:
    spec = param.spec
    field = {
        "name": param.name,
        "title": spec.title or title_of(param.name),
        "kind": _kind(param),
        "doc": spec.doc,
        "default": _text(param.default),
        "common": spec.common,
        "minimum": spec.minimum,
        "maximum": spec.maximum,
        "choices": list(spec.choices or spec.suggestions),
        "required": spec.required or None,
    }
    return {name: value for name, value in field.items() if value not in (None, [])}


def title_of(name: str) -> str:
    """A parameter's name in words: "ssh-jump-hostname" becomes "SSH jump host name"."""
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


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)
