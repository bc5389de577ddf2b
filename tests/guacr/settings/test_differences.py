"""Names of changed settings."""

from __future__ import annotations

from guacr.settings.differences import differences
from guacr.settings.models import Settings

ONE = {"protocol": "ssh", "parameters": {"hostname": "h", "password": "secret"}}


def settings(**sections: object) -> Settings:
    return Settings.model_validate(sections)


def test_changed_settings_are_named_without_their_values() -> None:
    before = settings(server={"max_sessions": 1}, connections={"a": ONE, "b": ONE, "c": ONE})
    other = {"protocol": "ssh", "parameters": {"hostname": "h", "password": "other"}}
    after = settings(log={"level": "debug"}, connections={"b": other, "c": ONE, "d": ONE})
    assert differences(before, before.model_copy()) == []
    assert sorted(differences(before, after)) == [
        "connections.a",
        "connections.b",
        "connections.d",
        "log.level",
        "server.max_sessions",
    ]
