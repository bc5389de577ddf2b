"""The meaning of `tls` and `tls-ca` together."""

from __future__ import annotations

import ssl

import pytest

from guacr.errors import BadRequestError
from handlers.database.encryption import tls_context, verifies
from handlers.database.params import DatabaseParams
from tests.support.certificates import Authority


@pytest.mark.parametrize(
    ("tls", "alone", "with_authorities"),
    [("disable", False, False), ("prefer", False, True), ("require", False, True),
     ("verify-full", True, True)],
)  # fmt: skip
def test_who_must_have_signed(tls: str, alone: bool, with_authorities: bool) -> None:
    assert verifies(DatabaseParams(tls=tls)) is alone
    assert verifies(DatabaseParams(tls=tls, tls_ca="some")) is with_authorities


def test_an_authority_must_be_named_where_no_host_is() -> None:
    assert verifies(DatabaseParams(tls="verify-ca", tls_ca="some"))
    with pytest.raises(BadRequestError, match="tls-ca"):
        verifies(DatabaseParams(tls="verify-ca"))


@pytest.mark.parametrize(
    ("tls", "any_name"), [("require", True), ("verify-ca", True), ("verify-full", False)]
)
async def test_names_of_hosts_matter_to_verify_full_alone(tls: str, any_name: bool) -> None:
    context = await tls_context(DatabaseParams(tls=tls, tls_ca=Authority().certificate))
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname is not any_name
    assert len(context.get_ca_certs()) == 1
