"""Connection parameters: what a protocol asks for in `args` and receives in `connect`.

A protocol declares a frozen dataclass whose fields, in order, are its parameters; the wire name
of a field is its own with hyphens. The generated documentation and the page's form come from
the same declaration.

    @dataclass(frozen=True, slots=True, kw_only=True)
    class EchoParams(Params):
        hostname: str = param("", "Host name or address to connect to.", common=True)
        port: int = param(7, "TCP port.", minimum=1, maximum=65535)
"""

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self, get_type_hints

from guacr.errors import BadRequestError, shorten

_METADATA_KEY = "guacr.param"
_BOOLEANS = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class ParamSpec:
    """What is known of one parameter apart from its name, type and default."""

    doc: str
    common: bool = False
    """Whether it is among those a person usually sets."""
    secret: bool = False
    """Whether its value may never be shown or logged."""
    live: bool = False
    """Whether it can be changed by an `argv` stream while the session runs."""
    personal: bool = False
    """Whether a joining user's own value applies to that user."""
    multiline: bool = False
    minimum: int | None = None
    maximum: int | None = None
    choices: tuple[str, ...] = ()
    suggestions: tuple[str, ...] = ()
    """Values that a form offers besides any other."""
    required: bool = False
    """Whether a connection cannot work without it."""
    title: str = ""
    """What a form calls it; by default its name in words."""
    later: bool = False
    """Whether it is accepted, but what it asks for is not there yet."""


def param(default: Any, doc: str, **spec: Any) -> Any:
    """A field of a `Params` class; `spec` are the other fields of `ParamSpec`."""
    return dataclasses.field(default=default, metadata={_METADATA_KEY: ParamSpec(doc, **spec)})


@dataclass(frozen=True, slots=True)
class Param:
    """One parameter of a protocol."""

    field: str
    name: str
    type: type
    default: Any
    spec: ParamSpec

    def parse(self, text: str) -> Any:
        """The value that `text` stands for; the empty string stands for the default.

        Raises:
            BadRequestError: the text is no such value; the message says what is allowed.
        """
        if text == "":
            return self.default
        if self.type is bool:
            return self._parse_bool(text)
        if self.type is int:
            return self._parse_int(text)
        if self.spec.choices and text not in self.spec.choices:
            raise self._refused(text, "one of " + ", ".join(filter(None, self.spec.choices)))
        return text

    def _parse_bool(self, text: str) -> bool:
        try:
            return _BOOLEANS[text]
        except KeyError:
            raise self._refused(text, "true or false") from None

    def _parse_int(self, text: str) -> int:
        low, high = self.spec.minimum, self.spec.maximum
        allowed = "a whole number"
        if low is not None and high is not None:
            allowed = f"a whole number from {low} to {high}"
        elif low is not None:
            allowed = f"a whole number of at least {low}"
        digits = text.removeprefix("-")
        if not (digits.isascii() and digits.isdigit() and len(digits) <= 10):
            raise self._refused(text, allowed)
        value = int(text)
        if (low is not None and value < low) or (high is not None and value > high):
            raise self._refused(text, allowed)
        return value

    def _refused(self, text: str, allowed: str) -> BadRequestError:
        value = "the given value" if self.spec.secret else shorten(text)
        return BadRequestError(f"parameter {self.name} must be {allowed}, not {value}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Params:
    """The parameters of one protocol; subclasses add fields made with `param`."""

    _declared: ClassVar[dict[type, tuple[Param, ...]]] = {}

    @classmethod
    def declared(cls) -> tuple[Param, ...]:
        """Every parameter, in the order of `args`."""
        known = Params._declared.get(cls)
        if known is None:
            known = Params._declared[cls] = tuple(_declared(cls))
        return known

    @classmethod
    def parse(cls, values: Mapping[str, str]) -> Self:
        """Parameters from their texts by name; what is absent or empty has its default.

        Raises:
            BadRequestError: a name is unknown, or a value is not of its type.
        """
        by_name = {param.name: param for param in cls.declared()}
        for name in values:
            if name not in by_name:
                raise BadRequestError(f"there is no parameter {shorten(name)} here")
        parsed = {by_name[name].field: by_name[name].parse(text) for name, text in values.items()}
        return cls(**parsed)

    def asked_later(self) -> list[str]:
        """Names of the set parameters whose feature is not there yet."""
        return [
            param.name
            for param in self.declared()
            if param.spec.later and getattr(self, param.field) != param.default
        ]


def _declared(cls: type[Params]) -> Iterator[Param]:
    types = get_type_hints(cls)
    for field in dataclasses.fields(cls):
        spec: ParamSpec = field.metadata[_METADATA_KEY]
        yield Param(
            field.name, field.name.replace("_", "-"), types[field.name], field.default, spec
        )
