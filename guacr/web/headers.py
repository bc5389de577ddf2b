"""The headers of every response."""

from collections.abc import Sequence

from aiohttp import web

from guacr.settings.models import Settings
from guacr.web import admin

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "font-src 'self'",
        "img-src 'self' data: blob:",
        "connect-src 'self'",
        "manifest-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
    )
)
"""guacamole-common-js decodes images through data and blob URLs, and needs nothing else."""

HEADERS = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
REVALIDATE, NEVER_STORE = "no-cache", "no-store"


class Headers:
    """Adds the headers, including the frame ancestors in the settings, which do not apply to the
    operators' page."""

    def __init__(self, settings: Settings) -> None:
        self.reload(settings)

    def reload(self, settings: Settings) -> None:
        """Apply new settings."""
        allowed = settings.websocket.frame_ancestors
        names = ["'self'" if name == "self" else name for name in allowed]
        self._headers = HEADERS | _framing(names)
        self._unframed = HEADERS | _framing([])
        seconds = settings.websocket.strict_transport_security
        self._strict = f"max-age={seconds}" if seconds else ""

    async def add(self, request: web.Request, response: web.StreamResponse) -> None:
        """Add the headers; a signal handler for `on_response_prepare`."""
        is_admin = request.path == admin.PATH
        response.headers.update(self._unframed if is_admin else self._headers)
        if self._strict and request.scheme == "https":
            response.headers["Strict-Transport-Security"] = self._strict
        is_asset = request.path.startswith(("/static/", "/vendor/"))
        response.headers["Cache-Control"] = REVALIDATE if is_asset else NEVER_STORE


def _framing(ancestors: Sequence[str]) -> dict[str, str]:
    """Return the headers that say whose pages may have a page in a frame."""
    names = " ".join(ancestors) or "'none'"
    policy = {"Content-Security-Policy": f"{CONTENT_SECURITY_POLICY}; frame-ancestors {names}"}
    # the older header cannot name other origins
    return policy if ancestors else policy | {"X-Frame-Options": "DENY"}
