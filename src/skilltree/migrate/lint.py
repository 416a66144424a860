"""Rules for any schema: the queries below ``queries/lint``, and the exceptions to them."""

from collections.abc import Mapping
from dataclasses import dataclass

from psycopg import Connection

from skilltree._core.driver_errors import translated
from skilltree._core.queries import load
from skilltree._core.sql_folders import folder
from skilltree._core.urls import checked_url
from skilltree.migrate.connection import pin, require_sight
from skilltree.migrate.distributed import OF_SERVER, has_citus
from skilltree.migrate.runs import tables

_AUDITED = (
    "users",
    "user_profiles",
    "skill_categories",
    "skill_trees",
    "skills",
    "achievements",
    "user_skill_tree_progress",
    "user_skill_progress",
    "user_sessions",
)
_LEDGERS = ("user_achievements", "xp_events", "user_activity_days")

_OWN_EXCEPTIONS = "[tool.skilltree.lint] in pyproject.toml"

Exceptions = Mapping[tuple[str, str], str]

EXCEPTIONS: Exceptions = {
    ("foreign_key_without_index", "constraint skills_parent_skill_id_fkey on skills"): (
        "idx_skill_parent finds the children: the parent's id determines the tree"
    ),
    ("foreign_key_without_index", "constraint skills_language_fkey on skills"): (
        "idx_skill_tree_active finds the skills: the tree's id determines the language"
    ),
    ("foreign_key_without_index", "constraint user_skill_progress_skill_id_fkey on user_skill_progress"): (
        "idx_skill_user_status finds the learners: the skill's id determines the tree"
    ),
    ("security_definer", "ensure_audit_partitions(integer)"): (
        "partitions are the owner's tables; it creates them for the coming months, and only the service may call it"
    ),
    ("security_definer", "drop_audit_partitions_before(integer)"): (
        "partitions are the owner's tables; it keeps this month and the one before, and only the service may call it"
    ),
    ("security_definer", "anonymise_audit(uuid,uuid)"): (
        "only the owner may change the trail; it removes an erased learner's data, and only the service may call it"
    ),
    ("security_definer", "forget_entries(uuid,uuid,uuid)"): (
        "as anonymise_audit, on the server of the entries; unless the trail is distributed, it refuses every call"
    ),
    **{
        ("security_definer", f"audit_{change}_of_{table}()"): (
            "a trigger, which nobody can call: it writes to the trail, so that no role of the application needs to"
        )
        for table in _AUDITED + _LEDGERS
        for change in ("insert", "update", "delete")
        if change != "insert" or table not in _LEDGERS
    },
}
"""Rule and object -> the reason for the exception. An unneeded exception is itself a finding."""


@dataclass(frozen=True)
class Finding:
    """An object that breaks a rule, and what to do about it."""

    rule: str
    object: str
    problem: str
    remedy: str


def rules() -> list[str]:
    """Return the names of the rules, which are the files below ``queries/lint``."""
    return sorted(path.stem for path in (folder("queries") / "lint").glob("*.sql"))


def lint(url: str, exceptions: Exceptions = EXCEPTIONS) -> list[Finding]:
    """Return the broken rules, except for the exceptions, and the exceptions that are not needed. Writes nothing."""
    checked_url(url)
    with translated(), Connection.connect(url) as connection:
        connection.read_only = True
        pin(connection)
        require_sight(connection)
        return examine(connection, exceptions)


def examine(connection: Connection, exceptions: Exceptions = EXCEPTIONS) -> list[Finding]:
    """Return the findings of ``lint`` as this transaction sees them."""
    # Objects in `public` are named without the schema.
    connection.execute("set local search_path = public")
    # No role of the application reads the tables of the histories.
    bookkeeping = {("row_security_missing", table) for table in tables()}
    is_foreign = OF_SERVER.search if has_citus(connection) else lambda name: None
    found = [
        Finding(rule, object_name, problem, remedy)
        for rule in rules()
        for object_name, problem, remedy in connection.execute(load(f"lint/{rule}")).fetchall()
        if (rule, object_name) not in bookkeeping and not is_foreign(object_name)
    ]
    broken = {(finding.rule, finding.object) for finding in found}
    return [
        *(finding for finding in found if (finding.rule, finding.object) not in exceptions),
        *(
            Finding(
                rule,
                object_name,
                "the exception is no longer needed" if rule in rules() else "there is no such rule",
                f"remove it from {'skilltree.migrate.lint' if (rule, object_name) in EXCEPTIONS else _OWN_EXCEPTIONS}",
            )
            for rule, object_name in sorted(exceptions.keys() - broken)
        ),
    ]
