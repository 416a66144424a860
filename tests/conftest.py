"""A throw-away server for the run, one migrated template database, and clones of it for the tests.

The server is the embedded PostgreSQL 18 or 16, or Debian's 15 (``--pg 15``). Workers of pytest-xdist share it.
"""

import os
import shutil
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import psycopg
import pytest
import sqlparse
from playwright.sync_api import Browser, sync_playwright
from pytest_postgresql import factories
from pytest_postgresql.executors import NoopExecutor
from pytest_postgresql.janitor import DatabaseJanitor

import cluster
from deployment import ROLES, Connection, Deployment, create_deployment, populated
from layout import ASKED, ROUTED, lay_out
from skilltree import embedded, migrate
from skilltree._core import rows as row_readers
from skilltree._core.row_makers import maker
from skilltree.budgets import dataset

SHARED = Path(__file__).parents[2] / "shared" / "data"
DEBIAN_BINARIES = "/usr/lib/postgresql/{version}/bin"


def _compared(model, names, kinds, checked):
    """Return a maker of rows that makes each row with validation, too, and compares the two."""
    make = maker(model, names, kinds, checked)

    def both(values):
        made = make(values)
        expected = checked(values)
        assert made == expected
        assert made.model_fields_set == expected.model_fields_set
        assert repr(made) == repr(expected)
        return made

    return both


row_readers.maker = _compared

_statements_of = cache(sqlparse.split)
# yoyo parses every file of each copy of the migrations. Many tests make a copy, in which one file differs.
sqlparse.split = lambda text: [*_statements_of(text)]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--pg", default="18", choices=["18", "16", "15"], help="the version of PostgreSQL to test on")
    parser.addoption("--partitioned", action="store_true", help="test on tables that are partitioned by learner")
    parser.addoption("--routed", action="store_true", help="send what a cluster gets")
    parser.addoption("--no-skips", action="store_true", help="fail when a test is skipped")


def pytest_sessionfinish(session: pytest.Session) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if session.config.getoption("no_skips") and reporter is not None and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests of a Citus cluster if there is none, and else those of one server. The summary says so."""
    if cluster.URL:
        left_out = [item for item in items if cluster.left_out(item.nodeid)]
    else:
        left_out = [item for item in items if item.get_closest_marker("cluster")]
    if left_out:
        config.stash[_left_out] = left_out
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not cluster.URL:
        terminalreporter.write_line("not run: no cluster (SKILLTREE_CITUS names the coordinator of one)")
        return
    reasons = Counter(cluster.left_out(item.nodeid) for item in terminalreporter.config.stash.get(_left_out, []))
    for reason, count in sorted(reasons.items()):
        terminalreporter.write_line(f"not run on a cluster: {count} ({reason})")


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        folder = _folder_in_memory()
        config.stash[_server_folder] = folder
        os.environ["SKILLTREE_TEST_HOST"] = _start_server(config.getoption("pg"), folder)
        # For backups, whose programs flush to disk.
        config.stash[_memory_folder] = _folder_in_memory()
        config.stash[_memory_folder].chmod(0o711)
        os.environ["SKILLTREE_TEST_MEMORY"] = str(config.stash[_memory_folder])
    if config.getoption("partitioned"):
        os.environ[ASKED] = "1"
    if config.getoption("routed"):
        os.environ[ROUTED] = "1"
    config.option.postgresql_host = os.environ["SKILLTREE_TEST_HOST"]


def pytest_unconfigure(config: pytest.Config) -> None:
    folder = config.stash.get(_server_folder, None)
    if folder is not None:
        _stop_server(config.getoption("pg"), folder)
        shutil.rmtree(folder)
        shutil.rmtree(config.stash[_memory_folder])


_left_out = pytest.StashKey[list[pytest.Item]]()
_server_folder = pytest.StashKey[Path]()
_memory_folder = pytest.StashKey[Path]()


def _folder_in_memory() -> Path:
    """Return a new folder, in memory if there is room: a disk's file system takes long to make and drop databases."""
    return Path(tempfile.mkdtemp(prefix="skilltree-", dir=embedded._memory_folder()))


def _start_server(version: str, folder: Path) -> str:
    if version == "15":
        host = _start_debian_server(version, folder)
    else:
        host = psycopg.conninfo.conninfo_to_dict(embedded.start(version=int(version), folder=folder))["host"]
    # The data is thrown away, so nothing needs to be flushed to disk. After a test with many rows, the planner expects
    # many in the next one, too, and JIT would compile for seconds (docs/deployment.md).
    with psycopg.connect(host=host, user="postgres", dbname="postgres", autocommit=True) as connection:
        for setting in ("fsync = off", "synchronous_commit = off", "full_page_writes = off", "jit = off"):
            connection.execute(f"alter system set {setting}")
        connection.execute("select pg_reload_conf()")
    return str(host)


