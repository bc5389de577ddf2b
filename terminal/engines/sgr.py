"""SGR: apply parameters to a style, and find the parameters of a style."""

from __future__ import annotations

from typing import Any

from terminal.engines.contents import DEFAULT_COLOUR, DIRECT_COLOUR, Attributes, Style, Underline

MAX_SGR_PARAMETERS = 64
"""Maximum parameters of one SGR; further ones are ignored."""

_PLAIN = Style()
_ON = {
    1: Attributes.BOLD,
    2: Attributes.FAINT,
    3: Attributes.ITALIC,
    5: Attributes.BLINK,
    6: Attributes.BLINK,
    7: Attributes.INVERSE,
    8: Attributes.INVISIBLE,
    9: Attributes.STRIKE,
    53: Attributes.OVERLINE,
}
_OFF = {
    22: Attributes.BOLD | Attributes.FAINT,
    23: Attributes.ITALIC,
    25: Attributes.BLINK,
    27: Attributes.INVERSE,
    28: Attributes.INVISIBLE,
    29: Attributes.STRIKE,
    55: Attributes.OVERLINE,
}
_FIELDS = {38: "foreground", 48: "background", 58: "underline_colour"}
_DEFAULTS = {39: "foreground", 49: "background", 59: "underline_colour"}
_BASES = (
    (30, "foreground", 0),
    (40, "background", 0),
    (90, "foreground", 8),
    (100, "background", 8),
)
_EIGHT = {
    base + index: (field, first + index) for base, field, first in _BASES for index in range(8)
}


def select(style: Style, parameters: str) -> Style:
    """The style after an SGR (ECMA-48 8.3.117; colons as in ISO 8613-6; underlines as in Kitty)."""
    parts = parameters.split(";")[:MAX_SGR_PARAMETERS]
    while parts:
        part = parts.pop(0)
        if ":" in part:
            style = _select_colons(style, part)
            continue
        number = _number(part)
        if number in _FIELDS:
            colour = _take_colour(parts)
            if colour is not None:
                style = _with_colour(style, _FIELDS[number], colour)
        else:
            style = _select_one(style, number)
    return style


def sgr_of(style: Style) -> str:
    """The parameters that produce a style from the plain one, as DECRQSS reports them."""
    parts = ["0"]
    parts += [str(number) for number, bit in _ON.items() if number != 6 and bit in style.attributes]
    if style.underline:
        parts.append("4" if style.underline is Underline.SINGLE else f"4:{style.underline.value}")
    for number, field in _FIELDS.items():
        colour = getattr(style, field)
        if colour != DEFAULT_COLOUR:
            parts.append(_report(number, colour))
    return ";".join(parts)


def _select_one(style: Style, number: int) -> Style:
    if number == 0:
        return _PLAIN
    if number in _ON:
        return style._replace(attributes=style.attributes | _ON[number])
    if number in _OFF:
        return style._replace(attributes=style.attributes & ~_OFF[number])
    if number in _EIGHT:
        field, colour = _EIGHT[number]
        return _with_colour(style, field, colour)
    if number in _DEFAULTS:
        return _with_colour(style, _DEFAULTS[number], DEFAULT_COLOUR)
    underlines = {4: Underline.SINGLE, 21: Underline.DOUBLE, 24: Underline.NONE}
    return style._replace(underline=underlines.get(number, style.underline))


def _select_colons(style: Style, part: str) -> Style:
    head, *rest = part.split(":")
    number = _number(head)
    if number == 4 and len(rest) == 1 and _number(rest[0]) <= max(Underline):
        return style._replace(underline=Underline(_number(rest[0])))
    if number in _FIELDS:
        if len(rest) > 4 and _number(rest[0]) == 2:
            rest.pop(1)  # the colour space
        colour = _take_colour(rest)
        if colour is not None:
            return _with_colour(style, _FIELDS[number], colour)
    return style


def _take_colour(parts: list[str]) -> int | None:
    """Remove the kind and components of a colour from the front of `parts`."""
    kind = _number(parts.pop(0)) if parts else -1
    if kind == 5 and parts:
        return _number(parts.pop(0)) & 255
    if kind == 2 and len(parts) >= 3:
        red, green, blue = (_number(part) & 255 for part in parts[:3])
        del parts[:3]
        return DIRECT_COLOUR | red << 16 | green << 8 | blue
    return None


def _with_colour(style: Style, field: str, colour: int) -> Style:
    change: dict[str, Any] = {field: colour}
    return style._replace(**change)


def _number(part: str) -> int:
    return int(part.lstrip("0")[:9] or "0")


def _report(number: int, colour: int) -> str:
    if colour & DIRECT_COLOUR:
        return f"{number}:2::{colour >> 16 & 255}:{colour >> 8 & 255}:{colour & 255}"
    if colour < 16 and number != 58:
        return str(number - 8 + colour if colour < 8 else number + 52 + colour - 8)
    return f"{number}:5:{colour}"
