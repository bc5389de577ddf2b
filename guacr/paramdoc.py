"""docs/parameters.md, written from what the handlers declare: `python -m guacr.paramdoc`."""

import sys
from collections.abc import Iterator

from guacr.session.params import Param, Params
from guacr.session.registry import Protocols

HEAD = """\
# Connection parameters

A client names a protocol and gives values for its parameters; a connection in the settings has
them under `parameters`, a token carries them. Every value is a text; an empty one stands for the
default. This file is written by `make docs` from what the handlers declare.

In the last column: **common** parameters are those that a person usually sets; **secret** values
are never shown or logged; **live** ones can be changed while the session runs; **personal** ones
apply to each user of a shared session on their own; what **later** ones ask for is not there
yet: they are taken, and a warning names them.
"""
FLAGS = ("common", "secret", "live", "personal", "multiline", "later")
_TYPES: dict[type, str] = {bool: "true or false", int: "number", str: "text"}


def document(protocols: Protocols) -> str:
    """The whole file: a table for each protocol."""
    parts = [HEAD]
    for name in protocols.names:
        handler = protocols.find(name)
        parts.append(f"\n## {name}\n\n" + "\n".join(_table(handler.params_type)) + "\n")
    return "".join(parts)


def _table(params_type: type[Params]) -> Iterator[str]:
    yield "| Name | Value | Default | Meaning | |"
    yield "|---|---|---|---|---|"
    for param in params_type.declared():
        cells = (
            f"`{param.name}`",
            _values(param),
            _default(param),
            _escaped(param.spec.doc),
            ", ".join(flag for flag in FLAGS if getattr(param.spec, flag)),
        )
        yield "| " + " | ".join(cells) + " |"


def _values(param: Param) -> str:
    if param.spec.choices:
        return ", ".join(f"`{choice}`" for choice in param.spec.choices if choice)
    low, high = param.spec.minimum, param.spec.maximum
    if low is not None and high is not None:
        return f"{low} to {high}"
    if low is not None:
        return f"{low} or more"
    return _TYPES[param.type]


def _default(param: Param) -> str:
    if param.default == "":
        return ""
    text = str(param.default).lower() if isinstance(param.default, bool) else str(param.default)
    return f"`{text}`"


def _escaped(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    sys.stdout.write(document(Protocols()))
