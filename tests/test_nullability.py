"""What the gate proves about columns, compared with results of the server.

Each query runs on tables that are empty, full, and full of nulls. A column proven not null is never null, and a column
proven nullable is null somewhere.
"""

import psycopg
import pytest
from pglast import parse_sql

from skilltree.gate.facts import Fact, Null
from skilltree.gate.nullability import Prover
from skilltree.gate.schema import Schema

SCHEMA = Schema(
    tables={
        "a": {"id": "integer not null", "x": "integer", "t": "text not null", "n": "integer[]"},
        "b": {"id": "integer not null", "a_id": "integer", "y": "integer not null"},
    }
)

CREATE = """
create temporary table a (id integer primary key, x integer, t text not null, n integer[]);
create temporary table b (id integer primary key, a_id integer, y integer not null);
"""
DATA = {
    "empty": "",
    "matching": """
        insert into a values (1, 10, 'one', '{1,2}'), (2, 20, 'two', '{3}'), (5, 6, 'five', '{}');
        insert into b values (1, 1, 5), (2, 2, 20), (3, 6, 1);
    """,
    "nulls": """
        insert into a values (1, null, 'one', null), (2, 20, 'two', '{null}'), (3, null, 'three', '{}');
        insert into b values (1, 1, 5), (7, null, 6), (8, 99, 7);
    """,
}

NEVER = [
    "select a.id from a",
    "select 1, 'x'::text, true",
    "select count(*), count(a.x) filter (where a.x > 100) from a",
    "select coalesce(a.x, 0) from a",
    "select coalesce(sum(a.x), 0) from a",
    "select a.id + 1, -a.id, a.t || '!', a.id = 1, a.id between 0 and 5, a.id in (1, 2) from a",
    "select a.x is null, a.x is distinct from 1, not exists (select from b) from a",
    "select a.x from a where a.x is not null",
    "select a.x from a where a.x > 5 and a.t <> ''",
    "select a.x from a where not a.x = 5",
    "select a.x from a where a.x in (select b.y from b)",
    "select a.x from a where a.x = 10 or a.x = 20",
    "select a.x, b.a_id from a inner join b on b.a_id = a.x",
    "select b.id from a left join b on b.a_id = a.id where b.id is not null",
    "select b.y, b.a_id from a left join b on b.a_id = a.id where b.y > 0",
    "select a.t, b.y from a left join b on b.a_id = a.id left join a as c on c.id = b.y where c.id is not null",
    "select coalesce(a.id, b.id) from a full join b on b.id = a.id",
    "select counted.n from a left join lateral (select count(*) as n from b where b.a_id = a.id) as counted on true",
    "select (select count(*) from b) from a",
    "select (select coalesce(max(b.y), 0) from b where b.a_id = a.id) from a",
    "select array(select b.a_id from b), array_agg(a.x) from a group by a.id",
    "select max(a.id), min(a.t), bool_and(a.id > 0) from a group by a.x",
    "select max(a.x) from a where a.x is not null group by a.id",
    "select row_number() over (order by a.id), count(a.x) over (), sum(a.id) over (order by a.id) from a",
    "select sum(a.id) over w from a window w as (order by a.id rows between 1 preceding and 1 following)",
    "select lag(a.id, 1, 0) over (order by a.id) from a",
    "select case when a.x is null then 0 else a.x end from a",
    "select case when a.x > 5 then a.x else a.id end from a",
    "select case when a.x is not null then 'known' else 'unknown' end from a",
    "select to_json(a) , jsonb_build_object('x', a.x) from a",
    "select greatest(a.x, 0), concat(a.x, a.n), concat_ws('-', a.x), format('%s', a.x) from a",
    "select array_append(array_remove(coalesce(a.n, '{}'), null), a.x) from a",
    "with c as (select a.id, a.t as name from a) select c.name from c",
    "with recursive r as (select a.id from a union select b.y from r join b on b.a_id = r.id) select r.id from r",
    "select a.id from a union all select b.y from b",
    "select a.id from a except select b.a_id from b",
    "select v.x from (values (1, 'a'), (2, 'b')) as v (x, y)",
    "select s.n, o.place from generate_series(1, 2) as s (n), unnest(array[1, 2]) with ordinality as o (v, place)",
    "select e.v from unnest(array(select a.id from a)) as e (v)",
    "select one.n from (select count(*) as n from a) as one left join (select max(b.id) as m from b) as two on true",
    "with one as (select coalesce(max(a.x), 0) as m from a) select (select one.m from one)",
    "insert into a (id, t) values (50, 'fifty') returning id, t",
    "update a set t = 'new' from b where b.a_id = a.id returning a.id, b.a_id",
    "delete from a where a.x > 0 returning a.x",
    "select a.id from (a inner join b on b.a_id = a.id)",
    "select (a.n)[1:2] from a where a.n is not null",
]

