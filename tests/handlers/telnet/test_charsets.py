"""Hosts in other character sets: real servers, and real programs under real locales."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from guacr.daemon import Daemon
from tests.handlers.telnet.test_session import BOTH, Server, shell
from tests.support.require import missing, require
from tests.support.telnetd import inetutils

Locale = Callable[[str, str], str]


@pytest.fixture(scope="module")
def locale(tmp_path_factory: pytest.TempPathFactory) -> Locale:
    """Makes a locale; the assignments with which a shell uses it."""
    directory = tmp_path_factory.mktemp("locales")

    def make(language: str, charmap: str) -> str:
        name = f"{language}.{charmap}"
        if not Path("/usr/share/i18n/charmaps").is_dir():
            missing("glibc's sources of locales are not installed: the package locales has them")
        tool = str(require("localedef"))
        command = [tool, "-c", "-i", language, "-f", charmap, str(directory / name)]
        subprocess.run(command, capture_output=True, check=False)  # it warns, and says so
        return f"LOCPATH={directory} LC_ALL={name}"

    return make


@BOTH
async def test_a_shell_in_russian(daemon: Daemon, server: Server, locale: Locale) -> None:
    names = locale("ru_RU", "KOI8-R")
    async with shell(daemon, server, encoding="koi8-r") as person:
        person.client.type(f"{names} date -d 2026-11-28 +%A\n")
        await person.see("\nСуббота\n")
        person.client.type("echo подъЪезд | od -An -tx1 | tr -d ' '\n")  # one is Telnet's IAC
        await person.see("подъЪезд")
        await person.see("\nd0cfc4dfffc5dac40a\n")


async def test_a_line_is_edited_by_characters_in_chinese(daemon: Daemon, locale: Locale) -> None:
    names = locale("zh_CN", "GBK")
    async with shell(daemon, inetutils, encoding="gbk") as person:
        person.client.type(f"{names} exec {require('bash')} --norc --noprofile\n")
        await person.see("bash-")
        person.client.type("PS1='go''> '; printf '\\033[H\\033[2J\\033[3J'\n")
        await person.see("go>")
        person.client.type("echo 中Я文字\b\bz | od -An -tx1 | tr -d ' '\n")
        await person.see("\nd6d0a7c17a0a\n")
        assert "go> echo 中Я z | od" in person.text  # Я has two cells there, and so it has here


@BOTH
@pytest.mark.parametrize(
    ("encoding", "codec", "text"),
    [
        ("shift_jis", "shift_jis", "表示ソｱ"),
        ("euc-jp", "euc_jp", "漢字ｱ"),
        ("big5", "big5", "許功蓋"),
        ("euc-kr", "euc_kr", "한국"),
        ("gb18030", "gb18030", "中😀"),
        ("cp437", "cp437", "╔═╗éÑ"),
        ("cp850", "cp850", "╔═╗éÁ"),
        ("latin1", "iso8859-1", "Grüße ÿ"),
        ("windows-1252", "cp1252", "“€” ÿ"),
    ],
)
async def test_bytes_go_both_ways(
    daemon: Daemon, server: Server, encoding: str, codec: str, text: str
) -> None:
    async with shell(daemon, server, encoding=encoding) as person:
        person.client.type(f"stty -echo; od -An -tx1 -w200 | tr -d ' '\n{text}\n")
        person.control("d")
        await person.see(f"{text.encode(codec).hex()}0a\n")
        octal = "".join(f"\\{byte:03o}" for byte in text.encode(codec))
        person.client.type(f"stty echo; printf '%b[%b]\\n' sh''ows '{octal}'\n")
        await person.see(f"shows[{text}]")
