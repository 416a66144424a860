"""What differs in the schema of a distributed database (Citus)."""

import re
from typing import Any

import psycopg

from skilltree._core.queries import load

AUDITED = ("users", "skill_categories", "skill_trees", "skills", "achievements")
"""The reference tables on the audit trail. Their trail is in ``shared_audit_log``, which only the coordinator has."""

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
