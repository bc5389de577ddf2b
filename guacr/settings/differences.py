"""Names what is different in two versions of the settings, without the values, which are secret."""

from __future__ import annotations

from guacr.settings.models import Settings

_CONNECTIONS = "connections"


def differences(before: Settings, after: Settings) -> list[str]:
    """Return the names of the settings that differ, such as `server.max_sessions`; a connection as
    a whole counts as one."""
    names: list[str] = []
    for section in Settings.model_fields:
        old, new = getattr(before, section), getattr(after, section)
        if old == new:
            continue
        if section == _CONNECTIONS:
            keys = [key for key in {**old, **new} if old.get(key) != new.get(key)]
        else:
            keys = [key for key in type(new).model_fields if getattr(old, key) != getattr(new, key)]
        names += [f"{section}.{key}" for key in keys]
    return names
