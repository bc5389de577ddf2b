"""Parse and format values like mongosh; no JavaScript is run."""

from __future__ import annotations

import base64
import datetime
import math
import re
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from bson import DatetimeMS, json_util
from bson.binary import UUID_SUBTYPE, Binary, UuidRepresentation
from bson.code import Code
from bson.codec_options import CodecOptions
from bson.dbref import DBRef
from bson.decimal128 import Decimal128
from bson.errors import BSONError
from bson.int64 import Int64
from bson.max_key import MaxKey
from bson.min_key import MinKey
from bson.objectid import ObjectId
from bson.raw_bson import RawBSONDocument
from bson.regex import Regex
from bson.timestamp import Timestamp

from handlers.database.adapter import StatementError

DEPTH_MAX = 100
"""Maximum nesting of values, as in the server."""
WIDTH = 78
"""Maximum width of a document in one line."""
_INT64 = 1 << 63
_SPACE = re.compile(r"(?:\s+|//[^\n]*|/\*.*?\*/)*", re.DOTALL)
_NAME = re.compile(r"[A-Za-z_$][\w$]*")
_DIGITS = re.compile(r"\d+")
_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?(?![\w$.])")
_STRING = re.compile(r"\"((?:[^\"\\\n]|\\.)*)\"|'((?:[^'\\\n]|\\.)*)'")
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(.))", re.DOTALL)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", "v": "\v", "0": "\0"}
_REGEX = re.compile(r"/((?:[^/\\\n\[]|\\.|\[(?:[^\]\\\n]|\\.)*\])+)/([a-z]*)")
_PLAIN_KEY = re.compile(r"[A-Za-z_$][\w$]*\Z")
_UNSAFE = re.compile(r"[\x00-\x1f\x7f'\\\ud800-\udfff\u2028\u2029]")
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t", "'": "\\'", "\\": "\\\\"}
_CONSTANTS: dict[str, Any] = {
    "true": True, "false": False, "null": None, "undefined": None,
    "NaN": math.nan, "Infinity": math.inf,
}  # fmt: skip
_EXTENDED = json_util.JSONOptions(
    json_mode=json_util.JSONMode.RELAXED,
    uuid_representation=UuidRepresentation.STANDARD,
    tz_aware=False,
)
_REGEX_FLAGS = {"i": re.IGNORECASE, "m": re.MULTILINE, "s": re.DOTALL, "x": re.VERBOSE}
WRONG_VALUES = (
    ArithmeticError, AttributeError, BSONError, LookupError, OSError, TypeError, ValueError,
)  # fmt: skip
"""The exceptions that constructors of values raise for invalid arguments."""


class UnfinishedError(StatementError):
    """The text ends inside brackets: more may follow."""


