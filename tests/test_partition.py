"""Partitioning by learner: what a table has carries over, and no row is lost while the application works."""

import re
import signal
import subprocess
import sys
import threading
import time
from uuid import uuid4

import psycopg
import pytest

from conftest import _database
from skilltree import migrate, seed
from skilltree._core.driver_errors import from_driver
from skilltree._core.queries import made, read
from skilltree._sync.database import Database
from skilltree.budgets import dataset
from skilltree.errors import IdTaken
from skilltree.explain.budget import check
from skilltree.explain.explain import explain, looked_at
from skilltree.explain.samples import has_plan, is_about_the_schema, names
from skilltree.migrate.drift import drift
from skilltree.migrate.lint import lint
from skilltree.migrate.partition import (
    TABLES,
    CannotPartition,
    PartitioningRunning,
    abandon,
    examine,
    partition,
    undo,
)

PARTS = 4
ACCOUNT = "insert into users (id, email, username, password_hash) values (%s, %s, %s, '$2b$04$' || repeat('a', 53))"
IDLE = psycopg.pq.TransactionStatus.IDLE


def _normal(fingerprint: dict[str, str]) -> dict[str, str]:
    """Return a fingerprint without what says that a table is partitioned."""
    return {
        name: text.replace(" partition by HASH (user_id)", "")
        .replace("using heap", "")
        .replace(" ON ONLY ", " ON ")
        .replace("  ", " ")
        for name, text in fingerprint.items()
    }


def _checksums(url: str) -> dict[str, tuple[object, ...] | None]:
    with psycopg.connect(url) as connection:
        return {
            table: connection.execute(
                f"select count(*), sum(hashtextextended(t::text, 0)::numeric) from {table} as t".encode()
            ).fetchone()
            for table in TABLES
        }


@pytest.fixture(scope="module")
def filled(template):
    """The name of a database with a fiftieth of the large data set, which tests clone."""
    for url in _database(template, "filled", clone=True):
        with psycopg.connect(url, autocommit=True) as connection:
            dataset.load(connection, dataset.Size.of(0.02))
        # The template is partitioned with the option `--partitioned`.
        undo(url)
        yield f"{template.dbname}_filled"


@pytest.fixture
def migrated_url(migrated_url):
    """The URL of a database with all migrations applied, no data, and plain tables."""
    undo(migrated_url)
    return migrated_url


@pytest.fixture
def filled_url(template, filled):
    """The URL of a database of this test alone with a fiftieth of the large data set."""
    yield from _database(template, "filled_of_a_test", clone=True, of=filled)


def test_everything_of_a_table_but_its_partitions_stays_as_it_was(migrated_url):
    before = _normal(migrate.fingerprint(migrated_url))
    findings = lint(migrated_url)

    partition(migrated_url, parts=PARTS)

    assert _normal(migrate.fingerprint(migrated_url)) == before
    assert all(each.is_partitioned for each in examine(migrated_url))
    assert migrate.health(migrated_url) == []
    assert lint(migrated_url) == findings
    # A clone of a database lacks its grants.
    assert [each.object for each in drift(migrated_url).differences] == ["grants on the database"]


def test_rows_stay_and_the_doctor_finds_nothing(filled_url):
    before = _checksums(filled_url)

    converted = partition(filled_url, parts=PARTS)

    assert _checksums(filled_url) == before
    assert {each.name: each.rows for each in converted} == {table: row[0] for table, row in before.items() if row}
    with Database(filled_url) as db:
        assert db.doctor.examine() == []
    assert partition(filled_url, parts=PARTS) == []


