"""What only shows on a cluster: locks between servers, copies of a row, and the times of several servers."""

from collections.abc import Iterator
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

import cluster
from skilltree import Database, migrate, seed
from skilltree._core.queries import read
from skilltree._core.routed import functions, routed
from skilltree.backup import take
from skilltree.backup.failures import ServerUnsuitable
from skilltree.backup.folder import Folder
from skilltree.distribute.layout import SHARED
from skilltree.errors import InvalidValue, TreeNotFound
from skilltree.migrate.distributed import note_begun_trees
from skilltree.models.ids import SkillId, TreeId, UserId

pytestmark = pytest.mark.cluster

SHARD_STAMP = "graph_change"
"""Each copy of a skill has a stamp of its own, which only that server reads."""


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """The URL of a distributed database with the catalogue of the demo. The tests share it."""
    with cluster.database("skilltree_cluster") as url:
        with Database(url, max_size=2) as db:
            for _ in seed.seed(db):
                pass
        yield url


def test_two_actions_of_one_learner_wait_for_each_other(url: str) -> None:
    """The learner's lock is on the server of the learner, whatever session takes it."""
    with Database(url, max_size=2) as db:
        learner, skill = _learner_at_work(db, "waiting")

        with db.transaction() as unit:
            unit.progress.record_activity(learner, skill, minutes=1)
            with psycopg.connect(url) as other:
                other.execute("set local lock_timeout = '200ms'")
                with pytest.raises(psycopg.errors.LockNotAvailable):
                    other.execute("select 1 from user_profiles where user_id = %s for no key update", [learner])

        assert db.progress.record_activity(learner, skill, minutes=1).progress.time_spent_minutes == 2


def test_learners_do_not_wait_for_each_other(url: str) -> None:
    with Database(url, max_size=2, statement_timeout=5) as db:
        # Learners share eight rows of counts: the last bits of the id choose one.
        by_row = {each[0].bytes[15] & 7: each for each in (_learner_at_work(db, f"first-{n}") for n in range(12))}
        learners = [*by_row.values()][:2]

        with db.transaction() as unit:
            unit.progress.complete_skill(*learners[0], score=100)
            # It would wait until the other transaction ends.
            db.progress.complete_skill(*learners[1], score=100)

        assert db.doctor.examine() == []


def test_an_action_is_committed_in_two_phases(url: str) -> None:
    """The learner's server has the action, and the coordinator the counts: both or none."""
    with Database(url, max_size=2) as db:
        learner, skill = _learner_at_work(db, "both")
    given = {"user_id": learner, "skill_id": skill, "score": 100, "method": "MANUAL", "evidence": None, "at": None}
    told: list[str] = []
    with psycopg.connect(url, options="-c citus.log_remote_commands=on") as connection:
        connection.add_notice_handler(lambda notice: told.append(notice.message_primary or ""))
        for name in ("progress/lock_learner", "progress/complete_skill", "leaderboards/add_to_scores"):
            query = routed(read(name))
            connection.execute(query.statement, {each: given[each] for each in query.parameters})
        told.clear()

    assert [each.partition(" '")[0] for each in told] == ["issuing PREPARE TRANSACTION", "issuing COMMIT PREPARED"]


def test_without_a_function_the_file_itself_completes_a_skill(url: str) -> None:
    opened = _opened_by_a_completion(url, "twin")
    [function] = [each for each in functions() if each.startswith("complete_skill_award")]
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"drop function {function}")
    try:
        assert _opened_by_a_completion(url, "file") == opened != []
    finally:
        migrate.migrate(url)


