"""The settings of the interfaces for operators: combinations that make no sense are refused."""

import pytest
from pydantic import ValidationError

from guacr.settings.control import ControlSettings
from guacr.settings.models import Settings

KEY = "k" * 32


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"http": True}, "a port that nobody may use"),
        ({"grpc": True}, "a port that nobody may use"),
        ({"http": True, "token_keys": [KEY], "hosts": []}, "hosts is empty"),
        ({"http": True, "token_keys": [KEY], "hosts": ["0.0.0.0"]}, "could be read on the way"),
        ({"page": True}, "a page that nobody may use"),
        ({"tls_key": "/key"}, "needs tls_certificate"),
        ({"readers": ["*"]}, "needs tls_client_ca"),
        (
            {"http": True, "tls_certificate": "/cert", "tls_client_ca": "/ca"},
            "a port that nobody may use",
        ),
    ],
)
def test_unusable_combinations_are_refused(values: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        ControlSettings.model_validate(values)


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"unix_socket": "/run/guacr/control.sock"},
        {"http": True, "token_keys": [KEY]},
        {"page": True, "token_keys": [KEY]},
        {"http": True, "token_keys": [KEY], "hosts": ["::"], "tls_certificate": "/cert"},
        {"http": True, "tls_certificate": "/cert", "tls_client_ca": "/ca", "actors": ["a"]},
    ],
)
def test_usable_ones_are_accepted(values: dict[str, object]) -> None:
    ControlSettings.model_validate(values)


def test_the_page_needs_the_port_of_the_web() -> None:
    values = {"control": {"page": True, "token_keys": [KEY]}, "websocket": {"enabled": False}}
    with pytest.raises(ValidationError, match="needs the port"):
        Settings.model_validate(values)
