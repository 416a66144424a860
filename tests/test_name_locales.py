"""Names are compared in the same way in every locale and with every locale provider, for all of Unicode."""

# ruff: noqa: RUF001 (ambiguous characters are what is tested)

import unicodedata
from collections.abc import Callable
from contextlib import suppress

import psycopg
import pytest
from psycopg import sql
from pytest_postgresql.executors import NoopExecutor

from skilltree import migrate

NORMAL_FORMS = ("NFC", "NFD", "NFKC", "NFKD")
OTHERWISE: list[Callable[[str], str]] = [
    str.upper,
    str.lower,
    str.title,
    str.casefold,
    *(lambda text, form=form: unicodedata.normalize(form, text) for form in NORMAL_FORMS),
]

PAIRS = [("IŞIK", "ışık"), ("İNCİ", "inci"), ("ÉMILE", "e\u0301mile"), ("ΟΔΥΣΣΕΥΣ", "οδυσσευς"), ("TITLE", "title")]


def folded(url: str, texts: list[str]) -> list[str]:
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "select fold_name(given.name) from unnest(%s::text[]) with ordinality as given (name, place)"
            " order by given.place",
            [texts],
        )
        return [row[0] for row in rows]


@pytest.fixture
def locales(template: NoopExecutor) -> list[str]:
    """Options for databases with different locales and providers, as far as this server has them."""
    host = f"host={template.host} user={template.user}"
    found = ["lc_collate 'C' lc_ctype 'C'"]
    with psycopg.connect(f"{host} dbname=postgres") as connection:
        if connection.info.server_version >= 170000:
            found.append("locale_provider builtin builtin_locale 'C.UTF-8' lc_collate 'C' lc_ctype 'C'")
        # Some servers are built without ICU.
        with suppress(psycopg.errors.FeatureNotSupported, psycopg.errors.UndefinedObject):
            connection.execute("select 'a' < 'b' collate \"und-x-icu\"")
            found.append("locale_provider icu icu_locale 'tr-TR' lc_collate 'C' lc_ctype 'C'")
    return found


def test_names_are_folded_alike_in_every_locale(template: NoopExecutor, locales: list[str]) -> None:
    host = f"host={template.host} user={template.user}"
    name = f"{template.dbname}_locale"
    answers = []
    for locale in locales:
        with psycopg.connect(f"{host} dbname=postgres", autocommit=True) as admin:
            admin.execute(sql.SQL("drop database if exists {}").format(sql.Identifier(name)))
            admin.execute(
                sql.SQL("create database {} template template0 encoding 'UTF8' {}").format(
                    sql.Identifier(name),
                    sql.SQL(locale),  # type: ignore[arg-type]  # of the list above
                )
            )
        migrate.migrate(f"{host} dbname={name}")
        answers.append(folded(f"{host} dbname={name}", [text for pair in PAIRS for text in pair]))
    with psycopg.connect(f"{host} dbname=postgres", autocommit=True) as admin:
        admin.execute(sql.SQL("drop database {}").format(sql.Identifier(name)))

    assert all(answer == answers[0] for answer in answers)
    assert answers[0][::2] == answers[0][1::2]


def test_every_character_equals_itself_in_another_case_or_normal_form(migrated_url: str) -> None:
    characters = [
        chr(number)
        for number in range(0x20, 0x110000)
        if unicodedata.category(chr(number)) not in {"Cn", "Co", "Cs", "Cc"}
    ]
    plain = dict(zip(characters, folded(migrated_url, characters), strict=True))

    for otherwise in [*OTHERWISE, plain.__getitem__]:
        changed = {each: text for each in characters if (text := otherwise(each)) != each}
        assert folded(migrated_url, [*changed.values()]) == [plain[each] for each in changed]


def test_every_control_and_format_character_is_refused_unless_it_is_visible(migrated_url: str) -> None:
    hidden = [
        chr(number)
        for number in range(1, 0x110000)
        if unicodedata.category(chr(number)) in {"Cc", "Cf", "Co", "Zl", "Zp", "Zs"} and chr(number) != " "
    ]
    with psycopg.connect(migrated_url) as connection:
        rows = connection.execute(
            "select given.letter from unnest(%s::text[]) as given (letter) where unseen_in(given.letter, true) is null",
            [hidden],
        )
        seen = [unicodedata.name(row[0]) for row in rows]

    assert all(name.startswith(("ARABIC", "SYRIAC", "KAITHI")) for name in seen)
