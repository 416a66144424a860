"""Whose the rows are, for tests of who sees and writes them."""

from datetime import datetime

from _async.factories import rows


async def tables_with_owner(connection):
    """Return every table, with the column that says whose a row is, if there is one."""
    return await rows(
        connection,
        "select relname, attname from pg_class left join pg_attribute on attrelid = pg_class.oid"
        " and attname = case relname when 'users' then 'id' when 'audit_log' then 'subject_id' else 'user_id' end"
        " where relkind in ('r', 'p') and not relispartition and relnamespace = 'public'::regnamespace"
        " and relname !~ 'yoyo|migration' order by relname",
    )


async def fingerprint_without_rows_of(connection, user_id):
    """Return a fingerprint of every row of every table but this learner's."""
    prints = [
        f"select '{table}', count(*), md5(string_agg(t::text, ' ' order by t::text)) from {table} as t"
        + (f" where {owner} <> '{user_id}'" if owner else "")
        for table, owner in await tables_with_owner(connection)
    ]
    return await rows(connection, f"{' union all '.join(prints)} order by 1")


async def personal_texts(connection, user_id):
    """Return the texts that stand in one learner's rows, and neither in another's nor in the catalogue."""
    theirs, known = set(), set()
    for table, owner in await tables_with_owner(connection):
        for row in await rows(connection, f"select * from {table}"):
            (theirs if owner and user_id in row else known).update(texts_in(row))
    return theirs - known


def texts_in(found):
    """Return what stands in a row as an answer shows it; not numbers, which mean nothing by themselves."""
    if isinstance(found, str):
        return set() if found.isdigit() else {found}
    if isinstance(found, int | float) or found is None:
        return set()
    if isinstance(found, datetime):
        return {repr(found).rpartition(", tzinfo")[0]}
    if isinstance(found, dict):
        found = found.values()
    return set().union(*map(texts_in, found)) if hasattr(found, "__iter__") else {str(found)}
