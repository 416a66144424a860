"""What a cluster gets instead of a statement with inserts: one query of one server, with the same results."""

import re
from pathlib import Path

import psycopg
import pytest
from pglast import ast, parse_sql
from psycopg.conninfo import make_conninfo

from layout import CLUSTER, as_on_a_cluster
from skilltree import Database
from skilltree._core.queries import read
from skilltree._core.routed import functions, routed
from skilltree._core.sql_folders import folder
from skilltree.errors import MigrationError, PrerequisitesNotMet
from skilltree.gate.citus import split_statements
from skilltree.gate.citus.definitions import read_migrations
from skilltree.gate.citus.learner import check_learner, is_of_one_learner
from skilltree.gate.citus.levels import Reader
from skilltree.gate.citus.text import Text
from skilltree.gate.facts import walk
from skilltree.migrate.distributed import reword
from skilltree.models.enums import CompletionMethod
from skilltree.seed import seed
from skilltree.testing import Factory

OPTIONS = " ".join(f"-c {setting}={value}" for setting, value in CLUSTER.items())

TABLES = (
    "user_skill_progress",
    "user_skill_tree_progress",
    "user_activity_days",
    "xp_events",
    "user_achievements",
    "user_scores",
    "user_profiles",
)
# When and for whom a row is, and its own id.
APART = {
    *("id", "user_id", "created_at", "updated_at", "started_at", "completed_at", "unlocked_at", "last_activity_at"),
    *("granted_at", "earned_at", "learnt_at", "reached_at", "streak_started_at", "last_activity_offset"),
}


def twins() -> dict[str, str]:
    place = folder("queries") / "routed"
    paths = [each for each in place.rglob("*.sql") if each.parent.name != "functions"]
    return {each.relative_to(place).with_suffix("").as_posix(): each.read_text() for each in paths}


def planned(name: str) -> list[tuple[str, tuple[str, ...]]]:
    """Return the statements that servers plan for a twin, with parameters: itself, and that of its function."""
    query = routed(read(name))
    [called] = [each for each in functions() if f"LATERAL {each}(".encode() in query.numbered]
    [held] = re.findall(r"begin\n    return query\n(.*);\nend", functions()[called].decode(), re.DOTALL)
    return [(query.numbered.decode(), query.parameters), (held, read(name).parameters)]


def statement_of(name: str) -> str:
    """Return the statement that writes, on a cluster: that of the twin, or of the file."""
    return planned(name)[1][0] if name in twins() else read(name).numbered.decode()


def test_each_action_has_a_twin() -> None:
    actions = ("complete_skill", "reset_tree", "settle", "skip_skill", "start_tree", "work_on_skill")
    assert twins().keys() == {*(f"progress/{name}" for name in actions), "leaderboards/add_to_scores"}
    assert twins().keys() <= split_statements().keys()


@pytest.mark.parametrize("action", ["refresh_tree", "reset_skill", "work_on_skill"])
def test_what_comes_before_settle_writes_the_profile_with_the_time_that_settle_compares_with(action: str) -> None:
    # In an UPDATE that is sent itself, now() would be the coordinator's; settle has that of the learner's server.
    written = [*walk(parse_sql(statement_of(f"progress/{action}"))[0].stmt)]
    [time] = [
        target.val
        for each in written
        if isinstance(each, ast.UpdateStmt) and each.relation.relname == "user_profiles"
        for target in each.targetList
        if target.name == "updated_at"
    ]

    assert isinstance(time, ast.ColumnRef)
    assert time.fields[-1].sval == "written_at"
    for statement in (written, walk(parse_sql(statement_of("progress/settle"))[0].stmt)):
        [taken] = [each.val for each in statement if isinstance(each, ast.ResTarget) and each.name == "written_at"]
        assert isinstance(taken, ast.FuncCall)
        assert taken.funcname[-1].sval == "now"


@pytest.mark.parametrize("name", twins())
def test_a_twin_asks_one_server_and_inserts_nothing_itself(name: str) -> None:
    trees = []
    for text, parameters in planned(name):
        tree = parse_sql(text)[0].stmt
        # Or a commit on several servers would not be in two phases.
        assert isinstance(tree, ast.InsertStmt) or trees or any(isinstance(each, ast.UpdateStmt) for each in walk(tree))
        if isinstance(tree, ast.InsertStmt):
            # Into a table that only the coordinator has.
            [asked] = tree.selectStmt.withClause.ctes
            tree = asked.ctequery
        learner = {number for number, each in enumerate(parameters, start=1) if each == "user_id"}
        levels = Reader(read_migrations({"skilltree": folder("migrations")}).layout, learner).levels(tree)
        trees.append(tree)

        assert is_of_one_learner(levels)
        assert [*check_learner(Text(name, text, 1), levels)] == []
        assert not any(isinstance(each, ast.InsertStmt) for each in walk(tree))
    assert {*routed(read(name)).parameters} == {*read(name).parameters}
    called = {each.funcname[-1].sval for tree in trees for each in walk(tree) if isinstance(each, ast.FuncCall)}
    assert len([each for each in functions() if each in called]) >= len(trees)


