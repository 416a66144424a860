"""Partitioning by learner: what a table has carries over, and no row is lost while the application works."""

import threading
import time
from uuid import uuid4

import psycopg
import pytest

from skilltree import migrate, seed
from skilltree._core.queries import read
from skilltree._sync.database import Database
from skilltree.explain.explain import explain
from skilltree.explain.samples import has_plan, is_about_the_schema, names
from skilltree.migrate.drift import drift
from skilltree.migrate.lint import lint
from skilltree.migrate.partition import TABLES, CannotPartition, abandon, examine, partition

PARTS = 4


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


@pytest.fixture
def filled_url(template, loaded_url):
    """The URL of a database of this test alone with a fiftieth of the large data set."""
    from conftest import _database  # noqa: PLC0415
    from skilltree.budgets import dataset  # noqa: PLC0415

    for url in _database(template, "filled", clone=True):
        with psycopg.connect(url, autocommit=True) as connection:
            dataset.load(connection, dataset.Size.of(0.02))
        yield url


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


def _partitions_touched(plan, tables, found):
    """Add the partitions that a plan reads or writes to their tables, without those that were never executed."""
    relation = plan.get("Relation Name", "")
    table = relation.rpartition("_p")[0]
    if table in tables and plan.get("Actual Loops", 0) and plan["Node Type"] != "ModifyTable":
        found.setdefault(table, set()).add(relation)
    for child in plan.get("Plans", []):
        _partitions_touched(child, tables, found)


def _learners_queries():
    for name in names():
        query = read(name)
        if query.role != "app_service" and has_plan(query) and not is_about_the_schema(name):
            across = any(each.word == "across" for each in query.directives)
            if not across and not any(each.word == "extension" for each in query.directives):
                yield name


def test_each_statement_of_a_learner_touches_one_partition_of_a_table(filled_url):
    partition(filled_url, parts=PARTS)

    wide, tried = {}, 0
    with psycopg.connect(filled_url) as connection:
        for name in _learners_queries():
            explained = explain(connection, read(name), {}, timed=False)
            found = {}
            _partitions_touched(explained.plan, TABLES, found)
            tried += bool(found)
            wide |= {f"{name}: {table}": touched for table, touched in found.items() if len(touched) > 1}

    assert tried > 20
    assert wide == {}


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
            connection.execute(
                "insert into users (id, email, username, password_hash)"
                " values (%s, 'ada@example.org', 'ada', '$2b$04$' || repeat('a', 53))",
                [learner],
            )
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
