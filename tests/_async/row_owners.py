"""Which learner each row belongs to, for tests of who can see and write it."""

from datetime import datetime

from _async.factories import rows
from layout import kept_by_refusals


async def tables_with_owner(connection):
    """Return every table with the column that holds the id of a row's owner, or ``None``."""
    return await rows(
        connection,
        "select relname, attname from pg_class left join pg_attribute on attrelid = pg_class.oid"
        " and attname = case when relname = 'users' then 'id' when relname ~ 'audit_log' then 'subject_id'"
        " else 'user_id' end"
        " where relkind in ('r', 'p') and not relispartition and relnamespace = 'public'::regnamespace"
        " and relname !~ 'yoyo|migration' order by relname",
    )


async def fingerprint_without_rows_of(connection, user_id):
    """Return a fingerprint of all rows except those of this learner."""
    prints = [
        f"select '{table}', count(*), md5(string_agg(t::text, ' ' order by t::text)) from {table} as t"
        + (f" where {owner} <> '{user_id}'" if owner else "")
        for table, owner in await tables_with_owner(connection)
        if kept_by_refusals([table])
    ]
    return await rows(connection, f"{' union all '.join(prints)} order by 1")


async def personal_texts(connection, user_id):
    """Return the texts that occur only in this learner's rows: in no other learner's, and not in the catalogue."""
    theirs, known = set(), set()
    for table, owner in await tables_with_owner(connection):
        for row in await rows(connection, f"select * from {table}"):
            (theirs if owner and user_id in row else known).update(texts_in(row))
    return theirs - known


def texts_in(found):
    """Return the texts in a value, as an answer would show them. Numbers are left out: alone they identify nobody."""
    if isinstance(found, str):
        return set() if found.isdigit() else {found}
    if isinstance(found, int | float) or found is None:
        return set()
    if isinstance(found, datetime):
        return {repr(found).rpartition(", tzinfo")[0]}
    if isinstance(found, dict):
        found = found.values()
    return set().union(*map(texts_in, found)) if hasattr(found, "__iter__") else {str(found)}