def test_copies_agree_after_each_kind_of_change(url: str) -> None:
    before = _copied(url)

    with Database(url, max_size=2) as db:
        learner, skill = _learner_at_work(db, "copied")
        with db.transaction() as unit:
            tree = unit.trees.find_by_slug("practical-postgresql")
            unit.trees.update(tree.id, description="Changed.")
            # Its time is the same as before, so that a trigger of PostgreSQL cannot tell that it was set.
            unit.trees.update(tree.id, description="Changed again.")
            html, css = (unit.skills.create(tree.id, name=name) for name in ("HTML", "CSS"))
            unit.skills.add_dependency(css.id, html.id)
            unit.skills.update(html.id, description="Changed.")
            unit.categories.update(tree.category_id, name="Changed")
        db.progress.complete_skill(learner, skill, score=100)
        db.trees.import_tree(db.trees.export_tree(tree.slug))
        db.skills.remove_dependency(css.id, html.id)
        db.users.erase(learner)
        assert db.doctor.examine() == []
    after = _copied(url)

    assert {table: len(copies) for table, copies in after.items() if len(copies) > 1} == {}
    assert {"skill_trees", "skills", "skill_categories", "users"} <= {
        name for name in after if after[name] != before[name]
    }


def test_achievements_are_awarded_whatever_the_servers_say_of_the_time(url: str) -> None:
    """The coordinator and the learner's server have different times for one transaction."""
    with Database(url, max_size=2) as db:
        learner, skill = _learner_at_work(db, "awarded")
        first, late = (
            db.achievements.create(
                name=name,
                description=name,
                criteria={"type": "skill_completion_count", "threshold": 1},
            )
            for name in ("First", "Late")
        )
        with db.transaction() as unit:
            unit.progress.record_activity(learner, skill, minutes=1)
            done = unit.progress.complete_skill(learner, skill, score=100)

        assert {each.id for each in done.achievements} >= {first.id, late.id}
        assert db.doctor.examine() == []


def test_an_action_now_is_not_late_although_no_report_may_be(url: str) -> None:
    cluster.set_everywhere(url, "skilltree.late_window", "0")

    with Database(make_conninfo(url, user="skilltree_app"), max_size=2) as app, Database(url) as db:
        learner, skill = _learner_at_work(db, "now")
        done = app.as_user(learner).progress.complete_skill(learner, skill, score=100)
        with pytest.raises(InvalidValue, match="too far in the past"):
            app.as_user(learner).progress.record_activity(
                learner, skill, minutes=1, at=done.progress.completed_at - timedelta(seconds=1)
            )


def test_the_service_erases_accounts_without_a_trace(url: str) -> None:
    with Database(make_conninfo(url, user="skilltree_app"), max_size=2) as app, Database(url, max_size=2) as db:
        (erased, _), (deleted, _), (other, _) = (
            _learner_at_work(db, name) for name in ("erased", "deleted-soon", "changed-by-both")
        )
        for actor in (erased, deleted):
            app.as_service(actor).users.update_profile(other, bio=f"Changed by {actor}.")
        app.as_service(erased).trees.update(db.trees.find_by_slug("practical-postgresql").id, description="Changed.")
        app.as_user(erased).progress.dashboard(erased)

        app.as_service(erased).users.erase(erased)
        app.as_service().users.delete(deleted)

        trail = "select audit_trail::text from audit_trail where strpos(audit_trail::text, %s) > 0"
        with psycopg.connect(url) as connection:
            for learner in (erased, deleted):
                assert [
                    row for (row,) in connection.execute(trail, [str(learner)]) if f"Changed by {learner}" not in row
                ] == []
            changes = "select actor_id from audit_trail where subject_id = %s and after ->> 'bio' like 'Changed by%%'"
            assert connection.execute(changes, [other]).fetchall() == [(None,), (None,)]
            marks = (
                "select after ->> 'is_kept' from shared_audit_log where action = 'ANONYMISE' and after ->> %s = any(%s)"
            )
            hashes = [sha256(str(each).encode()).hexdigest() for each in (erased, deleted)]
            assert sorted(connection.execute(marks, ["account_hash", hashes])) == [("false",), ("true",)]
        assert db.doctor.examine() == []


