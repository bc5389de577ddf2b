"""The claims of a token about its use."""

from typing import Any

import pytest

from guacr.access.token_terms import ID_MAX, claims_of, terms_of
from guacr.errors import UnauthorizedError
from guacr.session.origin import NO_TERMS, TokenTerms
from guacr.settings.limits import OwnLimits


@pytest.mark.parametrize(
    ("claims", "terms"),
    [
        ({}, NO_TERMS),
        ({"jti": 7}, TokenTerms("7")),
        ({"jti": "a" * 99}, TokenTerms("a" * ID_MAX)),
        ({"jti": "a" * ID_MAX, "once": True}, TokenTerms("a" * ID_MAX, 60.0)),
        ({"jti": "a", "once": False}, TokenTerms("a")),
        ({"limits": {}}, NO_TERMS),
        (
            {"limits": {"idle_time": 9, "users": 2}},
            TokenTerms("", 0.0, OwnLimits(idle_time=9, users=2)),
        ),
        ({"limits": {"sessions": 1}, "sub": "ann"}, TokenTerms("", 0.0, OwnLimits(sessions=1))),
    ],
)
def test_terms(claims: dict[str, Any], terms: TokenTerms) -> None:
    assert terms_of({"exp": 60, **claims}) == terms


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"once": True}, "needs a jti"),
        ({"once": True, "jti": ""}, "needs a jti"),
        ({"once": True, "jti": 7}, "needs a jti"),
        ({"once": True, "jti": "a" * (ID_MAX + 1)}, "needs a jti"),
        ({"once": "true", "jti": "a"}, "not true or false"),
        ({"once": 1, "jti": "a"}, "not true or false"),
        ({"once": None, "jti": "a"}, "not true or false"),
        ({"limits": {"session": 1}}, "limits are not"),
        ({"limits": {"users": -1}}, "limits are not"),
        ({"limits": {"users": True}}, "limits are not"),
        ({"limits": {"idle_time": "soon"}}, "limits are not"),
        ({"limits": {"idle_time": 1e99}}, "limits are not"),
        ({"limits": {"idle_time": float("nan")}}, "limits are not"),
        ({"limits": [1]}, "limits are not"),
        ({"limits": None}, "limits are not"),
        ({"limits": {"sessions": 1}}, "needs a sub or a jti"),
        ({"limits": {"connects": 1}, "sub": ""}, "needs a sub or a jti"),
    ],
)
def test_claims_that_are_refused(claims: dict[str, Any], reason: str) -> None:
    with pytest.raises(UnauthorizedError, match=reason):
        terms_of({"exp": 60, **claims})


def test_claims_of_terms() -> None:
    terms = TokenTerms("a", 60.0, OwnLimits(sessions=1))
    assert claims_of(terms) == {"jti": "a", "once": True, "limits": {"sessions": 1}}
    assert claims_of(NO_TERMS) == {}
