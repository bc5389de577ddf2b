"""openapi.json describes what the interface does."""

from __future__ import annotations

import asyncio
import json
from dataclasses import fields
from typing import Any, cast

import openapi_spec_validator
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from guacr.access.operator_tokens import Right
from guacr.control.info import DaemonStatus, SessionInfo, UserInfo, WorkerInfo
from guacr.operators.filters import FIELDS, LIMIT, LIMIT_MAX, TEXT_MAX
from guacr.operators.operations import MESSAGE_MAX
from guacr.operators.rest import OPENAPI_PATH, create_rest
from tests.guacr.operators.conftest import Site, bearer
from tests.support.loopback import session_of

EXAMPLES = 5
"""For each operation."""
ENDLESS = "/v1/events"
TIMEOUT = 60
"""Seconds for an answer."""


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(OPENAPI_PATH.read_bytes())
    return found


def test_it_is_an_openapi_document(document: dict[str, Any]) -> None:
    assert document["openapi"] == "3.1.0"
    openapi_spec_validator.validate(document)


def test_paths_are_those_of_the_application(document: dict[str, Any]) -> None:
    app = create_rest(None, lambda request: None)  # type: ignore[arg-type, return-value]
    served = {
        (route.method, route.resource.canonical)
        for route in app.router.routes()
        if route.resource is not None and route.method != "HEAD"
    }
    described = {
        (method.upper(), path)
        for path, item in document["paths"].items()
        for method in item
        if method != "parameters"
    }
    assert described == served


@pytest.mark.parametrize(
    ("schema", "model"),
    [("Session", SessionInfo), ("User", UserInfo), ("Worker", WorkerInfo)],
)
def test_fields_are_those_of_the_values(
    document: dict[str, Any], schema: str, model: type[SessionInfo]
) -> None:
    properties = document["components"]["schemas"][schema]["properties"]
    assert list(properties) == [field.name for field in fields(model)]


def test_the_status_says_ready_besides(document: dict[str, Any]) -> None:
    properties = document["components"]["schemas"]["Status"]["properties"]
    assert {*properties} - {"ready"} == {field.name for field in fields(DaemonStatus)}


def test_limits_are_those_of_the_code(document: dict[str, Any]) -> None:
    parameters = {
        one["name"]: one["schema"] for one in document["paths"]["/v1/sessions"]["get"]["parameters"]
    }
    assert {*parameters} == {*FIELDS, "search", "after", "limit"}
    assert {parameters[name]["maxLength"] for name in (*FIELDS, "search")} == {TEXT_MAX}
    assert (parameters["limit"]["default"], parameters["limit"]["maximum"]) == (LIMIT, LIMIT_MAX)
    body = document["paths"]["/v1/sessions/{id}/end"]["post"]["requestBody"]
    message = body["content"]["application/json"]["schema"]["properties"]["message"]
    assert message["maxLength"] == MESSAGE_MAX


@pytest.fixture(scope="module")
def operations(document: dict[str, Any]) -> list[Any]:
    """All that can be called and answered; they take seconds to load and to make."""
    import schemathesis

    schema = schemathesis.openapi.from_dict(document)
    found = [cast(Any, result).ok() for result in schema.get_all_operations()]
    return [operation for operation in found if operation.path != ENDLESS]


async def test_every_answer_is_as_described(site: Site, operations: list[Any]) -> None:
    base = f"http://127.0.0.1:{site.daemon.control_port}"
    for operation in operations:
        for rights in ([Right.READ, Right.WATCH], list(Right)):
            site.daemon.registry.is_draining = False
            _, user = site.connect(hostname="example.com")
            known = session_of(user).id
            await asyncio.to_thread(check, operation, base, bearer(rights), known)
            ends = operation.path.endswith("/end") and Right.ACT in rights
            assert session_of(user).closed == ends


def check(operation: Any, base: str, headers: dict[str, str], known: str) -> None:
    """Send requests for an operation, also about a session that is there."""

    @settings(
        max_examples=EXAMPLES,
        phases=[Phase.explicit, Phase.generate],
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def validate(case: Any) -> None:
        case.call_and_validate(base_url=base, headers=headers, timeout=TIMEOUT)
        if "id" in (case.path_parameters or {}):
            case.path_parameters["id"] = known
            case.call_and_validate(base_url=base, headers=headers, timeout=TIMEOUT)

    validate()