def test_changes_during_the_work_are_in_both(filled_url):
    stop, waits, problems = threading.Event(), [], []
    attempts, deleted = {}, set()
    with psycopg.connect(filled_url) as connection:
        attempts |= {
            (learner, skill): count
            for learner, skill, count in connection.execute(
                "select user_id, skill_id, attempts_count from user_skill_progress"
            )
        }

    def work(number: int) -> None:
        with Database(filled_url, max_size=1) as db, psycopg.connect(filled_url, autocommit=True) as connection:
            learners = connection.execute(
                "select user_id, skill_id from user_skill_progress where abs(hashtext(user_id::text)) %% 8 = %s"
                " order by md5(user_id::text) limit 2000",
                [number],
            ).fetchall()
            for count, (learner, skill) in enumerate(learners):
                if stop.is_set():
                    return
                begun = time.monotonic()
                try:
                    if count % 5 == 4:
                        connection.execute(
                            "delete from user_skill_progress where user_id = %s and skill_id = %s", [learner, skill]
                        )
                        deleted.add((learner, skill))
                    else:
                        connection.execute(
                            "update user_skill_progress set attempts_count = attempts_count + 1"
                            " where user_id = %s and skill_id = %s",
                            [learner, skill],
                        )
                        attempts[learner, skill] += 1
                    db.users.get(learner)
                except Exception as error:
                    problems.append(error)
                waits.append(time.monotonic() - begun)

    workers = [threading.Thread(target=work, args=[number]) for number in range(8)]
    for worker in workers:
        worker.start()
    converted = partition(filled_url, parts=PARTS)
    stop.set()
    for worker in workers:
        worker.join()

    assert problems == []
    assert {each.name for each in converted} == set(TABLES)
    with psycopg.connect(filled_url) as connection:
        found = connection.execute("select user_id, skill_id, attempts_count from user_skill_progress").fetchall()
    expected = {key: count for key, count in attempts.items() if key not in deleted}
    assert {(learner, skill): count for learner, skill, count in found} == expected


def test_a_table_that_another_references_is_refused_before_anything_is_written(migrated_url):
    with psycopg.connect(migrated_url) as connection:
        connection.execute(
            "create table noted (user_id uuid, skill_id uuid, constraint noted_fkey"
            " foreign key (user_id, skill_id) references user_skill_progress)"
        )

    with pytest.raises(CannotPartition, match="noted references it: drop noted_fkey"):
        partition(migrated_url, parts=PARTS)

    assert not any(each.is_partitioned for each in examine(migrated_url))
    with psycopg.connect(migrated_url) as connection:
        assert connection.execute("select to_regnamespace('skilltree_partition')").fetchone() == (None,)


@pytest.mark.parametrize("rows", [0, 2, 9])
def test_an_interrupted_run_is_continued_or_abandoned(filled_url, rows):
    before = _checksums(filled_url)
    calls = 0

    def interrupt(table: str, step: str, done: int, total: int) -> None:
        nonlocal calls
        calls += 1
        if calls > rows:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        partition(filled_url, parts=PARTS, tell=interrupt)
    if not rows:
        abandon(filled_url)
    partition(filled_url, parts=PARTS)

    assert _checksums(filled_url) == before
    assert all(each.is_partitioned for each in examine(filled_url))


# --- plans -----------------------------------------------------------------------------------------------------------


def _learners_statements():
    """Yield every query file that a learner's role may run and that PostgreSQL plans."""
    for name in names():
        query = read(name)
        words = {each.word for each in query.directives}
        if (
            query.role != "app_service"
            and has_plan(query)
            and not is_about_the_schema(name)
            and not words & {"across", "extension"}
        ):
            yield query


def _reach(connection, query):
    """Return the tables of which a generic plan can touch several partitions, and those of which it touches one.

    A partition is out of the plan when execution starts ("Subplans Removed"), or is never executed. Where no partition
    of a table was executed, those count that are not sought by one learner's id.
    """
    executed, possible, tables = {}, {}, set()

    def look(node):
        relation = node.get("Relation Name", "")
        table = relation.rpartition("_p")[0]
        if table in TABLES and node["Node Type"] != "ModifyTable":
            tables.add(table)
            if node["Actual Loops"]:
                executed.setdefault(table, set()).add(relation)
            if not re.search(r"\(user_id = ", node.get("Index Cond", "")):
                possible.setdefault(table, set()).add(relation)
        for child in node.get("Plans", []):
            look(child)

    look(explain(connection, query, {}, timed=False).plan)
    wide = {table for table in tables if len(executed.get(table) or possible.get(table, ())) > 1}
    return wide, tables - wide


