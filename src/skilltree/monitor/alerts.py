"""The alerts, and the files that are generated from them: rules for Prometheus, and a dashboard for Grafana.

Each alert compares a series with a threshold. ``docs/runbook.md`` has a section about each.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from skilltree.monitor import PARTS, Part
from skilltree.monitor.series import ALL, OUTAGES, SERVER, UP, Sample, Series, samples

RUNBOOK = "docs/runbook.md"
"""Where the links of the alerts lead, unless ``rules`` is given the address of another place."""

Labels = tuple[tuple[str, str], ...]
Values = Mapping[str, Mapping[Labels, float]]
"""Series, and their values by labels."""


@dataclass(frozen=True)
class Alert:
    """A series that is above or below a threshold for some time.

    With a ``window``, the increase of a counter within it is compared. ``only`` and ``ignoring`` choose labels.
    """

    name: str
    series: str
    is_below: bool
    threshold: float
    lasts: str
    severity: Literal["critical", "warning"]
    summary: str
    window: str | None = None
    only: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    ignoring: Mapping[str, str] = field(default_factory=dict)

    @property
    def expression(self) -> str:
        """The condition in Prometheus's language."""
        matchers = [f'{label}=~"{"|".join(values)}"' for label, values in self.only.items()]
        matchers += [f'{label}!="{value}"' for label, value in self.ignoring.items()]
        selected = self.series + (f"{{{','.join(matchers)}}}" if matchers else "")
        compared = f"increase({selected}[{self.window}])" if self.window else selected
        return f"{compared} {'<' if self.is_below else '>'} {self.threshold:g}"

    @property
    def anchor(self) -> str:
        """The section of the runbook."""
        return self.name.lower()

    def fires(self, now: Values, before: Values | None = None) -> list[Labels]:
        """Return the labels for which the condition holds. A counter is compared with its value ``before``."""
        earlier = (before or {}).get(self.series, {})
        return [
            labels
            for labels, value in now.get(self.series, {}).items()
            if self._is_chosen(dict(labels))
            and self._holds(value - earlier.get(labels, 0) if self.window and before is not None else value)
        ]

    def _is_chosen(self, labels: Mapping[str, str]) -> bool:
        return all(labels.get(label) in values for label, values in self.only.items()) and all(
            labels.get(label) != value for label, value in self.ignoring.items()
        )

    def _holds(self, value: float) -> bool:
        return value < self.threshold if self.is_below else value > self.threshold


ALERTS = (
    Alert("Down", "skilltree_up", True, 1, "2m", "critical", "The database cannot be read."),
    Alert(
        "PartUnreadable",
        "skilltree_part_up",
        True,
        1,
        "15m",
        "warning",
        "A part of the monitor cannot be read, so that its alerts are silent: {{ $labels.part }}.",
        # Many servers do not have pg_stat_statements.
        ignoring={"part": "statements"},
    ),
    Alert(
        "Outage",
        "skilltree_client_errors_total",
        False,
        0,
        "2m",
        "critical",
        "Calls fail, because the server does not serve them: {{ $labels.error }}.",
        window="5m",
        only={"error": OUTAGES},
    ),
    Alert(
        "PoolTimeouts",
        "skilltree_client_pool_timeouts_total",
        False,
        0,
        "0m",
        "critical",
        "Callers got no connection of the pool in time.",
        window="5m",
    ),
    Alert("PoolFull", "skilltree_client_pool_waiting", False, 0, "2m", "warning", "Callers wait for a connection."),
    Alert(
        "ConnectionsUsedUp",
        "skilltree_connections_ratio",
        False,
        0.9,
        "2m",
        "critical",
        "The server accepts few more connections.",
    ),
    Alert("LockWait", "skilltree_lock_wait_seconds", False, 1, "2m", "warning", "Statements wait for a lock for long."),
    Alert(
        "IdleInTransaction",
        "skilltree_idle_in_transaction_seconds",
        False,
        2,
        "5m",
        "warning",
        "A session keeps a transaction open and does nothing in it.",
    ),
    Alert("Deadlocks", "skilltree_deadlocks_total", False, 0, "0m", "warning", "Sessions deadlock.", window="15m"),
    Alert(
        "VacuumBehind",
        "skilltree_table_vacuum_amount",
        False,
        3,
        "2h",
        "warning",
        "Dead rows pile up in {{ $labels.table }}.",
    ),
    Alert(
        "IndexBloat",
        "skilltree_index_bloat_ratio",
        False,
        0.6,
        "1d",
        "warning",
        "Most of the index {{ $labels.index }} is bloat.",
    ),
    Alert("InvalidIndex", "skilltree_invalid_indexes", False, 0, "1h", "warning", "An index is invalid."),
    Alert(
        "BudgetBroken",
        "skilltree_statement_budget_ratio",
        False,
        1,
        "1h",
        "warning",
        "The query file {{ $labels.query }} touches more buffers than its budget.",
    ),
    Alert(
        "Wraparound",
        "skilltree_wraparound_ratio",
        False,
        1.5,
        "1h",
        "critical",
        "Old rows are not frozen. In the end, the server would accept no more writes.",
    ),
    Alert(
        "ReplicationLag",
        "skilltree_replication_lag_bytes",
        False,
        64 * 1024 * 1024,
        "5m",
        "warning",
        "{{ $labels.name }} is far behind.",
    ),
    Alert(
        "SlotInactive",
        "skilltree_replication_slots_inactive",
        False,
        0,
        "15m",
        "critical",
        "A replication slot that nobody reads fills the disk.",
    ),
    Alert(
        "TrailPartitions",
        "skilltree_trail_months_ahead",
        True,
        2,
        "1h",
        "warning",
        "The audit trail will soon have no partition for the month: maintenance does not run.",
    ),
)
"""The alerts, in the order of the runbook."""


