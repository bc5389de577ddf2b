"""The messages of SQL Server during a batch."""

from __future__ import annotations

from typing import Any

from pytds.tds_session import _TdsSession

from handlers.database.adapter import Notice
from handlers.database.sqlserver import adapter  # noqa: F401 - it bounds them
from handlers.database.sqlserver.messages import ERRORS_MAX, Messages


def said(text: str, severity: int) -> dict[str, Any]:
    return {"message": text, "severity": severity, "msgno": 50000}


def test_remarks_and_errors_are_bounded() -> None:
    session = object.__new__(_TdsSession)
    session.messages = []
    assert isinstance(session.messages, Messages)
    for number in range(1003):
        session.messages.append(said(f"remark {number}", 0))
        session.messages.append(said(f"error {number}", 16))
    assert len(session.messages) == ERRORS_MAX
    assert session.messages[-1]["message"] == "error 1002"
    notices = session.messages.take()
    assert notices[:2] == [Notice("… 3 more notices not shown"), Notice("remark 3")]
    assert notices[-1] == Notice("remark 1002")
    assert session.messages.take() == []
