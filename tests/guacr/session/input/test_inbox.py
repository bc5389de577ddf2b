"""The instructions of a user that are kept while they have to wait."""

from guacr.protocol.instruction import Instruction
from guacr.session.input.inbox import Inbox
from guacr.session.input.touch import CONTACTS_MAX


def given(*lines: str) -> list[Instruction]:
    """Instructions as words."""
    return [Instruction(words[0], tuple(words[1:])) for words in map(str.split, lines)]


def taken(inbox: Inbox) -> list[str]:
    found = []
    while (instruction := inbox.take()) is not None:
        found.append(" ".join((instruction.opcode, *instruction.args)))
    return found


def left(*lines: str) -> list[str]:
    inbox = Inbox()
    inbox.put(given(*lines))
    assert bool(inbox)
    found = taken(inbox)
    assert not inbox
    return found


def test_keys_stay_as_they_are() -> None:
    keys = ["key 97 1", "key 97 0", "key 97 1", "key 97 0"]
    assert left(*keys) == keys


def test_the_last_size_counts() -> None:
    assert left("size 1 1", "size 2 2", "key 97 1", "size 3 3") == ["size 3 3", "key 97 1"]


def test_a_size_after_one_that_was_taken_counts() -> None:
    inbox = Inbox()
    inbox.put(given("size 1 1"))
    assert taken(inbox) == ["size 1 1"]
    inbox.put(given("size 2 2", "size 3 3"))
    assert taken(inbox) == ["size 3 3"]


def test_the_last_move_counts() -> None:
    assert left("mouse 1 1 0", "mouse 2 2 0", "mouse 3 3 0")[-1] == "mouse 3 3 0"
    assert len(left(*(f"mouse {x} 1 0" for x in range(100)))) <= 2


def test_buttons_go_down_and_up_where_they_did() -> None:
    moves = [
        "mouse 1 1 0", "mouse 2 2 1", "mouse 3 3 1", "mouse 4 4 1", "mouse 5 5 0", "mouse 6 6 8",
        "mouse 6 6 0", "mouse 6 6 8", "mouse 6 6 0", "mouse 7 7 0", "mouse 8 8 0",
    ]  # fmt: skip
    inbox = Inbox()
    inbox.put(given("mouse 0 0 0"))
    taken(inbox)
    inbox.put(given(*moves))
    assert taken(inbox) == [
        "mouse 1 1 0", "mouse 2 2 1", "mouse 4 4 1", "mouse 5 5 0", "mouse 6 6 8", "mouse 6 6 0",
        "mouse 6 6 8", "mouse 6 6 0", "mouse 8 8 0",
    ]  # fmt: skip


def test_a_key_stays_between_moves() -> None:
    moves = ["mouse 1 1 0", "mouse 2 2 0", "key 97 1", "mouse 3 3 0"]
    assert left(*moves)[-3:] == moves[1:]


def test_the_last_move_of_each_contact_counts() -> None:
    touches = [
        "touch 1 5 5 1 1 0 1", "touch 1 6 6 1 1 0 1", "touch 2 9 9 1 1 0 1", "touch 1 7 7 1 1 0 1",
        "touch 2 8 8 1 1 0 1", "touch 1 8 8 1 1 0 1", "touch 1 8 8 1 1 0 0", "touch 2 7 7 1 1 0 1",
    ]  # fmt: skip
    assert left(*touches) == [
        "touch 1 5 5 1 1 0 1", "touch 1 8 8 1 1 0 1", "touch 2 9 9 1 1 0 1", "touch 2 7 7 1 1 0 1",
        "touch 1 8 8 1 1 0 0",
    ]  # fmt: skip


def test_contacts_begin_and_end_where_they_did() -> None:
    touches = [
        "touch 1 5 5 1 1 0 1", "touch 1 6 6 1 1 0 0", "touch 1 7 7 1 1 0 1", "touch 1 8 8 1 1 0 1",
        "key 97 1", "touch 1 9 9 1 1 0 1", "mouse 1 1 0", "touch 1 1 1 1 1 0 1",
    ]  # fmt: skip
    assert left(*touches) == touches


def test_a_move_that_was_taken_is_not_replaced() -> None:
    inbox = Inbox()
    inbox.put(given("touch 1 5 5 1 1 0 1", "touch 1 6 6 1 1 0 1"))
    assert len(taken(inbox)) == 2
    inbox.put(given("touch 1 7 7 1 1 0 1", "touch 1 8 8 1 1 0 1"))
    assert taken(inbox) == ["touch 1 8 8 1 1 0 1"]
    inbox.put(given("touch 1 9 9 1 1 0 1"))
    inbox.clear()
    inbox.put(given("touch 1 3 3 1 1 0 1"))
    assert taken(inbox) == ["touch 1 3 3 1 1 0 1"]


def test_ever_new_contacts_take_no_memory() -> None:
    inbox = Inbox()
    for number in range(1000):
        inbox.put(given(f"touch {number} 1 1 1 1 0 1"))
        taken(inbox)
    assert len(inbox._down) == CONTACTS_MAX


def test_malformed_ones_stay() -> None:
    assert left("mouse 1", "size 1") == ["mouse 1", "size 1"]
    assert left("mouse 1 1 1", "mouse 1") == ["mouse 1 1 1", "mouse 1"]
    assert left("touch", "touch 1", "touch 1 0") == ["touch", "touch 1", "touch 1 0"]


def test_what_is_cleared_is_gone() -> None:
    inbox = Inbox()
    inbox.put(given("size 1 1", "key 97 1", "mouse 1 1 1"))
    inbox.clear()
    assert taken(inbox) == []
    inbox.put(given("mouse 2 2 1", "size 2 2"))
    assert taken(inbox) == ["mouse 2 2 1", "size 2 2"]
