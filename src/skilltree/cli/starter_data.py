"""The commands that write initial data: demo, seed, reset."""

from collections.abc import Iterator
from contextlib import contextmanager
from time import sleep
from typing import Annotated

import psycopg
import typer
from psycopg.conninfo import conninfo_to_dict

from skilltree import migrate, seed
from skilltree._core.driver_errors import translated
from skilltree._sync.database import Database, Scope
from skilltree.cli import demo as demonstration
from skilltree.cli.application import DemoData, Json, app, operator, own_migrations, require_embedded
from skilltree.cli.run import confirm
from skilltree.cli.terminal import emit_table, err, out
from skilltree.embedded import database_url

Yes = Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")]
OnlyDemoData = Annotated[bool, typer.Option("--demo-data", help="Allow this on a server of your own.")]

_PAUSE = 0.2
_ALONE = "select pg_try_advisory_lock(hashtextextended('skilltree seed', 0))"


@app.command("demo")
def demo(*, demo_data: OnlyDemoData = False) -> None:
    """Migrate and seed, then show how a learner finds a tree and works through it."""
    require_embedded("demo", demo_data=demo_data or None)
    url = database_url()
    with alone(url):
        migrate.migrate(url, application=own_migrations())
        with Database(url, max_size=2) as db:
            for _ in seed.seed(db):
                pass
            demonstration.run(db, out)


@app.command("seed")
def seed_(*, demo_data: DemoData = None, as_json: Json = False) -> None:
    """Write the initial data. Existing data stays.

    On a server of your own, add --demo-data, or --no-demo-data to leave out the test user, whose password is public.
    """
    require_embedded("seed", demo_data=demo_data)
    url = database_url()
    with alone(url), operator() as db:
        emit_table(_seed(db, test_user=demo_data is not False), as_json=as_json)


@app.command("reset")
def reset(*, yes: Yes = False, demo_data: DemoData = None, as_json: Json = False) -> None:
    """Delete all data: roll back all migrations, apply them again, and seed."""
    require_embedded("reset", demo_data=demo_data)
    url, own = database_url(), own_migrations()
    confirm(f"Delete all data of {name_of(url)}?", yes=yes)
    with alone(url):
        migrate.rollback(url, count=None, application=own)
        migrate.migrate(url, application=own)
        with Database(url, max_size=2) as db:
            emit_table(_seed(db, test_user=demo_data is not False), as_json=as_json)


def name_of(url: str) -> str:
    """Return the name of a database for a question."""
    where = conninfo_to_dict(url)
    return f"{where.get('dbname')} on {where.get('host', 'this machine')}"


def _seed(db: Database | Scope, *, test_user: bool) -> list[dict[str, str]]:
    seeded = seed.seed(db, test_user=test_user)
    return [{"kind": each.kind, "name": each.name, "outcome": each.outcome} for each in seeded]


@contextmanager
def alone(url: str) -> Iterator[None]:
    """Make other commands wait that write made-up data on this server, because they replace the same learners."""
    with translated(), psycopg.connect(url, autocommit=True) as connection:
        # Polls, because `create index concurrently` would wait for a statement that waits for the lock.
        told = False
        while (connection.execute(_ALONE).fetchone() or (True,))[0] is False:
            if not told:
                err.print("waiting for another command that writes made-up data …")
            told = True
            sleep(_PAUSE)
        yield
