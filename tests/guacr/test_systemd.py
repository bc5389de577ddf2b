"""The sockets that systemd passes; `process/test_run.py` has daemons that are started with them."""

import os

import pytest

from guacr.errors import SettingsError
from guacr.systemd import activated_sockets


@pytest.mark.parametrize("count", ["x", "-1", "", "1.0", "٣", "9" * 30])
def test_a_count_that_is_none_is_refused(count: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LISTEN_PID", str(os.getpid()))
    monkeypatch.setenv("LISTEN_FDS", count)
    with pytest.raises(SettingsError, match="LISTEN_FDS must be a number of sockets"):
        activated_sockets()


def test_what_is_for_another_process_is_left_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LISTEN_PID", str(os.getppid()))
    monkeypatch.setenv("LISTEN_FDS", "x")
    assert activated_sockets() == []
    assert os.environ["LISTEN_FDS"] == "x"
