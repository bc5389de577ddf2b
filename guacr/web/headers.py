"""The headers that every answer carries."""

from aiohttp import web

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
        "frame-ancestors 'none'",
    )
)
"""guacamole-common-js decodes images through data and blob URLs, and needs nothing else."""

HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Server": "guacr",
}
REVALIDATE, NEVER_STORE = "no-cache", "no-store"


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """A signal handler for `on_response_prepare`."""
    response.headers.update(HEADERS)
    is_asset = request.path.startswith(("/static/", "/vendor/"))
    response.headers["Cache-Control"] = REVALIDATE if is_asset else NEVER_STORE
