"""The settings of access rules."""

from typing import Any

import pytest

from guacr.errors import SettingsError
from guacr.settings.access import AccessRule
from guacr.settings.configuration import Source, merge


def rule(values: dict[str, Any]) -> AccessRule:
    (found,) = merge([Source("file", {"access": {"rules": [values]}})]).access.rules
    return found


def test_entries_are_normalised() -> None:
    found = rule(
        {
            "targets": ["*.Bücher.Example.", "[2001:db8::]/32", "10.1.2.3/8", "*"],
            "ports": [22, "5900-5999", " 80 "],
            "addresses": ["::1", "[fe80::]/10"],
        }
    )
    assert found.targets == ("*.xn--bcher-kva.example", "2001:db8::/32", "10.1.2.3/8", "*")
    assert found.ports == ("22-22", "5900-5999", "80-80")
    assert found.addresses == ("::1", "fe80::/10")


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"targets": ["10.0.*"]}, "which matches no address: write a network"),
        ({"targets": ["10.0.0.1:22"]}, "without ports and protocols"),
        ({"targets": ["ssh://a.example"]}, "must contain"),
        ({"targets": ["user@a.example"]}, "must contain host names"),
        ({"targets": ["10.0.0.0/33"]}, "must contain addresses and networks"),
        ({"targets": []}, "has empty targets"),
        ({"identities": []}, "has empty identities"),
        ({"effect": "deny", "parameters": []}, "has empty parameters"),
        ({"ports": ["22-21"]}, "must contain ports"),
        ({"ports": [0]}, "must contain ports"),
        ({"ports": [65536]}, "must contain ports"),
        ({"addresses": ["a.example"]}, "must contain addresses"),
        ({"listeners": ["4822"]}, "listeners must be a list of tcp, unix"),
        ({"effect": "refuse"}, "effect must be one of allow, deny"),
        ({"join": True, "ports": [22]}, "is about joining"),
        ({"target": ["a"]}, "access.rules.target' is unknown"),
    ],
)
def test_what_a_rule_cannot_say(values: dict[str, Any], problem: str) -> None:
    with pytest.raises(SettingsError, match=r"access\.rules") as caught:
        rule(values)
    assert problem in str(caught.value)
