"""The recordings and the typescript of one session, and what happens if they cannot be written."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from datetime import datetime
from functools import partial
from pathlib import Path

from typing_extensions import override

from guacr.errors import ForbiddenError, GuacrError, RecordingError
from guacr.journal.journal import Journal
from guacr.recording import index, names, ttyrec
from guacr.recording.file_sink import FileSink, FileWriter
from guacr.recording.files import NEW_NAMES, SUFFIX_MAX, Place, number_of
from guacr.recording.index import Index
from guacr.recording.journal_sink import JournalSink
from guacr.recording.journal_text import about_text, with_text
from guacr.recording.opening import Opener, open_recording
from guacr.recording.recorder import Contents, Recorder
from guacr.recording.sink import Sink
from guacr.recording.ttyrec import Ttyrec
from guacr.recording.typescript import Typescript, open_typescript
from guacr.session.events import Events, RecordingEnded, RecordingFailed, RecordingStarted
from guacr.session.extension import SessionExtension
from guacr.session.notice import show_notice
from guacr.session.params import Params
from guacr.session.session import Session
from guacr.settings.models import EVERYTHING

ABOUT_MAX = 1024
"""Maximum characters of each text that describes a recording in the journal."""
WARN_FROM = 128
"""Recordings of one name from which on the log says that this will end."""
TOO_SLOW = "the disk is too slow for the session"


class SessionRecording(SessionExtension):
    """Records a session as its parameters and the settings want it."""

    def __init__(
        self,
        session: Session,
        events: Events,
        writer: FileWriter,
        opener: Opener,
        journal: Callable[[], Journal | None],
    ) -> None:
        self._session = session
        self._events = events
        self._writer = writer
        self._opener = opener
        self._journal = journal
        self._settings = session.settings.recording
        self._written: dict[Recorder | Typescript, str] = {}
        """The recordings and typescripts that are being written, and where."""
        self._failed: set[Recorder | Typescript] = set()
        self._texts: list[Ttyrec] = []
        person = session.context.origin.subject
        self._tokens = names.values_of(session.id, person, datetime.now().astimezone())

    @property
    def is_wanted(self) -> bool:
        """True if there is anything to write."""
        return bool(
            self._settings.path
            or self._settings.journal
            or self._value("recording-path")
            or self._value("typescript-path")
        )

    @override
    async def opening(self) -> None:
        settings = self._settings
        if settings.journal:
            await self._try(self._record_in_journal, Place(directory="journal", name=""))
        if settings.path and not self._is_operators("recording-path"):
            contents = Contents(webp=settings.webp)
            await self._try(partial(self._record, contents), self._operators_place(settings.path))
        if self._value("recording-path"):
            await self._try(partial(self._record, self._contents()), self._place("recording"))
        if self._value("typescript-path"):
            await self._try(self._write_typescript, self._place("typescript"))

    @override
    async def closed(self) -> None:
        written, self._written = self._written, {}
        texts, self._texts = self._texts, []
        for text in texts:
            await text.close()
        for what, where in written.items():
            what.stop()
            size = what.size
            try:
                await what.close()
            except GuacrError as error:
                self._report(where, error, required=False)
            else:
                if what not in self._failed:
                    self._events.publish(RecordingEnded(self._session.id, where, size))

    # ---- the start

    async def _try(
        self, begin: Callable[[Place], Coroutine[None, None, None]], place: Place
    ) -> None:
        """Begin one of them; if that fails, the session ends or its users see a notice."""
        try:
            await begin(place)
        except GuacrError as error:
            self._report(str(Path(place.directory, place.name)), error, required=self._is_required)
            if self._is_required:
                raise _refusal(error) from error
            self._notify(error)

    async def _record(self, contents: Contents, place: Place) -> None:
        settings = self._settings
        suffixes = []
        if contents.output and settings.index:
            suffixes.append(index.SUFFIX)
        if contents.output and settings.text and self._session.context.text_size[0]:
            suffixes.append(ttyrec.SUFFIX)
        file, *beside = await self._opener.open(
            place, partial(open_recording, place, settings.min_free_disk, suffixes)
        )
        sinks = {
            name: FileSink(found, self._writer)
            for name, found in zip(suffixes, beside, strict=True)
            if found
        }
        sink = FileSink(file, self._writer)
        recorder = Recorder(
            self._session,
            sink,
            contents,
            max_queue=settings.max_queue,
            index=Index(sinks[index.SUFFIX], time.time()) if index.SUFFIX in sinks else None,
        )
        recorder.on_behind = partial(self._is_behind, recorder)
        self._warn_of_number(place, file.path)
        self._begun(recorder, sink, str(file.path))
        recorder.start()
        if ttyrec.SUFFIX in sinks:
            self._write_text(sinks[ttyrec.SUFFIX])

    def _write_text(self, sink: Sink) -> None:
        context, clock = self._session.context, self._session.frames.timestamp
        text = Ttyrec(sink, context.text_size, clock, self._settings.max_queue)
        self._texts.append(text)
        context.text_taps.append(text)

    async def _record_in_journal(self, place: Place) -> None:
        """Record as if there were a directory of all recordings."""
        journal, session = self._journal(), self._session
        if journal is None:
            raise RecordingError("there is no journal: set journal.directory")
        name = self._operators_place(Path()).name
        about = {"session": session.id, "name": name, "protocol": session.protocol}
        subject, target = session.context.origin.subject, session.target
        about |= {"subject": subject, "host": target.host, "username": target.user}
        about = {key: text[:ABOUT_MAX] for key, text in about.items()}
        settings, size = self._settings, session.context.text_size
        text_sink = None
        if settings.text and size[0]:
            text_sink = JournalSink(journal, about_text(about))
            about = with_text(about, text_sink.number)
        sink = JournalSink(journal, about)
        contents = Contents(webp=settings.webp)
        recorder = Recorder(session, sink, contents, max_queue=settings.max_queue)
        recorder.on_behind = partial(self._is_behind, recorder)
        self._begun(recorder, sink, f"journal {sink.place}")
        recorder.start()
        if text_sink is not None:
            self._write_text(text_sink)

    async def _write_typescript(self, place: Place) -> None:
        min_free = self._settings.min_free_disk
        (files,) = await self._opener.open(
            place, lambda: (open_typescript(place, min_free=min_free),)
        )
        sink = FileSink(files, self._writer)
        typescript = Typescript(sink)
        self._warn_of_number(place, files.path)
        self._begun(typescript, sink, str(files.path))
        self._session.context.text_taps.append(typescript)

    def _begun(self, what: Recorder | Typescript, sink: Sink, where: str) -> None:
        self._written[what] = where
        sink.on_failed = partial(self._give_up, what)
        self._session.log.info("recording to %s", where)
        self._events.publish(RecordingStarted(self._session.id, where))

    def _warn_of_number(self, place: Place, path: Path) -> None:
        number = number_of(place, path)
        if number >= WARN_FROM:
            self._session.log.warning(
                "%s has one of the last numbers that are appended to this name, up to %d: %s",
                path,
                SUFFIX_MAX,
                NEW_NAMES,
            )

    # ---- failures

    def _is_behind(self, recorder: Recorder) -> None:
        if self._settings.when_behind == "end":  # not within the frame that had no room
            error = RecordingError(TOO_SLOW)
            asyncio.get_running_loop().call_soon(
                partial(self._give_up, recorder, error, required=True)
            )
        else:
            where = self._written.get(recorder, "")
            self._session.log.warning("pictures are missing in %s: %s", where, TOO_SLOW)

    def _give_up(
        self, what: Recorder | Typescript, error: GuacrError, *, required: bool | None = None
    ) -> None:
        """Write one of them no longer; the session ends or its users see a notice."""
        if what in self._failed or what not in self._written or self._session.closed:
            return
        self._failed.add(what)
        if isinstance(what, Recorder):
            what.is_cut = True
        what.stop()
        required = self._is_required if required is None else required
        self._report(self._written[what], error, required=required)
        if required:
            self._session.close(_refusal(error))
        else:
            self._notify(error)

    def _report(self, where: str, error: GuacrError, *, required: bool) -> None:
        self._session.log.error("the recording to %s failed: %s", where, error)
        failed = RecordingFailed(self._session.id, where, str(error), required)
        self._events.publish(failed)

    def _notify(self, error: GuacrError) -> None:
        sentence = f"This session is not recorded completely: {error}."
        self._session.context.start_task(show_notice(self._session, sentence), "notice")

    @property
    def _is_required(self) -> bool:
        """True if the session may only go on while it is recorded."""
        exempt, connection = self._settings.exempt, self._session.context.origin.connection
        is_exempt = EVERYTHING in exempt or (connection and connection in exempt)
        return self._settings.policy == "require" and not is_exempt

    # ---- parameters

    def _value(self, name: str) -> str:
        params: Params = self._session.handler.params
        return params.value(name)

    def _is(self, name: str) -> bool:
        return self._value(name) == "true"

    def _is_operators(self, name: str) -> bool:
        return bool(self._value(name)) and name in self._session.context.origin.trusted

    def _place(self, kind: str) -> Place:
        """Return the place that the parameters of recordings or typescripts name."""
        path = f"{kind}-path"
        return Place(
            directory=self._filled(path),
            name=self._name(kind),
            create=self._is(f"create-{path}"),
            overwrite=self._is(f"{kind}-write-existing"),
            within=None if self._is_operators(path) else self._settings.directories,
        )

    def _name(self, kind: str) -> str:
        """Return the name of a recording or typescript; if its connection is configured without
        one, it is another one each time."""
        parameter, connection = f"{kind}-name", self._session.context.origin.connection
        is_set = self._is_operators(parameter) or self._value(parameter) != kind
        replaces = self._is(f"{kind}-write-existing")
        if connection and self._is_operators(f"{kind}-path") and not (is_set or replaces):
            return names.fill(names.DEFAULT, self._tokens)
        return self._filled(parameter)

    def _filled(self, parameter: str) -> str:
        """Return a parameter; if an operator has set it, with its tokens replaced."""
        text = self._value(parameter)
        return names.fill(text, self._tokens) if self._is_operators(parameter) else text

    def _operators_place(self, directory: Path) -> Place:
        """Return the place of this session in the directory of all recordings."""
        name = names.fill(names.DEFAULT, self._tokens)
        return Place(directory=str(directory), name=name, create=True)

    def _contents(self) -> Contents:
        return Contents(
            output=not self._is("recording-exclude-output"),
            mouse=not self._is("recording-exclude-mouse"),
            touch=not self._is("recording-exclude-touch"),
            keys=self._is("recording-include-keys"),
            clipboard=self._is("recording-include-clipboard"),
            webp=self._settings.webp,
        )


def session_recording(
    events: Events, journal: Callable[[], Journal | None] = lambda: None
) -> Callable[[Session], SessionRecording | None]:
    """Return what a registry calls for each session; `events` are the registry's, and `journal`
    returns the daemon's, if there is one."""
    writer, opener = FileWriter(), Opener()

    def create(session: Session) -> SessionRecording | None:
        recording = SessionRecording(session, events, writer, opener, journal)
        return recording if recording.is_wanted else None

    return create


def _refusal(error: GuacrError) -> GuacrError:
    """Return the error with which a session ends that must be recorded."""
    sentence = f"this session must be recorded, and cannot be: {error}; ask an administrator"
    return (
        ForbiddenError(sentence) if isinstance(error, ForbiddenError) else RecordingError(sentence)
    )
