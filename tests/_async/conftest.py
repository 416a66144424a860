"""An empty database for each test, and the fixtures that most tests start from.

Cloning the template takes longer than most tests. The tests of a worker therefore share one clone, emptied before each.
"""

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from pytest_postgresql.janitor import DatabaseJanitor

import cluster
from _async.factories import add_tree, add_user, delete_all_rows
from proxy import Proxy
from skilltree import AsyncDatabase


@pytest.fixture(scope="session")
def _clone_async(template):
    name = f"{template.dbname}_async"
    if cluster.URL:
        with cluster.database(name) as url:
            yield url
        return
    janitor = DatabaseJanitor(
        host=template.host,
        port=template.port,
        user=template.user,
        dbname=name,
        template_dbname=template.template_dbname,
    )
    janitor.drop()
    with janitor:
        yield f"host={template.host} port={template.port} user={template.user} dbname={name}"


@pytest.fixture
async def connection(_clone_async):
    """A plain psycopg connection of a superuser, in autocommit mode, to a database without rows."""
    async with await psycopg.AsyncConnection.connect(_clone_async, autocommit=True) as connection:
        await delete_all_rows(connection)
        yield connection


@pytest.fixture
def url(_clone_async, connection):
    """The URL of a database without rows."""
    return _clone_async


@pytest.fixture
async def db(url):
    async with AsyncDatabase(url, min_size=1, max_size=8, timeout=10) as db:
        yield db


@pytest.fixture
def app_url(url):
    """The URL of the same database for the application's login role."""
    return make_conninfo(url, user="skilltree_app")


@pytest.fixture
async def app(app_url):
    """The database, opened with the application's login role."""
    async with AsyncDatabase(app_url, min_size=1, max_size=8, timeout=10) as app:
        yield app


@pytest.fixture
def proxy(url):
    """A proxy in front of the database. It counts statements and round trips."""
    with Proxy(url) as proxy:
        yield proxy


@pytest.fixture
async def proxied(proxy):
    """A database behind the proxy. It prepares no statements, so the proxy sees the text of each."""
    async with AsyncDatabase(proxy.url, min_size=1, max_size=1, prepare_threshold=None) as proxied:
        proxy.reset()
        yield proxied


@pytest.fixture
async def learner(db):
    return await add_user(db)


@pytest.fixture
async def tree(db):
    return await add_tree(db)