def values(parts: Iterable[Part]) -> Values:
    """Return the series of a report, as alerts compare them."""
    read = list(parts)
    found: dict[str, Mapping[Labels, float]] = {UP.name: {(): 1.0}}
    return found | {series.name: _by_labels(series, listed) for series, listed in samples(read)}


def _by_labels(series: Series, listed: Iterable[Sample]) -> dict[Labels, float]:
    return {tuple(sorted(zip(series.labels, sample.labels, strict=True))): sample.value for sample in listed}


def rules(runbook: str = RUNBOOK) -> str:
    """Return the alerts as a file of Prometheus's rules, in YAML."""
    return "".join(_rules(runbook))


def _rules(runbook: str) -> Iterator[str]:
    yield "# Generated by `skilltree alerts`. Do not edit.\ngroups:\n  - name: skilltree\n    rules:\n"
    for alert in ALERTS:
        yield (
            f"      - alert: SkillTree{alert.name}\n"
            f"        expr: {json.dumps(alert.expression)}\n"
            f"        for: {alert.lasts}\n"
            f"        labels:\n          severity: {alert.severity}\n"
            f"        annotations:\n"
            f"          summary: {json.dumps(alert.summary)}\n"
            f"          runbook_url: {runbook}#{alert.anchor}\n"
        )


def dashboard() -> str:
    """Return a dashboard for Grafana with a panel for each series, in JSON. A threshold is that of its alert."""
    panels: list[dict[str, object]] = []
    top = 0
    parts = {series.part for series in SERVER}
    groups = [("clients", [series for series in ALL if not series.part])]
    groups += [(part, [series for series in SERVER if series.part == part]) for part in PARTS if part in parts]
    for title, group in groups:
        panels.append(_row(title, top, len(panels)))
        top += 1
        for place, series in enumerate(group):
            panels.append(
                _panel(series, {"h": 8, "w": 12, "x": place % 2 * 12, "y": top + place // 2 * 8}, len(panels))
            )
        top += -(-len(group) // 2) * 8
    return json.dumps(
        {
            "title": "SkillTree",
            "uid": "skilltree",
            "schemaVersion": 39,
            "refresh": "30s",
            "time": {"from": "now-6h", "to": "now"},
            "templating": {"list": [{"name": "source", "type": "datasource", "query": "prometheus"}]},
            "panels": panels,
        },
        indent=1,
    )


def _row(title: str, top: int, number: int) -> dict[str, object]:
    place = {"h": 1, "w": 24, "x": 0, "y": top}
    return {"id": number + 1, "type": "row", "title": title, "gridPos": place, "collapsed": False, "panels": []}


def _panel(series: Series, place: dict[str, int], number: int) -> dict[str, object]:
    limits = [alert.threshold for alert in ALERTS if alert.series == series.name and not alert.window]
    steps: list[dict[str, object]] = [{"color": "green", "value": None}]
    steps += [{"color": "red", "value": limit} for limit in limits]
    return {
        "id": number + 1,
        "type": "timeseries",
        "title": series.help.rstrip("."),
        "description": series.name,
        "gridPos": place,
        "datasource": {"type": "prometheus", "uid": "${source}"},
        "targets": [
            {
                "refId": "A",
                "expr": _shown(series),
                "legendFormat": " ".join(f"{{{{{label}}}}}" for label in series.labels) or "__auto",
            }
        ],
        "fieldConfig": {
            "defaults": {
                "unit": "bytes" if "bytes" in series.name else "s" if series.name.endswith("seconds") else "short",
                "thresholds": {"mode": "absolute", "steps": steps},
                "custom": {"thresholdsStyle": {"mode": "line" if limits else "off"}},
            },
            "overrides": [],
        },
    }


def _shown(series: Series) -> str:
    """Return what a panel shows of a series: rates of counters, and of many labels the ten largest."""
    if series.kind == "histogram":
        return f"histogram_quantile(0.95, sum by (le) (rate({series.name}_bucket[5m])))"
    shown = f"rate({series.name}[5m])" if series.kind == "counter" else series.name
    return f"topk(10, {shown})" if series.labels else shown
