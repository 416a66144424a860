"""The pytest plugin: for each test, a migrated database of its own. Installing the package registers it.

Nothing is started before a test asks for one of the fixtures.
"""

import os
from collections.abc import AsyncIterator, Callable, Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from skilltree import AsyncDatabase, Database
    from skilltree.migrate.templates import Template
    from skilltree.testing import AsyncFactory, Factory

_SERVER = "SKILLTREE_TEST_URL"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.getgroup("skilltree").addoption(
        "--skilltree-url",
        metavar="URL",
        default=os.environ.get(_SERVER),
        help="a server on which to make databases for the tests, as a role that may create databases and roles"
        f" (default: {_SERVER}, else an embedded server)",
    )


@pytest.fixture(scope="session")
def skilltree_server(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of the server: the given one, or an embedded server of this session. Override it to start your own."""
    from skilltree import embedded

    if given := request.config.getoption("skilltree_url"):
        yield given
    else:
        with embedded.throw_away(in_memory=True) as url:
            yield url


@pytest.fixture(scope="session")
def skilltree_prepare(request: pytest.FixtureRequest) -> Callable[[str], object]:
    """What else the template needs. Override it with a function that takes the template's URL, as its owner.

    It runs once in a session, after SkillTree's migrations. The default applies the migrations of the project of
    pytest's rootdir, if it has any.
    """
    from skilltree import migrate, project

    found = project.find(request.config.rootpath)
    own = found.migrations if found else None
    return lambda url: migrate.migrate(url, application=own) if own else None


@pytest.fixture(scope="session")
def _skilltree_template(skilltree_server: str, skilltree_prepare: Callable[[str], object]) -> "Iterator[Template]":
    from skilltree.migrate.templates import template

    with template(skilltree_server, skilltree_prepare) as made:
        yield made


@pytest.fixture
def skilltree_owner_url(_skilltree_template: "Template") -> Iterator[str]:
    """The URL of this test's database, as its owner, whom row-level security does not limit."""
    with _skilltree_template.clone() as url:
        yield url


@pytest.fixture
def skilltree_url(skilltree_owner_url: str) -> str:
    """The URL of this test's database, as the application: what ``DATABASE_URL`` is in production."""
    from psycopg.conninfo import make_conninfo

    return make_conninfo(skilltree_owner_url, user="skilltree_app")


@pytest.fixture
def skilltree_db(skilltree_url: str) -> "Iterator[Database]":
    """This test's database, open, as the application."""
    from skilltree import Database

    with Database(skilltree_url) as db:
        yield db


@pytest.fixture
def skilltree_factory(skilltree_db: "Database") -> "Factory":
    """A factory of trees and learners in this test's database."""
    from skilltree.testing import Factory

    return Factory(skilltree_db)


@pytest.fixture
def skilltree_async_db(request: pytest.FixtureRequest) -> "AsyncDatabase":
    """This test's database, open, as the application, for a test that pytest-asyncio or anyio runs."""
    by_anyio = "anyio_backend" in request.fixturenames
    db: AsyncDatabase = request.getfixturevalue("_skilltree_anyio_db" if by_anyio else "_skilltree_asyncio_db")
    return db


@pytest.fixture
def skilltree_async_factory(skilltree_async_db: "AsyncDatabase") -> "AsyncFactory":
    """A factory of trees and learners in this test's database, for async tests."""
    from skilltree.testing import AsyncFactory

    return AsyncFactory(skilltree_async_db)


@pytest.fixture
async def _skilltree_anyio_db(skilltree_url: str) -> "AsyncIterator[AsyncDatabase]":
    from skilltree import AsyncDatabase

    async with AsyncDatabase(skilltree_url) as db:
        yield db


def pytest_configure(config: pytest.Config) -> None:
    """Add the fixture for pytest-asyncio. In its strict mode, it runs only fixtures with its own mark."""
    if not config.pluginmanager.hasplugin("asyncio"):
        return
    import pytest_asyncio

    class ForPytestAsyncio:
        @pytest_asyncio.fixture
        async def _skilltree_asyncio_db(self, skilltree_url: str) -> "AsyncIterator[AsyncDatabase]":
            from skilltree import AsyncDatabase

            async with AsyncDatabase(skilltree_url) as db:
                yield db

    config.pluginmanager.register(ForPytestAsyncio())
