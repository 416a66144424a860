"""Arbitrary SQL in the roles of a learner cannot read, change or reveal another learner's rows.

All tables, columns and functions come from the system catalogs, so new ones are tested without an edit.
"""

import psycopg
import pytest

import cluster
from _sync.factories import rows
from deployment import ROLES, try_statement

DENIED = "42501"
NOT_AN_ID = "22P02"
NOT_HERE = {"0A000", "42703", "42601", *cluster.REFUSALS}
"""SQLSTATEs for what a server or relation lacks: XML support; row ids and sampling of a view."""

SHARED = {
    "achievements": ROLES,
    "levels": ROLES,
    "skill_categories": ROLES,
    "skill_trees": ROLES,
    "skills": ROLES,
    "visible_trees": ROLES,
    # These identify nobody: how many learners have how much XP, and which trees have been started.
    "begun_trees": ("app_engine",),
    "leaderboard_counts": ("app_engine",),
}
"""Tables whose rows belong to no learner, and the roles that can read all of them."""

OF_AN_ACCOUNT = {
    "login_attempts": " where identifier_hash in (select unnest(array[sha256(convert_to(fold_name(email), 'UTF8')),"
    " sha256(convert_to(id::text, 'UTF8'))]) from users where id = '{}')",
}
"""Conditions for a learner's own rows where no column holds the owner. An export reads them as app_engine."""

READS = (
    "select t from {t} as t",
    "select * from {t}",
    "select count(*) from {t} having count(*) > 0",
    "select ctid, xmin, tableoid from {t}",
    "select {o} from {t} for update",
    "select {o} from {t} for no key update",
    "select {o} from {t} for key share",
    "select {o} from {t} tablesample bernoulli (100)",
    "select {o} from {t} where {o} = '{b}'",
    "select {o} from {t} where {o} <> nullif(current_setting('app.current_user_id', true), '')::uuid",
    "with everything as materialized (select {o} from {t}) select * from everything",
    "select {o} from {t} union all select {o} from {t}",
    "select other.{o} from {t} as own right join {t} as other on own.{o} <> other.{o}",
    "select query_to_xml('select {o} from {t}', true, false, '')",
    "select table_to_xml('{t}', true, false, '')",
    "select array(select {o} from {t})",
    "select (select max({o}::text) from {t})",
    "declare all_of_it cursor for select {o} from {t}; fetch all in all_of_it",
    "explain (analyze, verbose) select {o} from {t}",
    "do $$ declare r record; begin for r in select {o} as o from {t} loop raise notice '%', r.o; end loop; end $$",
    "set local row_security = off; select {o} from {t}",
)

TELLING = (
    "select {o} from {t} as t where (t::text)::integer = 0",
    "select {o} from {t} as t where 1 / (case when {o} = '{b}' then 0 else 1 end) > 0",
    "select {o} from {t} as t where cast({o}::text as integer) = 0 and {o} = '{b}'",
    "select {o} from {t} as t order by ({o}::text)::integer",
    "select {o} from {t} as t group by {o} having ({o}::text)::integer = 0",
    "select t.{o} from {t} as t join pg_class on pg_class.oid = (t.{o}::text)::oid",
    "select {o} from {t} as t where to_date({o}::text, 'YYYY') is null",
    "select {o} from {t} as t where jsonb_path_exists(to_jsonb(t), 'strict $.nothing')",
    "select ('{{' || string_agg({o}::text, '') || '}}')::integer[] from {t}",
    "explain (analyze, verbose) select {o} from {t} as t where (t::text)::integer = 0",
)
"""Conditions that reveal values in an error, a notice or a plan if they run before the policy."""


def test_every_column_shows_only_ones_own_rows(deployment, role, as_ada):
    columns = rows(
        as_ada,
        "select relname, attname from pg_attribute join pg_class on pg_class.oid = attrelid"
        " where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'v', 'm', 'f', 'S')"
        " and not attisdropped and not relispartition",
    )
    readable = 0

    with deployment.superuser() as superuser:
        for table, column in columns:
            owner = dict(deployment.owned).get(table)
            whose = f" where {owner} = '{deployment.ada.user_id}'" if owner else ""
            whose = OF_AN_ACCOUNT.get(table, whose).format(deployment.ada.user_id)
            read = f'select "{column}"::text from {table}'
            state, _, said = try_statement(as_ada, f"{read} order by 1")
            if state is None:
                readable += 1
                assert owner or table in OF_AN_ACCOUNT or role in SHARED[table], (table, column)
                assert said == repr(rows(superuser, f"{read}{whose} order by 1")), (table, column)
            else:
                assert state in {DENIED, *cluster.REFUSALS}, (table, column, said)

    assert readable > 100
    assert ("users", "password_hash") in columns
    assert try_statement(as_ada, "select password_hash from users")[0] == DENIED


