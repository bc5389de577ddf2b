"""Pictures of programs in guacr's page, in Chromium, beside the same in xterm.

    python -m tests.browser.pictures [directory]

Takes chromium-headless-shell, openssh-server, xvfb, xterm, imagemagick and the programs themselves.
"""

from __future__ import annotations

import asyncio
import os
import shlex
import subprocess
import sys
import tempfile
from io import BytesIO
from pathlib import Path

from PIL import Image

from guacr.session.session import Session
from handlers.terminal import TerminalHandler
from tests.support.browser import Browser, Page, Window, chromium
from tests.support.openssh import OpenSsh, openssh_server
from tests.support.site import Site, running_site
from tests.support.waiting import until

TARGET = Path(__file__).parents[2] / "docs" / "pictures" / "beside-xterm"
COLUMNS, ROWS = 80, 24
FONT, POINTS = "DejaVu Sans Mono", 12
WINDOW = Window(width=830, height=472, dark=True)
"""Has room for so many columns and rows."""
COLOURS = 255
"""Of the palette that pictures are kept in."""
GREETING = "export PS1='ready> ' LANG=C.UTF-8 LC_ALL=C.UTF-8; cd {directory}; clear"

PROGRAMS = {
    "vim": ("vim -u NONE -c 'syntax on' -c 'set nu hls' -c '/def' sample.py", "import math"),
    "htop": ("sleep 20 & htop -d 50 -p $!", "F10"),
    "tmux": (
        "tmux -S $(mktemp -u) -f /dev/null new 'seq 1 12; sleep 20' "
        "\\; split-window -h 'timeout 20 less -R coloured.txt'",
        "[0]",
    ),
    "less": ("less -R -M coloured.txt", "lines 1-"),
    "mc": ("mc -x .", "10Quit"),
    "git-log": (
        "git -c safe.directory=* -c color.ui=always log --graph --stat | less -R",
        "Author",
    ),
    "nano": ("nano sample.py", "Exit"),
    "emacs": ("emacs -nw -Q sample.py --eval '(split-window)'", "sample.py"),
    "styles": ("cat styles.txt; sleep 60", "Box"),
}
"""By the picture's name: what is run, and what it shows once it is drawn."""

SAMPLE = '''"""A sample."""

import math


class Circle:
    """Has a radius."""

    def __init__(self, radius: float) -> None:
        self.radius = radius

    def area(self) -> float:
        """In square units: \u03c0 r\u00b2, \u65e5\u672c\u8a9e, \u2192 and \u2714."""
        return math.pi * self.radius**2


if __name__ == "__main__":
    for radius in range(1, 10):
        print(f"{radius}: {Circle(radius).area():.2f}")
'''


BOXES = """\
Wide: 日本語 한국어 ＡＢＣ|  accents: é ñ äöü  Greek: αβγ  Cyrillic: жш \x1b[4:3mcurly\x1b[0m
Box: ┌─┬─┐ ╔═╦═╗ ╭─╮ ┏━┳━┓ ░▒▓█ ▁▂▃▄▅▆▇█
     │ │ │ ║ ║ ║ │ │ ┃ ┃ ┃ ▏▎▍▌▋▊▉ ▖▗▘▝▚
     ├─┼─┤ ╠═╬═╣ ╰─╯ ┣━╋━┫ ╱╲╳ ⣿⠁⠃⠇
     └─┴─┘ ╚═╩═╝     ┗━┻━┛
"""


def styles() -> str:
    """Everything that SGR can do, and characters that are hard to draw."""
    names = {1: "bold", 2: "faint", 3: "italic", 4: "underline", 7: "inverse", 9: "strike"}
    lines = [" ".join(f"\x1b[{code}m{name}\x1b[0m" for code, name in names.items())]
    for first, last in ((30, 38), (90, 98), (40, 48), (100, 108)):
        lines.append(" ".join(f"\x1b[{code}m {code:3} \x1b[0m" for code in range(first, last)))
    lines.append("".join(f"\x1b[48;5;{code}m  " for code in range(16, 56)) + "\x1b[0m")
    ramp = "".join(f"\x1b[38;2;{255 - n * 3};{n * 3};128m█" for n in range(80))
    return "\r\n".join([*lines, f"{ramp}\x1b[0m", *BOXES.splitlines(), ""])


