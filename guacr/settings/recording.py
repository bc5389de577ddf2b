"""The settings of recordings."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from guacr.settings.section import Section
from guacr.settings.types import Number, OptionalPath, Paths, Texts, Whole


class RecordingSettings(Section):
    """Recordings of sessions, and typescripts."""

    path: OptionalPath = None
    """Directory in which every session is recorded, under a name with the time and the session's
    id; empty to record only sessions with recording-path."""
    journal: bool = False
    """Record every session in the journal, too (see docs/audit.md); guacr recordings lists and
    saves them."""
    directories: Paths = (Path("/var/lib/guacamole/recordings"),)
    """Directories within which clients may have recordings and typescripts written, if they exist;
    empty for none. Connections defined here and tokens made with one of token_keys may name any
    directory."""
    policy: Literal["require", "best-effort"] = "require"
    """require: a session whose recording or typescript cannot begin is refused, and one whose
    recording fails is ended. best-effort: it goes on, and its users see a notice."""
    exempt: Texts = ()
    """Names of connections to which best-effort applies in any case, so that a full disk does not
    lock administrators out; "*" for all."""
    when_behind: Literal["keyframe", "end"] = "keyframe"
    """If the disk is too slow for a session. keyframe: pictures are missing in the recording until
    the disk has caught up, and the whole picture follows. end: the session is ended."""
    max_queue: Annotated[Whole, Field(ge=1_048_576, le=1 << 32)] = 67_108_864
    """Bytes of a recording that wait for the disk, at most."""
    min_free_disk: Annotated[Whole, Field(ge=0, le=1 << 50)] = 268_435_456
    """Bytes that must stay free on the disk; a recording that leaves less fails."""
    index: bool = True
    """Write an index beside each recording (NAME.idx), so that players find places quickly."""
    text: bool = True
    """Write the text of terminals beside each recording (NAME.ttyrec), so that it can be
    searched and exported."""
    webp: bool = False
    """Let recordings contain WebP, which only some builds of guacenc read. Without it, recorded
    sessions are sent no WebP either."""
    days: Annotated[Number, Field(ge=0, le=36_500)] = 0
    """Days after which recordings and typescripts in path, and in the recording-path and
    typescript-path of connections defined here, are deleted; 0 for never."""
    size: Annotated[Whole, Field(ge=0, le=1 << 60)] = 0
    """Bytes of these files, beyond which the oldest are deleted; 0 for no limit."""
