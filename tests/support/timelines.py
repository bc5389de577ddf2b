"""The steps of sessions' connections, noted as for traces."""

from __future__ import annotations

from guacr.session.registry import SessionRegistry
from guacr.session.session import Session
from guacr.session.timeline import Timeline


def noted_steps(registry: SessionRegistry) -> list[str]:
    """A list that gets the steps of the registry's next session."""
    steps: list[str] = []

    class Noting(Timeline):
        def mark(self, step: str) -> None:
            steps.append(step)

    def note(session: Session) -> None:
        session.context.timeline = Noting()

    registry.extensions.append(note)
    return steps
