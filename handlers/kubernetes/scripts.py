"""Programs for a container's shell (`sh` of POSIX) that work with files, and their arguments.

A program is always the same text. Names are its arguments, encoded in printable ASCII, and are
never part of it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import IntEnum

_PLAIN = re.compile(rb"[ -\[\]-~]*")
"""Printable ASCII without the backslash."""


class Code(IntEnum):
    """The exit statuses of the programs; others are those of commands."""

    MISSING = 71
    NOT_A_DIRECTORY = 72
    OUTSIDE = 73
    EXISTS = 74
    IS_A_DIRECTORY = 75
    IS_SPECIAL = 76
    NO_PERMISSION = 77
    NO_TOOL = 78


def words(script: str, *arguments: bytes) -> Sequence[str]:
    """Return a command that runs one of the programs."""
    return ("sh", "-c", script, "guacr", *map(_encoded, arguments))


def _encoded(argument: bytes) -> str:
    """Return an argument as `printf %b` reads it. API servers require UTF-8."""
    if _PLAIN.fullmatch(argument):
        return argument.decode("ascii")
    return "".join(
        chr(byte) if _PLAIN.fullmatch(bytes([byte])) else f"\\0{byte:03o}" for byte in argument
    )


# Every program begins with this. The first argument is the offered directory, without links once
# it has been entered: `root`, empty for /. Programs enter the directory of a file, and then use its
# last name only: links that are changed meanwhile do not lead them elsewhere.
_BEGIN = r"""export LC_ALL=C
n=$#
while [ $n -gt 0 ]; do
a=$(printf '%b.' "$1"); shift; set -- "$@" "${a%.}"; n=$((n-1))
done
enter() {
[ -e "$1" ] || exit 71
[ -d "$1" ] || exit 72
cd -P -- "$1" 2>/dev/null || exit 77
}
within() {
case "$PWD/" in "$root"/*) ;; *) exit 73;; esac
}
enter "$1"
root=${PWD%/}
"""

# The second and third arguments are the directory of a file and its name, `f`; "." for the root.
_FILE = r"""enter "$root$2"; within
f=./$3
"""

# A link becomes what it leads to.
_FOLLOW = r"""if [ -L "$f" ]; then
[ -e "$f" ] || exit 71
command -v readlink >/dev/null || exit 78
t=$(readlink -f "$f" && printf .) || exit 71
t=${t%?.}
enter "${t%/*}/"; within
f=./${t##*/}
fi
"""

# Shows files: their names, each before a NUL, and one more NUL; the lines of `stat`, which omits
# what cannot be found, and another NUL.
_SHOW = r"""show() {
printf '%s\0' "$@" ''
if command -v stat >/dev/null; then stat -L -c '%f %s %Y %n' "$@" 2>/dev/null
else
for x do
if [ -d "$x" ]; then k=4000; elif [ -f "$x" ]; then k=8000; else k=1000; fi
printf '%s - - %s\n' $k "$x"
done
fi
printf '\0'
}
"""

PROBE = (
    _BEGIN.replace('enter "$1"', 'home=$PWD\nenter "$1"')
    + r"""printf '%s\0' "$PWD" "$home"
"""
)
"""Writes the offered directory, and the one in which commands start."""

STAT = (
    _BEGIN
    + _FILE
    + _FOLLOW
    + _SHOW
    + r"""[ -e "$f" ] || exit 71
show "$f"
"""
)

LIST = (
    _BEGIN
    + _SHOW
    + r"""enter "$root$2"; within
set --
for f in * .[!.]* ..?*; do
[ -e "$f" ] || [ -L "$f" ] || continue
set -- "$@" "./$f"
if [ $# -ge 100 ]; then show "$@"; set --; fi
done
[ $# -eq 0 ] || show "$@"
"""
)

_REGULAR = r"""[ -e "$f" ] || exit 71
[ -d "$f" ] && exit 75
[ -f "$f" ] || exit 76
"""

READ = (
    _BEGIN
    + _FILE
    + _FOLLOW
    + _REGULAR
    + r"""[ -r "$f" ] || exit 77
if [ "$4" = 1 ]; then exec cat <"$f"; else exec tail -c "+$4" <"$f"; fi
"""
)
"""Writes a file; the fourth argument is the first byte to be written, counted from 1."""

_BESIDE = _BEGIN + _FILE + _FOLLOW + "t=./$4\n"

WRITE = (
    _BESIDE
    + r"""if [ -e "$f" ]; then
[ -d "$f" ] && exit 75
[ -f "$f" ] || exit 76
fi
umask 077
: >"$t" || exit 1
while read -r n && [ "$n" -gt 0 ] && dd bs="$n" count=1 iflag=fullblock status=none; do
:
done >"$t"
[ "$n" = 0 ] || { rm -f "$t"; exit 1; }
if [ -e "$f" ] && s=$(stat -c '%u:%g %a' "$f" 2>/dev/null); then
chown "${s% *}" "$t" 2>/dev/null
chmod "${s#* }" "$t"
fi
mv -f "$t" "$f" || { e=$?; rm -f "$t"; exit $e; }
"""
)
"""Creates or replaces a file. Its input is the length of a piece in a line, the piece, and so on;
a length of 0 ends the file, since not all servers can tell a program that its input has ended. What
arrives is beside the file until then, under the name of the fourth argument."""

DISCARD = (
    _BESIDE
    + r"""exec rm -f "$t"
"""
)
"""Removes what has arrived."""

MAKE_DIRECTORY = (
    _BEGIN
    + _FILE
    + r"""[ -e "$f" ] || [ -L "$f" ] && exit 74
exec mkdir "$f"
"""
)

RENAME = (
    _BEGIN
    + _FILE
    + r"""[ -e "$f" ] || [ -L "$f" ] || exit 71
o=$PWD/$3
enter "$root$4"; within
f=./$5
[ -e "$f" ] || [ -L "$f" ] && exit 74
exec mv "$o" "$f"
"""
)
"""Renames a file; the fourth and fifth arguments are the other directory and name."""

DELETE = (
    _BEGIN
    + _FILE
    + r"""[ -e "$f" ] || [ -L "$f" ] || exit 71
exec rm -rf "$f"
"""
)