POSSIBLE = [
    "select a.x from a",
    "select null::integer",
    "select sum(a.id) from a",
    "select array_agg(a.id) from a",
    "select a.x + 1 from a",
    "select b.id from a left join b on b.a_id = a.id",
    "select a.id from a right join b on b.a_id = a.id",
    "select a.id from a full join b on b.a_id = a.id",
    "select b.id from a full join b on b.a_id = a.id",
    "select c.id from a left join (b inner join a as c on c.id = b.a_id) on b.a_id = a.id and b.y = 1000",
    "select b.y from a left join (b inner join a as c on c.id = b.a_id) on b.id = a.id",
    "select named.named_id from (select b.a_id as named_id from b) as named left join a on a.id = named.named_id",
    "select max(a.x) from a group by a.id",
    "select max(a.id) filter (where a.id > 100) from a group by a.id",
    "select nullif(a.id, 1) from a",
    "select case when a.x > 5 then 1 end from a",
    "select case when a.x > 5 then 1 else null end from a",
    "select lag(a.id) over (order by a.id) from a",
    "select sum(a.id) over (order by a.id rows between unbounded preceding and 1 preceding) from a",
    "select sum(a.id) over w from a window w as (order by a.id rows between 2 preceding and 1 preceding)",
    "select percentile_cont(0.5) within group (order by a.x) from a group by a.id",
    "select a.id from a union all select b.a_id from b",
    "select (select max(b.y) from b where b.a_id = a.id) from a",
    "with c as (select a.x from a) select c.x from c",
    "with recursive r as (select a.id from a union select b.a_id from r join b on b.id = r.id + 6) select r.id from r",
    "select v.x from (values (1), (null)) as v (x)",
    "select a.x from a where exists (select from b where b.y > 0 or b.a_id = a.x)",
    "select a.x from a where a.x is null or a.id > 0",
    "select a.x from a where coalesce(a.x, 0) >= 0",
    "select to_json(b) from a left join b on b.a_id = a.id",
    "update a set x = null where a.x is not null returning a.x",
    "insert into a (id, t) values (51, 'new') returning x",
    "select to_char(a.x, '999') from a",
]

UNKNOWN = [
    "select (select a.t from a where a.id = 1)",
    "select array_position(array[1], 2)",
    "select (jsonb_build_object('x', 1)) -> 'y'",
    "select e.v from a cross join unnest(a.n) as e (v)",
    "select a.n[1] from a where a.n is not null",
    "select case when a.id > 0 then a.x else 0 end from a",
    "select coalesce(a.x, b.a_id) from a, b",
    "select coalesce(a.x, b.id) from a full join b on b.id = a.id",
    "select coalesce(f.a, f.b) from b as c left join (select a.id as a, b.id as b from a full join b on b.id = a.id)"
    " as f on f.a = c.id",
    "select a.id from a group by rollup (a.id)",
    "select a.id = any(a.n) from a where a.n is not null",
    "select a.x is null and null::boolean from a",
]


@pytest.fixture(scope="module")
def tables(template):
    url = f"host={template.host} user={template.user} dbname=postgres"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(CREATE)
        yield connection


def facts_of_columns(query: str) -> list[Fact]:
    return [fact for _, fact in Prover(SCHEMA, ()).prove(parse_sql(query)[0].stmt).columns]


def answers(connection: psycopg.Connection, query: str) -> list[tuple[object, ...]]:
    """Return the rows of a query on each data set. Its writes are rolled back."""
    found: list[tuple[object, ...]] = []
    for rows in DATA.values():
        with connection.transaction(force_rollback=True):
            connection.execute(rows or "select")
            found += connection.execute(query).fetchall()
    return found


@pytest.mark.parametrize("query", NEVER)
def test_a_column_proven_not_null_is_never_null(query, tables):
    assert [fact.null for fact in facts_of_columns(query)] == [Null.NEVER] * len(facts_of_columns(query))

    rows = answers(tables, query)

    assert rows
    assert not any(value is None for row in rows for value in row)


