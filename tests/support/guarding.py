"""A pytest plug-in that applies the guards of `tests.support.guards` to every test."""

from __future__ import annotations

import gc
from collections.abc import Generator, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any

import pytest

from tests.support.guards import LeakGuard, LoopGuard, TaskGuard
from tests.support.logging_state import unchanged_logging

LOOP_FACTORY = "_asyncio_loop_factory"
"""A fixture of pytest-asyncio that each asynchronous test sets up, and that owns nothing."""

_leaks, _tasks, _loop = LeakGuard(), TaskGuard(), LoopGuard()
_watching = ExitStack()


def owned() -> AbstractContextManager[None]:
    """Assign what the block creates to a fixture of a wider scope, which will end it."""
    return _leaks.making()


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    config.addinivalue_line(
        "markers", "holds_loop(reason): holds the event loop for longer than a test may"
    )


def pytest_sessionstart() -> None:
    """Start watching event loops."""
    _watching.enter_context(_tasks.watching())
    _watching.enter_context(_loop.watching())


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect the tests without garbage collection, and exclude them from it: there are thousands,
    which stay until the end."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.enable()


def pytest_sessionfinish() -> None:
    """Stop watching event loops."""
    _watching.close()


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(
    fixturedef: pytest.FixtureDef[object], request: pytest.FixtureRequest
) -> Generator[None, object, object]:
    """Record what fixtures of a wider scope own, and give them a time limit of their own."""
    if fixturedef.scope == "function" or fixturedef.argname == LOOP_FACTORY:
        return (yield)
    with _leaks.making(), _timed_apart(request._pyfuncitem):
        return (yield)


@contextmanager
def _timed_apart(item: pytest.Item) -> Iterator[None]:
    """Start a test's time limit anew for the block, and again after it: the first test of a process
    would otherwise pay for the servers that all of them share."""
    _start_timer(item)
    try:
        yield
    finally:
        _start_timer(item)


def _start_timer(item: pytest.Item) -> None:
    """Start the time limit of pytest-timeout, if there is one."""
    plugin: Any = item.config.pluginmanager.get_plugin("timeout")
    if plugin is not None and (settings := plugin._get_item_settings(item)).timeout:
        item.ihook.pytest_timeout_cancel_timer(item=item)
        item.ihook.pytest_timeout_set_timer(item=item, settings=settings)


@pytest.fixture(autouse=True)
def _nothing_is_left(request: pytest.FixtureRequest) -> Generator[None]:
    """Undo what a test configures of the log, and fail it if it leaves something else behind. The
    fixture is set up before all others of a test and torn down after them and after the event loop,
    but before pytest checks for warnings of garbage."""
    failures = request.session.testsfailed
    _leaks.start()
    with unchanged_logging():
        yield
    left = _leaks.left()
    if left and request.session.testsfailed == failures:
        pytest.fail(f"the test leaves behind: {left}", pytrace=False)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, None, None]:
    """Check tasks and event loops, including those of fixtures of a wider scope."""
    failures = item.session.testsfailed
    try:
        yield
    finally:
        tasks, held = _tasks.take(), _loop.take()
    if item.session.testsfailed > failures:
        return
    if tasks:
        pytest.fail(f"the test leaves tasks: {'; '.join(tasks)}", pytrace=False)
    if held and item.get_closest_marker("holds_loop") is None:
        pytest.fail(f"the event loop was held: {'; '.join(held)}", pytrace=False)
