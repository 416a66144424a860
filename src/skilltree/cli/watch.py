"""The commands that watch a running server: monitor, metrics, alerts."""

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.text import Text

from skilltree._core.terminal_text import harmless
from skilltree.cli.application import Json, app
from skilltree.cli.plans import own_queries
from skilltree.cli.run import FAILED, did_you_mean
from skilltree.cli.terminal import emit, emit_json, emit_table, err, out
from skilltree.embedded import database_url
from skilltree.errors import SkillTreeError
from skilltree.monitor import PARTS, Connection, Part, connect, report
from skilltree.monitor.alerts import ALERTS, RUNBOOK, Alert, dashboard, rules, values

_MOST_ROWS = 12

_Shown = Callable[[Any], str]


def _bytes(count: int) -> str:
    return f"{count / 1024 / 1024:,.1f} MB"


def _percent(share: float) -> str:
    return f"{share:.1%}"


def _seconds(count: float) -> str:
    return f"{count:,.2f} s"


# Columns of a part in its table, with their formats, and the column by which the largest rows come first.
_COLUMNS: Mapping[str, tuple[Mapping[str, _Shown], str | None]] = {
    "server": (
        {
            "version": str,
            "is_standby": str,
            "bytes": _bytes,
            "cache_hit": _percent,
            "deadlocks": str,
            "temporary_bytes": _bytes,
            "wraparound": _percent,
            "trail_months_ahead": str,
        },
        None,
    ),
    "limits": ({"connections": str, "allowed": str}, None),
    "connections": (
        {
            "state": str,
            "role_name": str,
            "application_name": str,
            "connections": str,
            "longest_seconds": _seconds,
            "longest_transaction_seconds": _seconds,
        },
        "connections",
    ),
    "locks": (
        {
            "query": str,
            "pid": str,
            "role_name": str,
            "lock_type": str,
            "lock_mode": str,
            "table_name": str,
            "seconds": _seconds,
            "blockers": str,
        },
        "seconds",
    ),
    "replication": ({"name": str, "kind": str, "state": str, "lag_bytes": _bytes, "lag_seconds": _seconds}, None),
    "tables": (
        {
            "table_name": str,
            "live_rows": "{:,}".format,
            "dead_rows": "{:,}".format,
            "bytes": _bytes,
            "dead_amount": str,
            "analyze_amount": str,
            "freeze_amount": str,
            "seq_scans": "{:,}".format,
            "index_scans": "{:,}".format,
        },
        "bytes",
    ),
    "indexes": (
        {"index_name": str, "bytes": _bytes, "bloat": _percent, "scans": "{:,}".format, "is_valid": str},
        "bytes",
    ),
    "learners": (
        {
            "accounts": "{:,}".format,
            "active_in_a_day": "{:,}".format,
            "active_in_a_week": "{:,}".format,
            "completed_in_a_day": "{:,}".format,
            "completed_in_an_hour": "{:,}".format,
        },
        None,
    ),
    "statements": (
        {
            "query": str,
            "calls": "{:,}".format,
            "seconds": _seconds,
            "mean_seconds": "{:.5f}".format,
            "buffers_per_call": "{:,}".format,
            "budget": str,
            "budget_ratio": str,
        },
        "seconds",
    ),
}


@app.command("monitor")
def monitor(
    parts: Annotated[list[str] | None, typer.Argument(help=f"Only these parts, of: {', '.join(PARTS)}.")] = None,
    *,
    watch: Annotated[float | None, typer.Option(min=0.5, help="Repeat it every so many seconds.")] = None,
    as_json: Json = False,
) -> None:
    """Show what happens on the server, and which alerts it would raise. Exit 1 if there is one."""
    if unknown := [part for part in parts or () if part not in PARTS]:
        raise typer.BadParameter(f"there is no part {unknown[0]}{did_you_mean(unknown[0], PARTS)}")
    with connect(database_url()) as connection:
        firing = _show(connection, parts or PARTS, as_json=as_json)
        while watch is not None:
            time.sleep(watch)
            if out.is_terminal and not as_json:
                out.clear()
            firing = _show(connection, parts or PARTS, as_json=as_json)
    if firing:
        raise typer.Exit(FAILED)


def _show(connection: Connection, parts: list[str] | tuple[str, ...], *, as_json: bool) -> list[str]:
    read = report(connection, parts, queries=own_queries())
    firing = list(_firing(read))
    if as_json:
        emit_json(
            {
                "at": datetime.now().astimezone().isoformat(timespec="seconds"),
                "alerts": firing,
                **{part.name: part.problem or [_plain(row) for row in part.rows] for part in read},
            }
        )
        return firing
    for part in read:
        out.print(Text(f"\n{part.name}", style="bold"))
        if part.problem:
            out.print(harmless(part.problem), soft_wrap=True)
            continue
        columns, largest = _COLUMNS[part.name]
        rows = sorted(part.rows, key=lambda row: -(row[largest] or 0)) if largest else list(part.rows)
        emit_table(
            (
                {name: "" if row[name] is None else show(row[name]) for name, show in columns.items()}
                for row in rows[:_MOST_ROWS]
            ),
            as_json=False,
        )
        if len(rows) > _MOST_ROWS:
            out.print(f"and {len(rows) - _MOST_ROWS} more: --json has all")
    for told in firing:
        out.print(Text(f"▲ {told}", style="yellow"), soft_wrap=True)
    return firing


def _firing(parts: list[Part]) -> Iterator[str]:
    """Yield what the alerts would say now. An increase cannot be told from a single look."""
    now = values(parts)
    for alert in ALERTS:
        if alert.window is None:
            for labels in alert.fires(now):
                yield f"{alert.name}: {_told(alert, dict(labels))} See {RUNBOOK}#{alert.anchor}"


def _told(alert: Alert, labels: Mapping[str, str]) -> str:
    told = alert.summary
    for label, value in labels.items():
        told = told.replace(f"{{{{ $labels.{label} }}}}", value)
    return told


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in row.items()}


@app.command("metrics")
def metrics(
    *,
    address: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="The port to listen on.")] = 9187,
) -> None:
    """Serve /metrics for Prometheus until interrupted, without authentication."""
    try:
        from skilltree.contrib.prometheus import serve  # noqa: PLC0415 (an extra)
    except ModuleNotFoundError as error:
        raise PrometheusMissing(
            "metrics need prometheus-client, which is not installed: pip install 'skilltree[prometheus]'"
        ) from error
    stop = serve(database_url(), address=address, port=port, queries=own_queries())
    err.print(f"serving http://{address}:{port}/metrics")
    try:
        while True:
            time.sleep(3600)
    finally:
        stop()


class PrometheusMissing(SkillTreeError):
    """The library that writes metrics is not installed."""


@app.command("alerts")
def alerts(
    *,
    grafana: Annotated[bool, typer.Option("--grafana", help="Print a dashboard for Grafana instead.")] = False,
    runbook: Annotated[str, typer.Option(help="The address of the runbook, for the links of the alerts.")] = RUNBOOK,
) -> None:
    """Print the alert rules for Prometheus."""
    emit(dashboard() if grafana else rules(runbook), end="\n" if grafana else "")
