"""Settings from the environment and from arguments."""

import re
from inspect import signature
from pathlib import Path

import pytest
from pydantic import ValidationError

from skilltree import AsyncDatabase, Database, Settings
from skilltree.errors import InvalidSettings
from skilltree.settings import OTHERS, variable

DOCUMENT = (Path(__file__).parents[1] / "docs" / "settings.md").read_text()
URL = "postgresql://ada:hunter2@db.example.org/learning"


def refused(environment: dict[str, str], **given: object) -> tuple[str, ...]:
    with pytest.raises(InvalidSettings) as error:
        Settings.from_environment(environment, **given)
    assert "hunter2" not in f"{error.value} {error.value.__context__} {error.value.__cause__}"
    return error.value.problems


def test_variables_and_arguments_make_a_database() -> None:
    settings = Settings.from_environment(
        {
            "DATABASE_URL": URL,
            "SKILLTREE_MAX_SIZE": "20",
            "SKILLTREE_PREPARE_THRESHOLD": "none",
            "SKILLTREE_CAMEL_CASE": "off",
            "SKILLTREE_MIN_SIZE": "",
            "SKILLTREE_DATA": "/elsewhere",
        },
        max_size=30,
        timeout=1,
    )

    assert (settings.max_size, settings.min_size, settings.timeout) == (30, 1, 1)
    assert (settings.prepare_threshold, settings.camel_case) == (None, False)
    assert settings.database().statistics()["pool_max"] == 30
    assert isinstance(settings.database(), Database)
    assert "hunter2" not in f"{settings!r} {settings}"


async def test_the_async_database_has_the_same_settings() -> None:
    database = Settings(url=URL, max_size=7).async_database()

    assert isinstance(database, AsyncDatabase)
    assert database.statistics()["pool_max"] == 7


def test_settings_make_a_database_of_an_applications_own_class() -> None:
    class Shop(Database):
        """A database with more repositories."""

    class AsyncShop(AsyncDatabase):
        """The same for async code."""

    settings = Settings(url="host=localhost", validate_rows=True)

    assert type(settings.database(Shop)) is Shop
    assert type(settings.async_database(AsyncShop)) is AsyncShop


def test_every_wrong_variable_is_named() -> None:
    assert refused({"DATABASE_URL": URL, "SKILLTREE_MAX_SIZE": "many", "SKILLTREE_CAMEL_CASE": "maybe"}) == (
        "SKILLTREE_MAX_SIZE=many: Input should be a valid integer, unable to parse string as an integer",
        "SKILLTREE_CAMEL_CASE=maybe: Input should be a valid boolean, unable to interpret input",
    )
    assert refused({}) == (
        "url is missing: set DATABASE_URL to a connection string, such as"
        " postgresql://skilltree_app@db.example.org/learning",
    )
    assert refused({"DATABASE_URL": "postgres://ada:hunt@er2@db/x"}) == (
        "DATABASE_URL: the connection string cannot be used: an @ in the user name or password must be written %40, and"
        " a / there %2F",
    )
    assert refused({"SKILLTREE_MAXSIZE": "3"}) == ("SKILLTREE_MAXSIZE is unknown: did you mean SKILLTREE_MAX_SIZE?",)
    assert refused({"DATABASE_URL": URL}, min_size=20) == ("min_size (20) must not be greater than max_size (10)",)
    assert refused({"DATABASE_URL": URL}, max_sise=20) == ("there is no setting 'max_sise'",)
    assert refused({"DATABASE_URL": URL}, timeout=-1) == ("timeout=-1: Input should be greater than 0",)


def test_a_message_is_short_and_plain_and_shows_no_url_in_the_wrong_variable() -> None:
    problems = refused(
        {
            "DATABASE_URL": URL,
            "SKILLTREE_MAX_SIZE": URL,
            "SKILLTREE_MIN_SIZE": "1\x1b[31m\nall is well",
            "SKILLTREE_ATTEMPTS": "x" * 5000,
        }
    )

    assert [each.partition("=")[0].partition(":")[0] for each in problems] == [
        "SKILLTREE_MIN_SIZE",
        "SKILLTREE_MAX_SIZE",
        "SKILLTREE_ATTEMPTS",
    ]
    assert all(each.isprintable() and len(each) < 200 for each in problems)


def test_a_time_is_never_so_short_or_long_that_it_means_no_limit_or_fails_later() -> None:
    assert Settings(url=URL, statement_timeout=0.0001).database()._statement_timeout == 1
    for name in ("SKILLTREE_STATEMENT_TIMEOUT", "SKILLTREE_TIMEOUT", "SKILLTREE_CONNECT_TIMEOUT"):
        (problem,) = refused({"DATABASE_URL": URL, name: "3000000000"})
        assert problem.startswith(f"{name}=3000000000: ")


def test_settings_are_frozen() -> None:
    settings = Settings(url=URL)

    with pytest.raises(ValidationError, match="frozen"):
        settings.url = "dbname=other"  # type: ignore[misc]

    assert settings.url == URL


def test_the_settings_of_the_pool_are_those_of_a_database() -> None:
    for kind in (Database, AsyncDatabase):
        arguments = {name: one.default for name, one in signature(kind).parameters.items() if name != "observer"}
        own = {name: field.default for name, field in Settings.model_fields.items() if name in arguments}

        assert own.keys() == arguments.keys()
        assert {name: value for name, value in own.items() if name != "url"} == {
            name: value for name, value in arguments.items() if name != "url"
        }


def test_the_documentation_lists_every_variable() -> None:
    rows = re.findall(r"^\| `(\w+)` \| `(\w+)` \| (\S*) ?\|", DOCUMENT, re.MULTILINE)

    assert {field: (name, default) for name, field, default in rows} == {
        name: (variable(name), "" if name == "url" else str(field.default).lower())
        for name, field in Settings.model_fields.items()
    }
    assert {*re.findall(r"^\| `(\w+)` \|", DOCUMENT, re.MULTILINE)} >= OTHERS


def test_the_example_of_the_documentation_runs(
    migrated_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", migrated_url)
    [example] = re.findall(r"```python\n(.*?)```", DOCUMENT, re.DOTALL)

    exec(example)  # noqa: S102 (our own documentation)

    assert capsys.readouterr().out == "()\n"
