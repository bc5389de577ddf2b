"""The API of the operators' page: the interface over HTTP on the page's port, for tokens only.

It has no stream of events, because a worker process knows its own events only. In addition,
`GET /operator` says who asks, and what this operator may do.
"""

from __future__ import annotations

from aiohttp import web

from guacr.access.operator_tokens import Right
from guacr.operators.authority import Authority
from guacr.operators.identify import TokenIdentifier
from guacr.operators.operations import Operations
from guacr.operators.rest import create_rest


def create_page_api(operations: Operations, authority: Authority) -> web.Application:
    """Create the application, which the page's application mounts."""
    identify = TokenIdentifier(authority)

    async def operator(request: web.Request) -> web.Response:
        """Return the operator of the token, or an error."""
        found = identify(request)
        found.check(Right.READ)
        return web.json_response(
            {
                "name": found.name,
                "rights": sorted(found.rights),
                "expires": found.expires,
                "announced": operations.announces_watchers,
            }
        )

    app = create_rest(operations, identify, has_events=False)
    app.router.add_get("/operator", operator)
    return app
