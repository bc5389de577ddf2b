"""When certificates expire: in the log, and as a number."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from guacr.net.certificates import DAY, CertificateWatch, Validity
from guacr.testing.daemon import local_settings
from tests.support.certificates import Authority
from tests.support.loopback import until

YEAR = Validity(0, 365 * DAY)


@pytest.mark.parametrize(
    ("validity", "left", "soon"),
    [
        (YEAR, 14 * DAY, False),
        (YEAR, 14 * DAY - 1, True),
        (Validity(0, 6 * DAY), 1.3 * DAY, False),  # a short life
        (Validity(0, 6 * DAY), 1.1 * DAY, True),
    ],
)
def test_when_the_end_is_near(validity: Validity, left: float, *, soon: bool) -> None:
    assert validity.is_soon_over(validity.end - left) is soon


@pytest.mark.parametrize(
    ("now", "sentence", "level"),
    [
        (1 * DAY, "is valid until 1971-01-01 00:00 UTC", logging.INFO),
        (360 * DAY, "expires in 5.0 days, on 1971-01-01 00:00 UTC", logging.WARNING),
        (365 * DAY, "expired on 1971-01-01 00:00 UTC", logging.ERROR),
        (-DAY, "is not valid yet", logging.ERROR),
    ],
)
async def test_lines_of_the_log(
    now: float,
    sentence: str,
    level: int,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr("guacr.net.certificates.time.time", lambda: now)
    monkeypatch.setattr("guacr.net.certificates._read", lambda settings, quiet: {"server": YEAR})
    watch = CertificateWatch(local_settings())
    await watch.start()
    await until(lambda: sentence in caplog.text)
    watch.stop()
    await watch.close()
    (record,) = caplog.records
    assert record.levelno == level
    assert watch.seconds_left() == {"server": 365 * DAY - now}


async def test_the_files_are_read_again_after_a_reload(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pair = Authority().issue("server", expired=True)
    path = tmp_path / "server.pem"
    path.write_text(pair.key + pair.certificate)
    watch = CertificateWatch(local_settings())
    await watch.start()
    page = {"hosts": ["127.0.0.1"], "port": 0, "tls_certificate": path}
    watch.reload(local_settings(websocket=page))()
    await until(lambda: "the certificate of websocket expired on" in caplog.text)
    assert -1.1 * DAY < watch.seconds_left()["websocket"] < -0.9 * DAY
    path.write_text("nonsense")
    watch.begin()
    await until(lambda: f"{path} cannot be read" in caplog.text)
    watch.stop()
    await watch.close()
