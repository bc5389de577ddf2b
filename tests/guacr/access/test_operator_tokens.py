"""Operators' tokens: what they grant, and that no other token is one."""

import pytest

from guacr.access.operator_tokens import Right, make_operator_token, read_operator_token
from guacr.access.tokens import Grant, make_token, read_token, seal_claims
from guacr.errors import UnauthorizedError

KEY, OTHER = "k" * 32, "o" * 32


def test_a_token_comes_back() -> None:
    token = make_operator_token(KEY, "ann", [Right.READ, Right.ACT], now=1000, lifetime=60)
    grant = read_operator_token([OTHER, KEY], token, now=1059)
    assert (grant.name, grant.expires) == ("ann", 1060)
    assert grant.rights == {Right.READ, Right.ACT}


def test_expired_foreign_and_users_tokens_are_refused() -> None:
    token = make_operator_token(KEY, "ann", [Right.READ], now=1000, lifetime=60)
    with pytest.raises(UnauthorizedError, match="expired"):
        read_operator_token([KEY], token, now=1060)
    with pytest.raises(UnauthorizedError, match="another key"):
        read_operator_token([OTHER], token, now=1000)
    with pytest.raises(UnauthorizedError, match="another key"):
        read_operator_token([], token, now=1000)
    user = make_token(KEY, Grant(protocol="ssh"), now=1000, lifetime=60)
    with pytest.raises(UnauthorizedError, match="not for operators"):
        read_operator_token([KEY], user, now=1000)


def test_it_opens_no_session() -> None:
    token = make_operator_token(KEY, "ann", [Right.READ], now=1000, lifetime=60)
    with pytest.raises(UnauthorizedError, match="does not say what to connect to"):
        read_token([KEY], token, now=1000)


@pytest.mark.parametrize("rights", [["all"], [1], [["read"]], [{}], "read", {"read": 1}])
def test_unknown_rights_are_refused(rights: object) -> None:
    token = seal_claims(KEY, {"operator": rights}, now=1000, lifetime=60)
    with pytest.raises(UnauthorizedError):
        read_operator_token([KEY], token, now=1000)


@pytest.mark.parametrize("once", [True, 1, "true"])
def test_one_that_works_once_is_refused(once: object) -> None:
    claims = {"operator": ["read"], "jti": "1"}
    token = seal_claims(KEY, {**claims, "once": once}, now=1000, lifetime=60)
    with pytest.raises(UnauthorizedError, match="cannot work once"):
        read_operator_token([KEY], token, now=1000)
    other = seal_claims(KEY, {**claims, "once": False}, now=1000, lifetime=60)
    assert read_operator_token([KEY], other, now=1000).rights == {Right.READ}
