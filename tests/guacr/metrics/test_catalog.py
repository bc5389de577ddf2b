"""The catalog, its documentation and the dashboard have the same metrics."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from guacr.metrics.catalog import METRICS, Kind

ROOT = Path(__file__).parents[3]
KINDS = {Kind.COUNTER: "counter", Kind.HISTOGRAM: "histogram"}
UNLIMITED = {"host", "user", "session", "peer", "client", "subject", "connection"}


@pytest.fixture(scope="module")
def dashboard() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((ROOT / "config" / "grafana-dashboard.json").read_text())
    return found


def queries(dashboard: dict[str, Any]) -> Iterator[str]:
    for panel in dashboard["panels"]:
        for target in panel.get("targets", ()):
            yield target["expr"]
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "query":
            yield variable["query"]["query"]


def test_the_documentation_has_every_metric() -> None:
    rows = [
        f"| `{name}` | {KINDS.get(metric.kind, 'gauge')} | {', '.join(metric.labels)} "
        f"| {metric.help} |"
        for name, metric in METRICS.items()
    ]
    text = (ROOT / "docs" / "metrics.md").read_text()
    assert re.findall(r"^\| `\w+` \| (?:gauge|counter|histogram) .*$", text, re.MULTILINE) == rows


def test_every_query_of_the_dashboard_finds_its_metrics_and_labels(
    dashboard: dict[str, Any],
) -> None:
    shown = set()
    for query in queries(dashboard):
        for name, selected in re.findall(r"\b((?:guacr|process)_\w+)(?:\{(.*?)\})?", query):
            metric = METRICS.get(name) or METRICS[name.removesuffix("_bucket")]
            assert (metric.kind is Kind.HISTOGRAM) == name.endswith("_bucket"), query
            labels = set(re.findall(r"(\w+)=~", selected)) - {"job", "instance"}
            assert labels <= set(metric.labels), query
            shown.add(name.removesuffix("_bucket"))
            by = re.search(r"by \((\w+)\)", query)
            assert by is None or by[1] in {*metric.labels, "le", "instance"}, query
            if metric.kind is Kind.COUNTER:
                assert "rate(" in query, query
    assert shown == set(METRICS), "the dashboard shows every metric"


def test_panels_do_not_overlap(dashboard: dict[str, Any]) -> None:
    taken = set()
    for panel in dashboard["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                assert (x, y) not in taken, panel["title"]
                taken.add((x, y))
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])


def test_labels_have_few_values() -> None:
    for name, metric in METRICS.items():
        assert not UNLIMITED & set(metric.labels), name
