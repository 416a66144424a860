"""The guard of the graph must not depend on temporary objects of a session or on rows from other servers."""

from collections.abc import Iterator
from itertools import pairwise
from uuid import uuid4

import psycopg
import pytest
from pytest_postgresql.executors import NoopExecutor

from conftest import _database
from skilltree import Database
from skilltree.errors import CyclicDependency
from skilltree.models.ids import CategoryId, SkillId, TreeId

Connection = psycopg.Connection[tuple[object, ...]]

SHADOWS = "; ".join(
    f"create temporary table {table} (like public.{table}) on commit drop" for table in ("skills", "skill_trees")
)
EDITS = {
    "cycle": (
        "skills_dependencies_acyclic",
        "update public.skills set dependencies = array[{b}], dependents = array[{b}] where id = {a};"
        " update public.skills set dependencies = array[{a}], dependents = array[{a}] where id = {b}",
    ),
    "skill that needs itself": (
        "skills_dependencies_acyclic",
        "update public.skills set dependencies = array[{a}], dependents = array[{a}] where id = {a}",
    ),
    "dangling id": (
        "skills_dependencies_exist",
        "update public.skills set dependencies = array[{stranger}] where id = {a}",
    ),
    "skill of another tree": (
        "skills_dependencies_exist",
        "update public.skills set dependencies = array[{foreign}] where id = {a}",
    ),
    "one-sided edge": (
        "skills_dependents_inverse",
        "update public.skills set dependencies = array[{b}] where id = {a}",
    ),
    "deleted skill that others need": (
        "skills_dependencies_exist",
        "delete from public.skills where id = {c}",
    ),
    "parent cycle": (
        "skills_parents_acyclic",
        "update public.skills set parent_skill_id = {b} where id = {a};"
        " update public.skills set parent_skill_id = {a} where id = {b}",
    ),
    "cycle of trees": (
        "skill_trees_prerequisites_acyclic",
        "update public.skill_trees set prerequisites = array[{other}] where id = {tree};"
        " update public.skill_trees set prerequisites = array[{tree}] where id = {other}",
    ),
    "unknown tree": (
        "skill_trees_prerequisites_exist",
        "update public.skill_trees set prerequisites = array[{stranger}] where id = {tree}",
    ),
}


@pytest.fixture(scope="module")
def url(template: NoopExecutor) -> Iterator[str]:
    yield from _database(template, "guard", clone=True)


@pytest.fixture(scope="module")
def db(url: str) -> Iterator[Database]:
    with Database(url, min_size=1) as database:
        yield database


@pytest.fixture(scope="module")
def category_id(db: Database) -> CategoryId:
    return db.categories.create(name="Everything", slug="everything").id


@pytest.fixture
def connection(url: str) -> Iterator[Connection]:
    with psycopg.connect(url) as connection:
        yield connection
        connection.rollback()


def add_tree(db: Database, category_id: CategoryId, *names: str) -> tuple[TreeId, list[SkillId]]:
    slug = f"tree-{uuid4()}"
    tree_id = db.trees.create(category_id, name=slug, slug=slug).id
    return tree_id, [db.skills.create(tree_id, name=name).id for name in names]


def graph(connection: Connection) -> list[tuple[object, ...]]:
    """Return the columns that the guard protects, as another session sees them."""
    return connection.execute("""
        select id, dependencies, dependents, parent_skill_id from public.skills
        union all
        select id, prerequisites, null, null from public.skill_trees
        order by id
    """).fetchall()


# --- temporary objects -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", EDITS)
@pytest.mark.parametrize("role", ["owner", "app_service"])
def test_a_temporary_table_hides_nothing_from_the_guard(
    db: Database, connection: Connection, category_id: CategoryId, role: str, name: str
) -> None:
    tree, (a, b, c, d) = add_tree(db, category_id, "a", "b", "c", "d")
    db.skills.add_dependency(d, c)
    other, (foreign,) = add_tree(db, category_id, "foreign")
    ids = {"tree": tree, "a": a, "b": b, "c": c, "other": other, "foreign": foreign, "stranger": uuid4()}
    before = graph(connection)
    connection.commit()
    constraint, statements = EDITS[name]

    if role == "app_service":
        connection.execute("select begin_as_service(null)")
    connection.execute(SHADOWS)
    connection.execute(statements.format(**{key: f"'{value}'::uuid" for key, value in ids.items()}))
    with pytest.raises(psycopg.Error) as refusal:
        connection.commit()
    connection.rollback()

    assert refusal.value.diag.constraint_name == constraint
    assert graph(connection) == before


@pytest.mark.parametrize(
    "shadow",
    [
        "create temporary sequence skill_graph_changes",
        "create temporary view skills as select * from public.skills limit 0",
        "create type pg_temp.skills as (id uuid)",
    ],
)
def test_other_temporary_objects_hide_nothing_from_the_guard(
    db: Database, connection: Connection, category_id: CategoryId, shadow: str
) -> None:
    _, (a, b) = add_tree(db, category_id, "a", "b")
    before = graph(connection)
    connection.commit()

    connection.execute(shadow)
    connection.execute(EDITS["cycle"][1].format(a=f"'{a}'::uuid", b=f"'{b}'::uuid"))
    with pytest.raises(psycopg.DatabaseError, match="dependency cycle"):
        connection.commit()
    connection.rollback()

    assert graph(connection) == before


