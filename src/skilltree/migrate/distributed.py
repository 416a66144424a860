"""What differs in the schema of a distributed database (Citus)."""

import re
from typing import Any

import psycopg

from skilltree._core.queries import load
from skilltree._core.routed import functions
from skilltree.errors import MigrationError

AUDITED = ("users", "skill_categories", "skill_trees", "skills", "achievements")
"""The reference tables on the audit trail. Their trail is in ``shared_audit_log``, which only the coordinator has."""

ASKING = ("is_in_tree", "forget_entries")
"""Functions that read or change rows of a learner, and that queries on the learner's server call. These rows are there,
too. Citus does not know it, and refuses such a function unless it is told."""

OF_CITUS = re.compile(r"(grants on )?(schema|extension) citus\w*")
"""The names of Citus's own objects in a fingerprint."""

OF_SERVER = re.compile(r"_\d{6,}\b|^schema citus")
"""In a finding, the name of a shard, or of Citus's own objects. A shard is made like its table."""


def has_citus(connection: psycopg.Connection[Any]) -> bool:
    """Return whether the extension is in this database."""
    [row] = connection.execute(load("distribute/cluster")).fetchall()
    return bool(row[0])


def is_distributed(connection: psycopg.Connection[Any]) -> bool:
    """Return whether tables of this database are distributed."""
    return has_citus(connection) and connection.execute(load("distribute/tables")).fetchone() is not None


def adjust(connection: psycopg.Connection[Any]) -> None:
    """Make the changes to the schema that a distributed database needs. On one server, they do no harm."""
    # Citus locks what a reference table refers to, too, for which app_engine would need the right to write there.
    connection.execute("alter table begun_trees drop constraint begun_trees_skill_tree_id_fkey")
    for table in AUDITED:
        connection.execute("call share_trail(%s, true)", [table])
    fit_functions(connection)


def fit_functions(connection: psycopg.Connection[Any]) -> None:
    """Let functions be as a distributed database needs them, also after a migration has replaced some.

    Creates those that the twins of query files call. Raises MigrationError for a function of unknown text.
    """
    for function in ASKING:
        connection.execute(f"alter function {function} set citus.allow_nested_distributed_execution = on")
    reword(connection)
    route(connection)
    # Workers get functions without our default privileges.
    for (revocation,) in connection.execute(load("distribute/private_functions")).fetchall():
        connection.execute(revocation)


def reword(connection: psycopg.Connection[Any], *, back: bool = False) -> None:
    """Give functions the text for a distributed database, or that for one server again. Raises MigrationError."""
    take_times_as_given(connection, back=back)
    note_begun_trees(connection, back=back)


def take_times_as_given(connection: psycopg.Connection[Any], *, back: bool = False) -> None:
    """Let no trigger change ``updated_at``, or let them again: each server has its own ``now()``.

    In a transaction, a second statement would give each copy another time, although it sets the same time everywhere.
    """
    given, now = "new.updated_at := new.updated_at;", "new.updated_at := now();"
    for function in ("set_updated_at()", "set_authorship()"):
        _reword(connection, function, *((given, now) if back else (now, given)))


def note_begun_trees(connection: psycopg.Connection[Any], *, back: bool = False) -> None:
    """Let the lock that a learner's action takes first note the tree, or no more: the twins of query files cannot."""
    alone = "        perform pg_advisory_xact_lock(tree_key);\n"
    noted = (
        alone + "        insert into begun_trees (skill_tree_id)\n"  # noqa: S608 (ours)
        "        select skill_trees.id from skill_trees where skill_trees.id = hold_tree_as_learner.tree_id\n"
        "        on conflict do nothing;\n"
    )
    _reword(connection, "hold_tree_as_learner(uuid)", *((noted, alone) if back else (alone, noted)))


def _reword(connection: psycopg.Connection[Any], function: str, old: str, new: str) -> None:
    """Replace a part of a function, unless this is done already. Raises MigrationError if it has neither text."""
    [(text,)] = connection.execute("select pg_get_functiondef(%s::regprocedure)", [function]).fetchall()
    is_done = new in text and (old not in text or old in new)
    if not is_done:
        if old not in text:
            raise MigrationError(
                f"{function} has neither the text of one server nor that of a cluster: {old.strip()!r}, {new.strip()!r}"
            )
        connection.execute(text.replace(old, new))


def route(connection: psycopg.Connection[Any]) -> None:
    """Create the functions that the twins of query files call, unless they are there. Their names tell the version."""
    for name, statement in functions().items():
        if connection.execute("select to_regproc(%s)", [name]).fetchone() == (None,):
            with connection.transaction():
                connection.execute(statement)
                connection.execute(f"revoke all on function {name} from public")
                connection.execute(f"grant execute on function {name} to app_engine")


def older_functions(connection: psycopg.Connection[Any]) -> list[str]:
    """Return the names of functions for twins that only other versions have."""
    rows = connection.execute(load("distribute/routed_functions")).fetchall()
    return [name for (found,) in rows if (name := found.partition("(")[0]) not in functions()]
