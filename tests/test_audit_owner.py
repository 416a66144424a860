"""The audit trail where the owner who migrates is not a superuser, as on managed servers."""

from collections.abc import Iterator
from uuid import UUID

import psycopg
import pytest
from psycopg import sql
from pytest_postgresql.executors import NoopExecutor

from conftest import _database
from skilltree import Database, migrate
from skilltree.errors import PermissionDenied
from skilltree.models.enums import AuditAction

OWNER = "skilltree_test_owner"
ACTOR = UUID(int=7)


@pytest.fixture
def owned_url(template: NoopExecutor) -> Iterator[str]:
    """The URL of a database that was migrated by its owner, whose only attribute is CREATEROLE."""
    for url in _database(template, "owned", clone=False):
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(
                sql.SQL("drop role if exists {0}; create role {0} login createrole").format(sql.Identifier(OWNER))
            )
            connection.execute(
                "grant app_user, app_engine, app_service, skilltree_app to " + OWNER + " with admin option"
            )
            connection.execute(
                sql.SQL("alter database {} owner to {}").format(
                    sql.Identifier(connection.info.dbname), sql.Identifier(OWNER)
                )
            )
            connection.execute("alter schema public owner to " + OWNER)
        owned = psycopg.conninfo.make_conninfo(url, user=OWNER)
        migrate.migrate(owned)
        yield owned
        migrate.rollback(owned, count=None)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(
                sql.SQL("reassign owned by {0} to current_user; drop owned by {0}; drop role {0}").format(
                    sql.Identifier(OWNER)
                )
            )


def test_an_owner_without_superuser_can_write_and_maintain_the_trail(owned_url: str) -> None:
    app_url = psycopg.conninfo.make_conninfo(owned_url, user="skilltree_app")
    with Database(app_url) as db, Database(owned_url) as own:
        service = db.as_service(ACTOR)
        learner = service.users.register(email="a@b.org", username="a", password="long password", bcrypt_cost=4)
        category = service.categories.create(name="Art", slug="art")
        tree = service.trees.create(category.id, name="Ink", slug="ink")
        service.trees.publish(tree.id)
        skill = service.skills.create(tree.id, name="Brush")
        db.as_user(learner.id).progress.complete_skill(learner.id, skill.id)
        db.as_user(learner.id).users.update_profile(learner.id, bio="mine")
        with psycopg.connect(owned_url) as connection:
            connection.execute(
                "insert into audit_log (subject_id, occurred_at, table_name, action, row_keys)"
                " values (%s, '2020-02-02 12:00Z', 'skills', 'INSERT', '{x}')",
                [ACTOR],
            )

        made = own.audit.ensure_partitions()
        dropped = own.audit.drop_partitions(months_kept=12)
        [work] = service.audit.history("user_skill_progress", skill.id, user_id=learner.id).items
        service.users.erase(learner.id)
        [erased] = service.audit.history("users", UUID(int=0), limit=1).items
        left = service.audit.history("user_profiles", learner.id).items

        with pytest.raises(PermissionDenied):
            db.as_user(learner.id).audit.ensure_partitions()

    assert (made, dropped) == (["audit_log_2020_02"], ["audit_log_2020_02"])
    assert (work.actor_id, work.role_name) == (learner.id, "app_engine")
    assert (erased.action, erased.actor_id, left) == (AuditAction.ANONYMISE, ACTOR, ())


def test_the_service_can_maintain_the_trail_and_all_data(owned_url: str) -> None:
    app_url = psycopg.conninfo.make_conninfo(owned_url, user="skilltree_app")
    with psycopg.connect(owned_url) as connection:
        connection.execute(
            "insert into audit_log (subject_id, occurred_at, table_name, action, row_keys)"
            " values (%s, '2020-02-02 12:00Z', 'skills', 'INSERT', '{x}')",
            [ACTOR],
        )
    with Database(app_url) as db:
        service = db.as_service(ACTOR)
        award = service.achievements.create(
            name="First", description="One", criteria={"type": "streak_days", "threshold": 7}
        )

        made = service.audit.ensure_partitions()
        dropped = service.audit.drop_partitions(months_kept=12)
        found = service.doctor.examine()
        repair = service.doctor.repair()
        filled = service.achievements.backfill(award.id)

    assert (made, dropped) == (["audit_log_2020_02"], ["audit_log_2020_02"])
    assert (found, repair.changes, repair.failures, repair.remaining) == ([], (), (), ())
    assert filled.is_finished


@pytest.mark.parametrize("months", [0, -5, None])
def test_the_service_cannot_drop_recent_entries_of_the_trail(owned_url: str, months: int | None) -> None:
    app_url = psycopg.conninfo.make_conninfo(owned_url, user="skilltree_app", options="-c role=app_service")
    with psycopg.connect(app_url, autocommit=True) as connection:
        partitions = connection.execute("select count(*) from pg_inherits").fetchall()

        with pytest.raises(psycopg.DatabaseError, match="at least 1 month"):
            connection.execute("select * from drop_audit_partitions_before(%s)", [months])
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("select * from drop_audit_partitions(0)")

        assert connection.execute("select count(*) from pg_inherits").fetchall() == partitions
