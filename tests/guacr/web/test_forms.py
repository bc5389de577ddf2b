"""Parameters as fields of a form."""

from dataclasses import dataclass

import pytest

from guacr.session.params import Params, param
from guacr.web.forms import describe, title_of


@dataclass(frozen=True, slots=True, kw_only=True)
class EveryParams(Params):
    """One of each kind."""

    host_name: str = param("", "Where to.", common=True)
    port: int = param(22, "TCP port.", minimum=1, maximum=65535)
    password: str = param("", "Kept secret.", secret=True)
    private_key: str = param("", "Several lines.", secret=True, multiline=True)
    scheme: str = param("", "One of a few.", choices=("", "dark", "light"))
    look: str = param("", "Free, or one of a few.", suggestions=("", "plain"), required=True)
    sound: bool = param(True, "On or off.")
    files: bool = param(False, "Not there yet.", later=True)
    tickets: bool = param(False, "For operators.", operator=True)


def fields(*names: str) -> dict[str, dict[str, object]]:
    described = describe(EveryParams, lambda name: not names or name in names)
    return {str(field["name"]): field for field in described}


def test_the_kind_of_each_field() -> None:
    assert {name: field["kind"] for name, field in fields().items()} == {
        "host-name": "text",
        "port": "number",
        "password": "password",
        "private-key": "multiline",
        "scheme": "choice",
        "look": "suggestion",
        "sound": "boolean",
    }


def test_what_the_page_needs_of_a_field() -> None:
    assert fields()["host-name"] == {
        "name": "host-name",
        "title": "Host name",
        "kind": "text",
        "doc": "Where to.",
        "default": "",
        "common": True,
    }
    assert (fields()["port"]["minimum"], fields()["port"]["maximum"]) == (1, 65535)
    assert fields()["port"]["default"] == "22"
    assert fields()["sound"]["default"] == "true"
    assert fields()["scheme"]["choices"] == ["", "dark", "light"]


def test_what_a_form_offers_and_asks_for() -> None:
    field = fields()["look"]
    assert (field["kind"], field["choices"]) == ("suggestion", ["", "plain"])
    assert field["required"] is True
    assert "required" not in fields()["port"]


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("hostname", "Host name"),
        ("ssh-jump-2-private-key", "SSH jump 2 private key"),
        ("use-ssl", "Use TLS"),
        ("tls-ca", "TLS CA"),
        ("color-scheme", "Colour scheme"),
        ("dpi", "DPI"),
        ("cert-tofu", "Certificate trust on first use"),
        ("remote-app-dir", "Remote app directory"),
    ],
)
def test_names_in_words(name: str, title: str) -> None:
    assert title_of(name) == title


def test_only_what_may_be_set() -> None:
    assert list(fields("port", "sound")) == ["port", "sound"]
