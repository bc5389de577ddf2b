"""The console: reads statements, runs them, and shows the results."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

from guacr.api import BadRequestError, GuacrError
from handlers.database.adapter import Adapter, LostError, Transaction
from handlers.database.console.commands import WORDS, Command, help_text, parse, suggestions
from handlers.database.console.display import Display
from handlers.database.console.files import Files
from handlers.database.console.lines import Lines
from handlers.database.console.names import Names
from handlers.database.console.prompt import InterruptedInputError, LineEditor
from handlers.database.console.results import DisplayOptions
from handlers.database.console.retry import ALL, Retry
from handlers.database.console.running import Runner
from handlers.database.console.script_runner import COPY_IN, RESTRICTED, ScriptRunner
from handlers.database.console.table import shown
from handlers.database.console.transfers import Transfers
from handlers.database.console.variable_commands import VariableCommands
from handlers.database.history import Texts


class Console:
    """A person's dialogue with a database.

    Args:
        adapter: the database, connected.
        show: called with what is drawn.
        size: columns and rows of the screen.
        files: downloads and uploads.
        history: earlier input.
        password: for reconnecting.
    """

    def __init__(
        self,
        adapter: Adapter,
        show: Callable[[str], None],
        size: Callable[[], tuple[int, int]],
        *,
        files: Files,
        history: Texts,
        password: str,
    ) -> None:
        self._adapter = adapter
        self._password = password
        self._lost = False
        self._left = False
        self._refused = ""
        self._names = Names(adapter)
        self._asks_data = False
        self._editor = LineEditor(
            show,
            size,
            complete=self._complete,
            suggest=self._suggest,
            lexer=adapter.lexer,
            word=adapter.word,
            history=history,
            is_secret=adapter.is_secret,
            max_undo=adapter.limits.max_undo,
        )
        self._lines = Lines(show)
        self._runner = Runner(adapter, show, size, self._editor.keyboard, self._lines)
        self._results = self._runner.results
        self._display = Display(adapter, self._runner, self._lines)
        self._variables = VariableCommands(self._lines)
        keyboard = self._editor.keyboard
        self._transfers = Transfers(adapter, self._runner, files, keyboard, self._lines)
        self._scripts = ScriptRunner(self, adapter, self._runner, self._variables, self._lines)
        self._commands = self._all_commands()

    def feed(self, data: bytes) -> None:
        """Process input of a person."""
        self._editor.keyboard.feed(data)

    def resized(self) -> None:
        """Adapt to a new size of the screen."""
        if not self._results.redraw():
            self._editor.resize()

    async def run(self) -> None:
        """Run until the person leaves."""
        self._names.learn()
        try:
            while await self._turn():
                pass
            await self._transfers.end_export(True)
        finally:
            await self._editor.close()
            await self._runner.close()
            await self._names.close()

    def part(self) -> None:
        """Break the reference cycles of a console that has ended, so that its objects are freed at
        once, with everything that they have read. Nothing may be called afterwards."""
        for one in (self._runner, self._scripts, self._transfers, self._editor, self):
            vars(one).clear()

    async def _turn(self) -> bool:
        """Read and execute an input; return whether to continue."""
        text, self._refused = self._refused, ""
        if remark := self._names.take_remark():
            self._lines.note(remark)
        if lost := self._editor.keyboard.take_lost():
            self._lines.fail(f"{lost} bytes of typed or pasted input were lost")
        prompt = "(not connected) " if self._lost else ""
        try:
            line = await self._editor.read(prompt + self._adapter.prompt, text)
        except InterruptedInputError:
            return True
        except EOFError:
            return False
        command = parse(line, tabular=self._adapter.tabular)
        local = command is not None and command.is_local
        if self._lost and not local and not await self._reconnect(line):
            return True
        try:
            dialect = self._adapter.spoken
            whole = dialect.lines or dialect.splits is not None
            if command is not None and (whole or command.name in ("export", *WORDS)):
                await self.command(command)
            else:
                await self._scripts.run_text(line)
        except LostError as error:
            await self.lose(error, (line, ALL))
        return not self._left

    def _complete(self, text: str) -> bool:
        if self._asks_data:
            return True
        if (copy := COPY_IN.match(text)) and self._adapter.spoken.dollars:
            return text[copy.end() :].strip() in ("", ";") or "\n\\." in text
        command = parse(text, tabular=self._adapter.tabular)
        if command is not None and command.name == "export":
            return self._adapter.complete(command.argument)
        return not text.strip() or command is not None or self._adapter.complete(text)

    def _suggest(self, before: str, word: str) -> list[tuple[str, str]]:
        found = suggestions(self._adapter, before, word)
        return self._names.suggestions(before, word) if found is None else found

    async def _reconnect(self, line: str) -> bool:
        try:
            greeting = await self._adapter.connect(self._password)
        except GuacrError as error:
            self._lines.fail(str(error))
            self._refused = line
            return False
        self._lost = False
        self._lines.print(greeting)
        self._names.learn()
        return True

    # ---- statements

    async def ask_data(self) -> str | None:
        """Read a line of data for COPY.

        Raises:
            BadRequestError: Ctrl-C was pressed.
        """
        keyboard = self._editor.keyboard
        outer, keyboard.sink, self._asks_data = keyboard.sink, None, True
        try:
            return await self._editor.read("data (\\. ends it)> ", "")
        except InterruptedInputError:
            raise BadRequestError("cancelled") from None
        except EOFError:
            return None
        finally:
            keyboard.sink, self._asks_data = outer, False

    def learn(self) -> None:
        """Fetch the names again, because they may have changed."""
        self._names.learn()

    def retype(self, text: str) -> None:
        """Put a text into the next prompt."""
        self._refused = text

    @property
    def ended(self) -> bool:
        """True if the console has ended."""
        return self._left or self._lost

    async def _show(self, statement: str, *, empty: bool = True) -> bool:
        """Run the statement of a command; return whether it succeeded.

        Raises:
            LostError: the connection is lost.
        """
        return await self._runner.once(statement, DisplayOptions(empty=empty, typed=False))

    async def _describe(self, name: str, *, more: bool) -> None:
        """Describe a table: its columns, and whatever else is not empty.

        Raises:
            LostError: the connection is lost.
        """
        columns, *others = self._adapter.describe(name, more=more)
        columnless = self._adapter.columnless
        if not await self._show(columns, empty=columnless):
            return
        if not (columnless or self._results.found):
            self._lines.fail(f"there is no {shown(name)} here")
            return
        for statement in others:
            if not await self._show(statement, empty=False):
                return

    async def lose(self, error: GuacrError, again: Retry, *, unknown: bool = False) -> None:
        """Report a lost connection, and whether it is `unknown` if a statement took effect."""
        self._lines.fail(str(error))
        if self._runner.transaction is not Transaction.NONE:
            self._lines.fail(
                "a transaction was open: it is lost, unless the server had its end already"
            )
        elif unknown:
            self._lines.fail("it is unknown whether the statement was executed")
        self._refused, offer = again
        self._lines.fail(f"press Enter to connect again and {offer}")
        self._lost = True
        self._runner.transaction = Transaction.NONE
        await self._adapter.close()

    # ---- commands

    async def command(self, command: Command) -> bool:
        """Execute a command; return whether it exists.

        Raises:
            LostError: the connection is lost.
        """
        name, argument = command.name, command.argument
        if self._scripts.restricted and name != "unrestrict":
            self._lines.fail(RESTRICTED)
            return False
        found = self._commands.get(name)
        listing = self._adapter.lists.get(name.rstrip("+"))
        if name.rstrip("+") == "d" and argument and not set("*?") & set(argument):
            more = name.endswith("+")
            await self._describe(argument, more=more)
        elif found is not None:
            await found(argument)
        elif listing is None:
            self._lines.fail(f"there is no command \\{shown(name)} here: \\? lists them all")
            return False
        elif argument and not listing.name:
            self._lines.fail(f"\\{name} takes no name here")
            return False
        else:
            await self._show(listing.statement(argument, plus=name.endswith("+")))
        return True

    def _all_commands(self) -> dict[str, Callable[[str], Awaitable[None]]]:
        """The function of each command, which receives its argument."""
        return {
            "q": self._leave,
            "quit": self._leave,
            "exit": self._leave,
            "?": self._help,
            "h": self._help,
            "help": self._help,
            "c": self._use,
            "connect": self._use,
            "conninfo": self._tell,
            "export": self._export,
            "i": self._include,
            "o": self._transfers.redirect,
            "x": self._display.expand,
            "pset": self._display.set_null,
            "raw": self._display.show_raw,
            "timing": self._display.time,
            "copy": self._transfers.copy,
            "delimiter": self._delimit,
            "echo": self._variables.echo,
            "encoding": self._encode,
            "r": self._clear,
            "set": self._variables.set,
            "unset": self._variables.unset,
            "restrict": self._scripts.restrict,
            "unrestrict": self._scripts.unrestrict,
        }

    async def _delimit(self, argument: str) -> None:
        """Set the delimiter of statements, so that they may contain semicolons."""
        dialect = self._adapter.dialect
        if not dialect.delimiters:
            self._lines.fail("a semicolon ends statements here, and nothing else can be set")
            return
        self._adapter.dialect = replace(dialect, delimiter=argument or ";")

    async def _leave(self, argument: str) -> None:
        self._left = True

    async def _help(self, argument: str) -> None:
        self._lines.print(help_text(self._adapter))

    async def _tell(self, argument: str) -> None:
        self._lines.print(f"You are connected to {shown(self._adapter.title)}.")

    async def _encode(self, argument: str) -> None:
        """Report the encoding, which is always the same."""
        if argument.lower().replace("-", "") not in ("", "utf8", "unicode"):
            self._lines.fail(
                "this console only uses UTF8; scripts may set another encoding for their text"
            )
        else:
            self._lines.print("UTF8")

    async def _clear(self, argument: str) -> None:
        """Report that the pending statement was discarded, which the splitter has done."""
        self._lines.print("Query buffer reset (cleared).")

    async def _include(self, argument: str) -> None:
        """Run a script while it is being uploaded."""
        if argument:
            self._lines.fail("\\i takes no name: the script is one that you send")
            return
        upload = await self._transfers.uploaded("Send a script")
        if upload is not None:
            await self._scripts.run_upload(upload)

    # ---- files

    async def _export(self, argument: str) -> None:
        """Run statements, and write their results into one file."""
        name, _, statements = argument.partition(" ")
        if not statements.strip("; \n"):
            self._lines.fail("a statement belongs behind the file: \\export FILE STATEMENT;")
            return
        before, self._results.export = self._results.export, None
        try:
            if await self._transfers.redirect_to(name):
                whole = await self._scripts.run_text(statements.strip(), f"\\export {name} ")
                await self._transfers.end_export(whole)
        finally:
            self._results.export = before

    # ---- about the database

    async def _use(self, database: str) -> None:
        if not self._adapter.use_database or not database:
            self._lines.print(f"You are connected to {self._adapter.title}.")
            return
        before = self._adapter.database
        self._runner.transaction = self._adapter.transaction
        await self._adapter.close()
        self._adapter.database = database
        try:
            self._lines.print(await self._adapter.connect(self._password))
        except GuacrError as error:
            self._lines.fail(str(error))
            self._adapter.database = before
            try:
                await self._adapter.connect(self._password)
            except GuacrError as gone:
                raise LostError(str(gone)) from None
        self._names.learn()
