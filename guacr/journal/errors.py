"""The errors of the journal.

GuacrError
└── JournalError            the journal cannot be used
    ├── FormatError         data are not those of a journal, or damaged
    ├── EncryptedError      data are encrypted, and there is no key for them
    ├── WriteError          a record could not be made durable
    │   └── OverflowedError more is waiting to be written than is allowed
    └── StoreError          the archive's store does not do what it should
        ├── ExistsError     an object of this name exists
        └── MissingError    there is no object of this name
"""

from __future__ import annotations

from guacr.errors import GuacrError


class JournalError(GuacrError):
    """The journal cannot be used."""


class FormatError(JournalError):
    """Data are not those of a journal, or they are damaged."""


class EncryptedError(JournalError):
    """Data are encrypted, and there is no key for them."""


class WriteError(JournalError):
    """A record could not be made durable."""


class OverflowedError(WriteError):
    """More records are waiting to be written than is allowed."""


class StoreError(JournalError):
    """The store of the archive does not do what it should."""


class ExistsError(StoreError):
    """The store has an object of this name."""


class MissingError(StoreError):
    """The store has no object of this name."""
