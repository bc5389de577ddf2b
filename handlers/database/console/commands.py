"""Backslash commands."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from handlers.database.adapter import Adapter

WORDS = {"quit", "exit", "help"}
_SWITCHES = {
    "x": ("on", "off", "auto"),
    "timing": ("on", "off"),
    "raw": ("on", "off"),
    "pset": ("null",),
}
_ENDS = {
    "g": "run",
    "gx": "run, records below each other",
    "G": "run, records below each other",
    "watch": "run again and again",
    "crosstabview": "run, shown as a grid of two columns",
}
_LOCAL = {
    "q", "quit", "exit", "?", "h", "help", "conninfo", "o", "x", "pset", "timing", "raw",
    "delimiter",
}  # fmt: skip
USAGE_WIDTH = 24


@dataclass(frozen=True, slots=True)
class Command:
    """A command without the backslash, and its argument."""

    name: str
    argument: str = ""

    @property
    def is_local(self) -> bool:
        """True if it works without a server."""
        return self.name in _LOCAL


def parse(line: str, *, tabular: bool) -> Command | None:
    """The command in a line, if any; for `tabular` databases some are parts of statements."""
    text = line.strip().rstrip(";")
    if text in WORDS:
        return Command(text)
    if text.startswith(("\\export ", "\\delimiter ")):  # where semicolons matter
        name, _, argument = line.strip()[1:].partition(" ")
        return Command(name, argument.strip())
    if not text.startswith("\\") or "\n" in text:
        return None
    name, _, argument = text[1:].partition(" ")
    if tabular and name in _ENDS:
        return None
    return Command(name, argument.strip())


def help_text(adapter: Adapter) -> str:
    """The help text of a database's console."""
    lines = [
        f"\\{name}{argument}".ljust(USAGE_WIDTH) + about
        for name, argument, about in _usages(adapter)
    ]
    if any(listing.name for listing in adapter.lists.values()):
        lines.append("In NAME of a list, * and ? stand for other characters; + tells more.")
    return "\n".join(lines) + (
        f"\n\n{adapter.usage}\n"
        "Ctrl-C cancels what runs. Tab or typing completes.\n"
        "Arrow up brings back what was typed before, Ctrl-R searches it.\n"
        "In a long result: arrows and Page keys scroll, / searches, n finds the next, q leaves."
    )


def suggestions(adapter: Adapter, before: str, word: str) -> list[tuple[str, str]] | None:
    """Completions of a word in a command, with descriptions; None if it is not in a command."""
    typed = before + word
    name, blank, _ = typed.partition(" ")
    if blank and name[:1] == "\\" and name[1:] in _SWITCHES:
        first = before.strip() == name
        return [(text, "") for text in _SWITCHES[name[1:]] if first and text.startswith(word)]
    start = typed.rfind("\\")
    known = typed[start + 1 :]
    if start < 0 or not (known == "" or known.isalpha()):
        return None
    names = _ENDS if typed[:start].strip() else {name: about for name, _, about in _usages(adapter)}
    return [
        (f"\\{name}"[len(before) - start :], about)
        for name, about in names.items()
        if name.startswith(known) and name != known
    ]


def _usages(adapter: Adapter) -> Iterator[tuple[str, str, str]]:
    """Each command with its arguments and description."""
    yield "q", "", "quit (Ctrl-D, too)"
    yield "?", "", "this list"
    if adapter.use_database:
        yield "c", " NAME", f"open another {adapter.use_database}"
    for name, listing in adapter.lists.items():
        pattern = " [NAME]" if listing.name and name != "d" else ""
        yield name, ("[+]" if listing.more else "") + pattern, listing.about
    yield "d", " NAME", adapter.describes
    if adapter.describes_more:
        yield "d+", " NAME", f"as \\d does, and {adapter.describes_more}"
    if adapter.tabular:
        yield "g", "", "ends a statement, as a semicolon does; alone, runs the last one again"
        yield "gx", ", \\G", "like \\g, with records below each other"
        yield "watch", " [SECONDS]", "like \\g, again and again until Ctrl-C"
        yield (
            "crosstabview",
            " [V H D SORT]",
            "like \\g, as a grid: heads, data, order",
        )
        yield "x", " [on|off|auto]", "records below each other; auto: those of too wide tables"
        yield "pset", " null TEXT", "what is shown for NULL"
        yield "e", "", "opens what was typed before it, or the last statement, in the prompt"
        yield "r", "", "forgets what was typed before it"
    if adapter.dialect.dollars:
        yield "gset", " [PREFIX]", "like \\g, and sets variables from the row"
        yield "gexec", "", "like \\g, and runs each value of the result"
        yield "set", " [NAME VALUE]", "sets a variable: :NAME, :'NAME', :\"NAME\""
        yield "unset", " NAME", "forgets a variable"
        yield "echo", " TEXT", "prints"
        yield "encoding", "", "what this console speaks"
        yield "copy", " TABLE FROM|TO FILE", "copies a file that you upload, or one you download"
    if adapter.dialect.delimiters:
        yield "delimiter", " TEXT", "what ends statements, as DELIMITER in mysql"
    if adapter.raw is not None:
        yield "raw", " [on|off]", "replies without types, numbers and quotes, as redis-cli --raw"
    yield "timing", " [on|off]", "how long statements take"
    yield "conninfo", "", "what this is connected to"
    yield "export", " FILE STATEMENT;", "downloads results; FILE ends in .csv, .json or .tsv"
    yield "o", " FILE", "further results go into a download, until \\o without a name ends it"
    yield "i", "", "runs a script that you upload"
