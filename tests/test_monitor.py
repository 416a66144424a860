"""What is monitored: parts, series, and alerts, each of which fires by its cause on a real server."""

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple
from urllib.request import urlopen

import psycopg
import pytest
import yaml
from click.testing import Result as Ran
from prometheus_client.parser import text_string_to_metric_families
from psycopg.conninfo import make_conninfo
from typer.testing import CliRunner

from skilltree import Database
from skilltree.cli import app
from skilltree.contrib.prometheus import DatabaseCollector, PrometheusObserver, exposition, serve
from skilltree.errors import InvalidValue, PoolExhausted, ServerUnavailable, SlugTaken
from skilltree.explain.samples import names
from skilltree.monitor import PARTS, connect, report
from skilltree.monitor.alerts import ALERTS, Alert, Labels
from skilltree.monitor.series import ALL, OUTAGES, SERVER
from statistics_server import statistics_server

ROOT = Path(__file__).parents[1]
Connection = psycopg.Connection[Any]
Run = Callable[..., Ran]
Values = dict[str, dict[Labels, float]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("COLUMNS", "160")

    def run(url: str, *arguments: str) -> Ran:
        monkeypatch.setenv("DATABASE_URL", url)
        return CliRunner().invoke(app, arguments, catch_exceptions=False)

    return run


def scraped(*collectors: Any) -> Values:
    """Return what Prometheus's own parser reads in a scrape."""
    found: Values = {}
    for family in text_string_to_metric_families(exposition(*collectors).decode()):
        for sample in family.samples:
            found.setdefault(sample.name, {})[tuple(sorted(sample.labels.items()))] = sample.value
    return found


# --- parts -----------------------------------------------------------------------------------------------------------


def test_every_part_is_read_on_any_server(run: Run, migrated_url: str) -> None:
    shown = run(migrated_url, "monitor")
    found = json.loads(run(migrated_url, "monitor", "--json").output)
    one = json.loads(run(make_conninfo(migrated_url, user="skilltree_app"), "monitor", "--json", "learners").output)

    assert (shown.exit_code, found["alerts"]) == (0, [])
    assert [part for part in PARTS if isinstance(found[part], str)] == ["statements"]
    assert "pg_stat_statements is missing" in found["statements"]
    for name in ("trail_months_ahead", "user_skill_progress", "idx_skill_completion"):
        assert name in shown.output or name in json.dumps(found)
    assert one["learners"][0]["accounts"] >= 0


def test_a_part_that_the_role_may_not_read_says_why_and_stops_no_other(run: Run, migrated_url: str) -> None:
    with psycopg.connect(migrated_url, autocommit=True) as connection:
        connection.execute("drop role if exists skilltree_test_blind; create role skilltree_test_blind login")
        connection.execute("grant usage on schema public to skilltree_test_blind")
        try:
            found = json.loads(
                run(make_conninfo(migrated_url, user="skilltree_test_blind"), "monitor", "--json").output
            )
        finally:
            connection.execute("drop owned by skilltree_test_blind; drop role skilltree_test_blind")

    assert found["learners"].startswith("PermissionDenied")
    assert found["server"][0]["version"]
    assert [told.partition(":")[0] for told in found["alerts"]] == ["PartUnreadable"]


def test_the_monitor_can_write_nothing(migrated_url: str) -> None:
    with connect(migrated_url) as connection, pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        connection.execute("update levels set min_xp = 0")


def test_an_unknown_part_is_refused(run: Run, migrated_url: str) -> None:
    with connect(migrated_url) as connection, pytest.raises(InvalidValue, match="there is no part lock"):
        report(connection, ["lock"])
    assert "did you mean locks?" in run(migrated_url, "monitor", "lock").output


def test_who_waits_for_whom_is_named_by_query_file(migrated_url: str) -> None:
    with Database(migrated_url) as db, psycopg.connect(migrated_url, application_name="console") as blocker:
        category = db.categories.create(name="Art", slug="art")
        blocker.execute("select from skill_categories for update")
        pid = blocker.info.backend_pid
        waiting = threading.Thread(target=lambda: db.categories.update(category.id, name="Ink"))
        waiting.start()
        with connect(migrated_url) as connection:
            rows = wait_for(lambda: report(connection, ["locks"])[0].rows)
        blocker.rollback()
        waiting.join()

    assert (rows[0]["query"], rows[0]["blocked_by"]) == ("categories/update", [pid])
    assert "console idle in transaction" in rows[0]["blockers"]


def wait_for(look: Callable[[], Any]) -> Any:
    until = time.monotonic() + 10
    while not (found := look()):
        assert time.monotonic() < until
        time.sleep(0.01)
    return found


# --- series ----------------------------------------------------------------------------------------------------------


def test_the_number_of_series_depends_on_the_schema_and_not_on_the_data(migrated_url: str) -> None:
    observer = PrometheusObserver()
    with (
        closing(DatabaseCollector(migrated_url)) as collector,
        Database(migrated_url, observer=observer) as db,
        psycopg.connect(migrated_url) as connection,
    ):
        before = scraped(collector)
        for number in range(30):
            db.users.register(email=f"{number}@b.org", username=f"u{number}", password="long password", bcrypt_cost=4)
            db.categories.create(name=f"Art {number}", slug=f"art-{number}")
        with pytest.raises(SlugTaken):
            db.categories.create(name="Another", slug="art-1")
        after = scraped(collector, observer)
        [[tables]] = connection.execute(
            "select count(*) from pg_class where relkind in ('r', 'p') and not relispartition"
            " and relnamespace = 'public'::regnamespace"
        )
        [[indexes]] = connection.execute(
            "select count(*) from pg_class where relkind in ('i', 'I') and not relispartition"
            " and relnamespace = 'public'::regnamespace"
        )

    def count(values: Values) -> int:
        return sum(len(each) for name, each in values.items() if not name.startswith("skilltree_client"))

    single = [series for series in SERVER if not series.labels and series.part != "statements"]
    per_table = [series for series in SERVER if "table" in series.labels]
    expected = 1 + len(PARTS) + len(single) + tables * len(per_table) + 2 * indexes
    assert [count(values) - len(values["skilltree_sessions"]) for values in (before, after)] == [expected, expected]
    assert expected < 450
    # A client has two series for each file that it has called, and one for each class of errors.
    assert after["skilltree_client_calls_total"] == {
        (("query", "categories/create"),): 31,
        (("query", "users/register"),): 30,
    }
    assert len(after["skilltree_client_errors_total"]) == len(OUTAGES) + 1
    assert after["skilltree_client_errors_total"][("error", "SlugTaken"),] == 1
    assert after["skilltree_client_seconds_count"][()] == 61
    assert 2 * len(names()) < 600
    assert {re.sub("_(bucket|sum|count)$", "", name) for name in after} < {series.name for series in ALL}


def test_every_series_is_explained_in_the_documentation() -> None:
    text = (ROOT / "docs" / "monitoring.md").read_text()

    assert [series.name for series in ALL if f"`{series.name}`" not in text] == []


def test_metrics_are_served_over_http(migrated_url: str) -> None:
    stop = serve(migrated_url, port=19187)
    try:
        with urlopen("http://127.0.0.1:19187/metrics") as response:
            text = response.read().decode()
    finally:
        stop()

    assert "skilltree_up 1.0" in text


# --- alerts ----------------------------------------------------------------------------------------------------------


def test_rules_and_dashboard_are_those_of_the_list(run: Run, migrated_url: str) -> None:
    rules = run(migrated_url, "alerts").output
    dashboard = run(migrated_url, "alerts", "--grafana").output
    runbook = (ROOT / "docs" / "runbook.md").read_text()

    assert (ROOT / "deploy" / "prometheus-rules.yaml").read_text() == rules
    assert (ROOT / "deploy" / "grafana-dashboard.json").read_text() == dashboard
    [group] = yaml.safe_load(rules)["groups"]
    assert [rule["alert"] for rule in group["rules"]] == [f"SkillTree{alert.name}" for alert in ALERTS]
    assert [rule["expr"] for rule in group["rules"]] == [alert.expression for alert in ALERTS]
    shown = {panel.get("description") for panel in json.loads(dashboard)["panels"]}
    assert shown - {None} == {series.name for series in ALL}
    _, _, explained = runbook.partition("\n## What the alerts mean\n")
    explained, _, _ = explained.partition("\n## ")
    assert re.findall("^### (.*)$", explained, re.MULTILINE) == [alert.name for alert in ALERTS]


class Watched(NamedTuple):
    """A server that counts statements, and what is scraped from it."""

    url: str
    collector: DatabaseCollector
    observer: PrometheusObserver
    db: Database

    def scrape(self) -> Values:
        return scraped(self.collector, self.observer)

    @contextmanager
    def superuser(self, **options: Any) -> Iterator[Connection]:
        with psycopg.connect(make_conninfo(self.url, **options), autocommit=True) as connection:
            yield connection


@pytest.fixture(scope="module")
def watched(request: pytest.FixtureRequest) -> Iterator[Watched]:
    settings = {
        "max_connections": "20",
        "deadlock_timeout": "10ms",
        "autovacuum": "off",
        "autovacuum_freeze_max_age": "100000",
    }
    observer = PrometheusObserver()
    with (
        statistics_server(request.config.getoption("pg"), **settings) as url,
        closing(DatabaseCollector(url, least_index_bytes=64 * 1024)) as collector,
        Database(url, min_size=1, max_size=1, timeout=0.2, attempts=1, observer=observer) as db,
    ):
        yield Watched(url, collector, observer, db)


def write_counts(connection: Connection) -> None:
    """Makes what this session counted visible to others, which a session does late otherwise, or as it ends."""
    connection.execute("select pg_stat_force_next_flush()")
    connection.execute("select")


@contextmanager
def shut(watched: Watched) -> Iterator[None]:
    with watched.superuser(dbname="postgres") as connection:
        connection.execute("alter database learning allow_connections false")
        connection.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = 'learning'")
        try:
            yield
        finally:
            connection.execute("alter database learning allow_connections true")


@contextmanager
def outage(watched: Watched) -> Iterator[None]:
    with shut(watched), pytest.raises(ServerUnavailable):
        watched.db.trees.list()
    yield


@contextmanager
def locked_table(watched: Watched) -> Iterator[None]:
    with watched.superuser() as connection, connection.transaction():
        connection.execute("lock table user_profiles in access exclusive mode")
        yield


@contextmanager
def pool_timeout(watched: Watched) -> Iterator[None]:
    with watched.db.transaction(), pytest.raises(PoolExhausted):
        watched.db.trees.list()
    yield


@contextmanager
def full_pool(watched: Watched) -> Iterator[None]:
    with Database(watched.url, max_size=1, observer=PrometheusObserver()) as db:
        with db.transaction():
            waiting = threading.Thread(target=db.trees.list)
            waiting.start()
            wait_for(lambda: db.statistics()["requests_waiting"])
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(watched.observer, "_statistics", lambda: db.statistics)
                yield
        waiting.join()


@contextmanager
def many_connections(watched: Watched) -> Iterator[None]:
    with ExitStack() as stack:
        for _ in range(16):
            stack.enter_context(watched.superuser())
        yield


@contextmanager
def waiting_statement(watched: Watched) -> Iterator[None]:
    with watched.superuser() as blocker, watched.superuser() as other:
        with blocker.transaction():
            blocker.execute("lock table levels")
            waiting = threading.Thread(target=lambda: other.execute("select count(*) from levels"))
            waiting.start()
            time.sleep(1.2)
            yield
        waiting.join()


@contextmanager
def idle_transaction(watched: Watched) -> Iterator[None]:
    with watched.superuser() as connection, connection.transaction():
        connection.execute("select")
        time.sleep(2.1)
        yield


@contextmanager
def deadlock(watched: Watched) -> Iterator[None]:
    both = threading.Barrier(2)

    def lock(first: str, second: str) -> None:
        with watched.superuser() as connection:
            with suppress(psycopg.errors.DeadlockDetected), connection.transaction():
                connection.execute(f"lock table {first}")
                both.wait()
                connection.execute(f"lock table {second}")
            write_counts(connection)

    threads = [threading.Thread(target=lock, args=pair) for pair in (("levels", "users"), ("users", "levels"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    yield


@contextmanager
def dead_rows(watched: Watched) -> Iterator[None]:
    with watched.superuser() as connection:
        connection.execute(
            "insert into skill_categories (name, slug) select 'b ' || n, 'b-' || n from generate_series(1, 300) n"
        )
        for _ in range(2):
            connection.execute("update skill_categories set description = 'c'")
        write_counts(connection)
        yield
        connection.execute("vacuum analyze skill_categories")


@contextmanager
def bloated_index(watched: Watched) -> Iterator[None]:
    with watched.superuser() as connection:
        connection.execute(
            "insert into login_attempts (identifier_hash, network)"
            " select sha256(n::text::bytea), '10.0.0.1' from generate_series(1, 20000) n"
        )
        connection.execute("delete from login_attempts where identifier_hash > '\\x20'")
        connection.execute("vacuum analyze login_attempts")
        yield
        connection.execute("reindex index concurrently login_attempts_pkey")


@contextmanager
def interrupted_index(watched: Watched) -> Iterator[None]:
    with watched.superuser() as connection:
        connection.execute("insert into skill_categories (name, slug) values ('c 1', 'c-1'), ('c 2', 'c-2')")
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute("create unique index concurrently idx_unique on skill_categories (sort_order)")
        yield
        connection.execute("drop index idx_unique")


@contextmanager
def broken_budget(watched: Watched) -> Iterator[None]:
    with watched.superuser() as connection:
        connection.execute(
            "insert into skill_categories (name, slug, description)"
            " select 'd ' || n, 'd-' || n, repeat('long ', 200) from generate_series(1, 3000) n"
        )
        connection.execute("select pg_stat_statements_reset()")
        watched.db.categories.list()
        yield
        connection.execute("select pg_stat_statements_reset()")


@contextmanager
def old_transaction(watched: Watched) -> Iterator[None]:
    with watched.superuser() as forgotten, watched.superuser() as connection:
        with forgotten.transaction():
            forgotten.execute("select pg_current_xact_id()")
            connection.execute(
                "do $$ begin for n in 1..160000 loop perform pg_current_xact_id(); commit; end loop; end $$"
            )
            yield
        for name in ("learning", "postgres", "template1"):
            with watched.superuser(dbname=name) as one:
                one.execute("vacuum (freeze)")


@contextmanager
def slow_standby(watched: Watched) -> Iterator[None]:
    with watched.superuser() as connection:
        [[place]] = connection.execute("select pg_current_wal_flush_lsn()")
        standby = psycopg.connect(make_conninfo(watched.url, replication="true", application_name="slow"))
        try:
            # It reads nothing of what it is sent.
            standby.pgconn.send_query(f"START_REPLICATION PHYSICAL {place}".encode())
            sending = "select from pg_stat_replication where sent_lsn is not null"
            wait_for(lambda: connection.execute(sending).fetchall())
            for _ in range(70):
                connection.execute("select pg_logical_emit_message(false, 'x', repeat('x', 1000000))")
            yield
        finally:
            standby.close()
            wait_for(lambda: not connection.execute("select from pg_stat_replication").fetchall())


@contextmanager
def forgotten_slot(watched: Watched) -> Iterator[None]:
    with watched.superuser() as connection:
        connection.execute("select pg_create_physical_replication_slot('forgotten', true)")
        yield
        connection.execute("select pg_drop_replication_slot('forgotten')")


@contextmanager
def missing_partitions(watched: Watched) -> Iterator[None]:
    with watched.superuser() as connection:
        for (name,) in connection.execute(
            "select inhrelid::regclass::text from pg_inherits where inhparent = 'audit_log'::regclass"
            " and inhrelid::regclass::text > to_char(now() + interval '1 month', '\"audit_log_\"YYYY\"_\"MM')"
            " and inhrelid::regclass::text <> 'audit_log_default'"
        ).fetchall():
            connection.execute(f"drop table {name}")
        yield
        connection.execute("select ensure_audit_partitions(12)")


CAUSES: dict[str, Callable[[Watched], Any]] = {
    "Down": shut,
    "PartUnreadable": locked_table,
    "Outage": outage,
    "PoolTimeouts": pool_timeout,
    "PoolFull": full_pool,
    "ConnectionsUsedUp": many_connections,
    "LockWait": waiting_statement,
    "IdleInTransaction": idle_transaction,
    "Deadlocks": deadlock,
    "VacuumBehind": dead_rows,
    "IndexBloat": bloated_index,
    "InvalidIndex": interrupted_index,
    "BudgetBroken": broken_budget,
    "Wraparound": old_transaction,
    "ReplicationLag": slow_standby,
    "SlotInactive": forgotten_slot,
    "TrailPartitions": missing_partitions,
}


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.name)
def test_an_alert_fires_by_its_cause_and_ends_with_it(alert: Alert, watched: Watched) -> None:
    before = watched.scrape()
    assert alert.fires(before, before) == []

    with CAUSES[alert.name](watched):
        assert alert.fires(watched.scrape(), before) != []

    after = watched.scrape()
    assert alert.fires(after, after) == []
