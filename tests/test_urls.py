"""A wrong connection string is refused. Its password appears in no error, cause, log or warning."""

import logging
import traceback
import warnings

import pytest

from skilltree import AsyncDatabase, Database, embedded, migrate
from skilltree._core.urls import checked_url
from skilltree.errors import InvalidConnectionString, ServerUnavailable, SkillTreeError
from skilltree.migrate import lint

SECRET = "hunter2secret"

WRONG = {
    "sqlalchemy": (f"postgresql+psycopg://app:{SECRET}@localhost:1/learning", "must begin with postgresql://"),
    "sqlalchemy async": (f"postgresql+asyncpg://app:{SECRET}@localhost:1/learning", "must begin with postgresql://"),
    "jdbc": (f"jdbc:postgresql://localhost:1/learning?user=app&password={SECRET}", "'…' around|must begin with"),
    "mysql": (f"mysql://app:{SECRET}@localhost:1/learning", "must begin with postgresql://"),
    "upper case": (f"POSTGRESQL://app:{SECRET}@localhost:1/learning", "must begin with postgresql://"),
    "at": (f"postgresql://app:p@{SECRET}@localhost:1/learning", "%40"),
    "at at the end": (f"postgresql://app:{SECRET}@@localhost:1/learning", "%40"),
    "slash": (f"postgresql://app:{SECRET}/x@localhost:1/learning", "%2F"),
    "slash and at": (f"postgresql://app:p@{SECRET}/x@localhost:1/learning", "%40"),
    "question mark and slash": (f"postgresql://app:p/{SECRET}?x@localhost:1/learning", "%"),
    "percent": (f"postgresql://app:%zz{SECRET}@localhost:1/learning", "%25"),
    "percent at the end": (f"postgresql://app:{SECRET}%@localhost:1/learning", "%25"),
    "no host": (f"postgresql://app:{SECRET}", "port"),
    "port": (f"postgresql://localhost:{SECRET}/learning", "port must be a number"),
    "unknown parameter": (f"postgresql://app:{SECRET}@localhost:1/learning?pool_size=5", "pool_size"),
    "secret parameter": (f"postgresql://app@localhost:1/learning?{SECRET}", "%40"),
    "space": (f"host=localhost port=1 password=my {SECRET}", "spaces"),
    "typing error": (f"host=localhost port=1 pasword={SECRET}", "did you mean password"),
    "quote": (f"host=localhost port=1 password='{SECRET}", "spaces"),
    "port of words": (f"host=localhost port={SECRET}", "port"),
    "only the secret": (SECRET, "key=value"),
    "nul": (f"postgresql://app:{SECRET}\0@localhost:1/learning", "."),
}

RIGHT_BUT_NOBODY_THERE = [
    f"postgresql://app:{SECRET}@localhost:1/learning",
    f"host=localhost port=1 password={SECRET}",
    f"postgresql://localhost:1/learning?user=app&password={SECRET}",
    f"host=localhost port=1 sslpassword={SECRET} sslkey=/nowhere sslcert=/nowhere sslmode=require",
    f"host=localhost port=1 passfile=/nowhere/{SECRET}",
    f"postgresql://app:{SECRET}%40%2F@localhost:1/learning",
]


def calls(url):
    return [
        lambda: Database(url, timeout=1).open(),
        lambda: Database(url, timeout=1, statement_timeout=5).open(),
        lambda: AsyncDatabase(url),
        lambda: migrate.migrate(url, wait=1),
        lambda: migrate.rollback(url, wait=1),
        lambda: migrate.status(url),
        lambda: migrate.fingerprint(url),
        lambda: lint.lint(url),
    ]


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_connection_string_is_refused_and_not_shown(name, caplog):
    url, advice = WRONG[name]
    caplog.set_level(logging.DEBUG)

    with warnings.catch_warnings(record=True) as warned:
        for call in calls(url):
            with pytest.raises(InvalidConnectionString, match=advice) as refusal:
                call()
            told = "".join(traceback.format_exception(refusal.value))
            # A source line in a traceback shows only the name of the variable.
            assert SECRET not in told
            assert refusal.value.__cause__ is None
            assert refusal.value.__context__ is None
            assert refusal.value.field == "url"

    assert SECRET not in caplog.text
    assert not [each for each in warned if SECRET in str(each.message)]


@pytest.mark.parametrize("url", RIGHT_BUT_NOBODY_THERE)
def test_an_unreachable_server_does_not_reveal_the_password(url, caplog):
    caplog.set_level(logging.DEBUG)

    for call in (lambda: Database(url, timeout=1).open(), lambda: migrate.status(url)):
        with pytest.raises(ServerUnavailable) as refusal:
            call()
        assert SECRET not in "".join(traceback.format_exception(refusal.value))

    assert SECRET not in caplog.text
    assert SECRET not in repr(Database(url))


@pytest.mark.parametrize("url", [None, 5, b"postgresql://localhost", ["postgresql://localhost"]])
def test_a_connection_string_that_is_not_text_is_refused(url):
    with pytest.raises(InvalidConnectionString, match="must be text"):
        Database(url)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "dbname=learning",
        "postgresql:///learning",
        "postgres://localhost",
        "postgresql://app:a%40b%3A%2F@localhost,other:5433/learning?sslmode=require&target_session_attrs=read-write",
        "postgresql://app:a:b#c@localhost:5432/learning",
        "postgresql://localhost/learning?user=a@b",
        "postgresql://[::1]:5432/learning",
        "postgresql://postgres:@/skilltree?host=/tmp/x",
        "host=a,b port=5432,5433 password='with a space'",
    ],
)
def test_a_correct_connection_string_is_accepted(url):
    assert isinstance(checked_url(url), dict)


def test_the_command_line_does_not_show_the_password(monkeypatch):
    monkeypatch.setenv("DATABASE_URL", f"postgresql+psycopg://app:{SECRET}@localhost:1/learning")

    with pytest.raises(SkillTreeError) as refusal:
        embedded.database_url()

    assert SECRET not in str(refusal.value)