def test_a_twin_is_sent_for_ours_only(tmp_path: Path) -> None:
    (tmp_path / "progress").mkdir()
    (tmp_path / "progress" / "settle.sql").write_text("-- An application's.\nselect 1 as one;\n")
    own = read("progress/settle", tmp_path)

    assert routed(own) is own
    assert routed(read("trees/load")) is read("trees/load")
    assert routed(read("progress/complete_skill")) is read("routed/progress/complete_skill")


def work(db: Database, learner: object, slug: str) -> list[object]:
    """Do what a learner can do, and return what the calls return, without times."""
    me = db.as_user(learner).progress
    tree = db.trees.load(slug)
    first, second, third, optional = sorted(tree.skills, key=lambda each: each.name)
    done: list[object] = [me.start_tree(learner, tree.id).status]
    done.append(me.record_activity(learner, first.id, minutes=7, engagement=0.5).progress.time_spent_minutes)
    done.append(me.record_attempt(learner, first.id, score=71.25, failed=False).progress.attempts_count)
    for _ in range(2):
        completion = me.complete_skill(learner, first.id, score=90.5, evidence={"type": "text", "content": "100 %"})
        done.append((completion.already_completed, completion.total_xp, [each.name for each in completion.unlocked]))
        done.append([each.name for each in completion.achievements])
    with pytest.raises(PrerequisitesNotMet):
        me.complete_skill(learner, third.id)
    done.append(me.skip_skill(learner, optional.id).progress.status)
    done.append(me.complete_skill(learner, second.id, method=CompletionMethod.PROJECT).total_xp)
    done.append(me.complete_skill(learner, third.id).tree_progress.status)
    me.reset_tree(learner, tree.id)
    done.append(me.complete_skill(learner, first.id).total_xp)
    return done


def rows_of(connection: psycopg.Connection, learner: object) -> dict[str, list[dict[str, object]]]:
    found = {}
    for table in TABLES:
        cursor = connection.execute(f"select to_jsonb(t) from {table} as t where user_id = %s", [learner])
        rows = [{name: value for name, value in row.items() if name not in APART} for (row,) in cursor]
        found[table] = sorted(rows, key=repr)
    return found


def test_twins_return_and_write_the_same(migrated_url: str) -> None:
    as_on_a_cluster(migrated_url)
    routed_url = make_conninfo(migrated_url, options=OPTIONS)
    with (
        Database(migrated_url) as plain,
        Database(routed_url) as twin,
        psycopg.connect(migrated_url, autocommit=True) as connection,
    ):
        for _ in seed(plain):
            pass
        make = Factory(plain)
        tree = make.tree("a", "b", "c", "d", needs={"b": ["a"], "c": ["b"]})
        connection.execute(
            "update skills set is_optional = name = 'd', is_milestone = name = 'c' where length(name) = 1"
        )
        one, other = make.learner(), make.learner()

        done, again = work(plain, one.id, tree.slug), work(twin, other.id, tree.slug)

        assert again == done
        assert rows_of(connection, other.id) == rows_of(connection, one.id)
        assert plain.doctor.examine() == []


def test_without_a_function_of_this_version_the_files_themselves_are_sent(migrated_url: str) -> None:
    as_on_a_cluster(migrated_url)
    with psycopg.connect(migrated_url, autocommit=True) as connection:
        [missing] = [each for each in functions() if re.match("complete_skill_award", each)]
        connection.execute(f"drop function {missing}")
    with Database(make_conninfo(migrated_url, options=OPTIONS)) as db:
        make = Factory(db)
        skill, learner = make.tree().skills[0], make.learner()

        assert not db.as_user(learner.id).progress.complete_skill(learner.id, skill.id).already_completed


def test_a_function_that_a_migration_words_otherwise_is_named(migrated_url: str) -> None:
    with psycopg.connect(migrated_url, autocommit=True) as connection:
        definition = "select pg_get_functiondef('set_updated_at()'::regprocedure)"
        [(text,)] = connection.execute(definition).fetchall()
        for _ in range(2):
            reword(connection)
        for _ in range(2):
            reword(connection, back=True)
        assert connection.execute(definition).fetchall() == [(text,)]

        connection.execute(text.replace("now()", "clock_timestamp()"))
        with pytest.raises(MigrationError, match=r"set_updated_at\(\) has neither the text of one server"):
            reword(connection)
