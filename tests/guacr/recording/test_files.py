"""Files of recordings: names, locks, directories, full disks."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from guacr.errors import ConflictError, ForbiddenError, RecordingError
from guacr.recording import files
from guacr.recording.files import Place, RecordingFile, open_beside, open_file
from tests.support.limited_disk import limited_disk


def place(directory: Path, name: str = "recording", **how: object) -> Place:
    return Place(directory=str(directory), name=name, **how)  # type: ignore[arg-type]


def written(file: RecordingFile, *parts: bytes) -> Path:
    file.append(list(parts))
    file.close()
    return file.path


def test_a_file_has_what_was_appended(tmp_path: Path) -> None:
    file = open_file(place(tmp_path))
    file.append([b"a" * 10, b"", b"b"])
    assert written(file, *[b"c"] * 3000).read_bytes() == b"a" * 10 + b"b" + b"c" * 3000
    assert file.path == tmp_path / "recording"
    assert file.path.stat().st_mode & 0o777 == 0o640 & ~_umask()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_existing_files_are_kept(tmp_path: Path) -> None:
    for number in range(files.SUFFIX_MAX + 1):
        name = "recording" if not number else f"recording.{number}"
        assert written(open_file(place(tmp_path)), b"x") == tmp_path / name
    with pytest.raises(ConflictError, match="255"):
        open_file(place(tmp_path))
    assert len(list(tmp_path.iterdir())) == files.SUFFIX_MAX + 1


def test_an_existing_file_is_replaced_on_request(tmp_path: Path) -> None:
    (tmp_path / "recording").write_bytes(b"longer than what follows")
    assert written(open_file(place(tmp_path, overwrite=True)), b"x").read_bytes() == b"x"


def test_nobody_else_writes_to_an_open_file(tmp_path: Path) -> None:
    file = open_file(place(tmp_path))
    file.append([b"kept"])
    with pytest.raises(ConflictError, match="another session"):
        open_file(place(tmp_path, overwrite=True))
    code = (
        f"import fcntl\nfcntl.lockf(open({str(file.path)!r}, 'r+'), fcntl.LOCK_EX | fcntl.LOCK_NB)"
    )
    locking = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert b"BlockingIOError" in locking.stderr
    file.close()
    assert file.path.read_bytes() == b"kept"
    open_file(place(tmp_path, overwrite=True)).close()


def test_a_file_that_another_process_has_locked(tmp_path: Path) -> None:
    path = tmp_path / "recording"
    path.write_bytes(b"theirs")
    code = (
        f"import fcntl, sys\nfile = open({str(path)!r}, 'r+')\n"
        "fcntl.lockf(file, fcntl.LOCK_EX)\nprint('locked', flush=True)\nsys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"locked\n"
        with pytest.raises(ConflictError, match="another session"):
            open_file(place(tmp_path, overwrite=True))
    assert path.read_bytes() == b"theirs"


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../a", "a\\b", "a\0", "x" * 201, "a\nb"])
def test_names_are_names(tmp_path: Path, name: str) -> None:
    with pytest.raises(ForbiddenError):
        open_file(place(tmp_path, name))
    assert not list(tmp_path.iterdir())


def test_the_longest_name(tmp_path: Path) -> None:
    name = "ü" * 100
    open_file(place(tmp_path, name)).close()
    file = open_file(place(tmp_path, name))
    open_beside(place(tmp_path), file, ".timing").close()
    file.close()
    assert (tmp_path / f"{name}.1.timing").exists()


def test_one_level_of_the_directory_is_created(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="create-recording-path"):
        open_file(place(tmp_path / "a"))
    with pytest.raises(RecordingError, match="does not exist"):
        open_file(place(tmp_path / "a" / "b", create=True))
    for _ in range(2):
        open_file(place(tmp_path / "a", create=True)).close()
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o750 & ~_umask()


def test_clients_stay_within_their_directories(tmp_path: Path) -> None:
    allowed, other = tmp_path / "allowed", tmp_path / "other"
    allowed.mkdir()
    other.mkdir()
    (allowed / "link").symlink_to(other)
    (allowed / "inside").mkdir()
    (allowed / "alias").symlink_to(allowed / "inside")
    within = (tmp_path / "missing", allowed)
    outside = (
        other, allowed / "link", allowed / ".." / "other", Path("/"), Path("allowed"),
        Path(f"{allowed}-2"), tmp_path / "missing" / ".." / "other",
    )  # fmt: skip
    for directory in outside:
        with pytest.raises(ForbiddenError):
            open_file(place(directory, within=within, create=True))
    assert not list(other.iterdir())
    for directory in (allowed, allowed / "inside", allowed / "alias", allowed / "new"):
        open_file(place(directory, within=within, create=True)).close()
    assert (allowed / "inside" / "recording.1").exists()
    with pytest.raises(ForbiddenError):
        open_file(place(allowed, within=()))


def test_a_link_or_a_pipe_is_no_place_for_a_recording(tmp_path: Path) -> None:
    (tmp_path / "target").write_bytes(b"secret")
    (tmp_path / "link").symlink_to(tmp_path / "target")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "hard link").hardlink_to(tmp_path / "target")
    for name in ("link", "pipe", "hard link"):
        with pytest.raises((ConflictError, RecordingError)):
            open_file(place(tmp_path, name, overwrite=True))
    assert (tmp_path / "target").read_bytes() == b"secret"
    assert written(open_file(place(tmp_path, "link")), b"x") == tmp_path / "link.1"


def test_a_directory_without_permission(tmp_path: Path) -> None:
    code = (
        "import os, sys\n"
        "from guacr.errors import RecordingError\nfrom guacr.recording.files import *\n"
        "os.setgid(65534); os.setuid(65534)\n"
        "try: open_file(Place(directory=sys.argv[1], name='x'))\n"
        "except RecordingError as error: print(error)"
    )
    if os.getuid() != 0:
        pytest.skip("needs root")
    tmp_path.chmod(0o700)
    command = [sys.executable, "-c", code, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, check=True)
    assert done.stdout == b"permission denied\n"


def test_a_full_disk_leaves_whole_parts(tmp_path: Path) -> None:
    with limited_disk(100_000):
        file = open_file(place(tmp_path))
        file.append([b"a" * 50_000])
        with pytest.raises(RecordingError, match="file too large"):
            file.append([b"b" * 30_000, b"c" * 30_000])
        file.close()
    assert file.path.read_bytes() == b"a" * 50_000 + b"b" * 30_000


def test_some_of_the_disk_stays_free(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="min_free_disk"):
        open_file(place(tmp_path), min_free=1 << 60)
    assert not list(tmp_path.iterdir())
    file = open_file(place(tmp_path))
    file.min_free = 1 << 60
    with pytest.raises(RecordingError, match="min_free_disk"):
        file.append([b"x"])
    file.close()


def test_a_deleted_file_is_noticed(tmp_path: Path) -> None:
    file = open_file(place(tmp_path))
    file.append([b"x"])
    file.path.unlink()
    with pytest.raises(RecordingError, match="deleted"):
        file.append([b"y"])
    file.close()
    file.close()