@pytest.mark.parametrize("query", POSSIBLE)
def test_a_column_proven_nullable_is_null_somewhere(query, tables):
    assert [fact.null for fact in facts_of_columns(query)] == [Null.POSSIBLE]

    rows = answers(tables, query)

    assert any(value is None for row in rows for value in row)


@pytest.mark.parametrize("query", UNKNOWN)
def test_a_column_that_cannot_be_proven_stays_unknown(query):
    assert [fact.null for fact in facts_of_columns(query)] == [Null.UNKNOWN]


PER_USER = Schema(
    tables={
        "users": {"id": "uuid not null"},
        "work": {"user_id": "uuid not null", "skill_id": "uuid not null"},
        "award": {"user_id": "uuid not null", "skill_id": "uuid not null"},
        "skills": {"id": "uuid not null"},
    }
)

HELD = [
    "select from work where work.user_id = $1",
    "select from users inner join work on work.user_id = users.id where users.id = $1",
    "with given as (select $1::uuid as user_id) select from given left join work on work.user_id = given.user_id",
    "select from skills left join work on work.skill_id = skills.id and work.user_id = $1",
    "select from users cross join lateral (select from work where work.user_id = users.id) as w where users.id = $1",
    "select from work inner join award using (user_id) where work.user_id = $1",
    "select from work where (work.user_id, work.skill_id) = ($1, $2)",
    "select from work where work.user_id in (select award.user_id from award where award.user_id = $1)",
    "insert into work (user_id, skill_id) select $1, skills.id from skills",
    "update work set skill_id = $2 where work.user_id = $1",
    "delete from work using award where award.user_id = $1 and work.user_id = award.user_id",
    "with mine as (select work.user_id from work where work.user_id = $1) delete from award using mine"
    " where award.user_id = mine.user_id",
    "select from skills where skills.id = $2",
    "select from work where work.user_id = $1 for update of work",
    "select case when exists (select from work where work.user_id = $1) then 1 end from skills",
]

NOT_HELD = [
    ("select from work", ["work"]),
    ("select from work where work.user_id = $1 or true", ["work"]),
    ("select from work left join award on award.user_id = $1", ["work"]),
    ("select from work where work.user_id <> $1", ["work"]),
    ("select from work where work.skill_id = $1", ["work"]),
    ("select from award where exists (select from work where work.user_id = $1)", ["award"]),
    ("select from award where not exists (select from work where work.user_id = award.user_id)", ["work", "award"]),
    ("select from work full join award on award.user_id = $1 and work.user_id = $1", ["work", "award"]),
    ("insert into work (user_id, skill_id) values ($2, $1)", ["work"]),
    ("update work set user_id = $1", ["work"]),
    ("delete from work where work.user_id in (select award.user_id from award)", ["award", "work"]),
    ("select from users", ["users"]),
    ("merge into work using skills on skills.id = work.skill_id when matched then delete", ["work"]),
    ("copy work from stdin", ["work"]),
    ("lock table work", ["work"]),
    ("select case when exists (select from work) then 1 end from skills", ["work"]),
    ("select count(*) filter (where exists (select from work)) from skills", ["work"]),
    ("select from skills order by (select count(*) from work)", ["work"]),
    ("select from work where work.user_id = $1 union all select from award", ["award"]),
    (
        "with recursive r as (select work.user_id from work where work.user_id = $1 union select award.user_id from r"
        " inner join award on award.skill_id = r.user_id) select from r inner join users on users.id = r.user_id",
        ["award", "users"],
    ),
]


def touched(query: str) -> list[str]:
    parameters = [Fact(Null.NEVER, is_owner=True), Fact(Null.NEVER)]
    prover = Prover(PER_USER, parameters)
    prover.prove(parse_sql(query)[0].stmt)
    return [touch.table for touch in prover.touches()]


@pytest.mark.parametrize("query", HELD)
def test_a_statement_limited_to_the_users_id_passes(query):
    assert touched(query) == []


@pytest.mark.parametrize(("query", "tables_touched"), NOT_HELD)
def test_a_statement_not_limited_to_the_users_id_is_reported(query, tables_touched):
    assert sorted(touched(query)) == sorted(tables_touched)
