"""Object storage for the archive: S3 and what is compatible with it, Google Cloud Storage, Azure.

This needs obstore (`guacr[journal]`). Of all operations, only those are used that every kind of
storage has, above all creating an object unless it exists.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from typing_extensions import override

from guacr.errors import SettingsError, clause, shorten
from guacr.journal.errors import ExistsError, MissingError, StoreError
from guacr.journal.stores import Store

SCHEMES = ("s3", "gs", "az")
CONNECT_TIMEOUT = timedelta(seconds=10)
TIMEOUT = timedelta(minutes=5)
"""The maximum duration of a request, which may upload a file of the journal."""
RETRIES = 2
"""Attempts after a failed one; the sealer tries again later, too."""
RETRY_TIMEOUT = timedelta(seconds=30)
REASON_MAX = 300
"""Maximum characters of an error that are shown."""


class ObjectStore(Store):
    """A bucket, or the part of it below a prefix.

    Args:
        url: such as s3://bucket/prefix, gs://bucket/prefix or az://container/prefix.
        options: of obstore, such as endpoint, region, access_key_id and secret_access_key; the
            variables of the environment that the vendor's tools read apply, too.

    Raises:
        SettingsError: obstore is not installed, or an option is invalid.
    """

    def __init__(self, url: str, options: Mapping[str, str]) -> None:
        try:
            import obstore
            from obstore import exceptions, store
        except ImportError:
            raise SettingsError(
                "journal.store needs a library that is not installed: install guacr[journal]"
            ) from None
        self._obstore: Any = obstore
        self._errors: Any = exceptions
        own = dict(options)
        # The address of a store in the same network may be http://.
        allow_http = own.get("endpoint", "").startswith("http://")
        try:
            self._store: Any = store.from_url(
                url,
                config=own or None,
                client_options={
                    "connect_timeout": CONNECT_TIMEOUT,
                    "timeout": TIMEOUT,
                    "allow_http": allow_http,
                },
                retry_config={"max_retries": RETRIES, "retry_timeout": RETRY_TIMEOUT},
            )
        except (exceptions.BaseError, ValueError, TypeError) as error:
            raise SettingsError(
                f"journal.store {shorten(url)} cannot be used: {_reason(error)}"
            ) from None

    @override
    def put(self, name: str, data: bytes) -> None:
        with self._reported(name):
            self._obstore.put(self._store, name, data, mode="create")

    @override
    def put_file(self, name: str, path: Path) -> None:
        with self._reported(name):
            self._obstore.put(self._store, name, path, mode="create")

    @override
    def size(self, name: str) -> int:
        with self._reported(name):
            return int(self._obstore.head(self._store, name)["size"])

    @override
    def read(self, name: str, offset: int, length: int) -> bytes:
        if length == 0:
            return b""
        with self._reported(name):
            found = self._obstore.get_range(self._store, name, start=offset, length=length)
            data = bytes(found)
        if len(data) != length:
            raise StoreError(f"{name} is shorter than {offset + length} bytes")
        return data

    @override
    def pieces(self, name: str) -> Iterator[bytes]:
        with self._reported(name):
            for piece in self._obstore.get(self._store, name).stream():
                yield bytes(piece)

    @override
    def names(self, prefix: str) -> Iterator[tuple[str, int]]:
        with self._reported(prefix):
            for group in self._obstore.list(self._store, prefix.rstrip("/")):
                for one in group:
                    yield one["path"], one["size"]

    @override
    def delete(self, name: str) -> None:
        try:
            with self._reported(name):
                self._obstore.delete(self._store, name)
        except MissingError:
            return

    @contextmanager
    def _reported(self, name: str) -> Iterator[None]:
        """Turn errors of obstore into those of a store."""
        try:
            yield
        except self._errors.AlreadyExistsError:
            raise ExistsError(f"{name} exists") from None
        except (self._errors.NotFoundError, FileNotFoundError):
            raise MissingError(f"{name} does not exist") from None
        except (self._errors.BaseError, OSError, ValueError) as error:
            raise StoreError(f"{name}: {_reason(error)}") from None


def is_url(text: str) -> bool:
    """Return whether a text names object storage."""
    return text.partition("://")[0] in SCHEMES and "://" in text


def _reason(error: BaseException) -> str:
    return clause(str(error))[:REASON_MAX]
