"""The series that Prometheus gets, each with the column that it shows. Their number depends only on the schema, the
query files and the standbys, never on the data."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, NamedTuple

from skilltree.monitor import Part, Row, rows_of

Kind = Literal["gauge", "counter", "histogram"]


@dataclass(frozen=True)
class Series:
    """A series: its name, kind and help, and how the rows of a part become its values.

    ``labels`` maps each label to a column. Rows with the same labels are added up, or the largest counts (``max``). A
    row whose value is ``None`` does not count. Without a part, the clients count it.
    """

    name: str
    kind: Kind
    help: str
    part: str = ""
    value: Callable[[Row], float | None] = lambda row: 1.0
    labels: Mapping[str, str] = field(default_factory=dict)
    fold: Literal["sum", "max"] = "sum"


class Sample(NamedTuple):
    """A value of a series, and the values of its labels."""

    labels: tuple[str, ...]
    value: float


def _column(name: str) -> Callable[[Row], float | None]:
    def value(row: Row) -> float | None:
        found: Any = row[name]
        if found is None:
            return None
        return found.timestamp() if isinstance(found, datetime) else float(found)

    return value


def _where(column: str, wanted: str, value: Callable[[Row], float | None] = lambda row: 1.0) -> Any:
    return lambda row: value(row) if str(row[column]).startswith(wanted) else None


_TABLE = {"table": "root_name"}
_INDEX = {"index": "root_name"}
_QUERY = {"query": "query"}
_REPLICA = {"kind": "kind", "name": "name"}

SERVER: tuple[Series, ...] = (
    Series("skilltree_database_bytes", "gauge", "Size of the database.", "server", _column("bytes")),
    Series("skilltree_commits_total", "counter", "Committed transactions.", "server", _column("commits")),
    Series("skilltree_rollbacks_total", "counter", "Rolled back transactions.", "server", _column("rollbacks")),
    Series("skilltree_deadlocks_total", "counter", "Deadlocks.", "server", _column("deadlocks")),
    Series(
        "skilltree_temporary_bytes_total",
        "counter",
        "Bytes written to temporary files, for lack of work_mem.",
        "server",
        _column("temporary_bytes"),
    ),
    Series(
        "skilltree_buffers_hit_total",
        "counter",
        "Buffers found in the server's cache.",
        "server",
        _column("buffers_hit"),
    ),
    Series(
        "skilltree_buffers_read_total",
        "counter",
        "Buffers that were not in the server's cache.",
        "server",
        _column("buffers_read"),
    ),
    Series(
        "skilltree_wraparound_ratio",
        "gauge",
        "Age of the oldest transaction, as a part of the age at which autovacuum must freeze tables.",
        "server",
        _column("wraparound"),
    ),
    Series(
        "skilltree_trail_months_ahead",
        "gauge",
        "Months to come for which the audit trail has a partition.",
        "server",
        _column("trail_months_ahead"),
    ),
    Series(
        "skilltree_server_started_timestamp_seconds",
        "gauge",
        "When the server was started.",
        "server",
        _column("started_at"),
    ),
    Series(
        "skilltree_connections_ratio",
        "gauge",
        "Connections to the whole server, as a part of those allowed.",
        "limits",
        lambda row: row["connections"] / row["allowed"],
    ),
    Series(
        "skilltree_sessions",
        "gauge",
        "Connections to the database by state.",
        "connections",
        _column("connections"),
        {"state": "state"},
    ),
    Series(
        "skilltree_transaction_seconds",
        "gauge",
        "Age of the longest open transaction.",
        "connections",
        _column("longest_transaction_seconds"),
        fold="max",
    ),
    Series(
        "skilltree_idle_in_transaction_seconds",
        "gauge",
        "How long a session has been idle in a transaction, at most.",
        "connections",
        _where("state", "idle in transaction", _column("longest_seconds")),
        fold="max",
    ),
    Series("skilltree_lock_waits", "gauge", "Statements that wait for a lock.", "locks"),
    Series(
        "skilltree_lock_wait_seconds",
        "gauge",
        "How long a statement has been waiting for a lock, at most.",
        "locks",
        _column("seconds"),
        fold="max",
    ),
    Series(
        "skilltree_replication_lag_bytes",
        "gauge",
        "Write-ahead log that a standby has not replayed, or that a slot holds back.",
        "replication",
        _column("lag_bytes"),
        _REPLICA,
        "max",
    ),
    Series(
        "skilltree_replication_lag_seconds",
        "gauge",
        "How far a standby is behind.",
        "replication",
        _column("lag_seconds"),
        _REPLICA,
        "max",
    ),
    Series(
        "skilltree_replication_slots_inactive",
        "gauge",
        "Replication slots that nobody reads.",
        "replication",
        _where("state", "inactive"),
    ),
    Series("skilltree_table_rows", "gauge", "Rows, by estimate.", "tables", _column("live_rows"), _TABLE),
    Series("skilltree_table_dead_rows", "gauge", "Dead rows, by estimate.", "tables", _column("dead_rows"), _TABLE),
    Series(
        "skilltree_table_bytes",
        "gauge",
        "Size of a table with its indexes, at the last VACUUM or ANALYZE.",
        "tables",
        _column("bytes"),
        _TABLE,
    ),
    Series(
        "skilltree_table_vacuum_amount",
        "gauge",
        "Dead rows, as a multiple of the number at which autovacuum starts.",
        "tables",
        _column("dead_amount"),
        _TABLE,
        "max",
    ),
    Series(
        "skilltree_table_analyze_amount",
        "gauge",
        "Changed rows, as a multiple of the number at which autovacuum analyzes.",
        "tables",
        _column("analyze_amount"),
        _TABLE,
        "max",
    ),
    Series(
        "skilltree_table_sequential_scans_total",
        "counter",
        "Scans of a whole table.",
        "tables",
        _column("seq_scans"),
        _TABLE,
    ),
    Series(
        "skilltree_table_sequential_rows_total",
        "counter",
        "Rows read by scans of a whole table.",
        "tables",
        _column("seq_rows"),
        _TABLE,
    ),
    Series("skilltree_index_scans_total", "counter", "Uses of an index.", "indexes", _column("scans"), _INDEX),
    Series("skilltree_index_bytes", "gauge", "Size of an index.", "indexes", _column("bytes"), _INDEX),
    Series(
        "skilltree_index_bloat_ratio",
        "gauge",
        "Share of bloat in a large index, by an estimate.",
        "indexes",
        _column("bloat"),
        _INDEX,
        "max",
    ),
    Series(
        "skilltree_invalid_indexes",
        "gauge",
        "Indexes that no query uses, because building them was interrupted.",
        "indexes",
        _where("is_valid", "False"),
    ),
    Series("skilltree_accounts", "gauge", "Accounts, by estimate.", "learners", _column("accounts")),
    Series("skilltree_active_in_a_day", "gauge", "Learners active today.", "learners", _column("active_in_a_day")),
    Series(
        "skilltree_active_in_a_week", "gauge", "Learners active in a week.", "learners", _column("active_in_a_week")
    ),
    Series(
        "skilltree_completed_in_an_hour",
        "gauge",
        "Skills completed in the last hour.",
        "learners",
        _column("completed_in_an_hour"),
    ),
    Series(
        "skilltree_statement_calls_total", "counter", "Calls of a query file.", "statements", _column("calls"), _QUERY
    ),
    Series(
        "skilltree_statement_seconds_total",
        "counter",
        "Time of a query file on the server.",
        "statements",
        _column("seconds"),
        _QUERY,
    ),
    Series(
        "skilltree_statement_buffers_total",
        "counter",
        "Buffers that a query file has touched.",
        "statements",
        _column("buffers"),
        _QUERY,
    ),
    Series(
        "skilltree_statement_budget_ratio",
        "gauge",
        "Buffers of an average call, as a part of the file's budget.",
        "statements",
        _column("budget_ratio"),
        _QUERY,
        "max",
    ),
)
"""What the server knows."""

UP = Series("skilltree_up", "gauge", "Whether the database could be read.")
PART_UP = Series("skilltree_part_up", "gauge", "Whether a part of the report could be read.", labels={"part": "part"})

CLIENT: tuple[Series, ...] = (
    Series("skilltree_client_calls_total", "counter", "Calls of a query file.", labels=_QUERY),
    Series("skilltree_client_call_seconds_total", "counter", "Time of a query file for its client.", labels=_QUERY),
    Series("skilltree_client_seconds", "histogram", "Time of calls for their client."),
    Series("skilltree_client_errors_total", "counter", "Failed calls by error.", labels={"error": "error"}),
    Series("skilltree_client_retries_total", "counter", "Retries by the error before.", labels={"error": "error"}),
    Series("skilltree_client_pool_connections", "gauge", "Connections of the pool.", labels={"state": "state"}),
    Series("skilltree_client_pool_max", "gauge", "Connections that the pool may have."),
    Series("skilltree_client_pool_waiting", "gauge", "Callers that wait for a connection."),
    Series("skilltree_client_pool_wait_seconds_total", "counter", "Time spent on waiting for a connection."),
    Series("skilltree_client_pool_timeouts_total", "counter", "Callers that got no connection in time."),
)
"""What a client knows: its own calls and its pool."""

OUTAGES = (
    "DatabaseFailure",
    "OutcomeUnknown",
    "PoolExhausted",
    "ServerExhausted",
    "ServerReadOnly",
    "ServerUnavailable",
)
"""The errors that say that the server does not serve calls. They are counted from 0 on, so that the first one shows."""

ALL = (UP, PART_UP, *SERVER, *CLIENT)


def samples(parts: Iterable[Part]) -> Iterator[tuple[Series, list[Sample]]]:
    """Yield the series of the server with their values, for the parts that could be read."""
    read = list(parts)
    yield PART_UP, [Sample((part.name,), float(part.problem is None)) for part in read]
    readable = {part.name for part in read if part.problem is None}
    for series in SERVER:
        if series.part in readable:
            yield series, _samples(series, rows_of(read, series.part))


def _samples(series: Series, rows: Iterable[Row]) -> list[Sample]:
    # Without labels, there is always a value, so that an alert can end.
    found: dict[tuple[str, ...], float] = {} if series.labels else {(): 0.0}
    for row in rows:
        value = series.value(row)
        if value is not None:
            key = tuple(str(row[column]) for column in series.labels.values())
            before = found.get(key)
            if before is None:
                found[key] = value
            else:
                found[key] = before + value if series.fold == "sum" else max(before, value)
    return [Sample(labels, value) for labels, value in sorted(found.items())]
