"""Maintenance: what is due is done once, by whom it may be done, and an interrupted run leaves nothing half-done."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from click.testing import Result as Ran
from psycopg.conninfo import make_conninfo
from typer.testing import CliRunner

from skilltree.cli import app
from skilltree.maintain import Options, Outcome, Result, maintain

Connection = psycopg.Connection[Any]
Run = Callable[..., Ran]

SMALL = Options(batch_size=70, least_index_bytes=64 * 1024)

# A user, an expired link, sessions of which 20 are idle, 10 have expired and one is in use, and log-in counts.
# Autovacuum is off, so that maintenance alone does the work.
NEGLECTED = """
alter table login_attempts set (autovacuum_enabled = off);
insert into users (id, email, username, password_hash)
values ('00000000-0000-7000-8000-000000000001', 'a@b.org', 'ada', '$2b$04$' || repeat('.', 53));
insert into user_profiles (user_id) values ('00000000-0000-7000-8000-000000000001');
insert into user_sessions (user_id, started_at, last_activity_at, expires_at)
select '00000000-0000-7000-8000-000000000001', now() - interval '40 days', now() - make_interval(days => 8 * idle),
    now() + make_interval(days => 1 - 2 * overdue)
from (select 1 as idle, 0 as overdue from generate_series(1, 20)
    union all select 0, 1 from generate_series(1, 10) union all select 0, 0) as wanted;
insert into user_tokens (user_id, purpose, token_hash, email, expires_at)
select '00000000-0000-7000-8000-000000000001', purpose, sha256(purpose::bytea), 'a@b.org', now() - ago
from (values ('EMAIL_VERIFICATION', interval '1 day'), ('PASSWORD_RESET', interval '-1 day')) as sent (purpose, ago);
insert into login_attempts (identifier_hash, network, last_failed_at)
select sha256(number::text::bytea), '10.0.0.1', now() - make_interval(days => (number % 10 <> 0)::integer * 2)
from generate_series(1, 20000) as number;
"""
LEFT = """
select
    (select count(*) from user_sessions where is_active), (select count(*) from user_tokens),
    (select count(*) from login_attempts), (select count(*) from pg_index where not indisvalid),
    (select count(*) from pg_inherits where inhparent = 'audit_log'::regclass)
