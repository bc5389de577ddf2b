"""Connection parameters: what a protocol asks for in `args` and receives in `connect`.

A protocol declares a frozen dataclass whose fields, in order, are its parameters. The wire name of
a field is its Python name with hyphens. The generated documentation and the form of the web page
come from the same declaration.

    @dataclass(frozen=True, slots=True, kw_only=True)
    class EchoParams(Params):
        hostname: str = param("", "Host name or address to connect to.", common=True)
        port: int = param(7, "TCP port.", minimum=1, maximum=65535)

Parameters that several protocols share have their own classes (`guacr.session.shared_params`). A
protocol inherits from the classes that it needs, and its `ORDER` sets the order of all parameters:

    @dataclass(frozen=True, slots=True, kw_only=True)
    class EchoParams(ReadOnlyParams, WakeOnLanParams):
        ORDER = order("hostname port", WakeOnLanParams, "read-only")

        hostname: str = param("", "Host name or address to connect to.", common=True)
        port: int = param(7, "TCP port.", minimum=1, maximum=65535)
"""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, ClassVar, Self, TypeVar, get_type_hints

from guacr.errors import BadRequestError, shorten
from guacr.session.rights import Rights

NAME_MAX = 64
"""Characters of an unknown name that are compared with those of the known ones."""
NEAR_MAX, SIMILARITY = 3, 0.75
"""The most names that an error suggests, and how similar they are at least (1: equal)."""
_METADATA_KEY = "guacr.param"
_T = TypeVar("_T", str, int, bool)
_BOOLEANS = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class ParamSpec:
    """The properties of a parameter apart from its name, type and default."""

    doc: str
    common: bool = False
    """True if people usually set it."""
    secret: bool = False
    """True if its value must never be shown or logged."""
    live: bool = False
    """True if an `argv` stream can change it during the session."""
    personal: bool = False
    """True if a joining user's value applies to that user."""
    host: bool = False
    """True if it is the name or the address of a host: white space around it does not count."""
    multiline: bool = False
    minimum: int | None = None
    maximum: int | None = None
    choices: tuple[str, ...] = ()
    suggestions: tuple[str, ...] = ()
    """Values that a form suggests; others are allowed."""
    required: bool = False
    """True if a connection cannot work without it."""
    title: str = ""
    """The label in a form; by default the name in words."""
    later: bool = False
    """True if it is accepted, but its feature is not implemented yet."""
    operator: bool = False
    """True if only an operator can set it; forms omit it."""


def param(default: _T, doc: str, **spec: Any) -> _T:
    """Declare a field of a `Params` class; `spec` are the other fields of `ParamSpec`.

    Like `dataclasses.field`, this has the type of its default, so that the field's type is checked.
    """
    metadata = {_METADATA_KEY: ParamSpec(doc, **spec)}
    return dataclasses.field(default=default, metadata=metadata)


@dataclass(frozen=True, slots=True)
class Param:
    """One parameter of a protocol."""

    field: str
    name: str
    type: type
    default: Any
    spec: ParamSpec

    def parse(self, text: str) -> Any:
        """Return the value of `text`; an empty text means the default.

        Raises:
            BadRequestError: the text is invalid; the message says what is allowed.
        """
        if self.spec.host:
            text = text.strip()
        if text == "":
            return self.default
        if self.type is bool:
            return self._parse_bool(text)
        if self.type is int:
            return self._parse_int(text)
        if self.spec.choices and text not in self.spec.choices:
            raise self._refused(text, "one of " + ", ".join(filter(None, self.spec.choices)))
        return text

    def text(self, value: Any) -> str:
        """Return the text of a value, as `parse` accepts it."""
        return str(value).lower() if self.type is bool else str(value)

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


