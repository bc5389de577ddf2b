"""The settings of the journal and of the audit log."""

import re
import socket
from typing import Annotated, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from guacr.settings.section import Section
from guacr.settings.types import Number, OptionalPath, Texts, Whole, read_secrets

MIB = 1024 * 1024
NODE_MAX = 64
STORE_SECONDS, LOCAL_SECONDS = 60, 600
"""Defaults of segment_seconds, with a store and without one."""

_NODE = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._-]{{0,{NODE_MAX - 1}}}")
_STORE = re.compile(r"(s3|gs|az)://[A-Za-z0-9._-]+(/[A-Za-z0-9._/-]*)?")


def _node(value: str) -> str:
    if value and not _NODE.fullmatch(value):
        raise ValueError(
            f"must consist of up to {NODE_MAX} letters, digits, dots, hyphens and underscores"
        )
    return value


def _store(value: str) -> str:
    if value and not _STORE.fullmatch(value):
        raise ValueError(
            "must be like s3://bucket/prefix, gs://bucket/prefix or az://container/prefix"
        )
    return value


class JournalSettings(Section):
    """The journal: audit entries and recordings, written to the disk of this machine, and archived
    there or in object storage."""

    directory: OptionalPath = None
    """Directory of the journal, for this daemon alone, which creates it; empty for no journal."""
    node: Annotated[str, Field(max_length=NODE_MAX), AfterValidator(_node)] = ""
    """Name of this daemon in the archive, different for each daemon that uses the same store; empty
    for the name of the machine."""
    sync_interval: Annotated[Number, Field(ge=0, le=60)] = 1.0
    """Seconds of records that a crash of the machine may lose, at most; 0 to synchronise the disk
    after each write."""
    segment_size: Annotated[Whole, Field(ge=MIB, le=128 * MIB)] = 64 * MIB
    """Bytes after which a file of the journal is archived."""
    segment_seconds: Annotated[Number, Field(ge=0, le=86_400)] = 0
    """Seconds after which it is archived in any case; 0 for 60 with store, and for 600 without."""
    store: Annotated[str, Field(max_length=1024), AfterValidator(_store)] = ""
    """Object storage for the archive, such as s3://bucket/prefix, gs://bucket/prefix or
    az://container/prefix; empty for a folder in directory. It needs guacr[journal]."""
    store_options: Annotated[dict[str, str], BeforeValidator(read_secrets), Field(repr=False)] = (
        Field(default_factory=dict)
    )
    """Options of the store, each a text or a secret: endpoint, region, access_key_id,
    secret_access_key and others of obstore. The variables of the environment that the vendor's
    tools read apply, too."""
    max_waiting: Annotated[Whole, Field(ge=16 * MIB, le=1 << 50)] = 4096 * MIB
    """Bytes on this machine's disk that wait for the store, at most; beyond them, recordings
    fail."""
    min_free_disk: Annotated[Whole, Field(ge=0, le=1 << 50)] = 268_435_456
    """Bytes that recordings must leave free on the journal's disk, for the audit log."""
    compress: bool = False
    """Compress the archive with Zstandard. It needs guacr[journal]."""
    recipients: Texts = ()
    """Public keys of age (age1…) that the archive is encrypted to; empty for no encryption. The
    private keys do not belong on this machine. It needs guacr[journal]."""
    recordings_days: Annotated[Number, Field(ge=0, le=36_500)] = 0
    """Days after which archived recordings are deleted; 0 for never."""
    recordings_size: Annotated[Whole, Field(ge=0, le=1 << 60)] = 0
    """Bytes of archived recordings, beyond which the oldest are deleted; 0 for no limit."""

    @property
    def node_name(self) -> str:
        """The name of this daemon in the archive."""
        if self.node:
            return self.node
        return re.sub(r"[^A-Za-z0-9._-]", "-", socket.gethostname()).lstrip("._-") or "guacr"

    @property
    def seconds(self) -> float:
        """Seconds after which a file of the journal is archived."""
        return self.segment_seconds or (STORE_SECONDS if self.store else LOCAL_SECONDS)

    @model_validator(mode="after")
    def _directory_is_there(self) -> Self:
        if self.directory is None and (self.store or self.compress or self.recipients):
            raise ValueError("needs directory when store, compress or recipients is set")
        return self


class AuditSettings(Section):
    """The audit log, in the journal: who opened, joined, left, transferred, copied and pasted what,
    and what was refused."""

    enabled: bool = True
    """Write the audit log, if there is a journal."""
    strict: bool = False
    """Nothing goes on until its entry is on the disk; a session whose entries cannot be written
    ends. Otherwise, it goes on, and these entries are in the daemon's log."""
    clipboard_content: bool = False
    """Include the text that is copied and pasted, which may be a password."""
    days: Annotated[Number, Field(ge=0, le=36_500)] = 0
    """Days after which archived entries are deleted; 0 for never."""
    size: Annotated[Whole, Field(ge=0, le=1 << 60)] = 0
    """Bytes of archived entries, beyond which the oldest are deleted; 0 for no limit."""