@pytest.fixture(scope="module")
def partitioned_url(template, filled):
    """The URL of a database with a fiftieth of the large data set in partitions, which tests do not change."""
    for url in _database(template, "in_partitions", clone=True, of=filled):
        partition(url, parts=PARTS)
        yield url


def test_each_statement_of_a_learner_touches_one_partition_of_a_table(partitioned_url):
    wide, narrow = {}, {}
    with psycopg.connect(partitioned_url) as connection:
        for query in _learners_statements():
            wide[query.name], narrow[query.name] = _reach(connection, query)
            names_some = any(table in query.statement.decode() for table in TABLES)
            # Also through views and functions. What names a table in its text reaches it in its plan.
            assert wide[query.name] or narrow[query.name] or not names_some, query.name

    assert {name: tables for name, tables in wide.items() if tables} == {}
    assert sum(map(bool, narrow.values())) > 30


@pytest.mark.parametrize(
    "statement",
    [
        "select attempts_count from user_skill_progress where skill_id = %(skill_id)s",
        "update user_skill_progress set attempts_count = 1 where skill_id = %(skill_id)s",
        "delete from xp_events where granted_on > %(today)s",
        "select users.id from users inner join xp_events on users.id = xp_events.user_id",
        "select user_id from user_sessions where user_id = any(array[%(user_id)s, gen_random_uuid()])",
    ],
)
def test_a_statement_without_a_condition_on_the_learner_is_found(partitioned_url, statement):
    query = made("seeded/mistake", statement.encode(), "-- @role app_service\n-- @sample today: current_date\n")
    with psycopg.connect(partitioned_url) as connection:
        wide, _ = _reach(connection, query)

    assert len(wide) == 1


def test_rules_about_a_table_in_a_plan_hold_for_its_partitions(partitioned_url):
    statement = b"select count(*) from xp_events where xp > %(least)s"
    header = "-- @role app_service\n-- @sample least: 0\n-- @budget buffers 100000\n-- @never Seq Scan on xp_events\n"
    with psycopg.connect(partitioned_url) as connection:
        explained = explain(connection, made("seeded/scan", statement, header), {})

    assert len(check(explained).breaches) == PARTS
    assert {str(breach).partition("the plan has ")[2][:21] for breach in check(explained).breaches} == {
        "Seq Scan on xp_events"
    }
    assert any("reads all" in each for each in looked_at(explained, {"xp_events": 10_000}))


# --- the trail -------------------------------------------------------------------------------------------------------

AUDITED_CHANGES = """
    insert into user_skill_progress (user_id, skill_id, skill_tree_id, status)
    select %(learner)s, skills.id, skills.skill_tree_id, 'AVAILABLE' from skills;
    update user_skill_progress set attempts_count = 1 where user_id = %(learner)s;
    update user_skill_progress set last_activity_at = now(), updated_at = now() where user_id = %(learner)s;
    delete from user_skill_progress where user_id = %(learner)s;
    insert into user_activity_days (user_id, activity_date)
    values (%(learner)s, '2026-01-02'), (%(learner)s, '2026-01-03');
    update user_activity_days set minutes = 5 where user_id = %(learner)s;
    insert into user_sessions (user_id, token_hash, started_at, expires_at)
    values
    (%(learner)s, sha256('a'), '2026-01-02', '2026-02-02'),
    (%(learner)s, sha256('b'), '2026-01-03', '2026-02-03');
    update user_sessions set last_activity_at = now() where user_id = %(learner)s;
    delete from users where id = %(learner)s
"""