def test_a_temporary_table_receives_no_entries_of_the_trail(
    db: Database, connection: Connection, category_id: CategoryId
) -> None:
    _, (skill,) = add_tree(db, category_id, "a")

    connection.execute("create temporary table audit_log (like public.audit_log including defaults) on commit drop")
    connection.execute("update skills set name = 'b' where id = %s", [skill])
    connection.execute("select audit_image(skills) from public.skills where id = %s", [skill])
    connection.commit()

    caught = "select count(*) from audit_log where subject_id = %s and action = 'UPDATE'"
    assert connection.execute(caught, [skill]).fetchone() == (1,)


def test_every_function_searches_the_temporary_schema_last(connection: Connection) -> None:
    paths = connection.execute("""
        select distinct setting
        from pg_proc
        left join unnest(pg_proc.proconfig) as setting on setting ~ '^search_path='
        where pg_proc.pronamespace = 'public'::regnamespace
    """).fetchall()

    assert {str(path).endswith(", pg_temp") for (path,) in paths} == {True}


# --- rows from other servers -----------------------------------------------------------------------------------------

FOREIGN_STAMPS = [
    "array[{transaction}, 1000000]",
    "array[{transaction}, 1000000, 1000000]",
    "array[{moment}, {transaction}, 9223372036854775807]",
    "array[{moment}, {transaction} - 1, 9223372036854775807]",
    "array[9223372036854775807, 9223372036854775807, 9223372036854775807]",
    "'{{}}'",
]


@pytest.mark.parametrize("stamp", FOREIGN_STAMPS)
def test_a_change_stamp_from_logical_replication_hides_no_cycle(
    db: Database, url: str, category_id: CategoryId, stamp: str
) -> None:
    tree, (first, second, copied) = add_tree(db, category_id, "first", "second", "copied")
    db.skills.add_dependency(second, first)
    refused = 0

    # Written as the apply worker does. The id of its next transaction is not predictable.
    with psycopg.connect(url, autocommit=True) as worker:
        worker.execute("set session_replication_role = replica")
        for ahead in range(1, 6):
            row = worker.execute(
                "select pg_current_xact_id()::text::bigint, (extract(epoch from now()) * 1000000)::bigint"
            ).fetchone()
            assert row is not None
            written = stamp.format(transaction=int(str(row[0])) + ahead, moment=row[1])
            worker.execute(f"update skills set graph_change = {written} where id = %s", [copied])
            with pytest.raises(CyclicDependency):
                db.skills.add_dependency(first, second)
            refused += 1

    assert refused == 5
    assert db.doctor.examine() == []
    assert [skill.dependencies for skill in db.skills.list_for_tree(tree)].count(()) == 2


def test_a_cycle_is_refused_among_rows_restored_from_a_dump(
    db: Database, connection: Connection, category_id: CategoryId
) -> None:
    tree, (first, second, third) = add_tree(db, category_id, "first", "second", "third")
    db.skills.add_dependency(second, first)
    connection.execute(
        "create temporary table dump on commit drop as select * from skills where skill_tree_id = %s", [tree]
    )
    connection.execute("set local session_replication_role = replica")
    connection.execute("delete from skills where skill_tree_id = %s", [tree])
    columns = connection.execute(
        "select string_agg(quote_ident(attname), ', ') from pg_attribute"
        " where attrelid = 'skills'::regclass and attnum > 0 and attgenerated = '' and not attisdropped"
    ).fetchone()
    assert columns is not None
    connection.execute(f"insert into skills ({columns[0]}) select {columns[0]} from dump")
    # A dump of the data sets the sequence. A restore of the schema alone leaves it at its start.
    connection.execute("select setval('skill_graph_changes', 1, false)")
    connection.commit()

    with pytest.raises(CyclicDependency):
        db.skills.add_dependency(first, second)
    db.skills.add_dependency(third, second)

    assert db.doctor.examine() == []


@pytest.mark.parametrize("at", [0, 1, 2])
def test_a_sequence_reset_during_a_transaction_hides_no_cycle(
    db: Database, connection: Connection, category_id: CategoryId, at: int
) -> None:
    _, skills = add_tree(db, category_id, "a", "b", "c")
    before = graph(connection)
    connection.commit()

    for number, (skill, needed) in enumerate(pairwise([*skills, skills[0]])):
        if number == at:
            connection.execute("select setval('skill_graph_changes', 1, false)")
        connection.execute("update skills set dependencies = dependencies || %s where id = %s", [needed, skill])
        connection.execute("update skills set dependents = dependents || %s where id = %s", [skill, needed])
    with pytest.raises(psycopg.DatabaseError, match="dependency cycle"):
        connection.commit()
    connection.rollback()

    assert graph(connection) == before


def test_changes_in_all_savepoints_of_a_transaction_are_checked(
    db: Database, connection: Connection, category_id: CategoryId
) -> None:
    _, (a, b) = add_tree(db, category_id, "a", "b")
    before = graph(connection)
    connection.commit()

    with pytest.raises(psycopg.DatabaseError, match="dependency cycle"), connection.transaction():
        for skill, needed in ((a, b), (b, a)):
            with connection.transaction():
                connection.execute("update skills set dependencies = array[%s] where id = %s", [needed, skill])
                connection.execute("update skills set dependents = array[%s] where id = %s", [needed, skill])

    assert graph(connection) == before
