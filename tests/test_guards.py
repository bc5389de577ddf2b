"""The guards of every test: what each finds, which test it blames, and what it lets pass."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.timeout(180)  # the first test runs another pytest

ROOT = Path(__file__).parents[1]

TESTS = """
import asyncio, signal, socket, subprocess, sys, threading, time
import pytest
from tests.support import guarding, guards

guards.OWN_MAX = 0.3
guarding._loop._hold_max = 0.1

kept = []
end = threading.Event()

def compute(seconds):
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        pass

@pytest.fixture(autouse=True)
def settling(request):
    guards.SETTLE = 0.05 if "fails" in request.node.name else 5

@pytest.fixture(scope="module")
def wide():
    with socket.socket() as sock:
        yield sock
    end.set()
    for one in kept:
        if isinstance(one, subprocess.Popen):
            one.kill()
            one.wait()
        elif hasattr(one, "close"):
            one.close()

def test_passes_with_what_a_wider_fixture_has(wide): pass

async def test_fails_by_a_task():
    kept.append(asyncio.create_task(asyncio.sleep(1000)))

async def test_passes_with_a_task_that_ends():
    kept.append(asyncio.create_task(asyncio.sleep(0.05)))

def test_fails_by_a_thread():
    threading.Thread(target=end.wait).start()

def test_passes_with_a_thread_that_ends():
    threading.Thread(target=time.sleep, args=(0.05,)).start()

def test_fails_by_a_file():
    kept.append(open(__file__))

def test_fails_by_a_socket():
    kept.append(socket.socket())

def test_fails_by_a_socket_in_a_cycle():
    cycle = [socket.socket()]
    cycle.append(cycle)

def test_fails_by_a_child():
    kept.append(subprocess.Popen(["sleep", "1000"]))

async def test_fails_by_computing():
    asyncio.get_running_loop().call_soon(compute, 0.2)
    await asyncio.sleep(0)

async def test_fails_by_computing_itself():
    compute(0.4)

async def test_fails_by_sleeping():
    asyncio.get_running_loop().call_soon(time.sleep, 0.4)
    await asyncio.sleep(0)

async def test_passes_with_a_program_of_its_own():
    time.sleep(0.3)

async def test_passes_while_others_compute():
    await asyncio.gather(asyncio.to_thread(compute, 0.3), asyncio.to_thread(time.sleep, 0.3))

@pytest.mark.holds_loop(reason="it is what this test is about")
async def test_passes_with_a_mark():
    compute(0.4)

@pytest.fixture(scope="module")
def slow():
    signal.setitimer(signal.ITIMER_REAL, 30)

@pytest.mark.timeout(1000)
def test_passes_with_its_time_after_a_slow_fixture(slow):
    assert signal.getitimer(signal.ITIMER_REAL)[0] > 30

def test_passes_at_last(wide): pass
"""


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The outcome of each test above: `passed`, or the fault that it is blamed for."""
    path = tmp_path_factory.mktemp("guarded") / "test_guarded.py"
    path.write_text(TESTS)
    options = ["-q", "-p", "no:cacheprovider", "-p", "tests.support.guarding", "-W", "error"]
    options += ["-p", "pytest_asyncio.plugin", "-p", "timeout"]
    options += ["-o", "asyncio_mode=auto", "-o", "asyncio_default_fixture_loop_scope=function"]
    options += ["--rootdir", str(path.parent), "-rpE", str(path)]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=os.environ | {"COLUMNS": "300", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        timeout=150,
    )
    found = re.findall(r"^(PASSED|ERROR) \S*::(\w+)(?: - (.*))?$", done.stdout, re.MULTILINE)
    passed = {name: "passed" for outcome, name, _ in found if outcome == "PASSED"}
    return passed | {name: text for outcome, name, text in found if outcome == "ERROR"}


@pytest.mark.parametrize(
    ("name", "blame"),
    [
        ("a_task", "the test leaves tasks: .*sleep"),
        ("a_thread", "the test leaves behind: thread "),
        ("a_file", r"the test leaves behind: file \d+ \(/"),
        ("a_socket", r"the test leaves behind: file \d+ \(socket:"),
        ("a_socket_in_a_cycle", "PytestUnraisable"),
        ("a_child", "the test leaves behind: child "),
        ("computing", "the event loop was held: computed 0.[12]"),
        ("computing_itself", "the event loop was held: computed 0.[34]"),
        ("sleeping", "the event loop was held: .* waited 0.[34]"),
    ],
)
def test_what_is_found_fails_the_test_that_did_it(
    outcomes: dict[str, str], name: str, blame: str
) -> None:
    assert re.search(blame, outcomes[f"test_fails_by_{name}"])


def test_all_else_passes(outcomes: dict[str, str]) -> None:
    passed = {name for name in re.findall(r"test_\w+", TESTS) if "passes" in name}
    assert len(passed) == 8
    assert {name for name, outcome in outcomes.items() if outcome == "passed"} >= passed
    blamed = {name for name, outcome in outcomes.items() if outcome != "passed"}
    assert all(name.startswith("test_fails_by_") for name in blamed)