@pytest.mark.parametrize("statement", READS)
def test_no_kind_of_read_reaches_another_learner(deployment, as_ada, statement):
    for table, owner in deployment.owned:
        state, _, said = try_statement(as_ada, statement.format(t=table, o=owner, b=deployment.grace.user_id))

        assert state in {None, DENIED, *NOT_HERE}, (table, said)
        assert deployment.leaked(said) == [], table
        assert str(deployment.grace.user_id) not in said, table


@pytest.mark.parametrize("statement", TELLING)
def test_an_expression_that_fails_on_a_row_fails_on_ones_own_rows_only(deployment, as_ada, statement):
    for table, owner in deployment.owned:
        _, _, said = try_statement(as_ada, statement.format(t=table, o=owner, b=deployment.grace.user_id))

        assert deployment.leaked(said) == [], table
        assert str(deployment.grace.user_id) not in said.replace(f"'{deployment.grace.user_id}'", ""), table


@pytest.mark.parametrize("context", [None, "", "' or true --", "00000000-0000-0000-0000-000000000000", "{}"])
def test_without_a_learner_no_row_is_read_and_no_expression_fails(deployment, role, context):
    with deployment.session(role, context) as nobody:
        for table, owner in deployment.owned:
            for statement in (*READS, *TELLING):
                state, _, said = try_statement(nobody, statement.format(t=table, o=owner, b=deployment.grace.user_id))
                assert state in {None, DENIED, NOT_AN_ID, *NOT_HERE}, (table, statement, said)
                assert deployment.leaked(said) == [], (table, statement)
            state, count, said = try_statement(nobody, f"select {owner} from {table}")
            assert count == 0
            # An invalid id in the context fails in the same way, whatever the table holds.
            assert state == (NOT_AN_ID if context in {"' or true --", "{}"} and state != DENIED else state)


def test_tables_without_owners_are_read_by_their_roles_only(deployment, role, as_ada):
    for table in (table for table, owner in deployment.owners.items() if owner is None):
        state, _, _ = try_statement(as_ada, f"select from {table}")
        readers = ("app_engine",) if table in OF_AN_ACCOUNT else SHARED.get(table, ())
        assert (state is None) == (role in readers), table


def test_no_system_view_shows_another_learner(deployment, as_ada):
    relations = [
        name
        for (name,) in rows(
            as_ada,
            "select oid::regclass::text from pg_class where relkind in ('r', 'v')"
            " and relnamespace in ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)",
        )
    ]
    everything = "select string_agg(t::text, ' ') from {} as t"

    with deployment.superuser() as superuser, psycopg.connect(deployment.app_url) as other:
        other.execute(f"select from users where email = '{deployment.grace.email}'")
        # A superuser finds them.
        assert deployment.leaked(repr(rows(superuser, everything.format("pg_stats"))))
        assert deployment.leaked(repr(rows(superuser, everything.format("pg_stat_activity"))))
        for relation in relations:
            _, _, said = try_statement(as_ada, everything.format(relation))
            assert deployment.leaked(said) == [], relation

    assert {"pg_stats", "pg_stats_ext", "pg_stat_activity", "pg_statistic"} <= set(relations)


def test_no_function_reveals_another_learner(deployment, as_ada):
    functions = rows(
        as_ada,
        "select pg_proc.oid::regprocedure::text, proname, prosecdef, prokind,"
        " array(select format_type(type, null) from unnest(proargtypes) as type), prorettype = 'trigger'::regtype"
        " from pg_proc where pronamespace = 'public'::regnamespace",
    )
    given = {"uuid": f"'{deployment.grace.user_id}'::uuid", "text": f"'{deployment.grace.username}'"}

    for signature, name, is_definer, kind, types, is_trigger in functions:
        # Functions of the trail are for triggers and the service. No other role may call them.
        callable_here = rows(as_ada, f"select has_function_privilege('{signature}', 'execute')") == [(True,)]
        assert not (is_definer and callable_here), f"{signature}: its callers have the rights of its owner"
        # These functions set the learner. A client with the application's login role is allowed to call them.
        if kind != "f" or is_trigger or not callable_here or name.startswith("begin_as_"):
            continue
        arguments = ", ".join(given.get(wanted, f"null::{wanted}") for wanted in types)
        _, _, said = try_statement(as_ada, f"select {name}({arguments})")
        assert deployment.leaked(said.replace(deployment.grace.username, "")) == [], signature

    assert len(functions) > 15