def prepare(directory: Path) -> None:
    """Write the files that the programs show; they are always the same."""
    directory.chmod(0o755)
    (directory / "sample.py").write_text(SAMPLE)
    (directory / "styles.txt").write_text(styles())
    coloured = [f"\x1b[{31 + n % 6}m{n:4}\x1b[0m {'.' * (n % 60)}" for n in range(200)]
    (directory / "coloured.txt").write_text("\n".join(coloured))
    git = ["git", "-C", str(directory), "-c", "user.name=A", "-c", "user.email=a@example.org"]
    dated = os.environ | {
        f"GIT_{who}_DATE": "2026-01-01T00:00:00Z" for who in ("AUTHOR", "COMMITTER")
    }
    subprocess.run([*git, "init", "-q"], check=True)
    for name in ("sample.py", "styles.txt", "coloured.txt"):
        subprocess.run([*git, "add", name], check=True)
        subprocess.run([*git, "commit", "-q", "-m", f"add {name}"], check=True, env=dated)


def screen(site: Site) -> str:
    """The text that guacr's terminal shows."""
    (session,) = site.bench.registry.sessions.values()
    return _text(session)


def _text(session: Session) -> str:
    assert isinstance(session.handler, TerminalHandler)
    emulator = session.handler.terminal.emulator
    top = emulator.scrollbar.offset
    rows = [emulator.row_at(top + row) for row in range(emulator.rows)]
    return "\n".join("".join(row.cells) for row in rows if row)


async def guacr_picture(site: Site, page: Page, command: str, sign: str, home: Path) -> Image.Image:
    """The program in the page."""
    await page.goto(f"{site.origin}/#connection=shell")
    await page.until(
        "document.querySelector('#session').dataset.state === 'connected'", "a connected page"
    )
    await page.type(GREETING.format(directory=home) + "\n")
    await until(lambda: screen(site).startswith("ready> "), "the prompt")
    await page.type(f"clear; {command}\n")
    await until(lambda: sign in screen(site), sign)
    await page.run("document.querySelector('#bar-toggle').hidden = true")
    return Image.open(BytesIO(await page.screenshot())).convert("RGB")


def xterm_picture(command: str, home: Path) -> Image.Image:
    """The program in xterm, with the colours of guacr's own scheme."""
    script = f"cd {shlex.quote(str(home))}; {command}"
    xterm = [
        "xterm", "-tn", "xterm-256color", "-fa", FONT, "-fs", str(POINTS),
        "-geometry", f"{COLUMNS}x{ROWS}+0+0",
        "-bg", "black", "-fg", "#999999", "-b", "0", "+sb", "-bw", "0",
        "-e", "sh", "-c", script,
    ]  # fmt: skip
    shoot = "sleep 3; import -window root png:-"
    program = f"{shlex.join(xterm)} & pid=$!; {shoot}; kill $pid"
    result = subprocess.run(
        [
            "xvfb-run",
            "-a",
            "-s",
            f"-screen 0 {WINDOW.width}x{WINDOW.height + 10}x24",
            "sh",
            "-c",
            program,
        ],
        check=True,
        capture_output=True,
        env=os.environ | {"LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"},
    )
    return Image.open(BytesIO(result.stdout)).convert("RGB")


def beside(left: Image.Image, right: Image.Image) -> Image.Image:
    """Both pictures, guacr's at the left, in few colours."""
    both = Image.new("RGB", (left.width + right.width + 8, max(left.height, right.height)), "white")
    both.paste(left, (0, 0))
    both.paste(right, (left.width + 8, 0))
    return both.quantize(COLOURS, dither=Image.Dither.NONE)


async def make(site: Site, browser: Browser, home: Path, target: Path) -> None:
    """All pictures."""
    for name, (command, sign) in PROGRAMS.items():
        page = await browser.page(WINDOW)
        left = await guacr_picture(site, page, command, sign, home)
        await page.close()
        await until(lambda: not site.bench.registry.sessions, "the session's end")
        right = await asyncio.to_thread(xterm_picture, command, home)
        beside(left, right).save(target / f"{name}.png", optimize=True)


def _connection(server: OpenSsh) -> dict[str, object]:
    login = {"username": server.user, "private-key": server.make_key("-t", "ed25519")}
    look = {"font-name": FONT, "font-size": str(POINTS), "terminal-type": "xterm-256color"}
    return {"protocol": "ssh", "title": "Shell", "parameters": server.address | login | look}


async def main(target: Path) -> None:
    """Make them in a directory."""
    with tempfile.TemporaryDirectory(prefix="sample-") as directory, openssh_server() as server:
        home = Path(directory)
        prepare(home)
        connections = {"shell": _connection(server)}
        async with chromium() as browser, running_site(connections=connections) as site:
            await make(site, browser, home, target)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]) if len(sys.argv) > 1 else TARGET))