def test_the_trail_has_the_same_entries_of_plain_and_partitioned_tables(migrated_url):
    entries = []
    with psycopg.connect(migrated_url, autocommit=True) as connection, Database(migrated_url) as db:
        for _ in seed.seed(db):
            pass
        for is_partitioned in (False, True):
            if is_partitioned:
                partition(migrated_url, parts=PARTS)
            learner = uuid4()
            connection.execute(ACCOUNT, [learner, "ada@example.org", "ada"])
            connection.execute("delete from audit_log")
            for statement in AUDITED_CHANGES.split(";"):
                connection.execute(statement.encode(), {"learner": learner})
            entries.append(
                connection.execute(
                    "select table_name, action, before - '{id,user_id}'::text[] - 'created_at', after,"
                    " cardinality(row_keys) from audit_log where subject_id = %s and table_name <> 'users'"
                    " order by table_name, action, before::text, after::text, row_keys",
                    [learner],
                ).fetchall()
            )

    plain, partitioned = entries
    assert {(table, action) for table, action, *_ in plain} > {
        ("user_skill_progress", "INSERT"),
        ("user_skill_progress", "UPDATE"),
        ("user_skill_progress", "DELETE"),
        ("user_sessions", "INSERT"),
        ("user_activity_days", "UPDATE"),
    }
    assert partitioned == plain


@pytest.mark.parametrize("table", TABLES)
def test_a_partitioned_table_cannot_be_truncated(migrated_url, table):
    partition(migrated_url, [table], parts=PARTS)

    with psycopg.connect(migrated_url) as connection, pytest.raises(psycopg.Error, match="cannot be truncated"):
        connection.execute(f"truncate {table}".encode())


def test_a_violated_constraint_of_a_partition_raises_what_its_table_does(migrated_url):
    with Database(migrated_url) as db, psycopg.connect(migrated_url, autocommit=True) as connection:
        refused = []
        for learner in ("ada", "grace"):
            user_id = uuid4()
            connection.execute(ACCOUNT, [user_id, f"{learner}@example.org", learner])
            session = db.sessions.start(user_id).session
            with pytest.raises(IdTaken) as taken:
                db.sessions.start(user_id, id=session.id)
            with pytest.raises(psycopg.errors.UniqueViolation) as twice:
                connection.execute(
                    "insert into user_sessions (user_id, token_hash, expires_at)"
                    " select user_id, token_hash, expires_at from user_sessions where id = %s",
                    [session.id],
                )
            with pytest.raises(psycopg.errors.CheckViolation) as bad:
                connection.execute("update user_sessions set token_hash = 'x' where id = %s", [session.id])
            told = from_driver(twice.value), from_driver(bad.value)
            refused.append([str(taken.value).partition("(")[0], *map(type, told), str(told[0]), told[1].constraint])
            partition(migrated_url, parts=PARTS)

    assert refused[0] == refused[1]


# --- transactions with an old snapshot -------------------------------------------------------------------------------

WRITES = {
    "update": "update user_skill_progress set attempts_count = attempts_count + 1 where (user_id, skill_id) = (%s, %s)",
    "delete": "delete from user_skill_progress where (user_id, skill_id) = (%s, %s)",
}


@pytest.fixture
def old_snapshot(filled_url):
    """A connection in a transaction at repeatable read, whose snapshot is older than all that follows."""
    with psycopg.connect(filled_url) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.execute("select pg_current_snapshot()")
        yield connection


FOUND = "select from user_skill_progress where (user_id, skill_id) = (%s, %s)"


def _key(url, order="asc"):
    with psycopg.connect(url) as connection:
        return connection.execute(
            f"select user_id, skill_id from user_skill_progress order by user_id {order} limit 1".encode()
        ).fetchone()


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("level", ["REPEATABLE_READ", "SERIALIZABLE"])
def test_a_write_with_a_snapshot_older_than_the_copied_row_fails_and_can_be_tried_again(filled_url, level, write):
    key, problems = _key(filled_url), []
    before = _checksums(filled_url)["user_skill_progress"]

    def meanwhile(table, step, done, total):
        if step == "copy" and not problems:
            with pytest.raises(psycopg.errors.SerializationFailure) as caught:
                connection.execute(WRITES[write].encode(), key)
            problems.append(caught.value)
            connection.rollback()
            connection.execute(WRITES[write].encode(), key)
            connection.commit()

    with psycopg.connect(filled_url) as connection:
        connection.isolation_level = psycopg.IsolationLevel[level]
        connection.execute("select pg_current_snapshot()")
        partition(filled_url, ["user_skill_progress"], parts=PARTS, tell=meanwhile)

    assert len(problems) == 1
    assert _checksums(filled_url)["user_skill_progress"][0] == before[0] - (write == "delete")
    with psycopg.connect(filled_url) as connection:
        assert len(connection.execute(FOUND, key).fetchall()) == (write == "update")


