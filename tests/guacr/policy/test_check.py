"""Rules that have no effect, or another one than it seems."""

from typing import Any

import pytest

from guacr.policy.check import Protocol, remarks
from guacr.policy.rule import Connects
from guacr.settings.models import Settings

PROTOCOLS = {
    "ssh": Protocol(Connects.CHECKED, frozenset({"hostname", "enable-sftp"})),
    "testcard": Protocol(Connects.NOWHERE, frozenset({"frame-rate"})),
}
PROVING = {"server": {"tls_certificate": "/c", "tls_client_ca": "/ca"}}
CONNECTION = {"connections": {"web-1": {"protocol": "ssh"}}}


def found(rule: dict[str, Any], **sections: Any) -> list[str]:
    rules = [rule] if rule.get("effect") != "deny" and not rule.get("join") else [{}, rule]
    settings = Settings.model_validate({"access": {"rules": rules}, **sections})
    return list(remarks(settings, PROTOCOLS))


@pytest.mark.parametrize(
    ("rule", "sections", "remark"),
    [
        ({"protocols": ["shs"]}, {}, "never applies: protocol 'shs' is unknown"),
        ({"protocols": ["ssh", "shs"]}, {}, "names protocol 'shs', which is unknown"),
        ({"connections": ["db-*"]}, CONNECTION, "no connection is named 'db-*'"),
        ({"connections": ["web-*"], "protocols": ["testcard"]}, CONNECTION, "another protocol"),
        ({"listeners": ["unix"]}, {}, "unix is not listened on"),
        ({"listeners": ["webrtc"]}, {}, "webrtc is not listened on"),
        (
            {"listeners": ["tube"], "addresses": ["10.0.0.0/8"]},
            {},
            "clients on tube have no address",
        ),
        ({"identities": ["ann"]}, {}, "cannot prove an identity"),
        ({"identities": ["ann"], "listeners": ["websocket"]}, PROVING, "cannot prove"),
        ({"effect": "deny", "targets": ["a.example"]}, {}, "denies the name 'a.example'"),
        ({"effect": "deny", "targets": ["127.0.0.0/8"]}, {}, "and ::1 remains allowed"),
        ({"protocols": ["testcard"], "ports": [22]}, {}, "'testcard' has no targets and ports"),
        ({"parameters": ["hostnam"]}, {}, "names parameter 'hostnam', which its protocols"),
        ({"parameters": ["enable-*"], "protocols": ["testcard"]}, {}, "names parameter 'enable-*'"),
        ({"effect": "deny"}, {}, "denies every session"),
    ],
)
def test_remarks(rule: dict[str, Any], sections: dict[str, Any], remark: str) -> None:
    (sentence,) = found(rule, **sections)
    assert remark in sentence
    assert sentence.startswith("access.rules: rule ")


def test_a_name_is_in_the_remark() -> None:
    assert found({"protocols": ["x"], "name": "mine"})[0].startswith("access.rules: 'mine' never")


def test_rules_without_remarks() -> None:
    rule = {"identities": ["ann"], "protocols": ["ssh"], "ports": [22], "parameters": ["host*"]}
    assert found(rule, **PROVING) == []
    assert found({"effect": "deny", "targets": ["10.0.0.0/8"]}) == []
    assert found({"effect": "deny", "targets": ["127.0.0.0/8", "::1"]}) == []
    assert found({"connections": ["web-?"]}, **CONNECTION) == []
    assert list(remarks(Settings(), PROTOCOLS)) == []


def test_nobody_may_do_anything() -> None:
    settings = Settings.model_validate({"access": {"rules": [{"join": True}]}})
    assert list(remarks(settings, PROTOCOLS)) == [
        "access.rules: no rule allows a session, so nobody can open one"
    ]
