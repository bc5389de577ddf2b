"""Certificates by ACME (RFC 8555): they are obtained, kept and renewed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from guacr.errors import SettingsError
from guacr.settings.models import Settings

if TYPE_CHECKING:
    from guacr.acme.service import AcmeService


def acme_service(settings: Settings, on_obtained: Callable[[], None]) -> AcmeService:
    """Create the service, whose modules are not loaded without it. It calls `on_obtained` when
    there is a new certificate.

    Raises:
        SettingsError: a library is not installed.
    """
    try:
        from guacr.acme.service import AcmeService
    except ImportError as error:
        raise SettingsError(
            f"acme.domains needs a library that is not installed ({error.name}): install "
            "guacr[acme]"
        ) from error
    return AcmeService(settings, on_obtained)
