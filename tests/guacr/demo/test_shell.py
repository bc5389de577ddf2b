"""The demo's shell is a real terminal: size, job control, UTF-8, signals, and an orderly end."""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from guacr.daemon import Daemon
from guacr.demo.shell import DemoShell
from tests.support.ssh_desk import PROMPT, Desk, desk, ssh_daemon
from tests.support.waiting import until


@pytest.fixture(autouse=True)
def empty_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What this user's shell runs at its start may take long, or break when it is killed."""
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.fixture
async def shell() -> AsyncIterator[DemoShell]:
    running = DemoShell()
    await running.start()
    yield running
    await running.close()


@pytest.fixture
async def daemon() -> AsyncIterator[Daemon]:
    async with ssh_daemon() as running:
        yield running


@asynccontextmanager
async def at_prompt(daemon: Daemon, shell: DemoShell) -> AsyncIterator[Desk]:
    """In a plain sh, whatever this user's shell is."""
    async with desk(daemon, shell.parameters) as person:
        person.client.type(f"exec env PS1='{PROMPT}' ENV= sh -i\n")
        await until(lambda: person.text.endswith(PROMPT.strip()), "a prompt")
        person.client.type("clear\n")
        await until(lambda: person.text.strip() == PROMPT.strip(), "a clear screen")
        yield person


async def test_it_is_this_users_shell_with_a_terminal(daemon: Daemon, shell: DemoShell) -> None:
    async with at_prompt(daemon, shell) as person:
        columns, rows, _, _ = person.handler.window
        person.client.type("tty; stty size; echo $TERM; id -u; pwd\n")
        await person.see(f"\n{rows} {columns}\nxterm-256color\n{os.getuid()}\n")
        assert "\n/dev/pts/" in person.text
        person.client.size(600, 400)
        await until(lambda: person.handler.window[0] < columns, "a smaller window")
        columns, rows, _, _ = person.handler.window
        person.client.type("stty size\n")
        await person.see(f"\n{rows} {columns}\n")


async def test_jobs_are_stopped_and_go_on(daemon: Daemon, shell: DemoShell) -> None:
    async with at_prompt(daemon, shell) as person:
        person.client.type("sleep 300\n")
        await person.see("sleep 300")
        await _press_until(person, "z", "Stopped")  # the first may come before sleep has started
        person.client.type("clear; kill %1; wait; echo all-$((1+1))-done\n")
        await person.see("all-2-done")


async def test_control_c_interrupts(daemon: Daemon, shell: DemoShell) -> None:
    async with at_prompt(daemon, shell) as person:
        person.client.type("yes\n")
        await person.see("\ny\ny\n")
        started = time.monotonic()
        person.control("c")
        await person.see("^C\nready>")
        assert time.monotonic() - started < 1


async def test_characters_of_all_kinds_arrive(daemon: Daemon, shell: DemoShell) -> None:
    async with at_prompt(daemon, shell) as person:
        person.client.type("cat\nñ € 漢字 😀\n")
        await until(lambda: person.text.count("ñ € 漢字 😀") == 2, "the echo and cat's answer")


async def test_a_large_paste_arrives_whole(daemon: Daemon, shell: DemoShell) -> None:
    async with at_prompt(daemon, shell) as person:
        person.client.type("stty -echo; echo quiet-$((1+1)); cksum\n")
        await person.see("quiet-2")
        line = b"x" * 99 + b"\n"
        person.handler.send(line * 3000 + b"\x04")
        await person.see(" 300000\n")


async def test_exit_ends_the_session_and_its_process(daemon: Daemon, shell: DemoShell) -> None:
    async with at_prompt(daemon, shell) as person:
        person.client.type("exit\n")
        await person.end()
    await until(lambda: not shell._sessions, "the shell's end")


async def test_who_leaves_ends_what_runs(daemon: Daemon, shell: DemoShell) -> None:
    async with at_prompt(daemon, shell) as person:
        person.client.type("echo pid=$$=; sleep 300\n")
        await until(lambda: re.search(r"pid=\d+=", person.text), "a process id")
        pid = int(re.findall(r"pid=(\d+)=", person.text)[0])
        assert _is_alive(pid)
    await until(lambda: not _is_alive(pid), "the shell's end")


async def test_a_shell_that_stays_is_killed(
    daemon: Daemon, shell: DemoShell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("guacr.demo.shell.END_TIMEOUT", 0.2)
    async with at_prompt(daemon, shell) as person:
        person.client.type("trap '' HUP; echo deaf-$((1+1)); while :; do sleep 1; done\n")
        await person.see("deaf-2")
    await until(lambda: not shell._sessions, "the shell's end")


async def test_without_the_key_nobody_gets_in(daemon: Daemon, shell: DemoShell) -> None:
    values = {name: shell.parameters[name] for name in ("hostname", "port", "username")}
    async with desk(daemon, values | {"password": "guess"}) as person:
        sentence, status = await person.failure()
    assert status == 769
    assert "only by publickey" in sentence


async def test_closing_ends_open_shells(daemon: Daemon) -> None:
    before = asyncio.all_tasks()
    shell = DemoShell()
    await shell.start()
    async with at_prompt(daemon, shell) as person:
        await shell.close()
        await person.client.wait_closed()
        assert shell._sessions == set()
    await until(lambda: asyncio.all_tasks() <= before, "the end of all tasks")


async def _press_until(person: Desk, letter: str, text: str) -> None:
    for attempt in range(20):
        person.control(letter)
        with suppress(AssertionError):
            await person.see(text, timeout=0.2 + attempt / 10)
            return
    raise AssertionError(f"Ctrl-{letter} did nothing")


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