@pytest.mark.parametrize("write", WRITES)
def test_a_write_at_repeatable_read_of_a_row_not_copied_yet_is_in_both(filled_url, write):
    key, written = _key(filled_url, "desc"), []

    def meanwhile(table, step, done, total):
        # After the first batch of several.
        if step == "copy" and done < total and not written:
            connection.execute("select pg_current_snapshot()")
            written.append(connection.execute(WRITES[write].encode(), key).rowcount)
            connection.commit()

    with psycopg.connect(filled_url) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        partition(filled_url, ["user_skill_progress"], parts=PARTS, tell=meanwhile)

    assert written == [1]
    with psycopg.connect(filled_url) as connection:
        assert len(connection.execute(FOUND, key).fetchall()) == (write == "update")


def test_a_snapshot_older_than_the_copy_is_waited_for_and_sees_every_row(filled_url, old_snapshot):
    expected, seen = _checksums(filled_url)["xp_events"][0], []

    def meanwhile(table, step, done, total):
        if step == "wait for transactions" and not seen:
            seen.append(old_snapshot.execute("select count(*) from xp_events").fetchone()[0])
            old_snapshot.commit()

    partition(filled_url, ["xp_events"], parts=PARTS, tell=meanwhile)

    assert seen == [expected]


def test_a_snapshot_newer_than_the_copy_sees_every_row_after_the_swap(filled_url):
    expected = _checksums(filled_url)["xp_events"][0]

    def meanwhile(table, step, done, total):
        if step == "compare" and connection.info.transaction_status == IDLE:
            connection.execute("select pg_current_snapshot()")

    with psycopg.connect(filled_url) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        partition(filled_url, ["xp_events"], parts=PARTS, tell=meanwhile)
        assert connection.info.transaction_status == psycopg.pq.TransactionStatus.INTRANS
        assert connection.execute("select count(*) from xp_events").fetchone()[0] == expected


# --- the way back, and runs that end ---------------------------------------------------------------------------------


def test_undo_leaves_everything_as_it_was(filled_url):
    before, rows = migrate.fingerprint(filled_url), _checksums(filled_url)
    partition(filled_url, parts=PARTS)

    undone = undo(filled_url)

    assert {each.name for each in undone} == set(TABLES)
    assert migrate.fingerprint(filled_url) == before
    assert _checksums(filled_url) == rows
    assert not any(each.is_partitioned for each in examine(filled_url))
    with psycopg.connect(filled_url) as connection:
        partitions = connection.execute(
            "select relname from pg_class where relispartition and relname !~ '^audit_log'"
        ).fetchall()
        assert partitions == []
    assert undo(filled_url) == []
    with Database(filled_url) as db:
        assert db.doctor.examine() == []


def test_a_vacuum_is_waited_for_without_holding_up_clients(filled_url):
    """Autovacuum would give way after a second. A vacuum by hand does not, so the test sees both sides."""
    waits = []

    def meanwhile(table, step, done, total):
        if step == "compare" and vacuum.info.transaction_status == IDLE:
            # The lock of a vacuum.
            vacuum.execute("lock table xp_events in share update exclusive mode")
            timer.start()

    def client():
        until = time.monotonic() + 2
        with psycopg.connect(filled_url, autocommit=True) as connection:
            while time.monotonic() < until:
                begun = time.monotonic()
                connection.execute(
                    "update xp_events set xp = xp where user_id = (select user_id from xp_events limit 1)"
                )
                waits.append(time.monotonic() - begun)
        vacuum.rollback()

    with psycopg.connect(filled_url) as vacuum:
        timer = threading.Thread(target=client)
        [converted] = partition(filled_url, ["xp_events"], parts=PARTS, lock_timeout=0.3, attempts=2, tell=meanwhile)
        timer.join()

    assert converted.attempts == 1
    assert converted.seconds > 2
    assert max(waits) < 1