@dataclass(frozen=True, kw_only=True)
class Params:
    """The parameters of one protocol; subclasses add fields made with `param`.

    A subclass that is combined with others must not have `slots=True`, because Python refuses
    several bases with slots. The subclass that combines them may have it, and then has slots for
    all fields.
    """

    __slots__ = ()

    ORDER: ClassVar[tuple[str, ...]] = ()
    """Names in the order of `args`, made with `order`. By default, inherited parameters come first,
    then those of the class in the order of their declaration."""
    _declared: ClassVar[dict[type, tuple[Param, ...]]] = {}

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        _check(cls)

    @property
    def rights(self) -> Rights:
        """The restrictions in the session of the user who gave these parameters."""
        return Rights()

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Return the names of the parameters, in the order of `args`."""
        return _order(cls)

    @classmethod
    def declared(cls) -> tuple[Param, ...]:
        """Return every parameter, in the order of `args`."""
        known = Params._declared.get(cls)
        if known is None:
            known = Params._declared[cls] = tuple(_declared(cls))
        return known

    @classmethod
    def parse(cls, values: Mapping[str, str]) -> Self:
        """Return parameters from their texts by name; missing and empty texts mean the default.

        Raises:
            BadRequestError: a name is unknown, or a value has the wrong type.
        """
        for _, problem in cls.problems(values):
            raise problem
        by_name = cls._by_name()
        parsed = {by_name[name].field: by_name[name].parse(text) for name, text in values.items()}
        return cls(**parsed)

    @classmethod
    def problems(cls, values: Mapping[str, str]) -> Iterator[tuple[str, BadRequestError]]:
        """Yield the errors for which `parse` refuses texts, each with its name."""
        by_name = cls._by_name()
        for name, text in values.items():
            if name not in by_name:
                yield name, _unknown(name, by_name)
                continue
            try:
                by_name[name].parse(text)
            except BadRequestError as error:
                yield name, error

    @classmethod
    def _by_name(cls) -> dict[str, Param]:
        return {param.name: param for param in cls.declared()}

    def value(self, name: str) -> str:
        """Return a parameter's value as text; empty if the protocol does not have the parameter."""
        found = (param for param in self.declared() if param.name == name)
        return next((param.text(getattr(self, param.field)) for param in found), "")

    def with_value(self, name: str, text: str) -> Self:
        """Return a copy with a new value of the parameter `name`.

        Raises:
            BadRequestError: the text is invalid.
        """
        (changed,) = (param for param in self.declared() if param.name == name)
        return dataclasses.replace(self, **{changed.field: changed.parse(text)})

    def asked_later(self) -> list[str]:
        """Return the names of set parameters whose feature is not implemented yet."""
        return [
            param.name
            for param in self.declared()
            if param.spec.later and getattr(self, param.field) != param.default
        ]


def order(*parts: str | type[Params]) -> tuple[str, ...]:
    """Return an `ORDER` of names, separated by spaces, and of classes, which stand for all their
    names."""
    return tuple(
        name for part in parts for name in (part.split() if isinstance(part, str) else part.names())
    )


def _unknown(name: str, known: Iterable[str]) -> BadRequestError:
    """Return the error of an unknown name, with names that are similar to it."""
    given = name[:NAME_MAX].lower().replace("_", "-")
    near = (
        get_close_matches(given, known, NEAR_MAX, SIMILARITY)
        or [one for one in known if given and one.startswith(given)][:NEAR_MAX]
    )
    hint = f"did you mean {' or '.join(near)}?" if near else "docs/parameters.md lists all"
    return BadRequestError(f"parameter {shorten(name)} is unknown: {hint}")


def _declared(cls: type[Params]) -> Iterator[Param]:
    types, fields = get_type_hints(cls), _fields(cls)
    for name in cls.names():
        field = fields[name]
        yield Param(field.name, name, types[field.name], field.default, _spec(field))


def _order(cls: type[Params]) -> tuple[str, ...]:
    if "ORDER" in vars(cls):
        return cls.ORDER
    inherited = tuple(name for parent in _parents(cls) for name in parent.names())
    return (*inherited, *(name for name in _fields(cls) if name not in inherited))


def _check(cls: type[Params]) -> None:
    """Check that a new class has an order for all parameters, and applies those of each user.

    Raises:
        TypeError: `ORDER` is missing or incorrect, or `rights` is not overridden.
    """
    personal = [name for name, field in _fields(cls).items() if _spec(field).personal]
    if personal and cls.rights is Params.rights:
        raise TypeError(
            f"{cls.__name__} does not apply {', '.join(personal)}: inherit from ReadOnlyParams or "
            "ClipboardParams, or override `rights`"
        )
    if "ORDER" in vars(cls):
        _check_order(cls)
    elif len(_parents(cls)) > 1:
        raise TypeError(f"{cls.__name__} inherits from several classes and needs an ORDER")


def _check_order(cls: type[Params]) -> None:
    names, ordered = _fields(cls).keys(), cls.ORDER
    if missing := names - set(ordered):
        raise TypeError(f"{cls.__name__}.ORDER lacks {', '.join(sorted(missing))}")
    if unknown := set(ordered) - names:
        raise TypeError(f"{cls.__name__}.ORDER has unknown names: {', '.join(sorted(unknown))}")
    if twice := {name for name in ordered if ordered.count(name) > 1}:
        raise TypeError(f"{cls.__name__}.ORDER repeats names: {', '.join(sorted(twice))}")


def _parents(cls: type[Params]) -> list[type[Params]]:
    """Return the classes from which it inherits parameters."""
    return [base for base in cls.__bases__ if issubclass(base, Params) and _fields(base)]


def _fields(cls: type[Params]) -> dict[str, dataclasses.Field[Any]]:
    """Return the fields that are parameters, by wire name; also before `dataclass` has processed
    the class."""
    found: dict[str, object] = {}
    for base in reversed(cls.__mro__):
        found |= vars(base).get("__dataclass_fields__", vars(base))
    return {
        name.replace("_", "-"): field
        for name, field in found.items()
        if isinstance(field, dataclasses.Field) and _METADATA_KEY in field.metadata
    }


def _spec(field: dataclasses.Field[Any]) -> ParamSpec:
    spec: ParamSpec = field.metadata[_METADATA_KEY]
    return spec
