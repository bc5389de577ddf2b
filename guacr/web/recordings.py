"""The page of recordings, `/recordings`, and its API.

    GET /api/recordings                      the list
    GET /api/recordings/NAME/index           the course of a recording
    GET /api/recordings/NAME/data            its bytes; ranges are supported
    GET /api/recordings/NAME/search?text=…   where its terminal has shown a text

A request of the API has a token in `Authorization: Bearer`, whose grant says which recordings it is
for.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from urllib.parse import urlencode

from aiohttp import hdrs, web

from guacr.errors import BadRequestError, ForbiddenError, GuacrError, shorten
from guacr.journal.options import options_of
from guacr.recording.directories import own_directories
from guacr.recording.journal_library import JournalLibrary
from guacr.recording.library import Library
from guacr.settings.models import Settings
from guacr.threads import held
from guacr.web.admission import Admission
from guacr.web.guard import HttpGuard, deadlines
from guacr.web.headers import Headers
from guacr.web.refused import refusal, reported
from guacr.web.viewings import Note, Viewer, Viewings, unnoted

DATA_MAX = 4 << 20
"""Maximum bytes of an answer to a request for a range."""
PART = 256 << 10
"""Bytes that are read and sent at a time."""
READING_MAX = 16
"""Threads that open and read recordings of one place for answers."""
FINDING_MAX = 16
"""Threads that look for the place of a recording, which a disk that hangs ends."""
TEXT_MAX = 256
"""Maximum characters of a text to find."""
BEARER = "Bearer "
WEB = Path(__file__).parent
PAGE = WEB / "static" / "player.html"

_RANGE = re.compile(r"bytes=(\d{1,15})-(\d{0,15})")


Access = Callable[[str], Viewer]
"""Returns the holder of a token; raises an UnauthorizedError or a ForbiddenError if it is not for
recordings."""


class _Limits:
    """Limits the threads for the recordings of one place, whose disk may hang."""

    def __init__(self) -> None:
        self.scanning, self.searching = asyncio.Lock(), asyncio.Lock()
        self.reading = asyncio.Semaphore(READING_MAX)


class Recordings:
    """Serves the recordings of a library to those whose tokens `access` accepts, and has `note`
    put that into the audit log."""

    def __init__(self, library: Library, access: Access, note: Note = unnoted) -> None:
        self.library = library
        self._access = access
        self._viewings = Viewings(note)
        self._listing = asyncio.Lock()
        self._finding = asyncio.Semaphore(FINDING_MAX)
        self._limits: dict[str, _Limits] = {}
        """By place."""

    def reload(self, settings: Settings) -> None:
        """Apply new settings."""
        old, self.library = self.library, library_of(settings)
        # a thread that reads from it may hold it up
        asyncio.get_running_loop().run_in_executor(None, old.close)

    async def close(self, app: web.Application) -> None:
        """Delete temporary files."""
        await asyncio.to_thread(self.library.close)

    def routes(self) -> list[web.RouteDef]:
        """Return the routes of the page and its API."""
        api = "/api/recordings"
        return [
            web.get("/recordings", _page),
            web.get(api, self._reporting(self._list)),
            web.get(api + "/{name:.+}/index", self._reporting(self._index)),
            web.get(api + "/{name:.+}/data", self._reporting(self._data)),
            web.get(api + "/{name:.+}/search", self._reporting(self._search)),
        ]

    async def _list(self, request: web.Request) -> web.StreamResponse:
        may_see, library = self._viewer(request).may_see, self.library
        return _json(await held(self._listing, lambda: _encoded(_listing(library, may_see))))

    async def _index(self, request: web.Request) -> web.StreamResponse:
        name, viewer = self._admitted(request)
        limits = await self._limits_of(name)
        # one at a time: a long recording takes seconds
        course = await held(limits.scanning, partial(_course, self.library, name))
        await self._note(request, viewer, "watch")
        return _json(course)

    async def _search(self, request: web.Request) -> web.StreamResponse:
        (name, viewer), text = self._admitted(request), request.query.get("text", "")
        if not 0 < len(text) <= TEXT_MAX:
            raise BadRequestError(f"the text to find must have 1 to {TEXT_MAX} characters")
        limits = await self._limits_of(name)
        found = await held(limits.searching, partial(_found, self.library, name, text))
        await self._note(request, viewer, "search")
        return _json(found)

    async def _data(self, request: web.Request) -> web.StreamResponse:
        is_part, guard = "Range" in request.headers, HttpGuard.of(request)
        name, viewer = self._admitted(request)
        reading = (await self._limits_of(name)).reading
        descriptor = await held(reading, partial(self.library.open, name), os.close)
        try:
            size = os.fstat(descriptor).st_size
            start, end = _range(request.headers, size)
            await self._note(request, viewer, "watch" if is_part else "download")
            headers = {"Accept-Ranges": "bytes", "Content-Length": str(end - start)}
            if is_part:
                headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
            response = web.StreamResponse(status=206 if is_part else 200, headers=headers)
            response.content_type = "application/octet-stream"
            await response.prepare(request)
            while start < end and request.method != hdrs.METH_HEAD:
                length = min(PART, end - start)
                data = await held(reading, partial(os.pread, descriptor, length, start))
                if not data:
                    break  # the file was cut: the client notices that bytes are missing
                await response.write(data)
                start += len(data)
                if guard is not None:  # a long answer takes its time, as long as it is read
                    guard.request_began()
            return response
        finally:
            os.close(descriptor)

    def _admitted(self, request: web.Request) -> tuple[str, Viewer]:
        """Return the name of the recording, and who wants to read it.

        Raises:
            GuacrError: the token is not for it.
        """
        name, viewer = request.match_info["name"], self._viewer(request)
        if not viewer.may_see(name):
            raise ForbiddenError(f"the token is not for the recording {shorten(name)}")
        return name, viewer

    async def _limits_of(self, name: str) -> _Limits:
        """Return the limits of the place where a recording is.

        Raises:
            GuacrError: there is none of that name, or its disk hangs.
        """
        place = await held(self._finding, partial(self.library.place_of, name))
        return self._limits.setdefault(place, _Limits())

    async def _note(self, request: web.Request, viewer: Viewer, action: str) -> None:
        """Note what is done with a recording that could be opened, before anything of it is sent.

        Raises:
            BusyError: the audit log cannot be written.
        """
        name = request.match_info["name"]
        await self._viewings.note(name, viewer, request.remote or "", action)

    def _viewer(self, request: web.Request) -> Viewer:
        header = request.headers.get("Authorization", "")
        return self._access(header.removeprefix(BEARER).strip())

    def _reporting(
        self, handle: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handler(request: web.Request) -> web.StreamResponse:
            try:
                return await handle(request)
            except GuacrError as error:
                return refusal(request, error)

        return handler


def library_of(settings: Settings) -> Library:
    """Return the recordings in all directories of the settings, and in the journal."""
    options = options_of(settings)
    journal = None if options is None else JournalLibrary(options)
    return Library((*own_directories(settings), *settings.recording.directories), journal)


def create_player(settings: Settings, library: Library, name: str, secret: str) -> web.Application:
    """Create an application for one recording, for a browser that has opened `/?secret=…`."""
    admission, headers = Admission(settings, secret), Headers(settings)
    app = web.Application(middlewares=[deadlines, reported, admission.middleware])
    app.on_response_prepare.append(headers.add)
    address = f"/recordings#{urlencode({'name': name})}"

    async def lead(request: web.Request) -> web.StreamResponse:
        return web.Response(status=302, headers={"Location": address})

    def is_it(asked: str) -> bool:
        return asked == name

    app.add_routes([web.get("/", lead), *Recordings(library, lambda _: Viewer(is_it)).routes()])
    add_files(app)
    return app


def add_files(app: web.Application) -> None:
    """Add the files of the pages."""
    app.router.add_static("/static", WEB / "static")
    if (WEB / "vendor").is_dir():  # created by the build
        app.router.add_static("/vendor", WEB / "vendor")


def _listing(library: Library, may_see: Callable[[str], bool]) -> dict[str, object]:
    recordings, note = library.listing(may_see)
    return {"recordings": list(map(asdict, recordings)), "note": note}


def _course(library: Library, name: str) -> bytes:
    found, has_text = library.map(name), library.has_text(name)
    return _encoded(
        {
            "start": found.start,
            "duration": found.duration,
            "size": found.size,
            "live": found.is_running,
            "points": found.points,
            "keyframes": found.keyframes,
            "keys": found.keys,
            "damage": found.damage,
            "text": has_text,
        }
    )


def _found(library: Library, name: str, text: str) -> bytes:
    found = library.search(name, text)
    lines = [(line.time, line.text) for line in found.lines]
    return _encoded({"found": lines, "until": found.until})


def _encoded(value: object) -> bytes:
    return json.dumps(value).encode()


def _json(text: bytes) -> web.Response:
    return web.Response(body=text, content_type="application/json")


async def _page(request: web.Request) -> web.StreamResponse:
    return web.FileResponse(PAGE)


def _range(headers: Mapping[str, str], size: int) -> tuple[int, int]:
    """Return the start and the end of the wanted bytes (RFC 9110, section 14).

    Raises:
        aiohttp.web.HTTPRequestRangeNotSatisfiable: there are none.
    """
    wanted = headers.get("Range")
    if wanted is None:
        return 0, size
    found = _RANGE.fullmatch(wanted)
    start = int(found[1]) if found else size
    end = min(int(found[2]) + 1 if found and found[2] else size, size, start + DATA_MAX)
    if start >= end:
        raise web.HTTPRequestRangeNotSatisfiable(headers={"Content-Range": f"bytes */{size}"})
    return start, end
