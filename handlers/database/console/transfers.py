r"""Commands that write or read files: `\o`, `\copy` and uploads."""

from __future__ import annotations

import asyncio
import re

from guacr.api import GuacrError
from handlers.database.adapter import Adapter, LostError
from handlers.database.console.files import Files
from handlers.database.console.formats import Csv
from handlers.database.console.keyboard import Keyboard
from handlers.database.console.lines import Lines
from handlers.database.console.results import DisplayOptions
from handlers.database.console.running import Runner
from handlers.database.console.scripts import Upload
from handlers.database.console.table import shown

_COPY = re.compile(
    r"(?P<what>\(.*\)|.*?(?:\([^()]*\))?)\s+(?P<way>from|to)\s+(?P<file>'[^']+'|(?!program\b)[^\s']+)"
    r"(?P<rest>\s.*)?",
    re.IGNORECASE | re.DOTALL,
)
_UNTYPED = DisplayOptions(typed=False)


class Transfers:
    """File transfers between statements and the person.

    Args:
        adapter: the database.
        runner: runs the statements that copy, and has the results.
        files: downloads and uploads.
        keyboard: reports Ctrl-C while a file is pending.
        lines: prints errors and notes.
    """

    def __init__(
        self, adapter: Adapter, runner: Runner, files: Files, keyboard: Keyboard, lines: Lines
    ) -> None:
        self._adapter = adapter
        self._runner = runner
        self._files = files
        self._keyboard = keyboard
        self._lines = lines

    async def redirect(self, name: str) -> None:
        """Redirect results into a file; without a name, complete the current one."""
        await self.end_export(True)
        if name:
            await self.redirect_to(name)

    async def redirect_to(self, name: str) -> bool:
        """Redirect results into a file; return whether this succeeded."""
        try:
            self._runner.results.export = self._files.export(name)
        except GuacrError as error:
            self._lines.fail(str(error))
            return False
        return True

    async def end_export(self, whole: bool) -> None:
        """End the file that results go into; `whole` if it is complete."""
        export, self._runner.results.export = self._runner.results.export, None
        if export is None:
            return
        try:
            if whole:
                await export.end()
                self._lines.print(f"{export.count} rows are in {shown(export.name)}.")
                return
        except GuacrError as error:
            self._lines.fail(str(error))
        export.abort()
        self._lines.fail(f"{export.name} is incomplete")

    async def uploaded(self, request: str) -> Upload | None:
        """Ask for a file, and wait until it begins to arrive; None if it does not."""
        waiting = asyncio.ensure_future(self._files.upload())
        keyboard = self._keyboard
        keyboard.sink = lambda name, data: name == "c-c" and waiting.cancel()
        try:
            await asyncio.sleep(0)  # start to wait before asking for the file
            if not waiting.done():
                self._lines.note(f"{request}: drop it here, or use Upload. Ctrl-C gives up.")
            await asyncio.wait([waiting])
        finally:
            keyboard.sink = None
            waiting.cancel()
        if waiting.cancelled():
            return None
        if isinstance(error := waiting.exception(), GuacrError):
            self._lines.fail(str(error))
            return None
        return waiting.result()

    async def copy(self, argument: str) -> None:
        r"""Copy between a table and a file of the person: `\copy TABLE FROM FILE OPTIONS`.

        Raises:
            LostError: the connection is lost.
        """
        found = _COPY.fullmatch(argument)
        if not self._adapter.spoken.dollars or found is None:
            self._lines.fail("\\copy takes TABLE FROM FILE or TABLE TO FILE, in PostgreSQL")
            return
        name = found["file"].strip("'")
        inward = found["way"].lower() == "from"
        statement = (
            f"COPY {found['what']} {'FROM STDIN' if inward else 'TO STDOUT'}{found['rest'] or ''}"
        )
        if inward and name.lower() in ("stdin", "pstdin"):
            await self._runner.once(statement, _UNTYPED)
        elif inward:
            await self._copy_in(statement, name)
        else:
            await self._copy_out(statement, name)

    async def _copy_in(self, statement: str, name: str) -> None:
        upload = await self.uploaded(f"Send the data, {shown(name[:40])}")
        if upload is None:
            return
        upload.is_script = False
        adapter, runner = self._adapter, self._runner
        outer = adapter.input, runner.stop
        adapter.input, runner.stop = upload, upload.stop
        try:
            await self._runner.once(statement, _UNTYPED)
        finally:
            upload.stop()
            adapter.input, runner.stop = outer

    async def _copy_out(self, statement: str, name: str) -> None:
        try:
            export = self._files.export(name, Csv())
        except GuacrError as error:
            self._lines.fail(str(error))
            return
        self._adapter.output = export.write_raw
        whole = False
        try:
            whole = await self._runner.once(statement, _UNTYPED)
            if whole:
                await export.end()
        except LostError:
            raise
        except GuacrError as error:  # raised by the person's client
            self._lines.fail(str(error))
            whole = False
            await self._adapter.cancel()
        finally:
            self._adapter.output = None
            if not whole:
                export.abort()
        if not whole:
            self._lines.fail(f"{name} is incomplete")
