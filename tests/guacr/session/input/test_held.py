"""Keys and buttons that are held."""

from guacr.session.input.held import KEYS_MAX, HeldInput
from guacr.session.input.touch import CONTACTS_MAX, Contact


def test_keys_are_released_last_pressed_first() -> None:
    held = HeldInput()
    for keysym, pressed in [(1, True), (2, True), (3, True), (2, False), (9, False), (1, True)]:
        held.key(keysym, pressed)
    assert held.take_keys() == [3, 1]
    assert held.take_keys() == []


def test_nobody_holds_endless_keys() -> None:
    held = HeldInput()
    for keysym in range(100_000):
        held.key(keysym, True)
    assert len(held.take_keys()) == KEYS_MAX


def test_buttons_are_released_where_the_pointer_is() -> None:
    held = HeldInput()
    held.mouse(1, 2, 1)
    held.mouse(3, 4, 5)
    assert held.take_pointer() == (3, 4)
    assert held.take_pointer() is None
    held.mouse(5, 6, 0)
    assert held.take_pointer() is None


def test_contacts_are_lifted_where_they_are() -> None:
    held = HeldInput()
    assert held.touch(Contact(id=1, x=1, y=2))
    assert held.touch(Contact(id=2, x=3, y=4))
    assert held.touch(Contact(id=1, x=5, y=6, force=0.5))
    assert held.touch(Contact(id=2, x=3, y=4, force=0))
    assert not held.touch(Contact(id=2, x=3, y=4, force=0)), "it was lifted before"
    assert held.take_contacts() == [Contact(id=1, x=5, y=6, force=0)]
    assert held.take_contacts() == []


def test_nobody_has_endless_fingers() -> None:
    held = HeldInput()
    counted = [held.touch(Contact(id=number, x=0, y=0)) for number in range(CONTACTS_MAX + 2)]
    assert counted == [True] * CONTACTS_MAX + [False] * 2
    assert held.touch(Contact(id=0, x=9, y=9)), "it is there already"
    assert len(held.take_contacts()) == CONTACTS_MAX