def test_two_runs_at_once_are_refused(filled_url):
    refused = []

    def meanwhile(table, step, done, total):
        for work in (partition, undo, abandon):
            with pytest.raises(PartitioningRunning) as caught:
                work(filled_url)
            refused.append(caught.value)

    partition(filled_url, ["user_sessions"], parts=PARTS, tell=meanwhile)

    assert len(refused) >= 3


KILLED_AT_STATEMENT = """
import os, signal, sys
import psycopg
from skilltree.migrate import partition as work

url, command, limit, how = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
count = 0

class Connection(psycopg.Connection):
    def execute(self, *arguments, **options):
        global count
        count += 1
        if count == limit and how == "client":
            os.kill(os.getpid(), signal.SIGKILL)
        if count == limit and how == "backend":
            with psycopg.connect(url, autocommit=True) as other:
                other.execute("select pg_terminate_backend(%s, 5000)", [self.info.backend_pid])
        return super().execute(*arguments, **options)

connect = psycopg.connect
psycopg.connect = lambda *arguments, **options: (
    Connection.connect(*arguments, **options) if options.get("autocommit") and "row_factory" in options
    else connect(*arguments, **options)
)
tables = ["user_sessions", "user_skill_progress"]
{
    "partition": lambda: work.partition(url, tables, parts=2),
    "undo": lambda: work.undo(url, tables),
    "abandon": lambda: work.abandon(url),
}[command]()
print(count)
"""


def _run_until(url, command, limit, how="client"):
    """Run in a process that ends at a statement, and return whether it ended earlier by itself."""
    ran = subprocess.run(
        [sys.executable, "-c", KILLED_AT_STATEMENT, url, command, str(limit), how], capture_output=True, check=False
    )
    assert ran.returncode in (0, 1, -signal.SIGKILL), ran.stderr.decode()
    if ran.returncode == 1:
        assert how == "backend"
        assert b"terminating connection" in ran.stderr or b"closed" in ran.stderr, ran.stderr.decode()
    return ran.returncode == 0


def _again(work):
    """Do it, once the server has noticed that the client before is gone."""
    for _ in range(50):
        try:
            return work()
        except PartitioningRunning:
            time.sleep(0.1)
    return work()


@pytest.mark.parametrize("how", ["client", "backend"])
@pytest.mark.parametrize("ending", ["continued", "abandoned"])
def test_a_run_that_is_killed_at_any_statement_is_continued_or_abandoned(filled_url, ending, how):
    before, rows = migrate.fingerprint(filled_url), _checksums(filled_url)
    offset = {"client": 0, "backend": 3}[how] + {"continued": 0, "abandoned": 5}[ending]

    for limit in range(5 + offset, 400, 17):
        if _run_until(filled_url, "partition", limit, how):
            break
        if ending == "abandoned":
            _again(lambda: abandon(filled_url))
            assert _leftovers(filled_url) == []
        assert _checksums(filled_url) == rows
    _again(lambda: partition(filled_url, ["user_sessions", "user_skill_progress"], parts=2))

    assert limit > 50
    assert _leftovers(filled_url) == []
    assert _checksums(filled_url) == rows
    assert _normal(migrate.fingerprint(filled_url)) == _normal(before)


def test_undo_and_abandon_that_are_killed_at_any_statement_are_repeated(filled_url):
    before, rows = migrate.fingerprint(filled_url), _checksums(filled_url)
    partition(filled_url, ["user_sessions", "user_skill_progress"], parts=2)

    for limit in range(6, 400, 17):
        if _run_until(filled_url, "undo", limit):
            break
        _run_until(filled_url, "abandon", 7 + limit % 6)
        assert _checksums(filled_url) == rows
        _again(lambda: abandon(filled_url))
        assert _leftovers(filled_url) == []
    _again(lambda: undo(filled_url))

    assert limit > 60
    assert _leftovers(filled_url) == []
    assert _checksums(filled_url) == rows
    assert migrate.fingerprint(filled_url) == before


def _leftovers(url):
    with psycopg.connect(url) as connection:
        return connection.execute(
            "select nspname from pg_namespace where nspname ~ '^skilltree_'"
            " union all select tgname from pg_trigger where tgname ~ 'partition_mirror'"
        ).fetchall()
