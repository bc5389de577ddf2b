"""Who is an operator, and what the rights include."""

from __future__ import annotations

import pytest

from guacr.access.operator_tokens import Right
from guacr.errors import ForbiddenError, SettingsError, UnauthorizedError
from guacr.operators.authority import Authority, Operator
from guacr.settings.models import Settings

KEY = "k" * 32


def authority(**control: object) -> Authority:
    return Authority(Settings.model_validate({"control": control}))


def certificates(**lists: tuple[str, ...]) -> Authority:
    return authority(tls_certificate="/cert", tls_client_ca="/ca", **lists)


@pytest.mark.parametrize(
    ("rights", "allowed"),
    [
        (frozenset(), ()),
        ({Right.READ}, (Right.READ,)),
        ({Right.WATCH}, (Right.READ, Right.WATCH)),
        ({Right.ACT}, (Right.READ, Right.ACT)),
    ],
)
def test_every_right_includes_reading(rights: frozenset[Right], allowed: tuple[Right, ...]) -> None:
    operator = Operator("ann", rights, "10.0.0.1")
    for right in Right:
        if right in allowed:
            operator.check(right)
        else:
            with pytest.raises(ForbiddenError, match=f"right `{right}`"):
                operator.check(right)


def test_certificates_have_the_rights_of_their_names() -> None:
    known = certificates(readers=("monitor.example",), actors=("ops.example",))
    assert known.by_certificate(["monitor.example"], "peer").rights == {Right.READ}
    assert known.by_certificate(["a", "ops.example"], "peer").name == "ops.example"
    for names in ([], ["other.example"], ["OPS.example"], ["*"]):
        with pytest.raises(UnauthorizedError, match="no name"):
            known.by_certificate(names, "peer")


def test_everybody_with_a_certificate_can_be_a_reader() -> None:
    known = certificates(readers=("*",), actors=("ops.example",))
    assert known.by_certificate(["anyone"], "peer").rights == {Right.READ}
    assert known.by_certificate(["ops.example"], "peer").rights == {Right.READ, Right.ACT}
    with pytest.raises(UnauthorizedError):
        known.by_certificate([], "peer")


def test_users_keys_are_not_operators() -> None:
    settings = Settings.model_validate(
        {"control": {"token_keys": [KEY]}, "websocket": {"token_keys": [KEY]}}
    )
    with pytest.raises(SettingsError, match="generate another one"):
        Authority(settings)
