"""`guacr top` where it cannot show anything."""

from __future__ import annotations

import pytest

from guacr.cli.main import main


@pytest.mark.parametrize("interval", ["soon", "0", "nan", "inf"])
def test_intervals_that_make_no_sense(interval: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["top", "--interval", interval])
    assert "--interval: must be from 0.5 to 3600 seconds" in capsys.readouterr().err


def test_it_needs_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["top", "--url", "http://127.0.0.1:1"]) == 2
    assert "needs a terminal: use guacr sessions" in capsys.readouterr().err
