"""Commands that begin with a backslash."""

from __future__ import annotations

from dataclasses import dataclass

HELP = """\\q            quit (Ctrl-D, too)
\\?            this list
\\l            databases
\\c NAME       open another database
\\d            tables and views          \\d NAME  columns and indexes of a table
\\dt \\dv \\di  tables, views, indexes
\\dn \\df \\du  schemas, functions, users
\\x            records below each other, on or off
\\timing       show how long statements take, on or off
\\conninfo     what this is connected to
\\export FILE STATEMENT;   download its results: FILE ends in .csv, .json or .tsv
\\o FILE       results from here on go into a download, until \\o alone ends it
\\i            run a script that you upload

{usage} Ctrl-C cancels what runs.
Tab or typing completes, arrow up brings back, Ctrl-R searches what was typed before.
In a long result: arrows and Page keys scroll, / searches, n finds the next, q leaves."""

_WORDS = {"quit", "exit", "help"}


@dataclass(frozen=True, slots=True)
class Command:
    """A command without its backslash, and what follows it."""

    name: str
    argument: str = ""


def parse(line: str) -> Command | None:
    """The command that a line is, if it is one."""
    text = line.strip().rstrip(";")
    if text in _WORDS:
        return Command(text)
    if text.startswith("\\export "):
        return Command("export", line.strip().partition(" ")[2].strip())
    if not text.startswith("\\") or "\n" in text:
        return None
    name, _, argument = text[1:].partition(" ")
    return Command(name, argument.strip().strip('"'))
