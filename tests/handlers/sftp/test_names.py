"""Names of files in several character sets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guacr.api import BadRequestError
from handlers.sftp.names import Names
from handlers.terminal.hosttext import HostText

LATIN, JAPANESE = HostText("iso-8859-1"), HostText("euc-jp")
SETS = {
    "utf-8": Names(),
    "latin": Names(LATIN.decode, LATIN.encode),
    "japanese": Names(JAPANESE.decode, JAPANESE.encode),
}


@pytest.mark.parametrize("charset", SETS)
@given(name=st.binary(max_size=20))
def test_every_name_leads_back_to_its_bytes(charset: str, name: bytes) -> None:
    assert SETS[charset].encode(SETS[charset].decode(name)) == name


def test_names_are_shown_as_they_are_on_the_host() -> None:
    assert SETS["utf-8"].decode("größe".encode()) == "größe"
    assert SETS["latin"].decode("größe".encode("latin-1")) == "größe"
    assert SETS["japanese"].decode("日本".encode("euc-jp")) == "日本"
    assert SETS["utf-8"].decode(b"gr\xf6\xdfe") == "gr\ueff6\uefdfe"


def test_a_character_that_the_set_lacks_is_refused() -> None:
    with pytest.raises(BadRequestError, match="does not have"):
        SETS["latin"].encode("日本")
