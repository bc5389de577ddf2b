"""Ids that name the worker which has made them."""

from collections.abc import Iterator
from uuid import UUID

import pytest

from guacr.session import ids


@pytest.fixture
def worker() -> Iterator[int]:
    before = int(ids.own_name() or 0)
    ids.set_own_number(0x12)
    yield 0x12
    ids.set_own_number(before)


def test_ids_are_uuids_and_name_their_worker(worker: int) -> None:
    made = {ids.new_uuid() for _ in range(100)}
    assert len(made) == 100
    assert {str(UUID(one)) for one in made} == made
    assert {ids.worker_of(one) for one in made} == {worker}


def test_only_ids_of_other_workers_are_foreign(worker: int) -> None:
    own = ids.new_uuid()
    other = f"{own[:-4]}00ff"
    assert ids.foreign_worker(own) == 0
    assert ids.foreign_worker(other) == 0xFF
    assert ids.foreign_session(f"${other}") == 0xFF
    assert ids.foreign_session(other) == 0, "it is not a session's"
    assert ids.foreign_worker("no id") == ids.foreign_worker("") == 0


def test_a_single_process_knows_no_others() -> None:
    assert ids.own_name() == ""
    assert ids.foreign_worker("00000000-0000-4000-8000-0000000000ff") == 0