"""


def neglect(connection: Connection) -> None:
    connection.execute(NEGLECTED)
    last = connection.execute(
        "select max(relname) from pg_class where relname ~ '^audit_log_2' and relkind = 'r'"
    ).fetchone()
    assert last is not None
    connection.execute(f"drop table {last[0]}")
    # What an interrupted REINDEX CONCURRENTLY leaves behind.
    connection.execute("create index idx_login_attempt_age_ccnew on login_attempts (last_failed_at)")
    connection.execute(
        "update pg_index set indisvalid = false where indexrelid = 'idx_login_attempt_age_ccnew'::regclass"
    )
    connection.execute("analyze")


@pytest.fixture
def url(migrated_url: str) -> str:
    with psycopg.connect(migrated_url, autocommit=True) as connection:
        neglect(connection)
    return migrated_url


@pytest.fixture
def run(url: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.setenv("DATABASE_URL", url)
    return lambda *arguments: CliRunner().invoke(app, ["maintain", *arguments], catch_exceptions=False)


def left(url: str) -> tuple[int, ...]:
    with psycopg.connect(url) as connection:
        row = connection.execute(LEFT).fetchone()
    assert row is not None
    return row


def valid_indexes(url: str) -> list[str]:
    """Return the indexes of the schema, without those of partitions and of TOAST tables."""
    with psycopg.connect(url) as connection:
        found = connection.execute(
            "select indexrelid::regclass::text from pg_index where indisvalid"
            " and indrelid::regclass::text !~ '^(audit_log|pg_)' order by 1"
        ).fetchall()
    return [name for (name,) in found]


def of(outcomes: list[Outcome], part: str) -> list[tuple[str | None, Result]]:
    return [(each.object, each.result) for each in outcomes if each.part == part]


def test_what_is_due_is_done_in_batches_and_a_second_run_finds_nothing(url: str) -> None:
    assert left(url) == (31, 2, 20000, 1, 13)
    seen: list[tuple[str, int, int]] = []

    first = maintain(url, options=SMALL, tell=lambda *told: seen.append(told))
    second = maintain(url, options=SMALL)

    assert left(url) == (1, 1, 2000, 0, 14)
    assert {(each.part, each.told) for each in first if each.part in {"sessions", "attempts", "tokens"}} == {
        ("sessions", "30 ended"),
        ("attempts", "18000 deleted"),
        ("tokens", "1 deleted"),
    }
    assert ("attempts", 70, 18000) in seen
    assert [result for _, result in of(first, "partitions")] == [Result.DONE]
    assert of(first, "leftovers") == [("idx_login_attempt_age_ccnew", Result.DONE)]
    assert of(first, "vacuum") == [("login_attempts", Result.DONE)]
    assert ("login_attempts_pkey", Result.DONE) in of(first, "reindex")
    assert of(first, "doctor") == [(None, Result.NOTHING)]
    assert [each for each in second if each.result is not Result.NOTHING] == []


def test_a_dry_run_shows_what_is_due_and_changes_nothing(run: Run, url: str) -> None:
    before = left(url)

    shown = run("--dry-run", "--json")

    due = {row["part"]: row["told"] for row in json.loads(shown.output) if row["result"] == "due"}
    assert (due["sessions"], due["attempts"], due["tokens"], due["partitions"]) == ("30", "18000", "1", "1")
    assert {"leftovers"} < due.keys()
    assert (left(url), shown.exit_code) == (before, 0)


def test_the_service_does_the_parts_about_rows_and_names_those_of_the_owner(
    run: Run, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", make_conninfo(url, user="skilltree_app"))

    ran = run("--json")

    rows = {(row["part"], row["object"]): row for row in json.loads(ran.output)}
    assert (ran.exit_code, left(url)) == (3, (1, 1, 2000, 1, 14))
    for skipped in (("leftovers", "idx_login_attempt_age_ccnew"), ("vacuum", "login_attempts")):
        assert rows[skipped]["result"] == "skipped"
        assert "as the role that migrates" in rows[skipped]["told"]


def test_a_finding_of_the_doctor_is_repaired_only_on_request(run: Run, url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("update user_profiles set total_xp = 5")

        told = run("doctor")
        untouched = connection.execute("select total_xp from user_profiles").fetchone()
        repaired = run("doctor", "--repair")

        assert (told.exit_code, untouched) == (1, (5,))
        assert "xp_total" in told.output
        assert repaired.exit_code == 0
        assert connection.execute("select total_xp from user_profiles").fetchone() == (0,)


def test_a_learner_and_an_unknown_part_are_refused(run: Run, url: str) -> None:
    before = left(url)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("drop role if exists skilltree_test_blind; create role skilltree_test_blind login")
    try:
        unknown = run("vacum")
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("DATABASE_URL", make_conninfo(url, user="skilltree_test_blind"))
            blind = run()
    finally:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("drop role skilltree_test_blind")

    assert (unknown.exit_code, "did you mean vacuum?" in unknown.output) == (2, True)
    assert (blind.exit_code, "CannotSeeEverything" in blind.output) == (1, True)
    assert left(url) == before


def test_a_table_that_another_session_locks_is_left_to_the_next_run(url: str) -> None:
    with psycopg.connect(url) as blocker:
        blocker.execute("lock table login_attempts in share update exclusive mode")

        outcomes = maintain(url, parts=["leftovers", "vacuum", "analyze"], options=SMALL)

    assert of(outcomes, "leftovers") == [("idx_login_attempt_age_ccnew", Result.POSTPONED)]
    assert left(url)[3] == 1


# --- one run at a time, and interruptions ----------------------------------------------------------------------------

# Starts runs in processes that have all modules loaded already, and tells how they ended.
NURSERY = """
import os, sys
from skilltree.maintain import Options, MaintenanceRunning, maintain
# Each index above the least size is rebuilt in every run.
options = Options(batch_size=50, least_index_bytes=64 * 1024, bloat=0.0, behind=1.0)
for line in sys.stdin:
    if line != "start\\n":
        print(os.waitpid(int(line), 0)[1], flush=True)
        continue
    child = os.fork()
    if child == 0:
        try:
            maintain(sys.argv[1], options=options)
        except MaintenanceRunning:
            os._exit(4)
        except BaseException as error:
            print(repr(error), file=sys.stderr, flush=True)
            os._exit(1)
        os._exit(0)
    print(child, flush=True)
