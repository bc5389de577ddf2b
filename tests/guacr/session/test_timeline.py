"""The steps of a connection are noted while it is made, up to a limit."""

from guacr.protocol.status import Status
from guacr.session.timeline import CURRENT, STEPS_MAX, Timeline, step


def test_steps_are_noted_in_order_until_the_connection_is_complete() -> None:
    timeline = Timeline()
    timeline.mark("resolve")
    timeline.mark("tcp")
    timeline.is_complete = True
    timeline.mark("resolve")
    assert [name for name, _ in timeline.steps] == ["resolve", "tcp"]
    times = [timeline.begun, *(at for _, at in timeline.steps)]
    assert times == sorted(times)
    timeline.end(Status.SERVER_BUSY)
    assert timeline.ended_at >= times[-1]
    assert timeline.status is Status.SERVER_BUSY


def test_a_handler_that_tries_again_and_again_is_noted_up_to_the_limit() -> None:
    timeline = Timeline()
    for _ in range(STEPS_MAX + 1):
        timeline.mark("resolve")
    assert len(timeline.steps) == STEPS_MAX


def test_a_step_belongs_to_the_session_whose_handler_runs() -> None:
    step("resolve")  # of none
    timeline = Timeline()
    token = CURRENT.set(timeline)
    step("tcp")
    CURRENT.reset(token)
    step("login")
    assert [name for name, _ in timeline.steps] == ["tcp"]
