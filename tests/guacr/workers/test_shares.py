"""What each worker gets, and what the front gives to a zygote."""

import os

import pytest

from guacr.access.keys import ProcessKeys
from guacr.errors import SettingsError
from guacr.settings.models import Settings
from guacr.workers import boot as boot_module
from guacr.workers import shares
from guacr.workers.boot import Boot
from guacr.workers.shares import processors, share_of, worker_count


def test_threads_and_memory_are_divided() -> None:
    settings = Settings.model_validate(
        {
            "display": {"encoder_threads": 8},
            "databases": {"max_threads": 10, "sqlite_memory": 1 << 30},
            "webrtc": {"max_tubes": 100},
        }
    )
    share = share_of(settings, 4)
    assert share.display.encoder_threads == 2
    assert (share.databases.max_threads, share.databases.sqlite_memory) == (3, 1 << 28)
    assert share.webrtc.max_tubes == 25


def test_a_share_is_never_too_small() -> None:
    share = share_of(Settings(), 100)
    assert share.display.encoder_threads == 1
    assert share.databases.sqlite_memory == 1 << 24
    assert Settings.model_validate(share.model_dump()) == share


def test_auto_is_one_for_each_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [worker_count(n) for n in (1, 3)] == [1, 3]
    assert worker_count(0) == processors() == len(os.sched_getaffinity(0))
    monkeypatch.setattr(shares, "SYSTEM", "another")
    assert worker_count(0) == worker_count(1) == 1
    with pytest.raises(SettingsError, match="needs another"):
        worker_count(2)


def test_a_zygote_gets_what_the_front_has(monkeypatch: pytest.MonkeyPatch) -> None:
    values = {
        "websocket": {"token_keys": ["k" * 40], "trusted_proxies": ["10.0.0.0/8"]},
        "server": {"unix_socket": "/run/guacr.sock", "unix_socket_mode": "0600"},
        "connections": {"box": {"protocol": "ssh", "parameters": {"hostname": "box", "port": 22}}},
    }
    boot = Boot(Settings.model_validate(values), ProcessKeys.generate(), 3, to_syslog=True)
    assert Boot.read(boot.write()) == boot
    written = boot.write()
    monkeypatch.setattr(boot_module, "VERSION", 2)
    with pytest.raises(SettingsError, match="needs a restart"):
        Boot.read(written)