def _stop_server(version: str, folder: Path) -> None:
    if version == "15":
        _as_server_user(version, "pg_ctl", "-D", str(folder / "pg15"), "-m", "immediate", "stop")
    else:
        embedded.stop(folder=folder)


def _start_debian_server(version: str, folder: Path) -> str:
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres")
    data = str(folder / f"pg{version}")
    _as_server_user(version, "initdb", "-U", "postgres", "--auth=trust", "--encoding=utf8", "-D", data)
    options = f"-h '' -k {folder}"
    log = str(folder / "log")
    _as_server_user(version, "pg_ctl", "-w", "-D", data, "-o", options, "-l", log, "start")
    return str(folder)


def _as_server_user(version: str, command: str, *arguments: str) -> None:
    user = "postgres" if os.geteuid() == 0 else None
    binary = f"{DEBIAN_BINARIES.format(version=version)}/{command}"
    subprocess.run([binary, *arguments], user=user, cwd="/", check=True, stdout=subprocess.DEVNULL)


def _migrate_template(host: str, user: str, dbname: str, **_: object) -> None:
    url = f"host={host} user={user} dbname={dbname}"
    migrate.migrate(url)
    lay_out(url)


template = factories.postgresql_noproc(dbname="skilltree_test", load=[_migrate_template])


def _database(template: NoopExecutor, name: str, *, clone: bool, of: str | None = None) -> Iterator[str]:
    """Yield the URL of a database: migrated, if it is a clone of the template. On a cluster, it is distributed then.

    ``of`` names another database to clone, on one server.
    """
    if cluster.URL and clone:
        with cluster.database(f"{template.dbname}_{name}") as url:
            yield url
        return
    janitor = DatabaseJanitor(
        host=template.host,
        port=template.port,
        user=template.user,
        dbname=f"{template.dbname}_{name}",
        template_dbname=(of or template.template_dbname) if clone else None,
    )
    janitor.drop()
    with janitor:
        yield f"host={template.host} user={template.user} dbname={janitor.dbname}"


@pytest.fixture
def empty_url(template: NoopExecutor) -> Iterator[str]:
    """The URL of an empty database."""
    yield from _database(template, "empty", clone=False)


@pytest.fixture
def migrated_url(template: NoopExecutor) -> Iterator[str]:
    """The URL of a database with all migrations applied and no data."""
    yield from _database(template, "migrated", clone=True)


@pytest.fixture(scope="session")
def bare_host(request: pytest.FixtureRequest) -> Iterator[str]:
    """The host of another server. Nothing has been migrated there, and the superuser is its only role."""
    folder = _folder_in_memory()
    version = request.config.getoption("pg")
    yield _start_server(version, folder)
    _stop_server(version, folder)
    shutil.rmtree(folder)


@pytest.fixture
def new_host(request: pytest.FixtureRequest) -> Iterator[str]:
    """The host of a server for this test alone, since roles would remain on a shared server."""
    folder = _folder_in_memory()
    version = request.config.getoption("pg")
    yield _start_server(version, folder)
    _stop_server(version, folder)
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def deployment(request: pytest.FixtureRequest) -> Iterator[Deployment]:
    """A database in which two learners work. Its owner is not a superuser, except on a cluster."""
    if cluster.URL:
        with cluster.database("skilltree_deployment") as url:
            yield populated(url, url)
        return
    yield create_deployment(request.getfixturevalue("bare_host"))


@pytest.fixture(params=ROLES)
def role(request: pytest.FixtureRequest) -> str:
    """Each of the roles in which a learner's statements run."""
    return str(request.param)


@pytest.fixture
def as_ada(deployment: Deployment, role: str) -> Iterator[Connection]:
    """A connection of the application in that role, for ada. It is rolled back at the end."""
    with deployment.session(role, deployment.ada.user_id) as connection:
        yield connection


@pytest.fixture(scope="session")
def loaded_url(template: NoopExecutor) -> Iterator[str]:
    """The URL of a database with a fiftieth of the large data set. Tests share it and must not change it."""
    for url in _database(template, "loaded", clone=True):
        with psycopg.connect(url, autocommit=True) as connection:
            dataset.load(connection, dataset.Size.of(0.02))
        yield url


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real curricula. They are not part of the project."""
    if not SHARED.is_dir():
        pytest.skip(f"the real curricula are not in {SHARED}")
    return SHARED


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder for servers of a test's own, whose user cannot reach pytest's folders."""
    folder = Path(tempfile.mkdtemp(dir=os.environ["SKILLTREE_TEST_MEMORY"]))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium without a window."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("Chromium is not installed: apt-get install chromium")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield started
        started.close()
