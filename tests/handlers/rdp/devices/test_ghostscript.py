"""Documents as PDF, by Ghostscript, and what a document cannot do."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from guacr.api import BusyError, UnsupportedError, UpstreamError
from handlers.rdp.devices import ghostscript
from handlers.rdp.open_file import OpenFile
from tests.support.require import require

LIMIT = 10_000_000
HELLO = """\
%!PS-Adobe-3.0
%%Title: Hello
/Helvetica findfont 24 scalefont setfont 72 720 moveto (Hello) show
showpage
"""


@pytest.fixture(autouse=True)
def _installed() -> None:
    require("gs")


@pytest.fixture
def public() -> Iterator[Path]:
    """A directory that everybody may write to, with a file."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name)
        path.chmod(0o777)
        (path / "old").write_text("secret")
        (path / "old").chmod(0o666)
        yield path


async def converted(text: str, limit: int = LIMIT) -> bytes:
    """A document as PDF."""
    with tempfile.TemporaryFile() as file:
        file.write(text.encode())
        file.flush()
        document = OpenFile(os.dup(file.fileno()))
        try:
            made = await ghostscript.convert(document, limit)
        finally:
            document.release()
    try:
        return os.pread(made.descriptor, limit, 0)
    finally:
        made.release()


async def test_a_document() -> None:
    pdf = await converted(HELLO)
    assert pdf.startswith(b"%PDF-1.")
    assert pdf.rstrip().endswith(b"%%EOF")
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) == 1


async def test_temporary_files_are_deleted(monkeypatch: pytest.MonkeyPatch) -> None:
    made, make = list[str](), tempfile.mkdtemp

    def noting(prefix: str) -> str:
        made.append(make(prefix=prefix))
        return made[-1]

    monkeypatch.setattr(tempfile, "mkdtemp", noting)
    await converted(HELLO)
    with pytest.raises(UpstreamError):
        await converted("junk junk")
    assert len(made) == 2
    assert not any(map(os.path.exists, made))


async def test_a_document_that_is_not_valid() -> None:
    with pytest.raises(UpstreamError, match="cannot convert it: 'Error: /undefined in junk'"):
        await converted("%!PS\njunk\n")


async def test_a_document_without_pages() -> None:
    with pytest.raises(UpstreamError, match="cannot convert it"):
        await converted("not PostScript", 100)


@pytest.mark.parametrize(
    "operation",
    [
        "(/etc/passwd) (r) file",
        "(/etc/hostname) run",
        "({directory}/new) (w) file",
        "({directory}/old) deletefile",
        "(%pipe%id) (r) file",
        "({directory}/old) (r) file",
    ],
)
async def test_what_a_document_cannot_do(operation: str, public: Path) -> None:
    with pytest.raises(UpstreamError, match=r"Error: /\w+ in --"):
        await converted(f"%!PS\n{operation.format(directory=public)}\n")
    assert (public / "old").read_text() == "secret"
    assert not (public / "new").exists()


FAKE = """\
#!/usr/bin/python3 -S
import os, socket
def outcome(function, *arguments):
    try:
        function(*arguments)
    except OSError as error:
        return error.strerror
    return "done"
print("%%EOF", [
    outcome(open, "/etc/passwd"), outcome(open, "{public}/old"), outcome(open, "{public}/new", "w"),
    outcome(socket.socket), outcome(os.fork), outcome(os.kill, os.getppid(), 0),
    outcome(os.fstat, 4), outcome(open, os.environ["TMPDIR"] + "/scratch", "w"),
], *sorted(os.environ), os.getuid() != 0)
"""


@pytest.fixture
def instead(monkeypatch: pytest.MonkeyPatch, public: Path) -> Iterator[None]:
    """Another program in the place of Ghostscript, below /usr, that tells what it can do."""
    if os.geteuid() != 0:
        pytest.skip("only root can install a program below /usr")
    program = Path("/usr/local/bin", f"guacr-test-{os.getpid()}")
    try:
        program.write_text(FAKE.format(public=public))
        program.chmod(0o755)
        monkeypatch.setattr(ghostscript, "program", lambda: str(program))
        monkeypatch.setenv("SECRET", "1")
        monkeypatch.setattr(ghostscript, "_TAIL", 1000)
        yield
    finally:
        program.unlink()


async def test_ghostscript_is_confined_even_if_it_has_faults(instead: None) -> None:
    told = (await converted("")).decode().split(" ", 1)[1]
    denied, forbidden = ["Permission denied"] * 3, ["Operation not permitted"] * 3
    expected = [*denied, *forbidden, "Bad file descriptor", "done"]
    assert told.strip() == f"{expected} HOME LC_ALL TMPDIR True"


async def test_programs_elsewhere_are_not_run(
    public: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy("/bin/true", public / "gs")
    monkeypatch.setattr(ghostscript, "program", lambda: str(public / "gs"))
    with pytest.raises(UpstreamError, match="install it below /usr"):
        await converted(HELLO)


async def test_results_have_a_limit() -> None:
    size = len(await converted(HELLO))
    with pytest.raises(UpstreamError, match="cannot convert it"):
        await converted(HELLO, size - 100)


async def test_documents_that_take_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ghostscript, "TIMEOUT", 0.5)
    with pytest.raises(UpstreamError, match=r"within 0\.5 s"):
        await converted("%!PS\n{ } loop\n")


async def test_without_ghostscript(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ghostscript, "program", lambda: None)
    with pytest.raises(UnsupportedError, match="not installed"):
        await converted(HELLO)
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    monkeypatch.setattr(tempfile, "tempdir", "/nowhere")
    monkeypatch.setattr(ghostscript, "program", lambda: "/usr/bin/gs")
    document = OpenFile()
    with pytest.raises(BusyError, match="cannot be run"):
        await ghostscript.convert(document, LIMIT)
