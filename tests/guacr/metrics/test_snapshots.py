"""Snapshots of several processes become one, whose counters never go back."""

import json

from hypothesis import given
from hypothesis import strategies as st

from guacr.metrics.catalog import METRICS
from guacr.metrics.snapshots import Processes, Snapshot, merge, remains

LABELS = ("ssh", "vnc")


@st.composite
def snapshots(draw: st.DrawFn) -> Snapshot:
    names = draw(st.lists(st.sampled_from(sorted(METRICS)), unique=True, max_size=6))
    snapshot: Snapshot = {}
    for name in names:
        metric = METRICS[name]
        label = st.lists(
            st.sampled_from(LABELS), min_size=len(metric.labels), max_size=len(metric.labels)
        )
        numbers = st.lists(st.integers(0, 9), min_size=metric.size, max_size=metric.size)
        found = draw(st.lists(label, max_size=3, unique_by=tuple))
        snapshot[name] = [(labels, draw(numbers)) for labels in found]
    return snapshot


def value(snapshot: Snapshot, name: str, *labels: str) -> list[float] | None:
    return next((list(n) for found, n in snapshot.get(name, []) if tuple(found) == labels), None)


def as_sets(snapshot: Snapshot) -> dict[str, dict[tuple[str, ...], list[float]]]:
    return {n: {tuple(k): list(v) for k, v in s} for n, s in snapshot.items()}


@given(st.lists(snapshots(), max_size=4))
def test_the_order_and_the_way_over_json_do_not_matter(found: list[Snapshot]) -> None:
    merged = as_sets(merge(found))
    assert as_sets(merge(reversed(found))) == merged
    assert as_sets(merge([merge(found[:1]), merge(found[1:])])) == merged
    assert as_sets(merge(json.loads(json.dumps(found)))) == merged


def test_each_kind_has_its_own_sum() -> None:
    one: Snapshot = {
        "guacr_sessions": [(["ssh"], [3])],
        "guacr_info": [(["1.0"], [1])],
        "process_start_time_seconds": [([], [70.0])],
        "guacr_loop_lag_seconds": [([], [1] * 16)],
    }
    other: Snapshot = {
        "guacr_sessions": [(["ssh"], [4]), (["vnc"], [1])],
        "guacr_info": [(["1.0"], [1])],
        "process_start_time_seconds": [([], [50.0])],
        "guacr_loop_lag_seconds": [([], [2] * 16)],
    }
    merged = merge([one, other])
    assert value(merged, "guacr_sessions", "ssh") == [7]
    assert value(merged, "guacr_sessions", "vnc") == [1]
    assert value(merged, "guacr_info", "1.0") == [1]
    assert value(merged, "process_start_time_seconds") == [50.0]
    assert value(merged, "guacr_loop_lag_seconds") == [3] * 16
    assert value(one, "guacr_sessions", "ssh") == [3], "the arguments are not changed"


def test_what_another_version_counts_is_left_out() -> None:
    strange: Snapshot = {
        "guacr_unicorns": [([], [1])],
        "guacr_sessions": [([], [1]), (["ssh", "open"], [1]), (["ssh"], [1, 2])],
        "guacr_loop_lag_seconds": [([], [1] * 9)],
    }
    assert not any(merge([strange]).values())
    assert "guacr_unicorns" not in remains(strange)


def test_counters_stay_when_a_process_ends_and_gauges_do_not() -> None:
    processes = Processes()

    def at(sessions: int, frames: int) -> Snapshot:
        return {
            "guacr_sessions": [(["ssh"], [sessions])],
            "guacr_frames_total": [(["ssh"], [frames])],
        }

    processes.put("1", at(2, 10))
    processes.put("2", at(3, 20))
    processes.put("1", at(1, 15))
    assert value(processes.merged, "guacr_sessions", "ssh") == [4]
    assert value(processes.merged, "guacr_frames_total", "ssh") == [35]
    for _ in range(2):
        processes.ended("1")
    assert value(processes.merged, "guacr_sessions", "ssh") == [3]
    assert value(processes.merged, "guacr_frames_total", "ssh") == [35]
    processes.put("3", at(1, 1))
    processes.ended("3")
    processes.ended("2")
    assert value(processes.merged, "guacr_sessions", "ssh") is None
    assert value(processes.merged, "guacr_frames_total", "ssh") == [36]
