"""`skilltree distribute` and `skilltree undistribute`."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

import cluster
from skilltree import Database, distribute, migrate, seed
from skilltree._core.routed import functions
from skilltree.backup import dumps
from skilltree.backup.folder import Folder
from skilltree.cli import demo
from skilltree.cli.terminal import out
from skilltree.distribute.layout import OF_LEARNERS, ON_COORDINATOR, SHARED
from skilltree.drift import drift
from skilltree.errors import LockTimeout, UnfitDatabase
from skilltree.migrate.lint import lint

TABLES = (*SHARED, *ON_COORDINATOR, *OF_LEARNERS)
SHARD_STAMP = "graph_change"
"""Each copy of a skill has a stamp of its own, which only that server reads."""


@pytest.fixture
def undistributed():
    with cluster.database("skilltree_distribute", distributed=False) as url:
        with Database(url, max_size=2) as db:
            for _ in seed.seed(db):
                pass
            demo.run(db, out)
        yield url


@pytest.fixture
def distributed(undistributed):
    distribute.distribute(undistributed)
    return undistributed


@pytest.fixture
def plain_url(empty_url):
    """The URL of a migrated database on a server without Citus."""
    migrate.migrate(empty_url)
    return empty_url


def test_server_without_citus_is_refused(plain_url):
    with pytest.raises(UnfitDatabase, match="citus"):
        distribute.plan(plain_url)
    with pytest.raises(UnfitDatabase, match="citus"):
        distribute.undistribute(plain_url)


def test_trail_can_be_shared_and_taken_back(plain_url):
    with psycopg.connect(plain_url, autocommit=True) as connection:
        before = migrate.fingerprint(plain_url)

        connection.execute("call share_trail('users', true)")
        changed = migrate.fingerprint(plain_url)
        connection.execute("call share_trail('users', false)")

    assert {name for name in changed if changed[name] != before.get(name)} == {
        f"{kind} {name}"
        for change in ("insert", "update", "delete")
        for kind, name in (
            ("function", f"public.audit_{change}_of_users()"),
            ("trigger", f"users_audit_{change} on public.users"),
        )
    }
    assert migrate.fingerprint(plain_url) == before


@pytest.mark.cluster
def test_all_rows_stay_there_and_back(undistributed):
    before = _rows(undistributed)

    steps = distribute.distribute(undistributed)
    between = _rows(undistributed)
    distribute.undistribute(undistributed)

    assert [step.table for step in steps] == [*TABLES]
    assert between == before
    assert _rows(undistributed) == before
    assert not [each for each in drift(undistributed).differences if "citus" not in each.object]


@pytest.mark.cluster
def test_a_learner_sees_the_same_in_a_pool_that_was_open_before(undistributed):
    with Database(undistributed, max_size=2) as db:
        [tree, *_] = db.trees.list().items
        learners = [each.user_id for each in db.as_service().leaderboards.top(3)]
        before = [_seen(db, learner, tree.slug) for learner in learners]

        for change in (distribute.distribute, distribute.undistribute):
            change(undistributed)

            assert [_seen(db, learner, tree.slug) for learner in learners] == before

        # The pool sends twins no more, because their functions are gone.
        assert db.as_user(learners[0]).progress.record_activity(learners[0], _open_skill(db, learners[0]), minutes=1)


def _open_skill(db, learner):
    return db.progress.next_skills(learner)[0].id


def _seen(db, learner, slug):
    """Return what single calls show to a learner, each of which is a transaction of its own."""
    me = db.as_user(learner)
    return (
        me.users.get_profile(learner),
        me.progress.dashboard(learner),
        me.progress.next_skills(learner),
        me.trees.load(slug, learner),
    )


@pytest.mark.cluster
def test_nothing_is_done_twice(distributed):
    with pytest.raises(distribute.Distributed, match="already distributed"):
        distribute.distribute(distributed)

    distribute.undistribute(distributed)

    with pytest.raises(distribute.Distributed, match="not distributed"):
        distribute.undistribute(distributed)


@pytest.mark.cluster
def test_pending_migration_is_refused(undistributed):
    migrate.rollback(undistributed)

    with pytest.raises(UnfitDatabase, match="is pending"):
        distribute.distribute(undistributed)


@pytest.mark.cluster
def test_busy_table_leaves_everything_as_it_was(undistributed):
    before = migrate.fingerprint(undistributed)

    with psycopg.connect(undistributed) as other:
        other.execute("select from user_scores for update")
        with pytest.raises(LockTimeout):
            distribute.distribute(undistributed, lock_timeout=0.1)

    assert migrate.fingerprint(undistributed) == before


@pytest.mark.cluster
def test_table_distributed_by_hand_is_refused(undistributed):
    with psycopg.connect(undistributed, autocommit=True) as connection:
        connection.execute("set citus.enable_unsafe_triggers = on")
        connection.execute("select create_reference_table('login_attempts')")

    with pytest.raises(distribute.Distributed, match="login_attempts is distributed already"):
        distribute.distribute(undistributed)


@pytest.mark.cluster
def test_journey_works_and_copies_agree(undistributed):
    distribute.distribute(undistributed)

    with Database(make_conninfo(undistributed, user="skilltree_app"), max_size=2) as app, app.as_service() as service:
        user = service.users.register(
            email="new@example.org", username="new", password="a long pass phrase", bcrypt_cost=4
        )
        tree = service.trees.find_by_slug("practical-postgresql")
        service.trees.update(tree.id, description="Changed.")
        service.trees.update(tree.id, description="Changed again.")
        service.progress.start_tree(user.id, tree.id)

    with Database(undistributed, max_size=2) as db:
        assert db.doctor.examine() == []
    assert {table: count for table in SHARED if (count := len(_copies(undistributed, table))) != 1} == {}


@pytest.mark.cluster
def test_two_learners_and_an_author_exclude_each_other(distributed):
    """The lock of a tree is taken on the coordinator, whatever server a learner is on."""
    with psycopg.connect(distributed) as connection:
        [(tree,)] = connection.execute("select id from skill_trees order by slug limit 1").fetchall()
    barrier = Barrier(2)

    def waits() -> bool:
        with psycopg.connect(distributed) as learner:
            learner.execute("set local lock_timeout = '200ms'")
            barrier.wait()
            try:
                learner.execute("select hold_tree_as_learner(%s)", [tree])
            except psycopg.errors.LockNotAvailable:
                return True
            return False

    with psycopg.connect(distributed) as author, ThreadPoolExecutor(1) as pool:
        author.execute("select hold_tree_as_author(%s, true)", [tree])
        waiting = pool.submit(waits)
        barrier.wait()
        assert waiting.result()


@pytest.mark.cluster
def test_drift_and_lint_know_the_layout(distributed):
    assert not [each for each in drift(distributed).differences if "citus" not in each.object]
    assert lint(distributed) == []


@pytest.mark.cluster
def test_functions_of_another_version_are_no_drift_and_go_with_the_layout(distributed):
    name, statement = next(iter(functions().items()))
    older = f"{name.rpartition('_')[0]}_00000000"
    with psycopg.connect(distributed, autocommit=True) as connection:
        connection.execute(statement.decode().replace(name, older))

        assert not [each for each in drift(distributed).differences if "citus" not in each.object]
        distribute.undistribute(distributed)

    with psycopg.connect(distributed) as connection:
        assert connection.execute("select to_regproc(%s)", [older]).fetchone() == (None,)


@pytest.mark.cluster
def test_a_restored_dump_of_a_cluster_is_made_fit_for_one_server(distributed, tmp_path):
    folder = Folder(tmp_path)
    record = dumps.dump(distributed, folder)
    with cluster.empty_database("skilltree_restored") as restored:
        assert dumps.into(folder, record, restored) == 0
        with pytest.raises(distribute.Distributed, match="restore of a dump"):
            distribute.plan(restored)

        distribute.undistribute(restored)
        with psycopg.connect(restored, autocommit=True) as connection:
            connection.execute("drop extension citus")

        assert [each.object for each in drift(restored).differences] == ["grants on the database"]
        with Database(restored) as db:
            assert db.doctor.examine() == []
        assert _rows(restored) == _rows(distributed)


def _rows(url: str) -> dict[str, object]:
    with psycopg.connect(url) as connection:
        return {
            table: connection.execute(
                f"select to_jsonb(given) - '{SHARD_STAMP}' from {table} as given order by 1"
            ).fetchall()
            for table in TABLES
            if table != "audit_log"
        }


def _copies(url: str, table: str) -> set[str]:
    """Return the different copies of a reference table."""
    with psycopg.connect(url, autocommit=True) as connection:
        return {
            result
            for (result,) in connection.execute(
                "select result from run_command_on_placements(%s::regclass, %s)",
                [
                    table,
                    f"select md5(string_agg((to_jsonb(x) - '{SHARD_STAMP}')::text, '' order by x::text)) from %s x",
                ],
            )
        }