class Reader:
    """Reads values from a text, from `place` on.

    Its methods raise `StatementError` with the position of a syntax error.
    """

    __slots__ = ("place", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.place = 0

    def skip(self) -> str:
        """Skip blanks and comments; return the next character, empty at the end."""
        if match := _SPACE.match(self.text, self.place):
            self.place = match.end()
        return self.text[self.place : self.place + 1]

    def fail(self, message: str) -> StatementError:
        """Create an error at this position."""
        return StatementError(message, self.place + 1)

    def take(self, mark: str) -> bool:
        """Read `mark` if it follows; return whether it did."""
        if self.skip() != mark:
            return False
        self.place += 1
        return True

    def name(self) -> str:
        """Read a name; empty if there is none."""
        self.skip()
        match = _NAME.match(self.text, self.place)
        if match is None:
            return ""
        self.place = match.end()
        return match[0]

    def arguments(self, depth: int = 0) -> list[Any]:
        """Read values in parentheses."""
        if not self.take("("):
            raise self.fail("( is expected")
        return self._listed(")", depth)

    def value(self, depth: int = 0) -> Any:
        """Read a value at nesting level `depth`."""
        if depth > DEPTH_MAX:
            raise self.fail(f"there are more than {DEPTH_MAX} values within values")
        first = self.skip()
        if first == "{":
            return self._object(depth)
        if first == "[":
            self.place += 1
            return self._listed("]", depth)
        if first in ('"', "'"):
            return self._string()
        if first == "/":
            return self._regex()
        if first and first in "+-.0123456789":
            return self._number()
        return self._named(depth)

    def _listed(self, end: str, depth: int) -> list[Any]:
        found: list[Any] = []
        while not self.take(end):
            found.append(self.value(depth + 1))
            self._comma(end)
        return found

    def _comma(self, end: str) -> None:
        """Read the comma between elements; it is optional before the end."""
        if not self.take(",") and self.skip() != end:
            raise self._expected(f", or {end}")

    def _expected(self, what: str) -> StatementError:
        if not self.skip():
            return UnfinishedError(f"the text ends where {what} is expected", self.place)
        return self.fail(f"{what} is expected")

    def _object(self, depth: int) -> Any:
        self.place += 1
        found: dict[str, Any] = {}
        while not self.take("}"):
            key = self._key()
            if not self.take(":"):
                raise self._expected(":")
            found[key] = self.value(depth + 1)
            self._comma("}")
        if not any(key.startswith("$") for key in found):
            return found
        return self._made(json_util.object_hook, found, _EXTENDED)

    def _key(self) -> str:
        if self.skip() in ('"', "'"):
            return self._string()
        if match := _DIGITS.match(self.text, self.place):
            self.place = match.end()
            return match[0]
        if name := self.name():
            return name
        raise self._expected("a key")

    def _string(self) -> str:
        match = _STRING.match(self.text, self.place)
        if match is None:
            raise self.fail("the string is not closed in its line")
        self.place = match.end()
        body = match[1] if match[1] is not None else match[2]
        text = _ESCAPE.sub(_unescaped, body)
        try:  # surrogate halves, which JavaScript allows
            return text.encode("utf-16", "surrogatepass").decode("utf-16")
        except UnicodeDecodeError:
            raise self.fail("the string holds half a character") from None

    def _regex(self) -> Any:
        match = _REGEX.match(self.text, self.place)
        if match is None or set(match[2]) - set(_REGEX_FLAGS):
            raise self.fail("a regular expression is expected, such as /x/i")
        self.place = match.end()
        return _regex(match[1].replace("\\/", "/"), match[2])

    def _number(self) -> Any:
        match = _NUMBER.match(self.text, self.place)
        if match is None:
            sign = self.text[self.place]
            if sign in "+-" and self.text.startswith("Infinity", self.place + 1):
                self.place += 9
                return -math.inf if sign == "-" else math.inf
            raise self.fail("this is not a number")
        digits = match[0].lstrip("+-")
        if digits.isdigit():
            if len(digits) > 20 or not -_INT64 <= int(match[0]) < _INT64:
                raise self.fail("the number has more than 64 bits: use NumberDecimal('…')")
            self.place = match.end()
            return int(match[0])
        self.place = match.end()
        return float(match[0])

    def _named(self, depth: int) -> Any:
        start = self.place
        name = self.name()
        if not name:
            raise self._expected("a value")
        if name == "new":
            name = self.name()
        if name in _CONSTANTS:
            return _CONSTANTS[name]
        if name == "Binary" and self.take("."):
            name = f"Binary.{self.name()}"
        make = _MAKERS.get(name)
        if make is None:
            self.place = start
            raise self.fail(
                f"{name[:40]} is unknown: there is no JavaScript, only {', '.join(_SHOWN)}"
            )
        return self._made(make, *self.arguments(depth + 1))

    def _made(self, make: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return make(*arguments)
        except WRONG_VALUES:
            raise self.fail("the value before this place cannot be made so") from None


def _unescaped(match: re.Match[str]) -> str:
    code = match[1] or match[2]
    return chr(int(code, 16)) if code else _ESCAPES.get(match[3], match[3])


def _regex(pattern: str, flags: str = "") -> Regex[str]:
    number = 0
    for flag in flags:
        number |= _REGEX_FLAGS[flag]
    return Regex(pattern, number)


def _date(value: Any = None) -> Any:
    if value is None:
        return datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
    if isinstance(value, int):
        return DatetimeMS(value)
    found = datetime.datetime.fromisoformat(value)
    if found.tzinfo is not None:
        found = found.astimezone(datetime.UTC).replace(tzinfo=None)
    return found.replace(microsecond=found.microsecond // 1000 * 1000)


def _long(value: Any) -> Int64:
    number = int(value)
    if not -_INT64 <= number < _INT64:
        raise ValueError(number)
    return Int64(number)


def _timestamp(value: Any, increment: Any = None) -> Timestamp:
    if isinstance(value, Mapping):
        return Timestamp(value["t"], value["i"])
    return Timestamp(value, increment)


def _int32(value: Any) -> int:
    number = int(value)
    if not -(1 << 31) <= number < 1 << 31:
        raise ValueError(number)
    return number


def _decimal(value: Any) -> Decimal128:
    return Decimal128(str(value))


def _binary(data: str, kind: int = 0) -> Any:
    made = Binary(base64.b64decode(data, validate=True), kind)
    return bytes(made) if kind == 0 else made


def _uuid(text: str) -> Binary:
    return Binary(uuid.UUID(text).bytes, UUID_SUBTYPE)


_MAKERS: dict[str, Callable[..., Any]] = {
    "ObjectId": ObjectId, "ISODate": _date, "Date": _date, "NumberLong": _long, "Long": _long,
    "NumberInt": _int32, "Int32": _int32, "Double": float, "NumberDecimal": _decimal,
    "Decimal128": _decimal, "UUID": _uuid, "RegExp": _regex, "Timestamp": _timestamp,
    "MinKey": MinKey, "MaxKey": MaxKey, "BinData": lambda kind, data: _binary(data, kind),
    "Binary.createFromBase64": _binary, "Code": Code, "DBRef": DBRef,
}  # fmt: skip
_SHOWN = ("ObjectId", "ISODate", "NumberLong", "NumberDecimal", "UUID", "BinData", "Timestamp")


# ---- raw documents


def undecoded(options: CodecOptions[Any]) -> CodecOptions[RawBSONDocument]:
    """The options for documents as bytes, which are decoded when they are printed: the library
    would decode many of them at once, in the event loop."""
    raw: CodecOptions[RawBSONDocument] = options.with_options(document_class=RawBSONDocument)
    return raw


def raw_size(value: object) -> int:
    """The size of a raw document in bytes; 0 for anything else."""
    return len(value.raw) if isinstance(value, RawBSONDocument) else 0


# ---- printing


def printed(value: object, indent: int = 0) -> str:
    """Format a value like mongosh, indented by `indent` columns; lines end with LF."""
    if isinstance(value, DBRef) or not isinstance(value, Mapping | list):
        return _scalar(value)
    pairs = isinstance(value, Mapping)
    start, end = "{}" if pairs else "[]"
    if not value:
        return start + end
    inner = (
        [f"{_key(str(key))}: {printed(item, indent + 2)}" for key, item in value.items()]
        if isinstance(value, Mapping)
        else [printed(item, indent + 2) for item in value]
    )
    line = f"{start} {', '.join(inner)} {end}"
    if indent + len(line) <= WIDTH and "\n" not in line:
        return line
    blanks = " " * indent
    return f"{start}\n{blanks}  " + f",\n{blanks}  ".join(inner) + f"\n{blanks}{end}"


def _key(key: str) -> str:
    return key if _PLAIN_KEY.match(key) else _quoted(key)


def _quoted(text: str) -> str:
    return "'" + _UNSAFE.sub(lambda m: _SHORT.get(m[0], f"\\u{ord(m[0]):04x}"), text) + "'"


def _scalar(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case Int64():
            return f"Long('{int(value)}')"
        case float():
            return _double(value)
        case str() if not isinstance(value, Code):
            return _quoted(value)
        case ObjectId():
            return f"ObjectId('{value}')"
        case datetime.datetime():
            return f"ISODate('{value.isoformat(timespec='milliseconds')}Z')"
        case DatetimeMS():
            return f"Date({int(value)})"
        case Decimal128():
            return f"Decimal128('{value}')"
    return _rare(value)


def _rare(value: object) -> str:
    match value:
        case Binary() if value.subtype == UUID_SUBTYPE and len(value) == 16:
            return f"UUID('{uuid.UUID(bytes=bytes(value))}')"
        case bytes():
            kind = value.subtype if isinstance(value, Binary) else 0
            return f"Binary.createFromBase64('{base64.b64encode(value).decode()}', {kind})"
        case Regex():
            flags = "".join(flag for flag, bit in _REGEX_FLAGS.items() if value.flags & bit)
            return f"RegExp({_quoted(str(value.pattern))}, '{flags}')"
        case Timestamp():
            return f"Timestamp({{ t: {value.time}, i: {value.inc} }})"
        case MinKey() | MaxKey():
            return f"{type(value).__name__}()"
        case Code():
            return f"Code({_quoted(str(value))})"
        case DBRef():
            return f"DBRef({_quoted(value.collection)}, {printed(value.id)})"
        case uuid.UUID():
            return f"UUID('{value}')"
    return str(value)


def _double(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