"""


@contextmanager
def nursery(url: str) -> Iterator[Callable[[str], int]]:
    """Yield a function that starts a run and returns its process, or waits for a process and returns its status."""
    with subprocess.Popen(
        [sys.executable, "-c", NURSERY, url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdin is not None
        assert parent.stdout is not None
        given, told = parent.stdin, parent.stdout

        def ask(what: str) -> int:
            given.write(f"{what}\n")
            given.flush()
            return int(told.readline())

        yield ask
        given.close()


def test_runs_that_are_killed_at_random_leave_nothing_half_done(url: str) -> None:
    names = valid_indexes(url)
    random.seed(16)
    killed = 0

    with nursery(url) as ask:
        while killed < 20:
            # Two at once: one of them is refused, unless the other has not begun or has ended.
            runs = [ask("start"), ask("start")]
            time.sleep(random.uniform(0.01, 0.2))  # noqa: S311
            for run in runs:
                # A run that has ended stays a zombie until somebody waits for it.
                os.kill(run, signal.SIGKILL)
            killed += sum(ask(str(run)) == signal.SIGKILL for run in runs)
        # The servers of killed runs notice within a second that their clients have gone.
        codes = []
        while not codes or os.waitstatus_to_exitcode(codes[-1]) == 4:
            codes.append(ask(str(ask("start"))))
    last = maintain(url, options=SMALL)

    assert os.waitstatus_to_exitcode(codes[-1]) == 0
    assert left(url) == (1, 1, 2000, 0, 14)
    assert [each for each in last if each.result is not Result.NOTHING] == []
    assert valid_indexes(url) == names


def test_what_a_killed_rebuild_has_left_is_dropped_by_the_next_run(url: str) -> None:
    with (
        psycopg.connect(url, autocommit=True) as watcher,
        psycopg.connect(url) as writer,
        nursery(url) as ask,
    ):
        watcher.execute("drop index idx_login_attempt_age_ccnew")
        # A rebuild waits for a transaction that has written to the table.
        writer.execute("insert into login_attempts (identifier_hash, network) values ('', '10.0.0.2')")
        run = ask("start")
        rebuilding = "select from pg_stat_activity where query ~ '^reindex' and wait_event_type = 'Lock'"
        until(lambda: watcher.execute(rebuilding).fetchall())

        os.kill(run, signal.SIGKILL)
        ask(str(run))
        until(lambda: not watcher.execute("select from pg_stat_activity where query ~ '^reindex'").fetchall())

        assert left(url)[3] == 1
        writer.rollback()
    [(name, result)] = of(maintain(url, options=SMALL), "leftovers")
    assert (name is not None and "_ccnew" in name, result, left(url)[3]) == (True, Result.DONE, 0)


def until(holds: Callable[[], object]) -> None:
    end = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_second_run_says_who_maintains_and_changes_nothing(run: Run, url: str) -> None:
    before = left(url)
    seen: list[Ran] = []

    def tell(part: str, done: int, total: int) -> None:
        # The first run stands here, before its first part.
        if not seen:
            seen.append(run())
            seen.append(run("--json"))
            assert left(url) == before

    maintain(url, options=SMALL, tell=tell)

    second, as_json = seen
    assert second.exit_code == as_json.exit_code == 4
    assert f"process {os.getpid()}) as postgres" in second.output.replace("\n", " ")
    assert json.loads(as_json.output)["error"]["type"] == "MaintenanceRunning"