def test_the_service_cannot_remove_entries_without_the_account(url: str) -> None:
    call = "select forget_entries(audit_log.subject_id, %s, %s) from audit_log where audit_log.subject_id = %s"
    with (
        Database(url, max_size=2) as db,
        psycopg.connect(make_conninfo(url, user="skilltree_app"), autocommit=True) as app,
        psycopg.connect(url) as connection,
    ):
        (there, _), (gone, _), (again, _) = (_learner_at_work(db, name) for name in ("there", "gone", "again"))
        entries = "select count(*) from audit_trail where subject_id = any(%s)"
        connection.execute("delete from users where id = %s", [gone])
        connection.commit()
        before = connection.execute(entries, [[there, gone, again]]).fetchone()

        for learner, nobody, subject in (
            (there, None, there),
            (gone, None, gone),
            (gone, again, again),
            (again, None, there),
        ):
            with pytest.raises(psycopg.DatabaseError, match="cannot be removed"), app.transaction():
                app.execute("select begin_as_service(null)")
                # A profile that this transaction has created does not make the account one of nobody.
                app.execute("delete from user_profiles where user_id = %s", [again])
                app.execute("insert into user_profiles (user_id) values (%s)", [again])
                app.execute(call, [learner, nobody, subject])
        with pytest.raises(psycopg.errors.InsufficientPrivilege), app.transaction():
            app.execute("select begin_as_user(%s, false)", [again])
            app.execute(call, [gone, None, again])

        connection.commit()
        assert connection.execute(entries, [[there, gone, again]]).fetchone() == before


def test_an_unknown_tree_is_not_begun(url: str) -> None:
    with Database(url, max_size=2) as db:
        learner, _ = _learner_at_work(db, "lost")

        with pytest.raises(TreeNotFound):
            db.progress.start_tree(learner, TreeId(uuid4()))

        assert db.doctor.examine() == []


def test_migrate_makes_functions_fit_again(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("alter function forget_entries reset citus.allow_nested_distributed_execution")
        note = "select pg_get_functiondef('hold_tree_as_learner(uuid)'::regprocedure)"
        [(noted,)] = connection.execute(note).fetchall()
        note_begun_trees(connection, back=True)

        migrate.migrate(url)

        assert connection.execute(note).fetchall() == [(noted,)]
    with Database(make_conninfo(url, user="skilltree_app"), max_size=1) as app:
        learner = app.as_service().users.register(
            email="late@example.org", username="late", password="a long pass phrase", bcrypt_cost=4
        )
        app.as_service().users.erase(learner.id)


def test_nobody_may_call_a_private_function_on_any_server(url: str) -> None:
    private = """
        select proname from pg_proc
        where pronamespace = 'public'::regnamespace and prosecdef and has_function_privilege('public', oid, 'execute')
    """
    with psycopg.connect(url, autocommit=True) as connection:
        found = connection.execute(
            "select result from run_command_on_all_nodes(%s)", [f"select array_agg(proname) from ({private}) as p"]
        ).fetchall()
        assert {result for (result,) in found} == {""}


def test_backup_of_one_server_is_refused(url: str, tmp_path: Path) -> None:
    with pytest.raises(ServerUnsuitable, match="one server only"):
        take.server(url, Folder(tmp_path))

    assert list(tmp_path.iterdir()) == []


def _learner_at_work(db: Database, name: str) -> tuple[UserId, SkillId]:
    """Return a new learner, and a skill that is open to them in a tree that they have started."""
    learner = db.users.register(
        email=f"{name}@example.org", username=name, password="a long pass phrase", bcrypt_cost=4
    ).id
    tree = db.trees.find_by_slug("practical-postgresql")
    assert tree is not None
    db.progress.start_tree(learner, tree.id)
    return learner, db.progress.next_skills(learner, tree_id=tree.id)[0].id


def _opened_by_a_completion(url: str, name: str) -> list[str]:
    with Database(url, max_size=2) as db:
        learner, skill = _learner_at_work(db, name)
        return [each.name for each in db.progress.complete_skill(learner, skill, score=100).unlocked]


def _copied(url: str) -> dict[str, set[str]]:
    return {table: _copies(url, table) for table in SHARED}


def _copies(url: str, table: str) -> set[str]:
    """Return the different copies of a table."""
    with psycopg.connect(url, autocommit=True) as connection:
        copy = f"select md5(string_agg((to_jsonb(x) - '{SHARD_STAMP}')::text, '' order by x::text)) from %s x"
        found = connection.execute("select result from run_command_on_placements(%s::regclass, %s)", [table, copy])
        return {result for (result,) in found}
