"""The history that is kept of consoles, and its limits."""

from handlers.database import history
from handlers.database.console.prompt import _History
from handlers.database.history import (
    CHARACTERS_MAX,
    CONNECTIONS_MAX,
    TEXT_MAX,
    TEXTS_MAX,
    Texts,
    history_of,
)


def test_each_connection_has_its_own() -> None:
    history._kept.clear()
    history_of(("a",)).append("one")
    history_of(("b",)).append("two")
    assert list(history_of(("a",))) == ["one"]


def test_the_oldest_texts_go() -> None:
    history._kept.clear()
    for number in range(TEXTS_MAX + 1):
        history_of(("a",)).append(str(number))
    assert history_of(("a",))[0] == "1"
    assert len(history_of(("a",))) == TEXTS_MAX


def test_the_connections_unused_for_longest_go() -> None:
    history._kept.clear()
    for number in range(CONNECTIONS_MAX):
        history_of((str(number),)).append("text")
    history_of(("0",))
    history_of(("new",))
    assert len(history._kept) == CONNECTIONS_MAX
    assert list(history_of(("0",))) == ["text"]
    assert list(history_of(("1",))) == []


def test_characters_are_bounded_where_they_are_kept_and_in_the_prompt() -> None:
    texts = Texts()
    history = _History(texts, lambda text: False)
    for number in range(40):
        history.append_string(str(number % 10) * TEXT_MAX)
    assert sum(map(len, texts)) == CHARACTERS_MAX
    assert history.get_strings() == list(texts)
    assert len(history._storage) == len(texts)
    assert texts[-1][0] == "9"
