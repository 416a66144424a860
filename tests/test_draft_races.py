"""A learner starts a tree while an author unpublishes it, on two connections."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from pytest_postgresql.executors import NoopExecutor

from _sync.factories import add_skills, add_tree, add_user, all_rows_fingerprint, delete_all_rows, wait_for_lock_waiters
from conftest import _database
from skilltree import Database
from skilltree.errors import SkillNotFound, TreeNotFound

Connection = psycopg.Connection[tuple[Any, ...]]


@pytest.fixture(scope="module")
def clone(template: NoopExecutor) -> Iterator[str]:
    yield from _database(template, "draft_races", clone=True)


@pytest.fixture
def connection(clone: str) -> Iterator[Connection]:
    with psycopg.connect(clone, autocommit=True) as connection:
        delete_all_rows(connection)
        yield connection


@pytest.fixture
def db(clone: str, connection: Connection) -> Iterator[Database]:
    with Database(clone) as db:
        yield db


@pytest.fixture
def app(clone: str, db: Database) -> Iterator[Database]:
    with Database(make_conninfo(clone, user="skilltree_app")) as app:
        yield app


@pytest.mark.parametrize("action", ["start_tree", "start_skill"])
def test_a_learner_who_waits_while_a_tree_is_unpublished_does_not_find_it(
    app: Database, db: Database, connection: Connection, action: str
) -> None:
    ada = add_user(db)
    tree = add_tree(db)
    (skill,) = add_skills(db, tree, "html")
    target = tree.id if action == "start_tree" else skill.id

    def act() -> object:
        with app.as_user(ada.id) as unit:
            return getattr(unit.progress, action)(ada.id, target)

    with ThreadPoolExecutor(1) as learner:
        with connection.transaction():
            connection.execute("select pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"learners of tree {tree.id}"])
            acting = learner.submit(act)
            wait_for_lock_waiters(connection)
            db.trees.unpublish(tree.id)
            before = all_rows_fingerprint(connection)
        with pytest.raises((TreeNotFound, SkillNotFound)):
            acting.result(timeout=20)

    assert all_rows_fingerprint(connection) == before


@pytest.mark.parametrize("action", ["start_tree", "start_skill"])
def test_a_learner_who_waits_while_a_tree_is_published_starts_it(
    app: Database, db: Database, connection: Connection, action: str
) -> None:
    ada = add_user(db)
    tree = add_tree(db, published=False)
    (skill,) = add_skills(db, tree, "html")
    target = tree.id if action == "start_tree" else skill.id

    def act() -> object:
        with app.as_user(ada.id) as unit:
            return getattr(unit.progress, action)(ada.id, target)

    with ThreadPoolExecutor(1) as learner:
        with connection.transaction():
            connection.execute("select pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"learners of tree {tree.id}"])
            acting = learner.submit(act)
            wait_for_lock_waiters(connection)
            db.trees.publish(tree.id)
        acting.result(timeout=20)

    assert connection.execute("select skill_tree_id from begun_trees").fetchall() == [(tree.id,)]
