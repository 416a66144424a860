"""The gate for Citus finds each kind of mistake, by file and line, and passes the project. It needs no server."""

import json
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from pglast import parse_sql
from typer.testing import CliRunner

from skilltree.cli import app
from skilltree.errors import SkillTreeError
from skilltree.gate import Finding, Subject, skilltree
from skilltree.gate.citus import RULES, check_citus, split_statements
from skilltree.gate.citus.definitions import Definitions
from skilltree.gate.citus.schema import check_schema
from skilltree.gate.citus.text import Text
from skilltree.gate.report import as_text
from skilltree.gate.sqlnames import IMMUTABLE, VOLATILE

ROOT = Path(__file__).parents[1]

# So many CTEs insert, each of which Citus runs as a part of its own. The number may only become smaller.
INSERTS_IN_CTES = 32


@dataclass(frozen=True)
class Seed:
    """A query file or a migration with a mistake, the rule that it breaks, and a text in the line of the finding."""

    rule: str
    sql: str
    at: str
    is_migration: bool = False


OF_MANY = "-- @across it is about many learners\n"

QUERIES = [
    # One learner.
    Seed("learner_not_given", "select xp_events.xp\nfrom xp_events\nwhere xp_events.source_kind = 'SKILL';", "from xp"),
    Seed(
        "learner_not_given",
        "with profile as materialized (\n    select user_profiles.user_id from user_profiles"
        " where user_profiles.user_id = %(user_id)s\n)\n"
        "select xp_events.xp\nfrom profile\ninner join xp_events on xp_events.user_id = profile.user_id;",
        "join xp_events",
    ),
    Seed(
        "learner_not_given",
        "select\n    (select count(*) from xp_events\n    where xp_events.user_id = user_profiles.user_id) as n\n"
        "from user_profiles where user_profiles.user_id = %(user_id)s;",
        "from xp_events",
    ),
    Seed(
        "learner_not_given",
        "select xp_events.xp\nfrom xp_events\nwhere xp_events.user_id = %(user_id)s or xp_events.xp > 5;",
        "from xp_events",
    ),
    Seed(
        "learner_not_given", "select xp_events.xp\nfrom xp_events\nwhere xp_events.user_id = %(friend_id)s;", "from xp"
    ),
    Seed(
        "learner_not_given",
        "insert into\nuser_activity_days (user_id, activity_date)\nselect users.id, current_date from users;",
        "user_activity_days",
    ),
    Seed("learner_not_given", "select achievement_standings.value\nfrom achievement_standings;", "from achievement"),
    Seed(
        "learner_in_sub_select",
        "select xp_events.xp\nfrom xp_events\nwhere xp_events.user_id = (select %(user_id)s::uuid);",
        "from xp_events",
    ),
    Seed(
        "outer_join_not_on_learner",
        "select skills.id\nfrom skills\nleft join user_skill_progress on user_skill_progress.skill_id = skills.id;",
        "left join",
    ),
    Seed(
        "outer_join_on_parameter",
        "select skills.id\nfrom skills\nleft join user_skill_progress\n    on\n"
        "        user_skill_progress.user_id = %(user_id)s\n"
        "        and user_skill_progress.skill_id = %(skill_id)s::uuid;",
        "%(skill_id)s",
    ),
    Seed(
        "outer_join_on_parameter",
        "select skills.id\nfrom skills\nleft join xp_events\n    on\n        xp_events.user_id = %(user_id)s\n"
        "        and xp_events.source_id = skills.id\n"
        "        and xp_events.granted_on between %(since)s and current_date;",
        "%(since)s",
    ),
    Seed(
        "learner_changed",
        "update user_scores\nset\n    user_id = %(other_id)s\nwhere user_scores.user_id = %(user_id)s;",
        "user_id = %(other_id)s",
    ),
    Seed(
        "time_of_another_server",
        "select user_profiles.total_xp\nfrom user_profiles\nwhere user_profiles.user_id = %(user_id)s\n"
        "    and user_profiles.updated_at = now();",
        "updated_at = now()",
    ),
    Seed(
        "time_of_another_server",
        "select\n    current_timestamp is not distinct from user_profiles.updated_at as is_new\nfrom user_profiles\n"
        "where user_profiles.user_id = %(user_id)s;",
        "is not distinct from",
    ),
    # Many learners.
    Seed(
        "join_not_on_learner",
        OF_MANY + "select user_profiles.user_id\nfrom user_profiles\n"
        "inner join user_skill_progress on user_skill_progress.skill_id = user_profiles.user_id;",
        "join user_skill_progress",
    ),
    Seed(
        "join_not_on_learner",
        OF_MANY + "select user_profiles.user_id\nfrom user_profiles\n"
        "left join user_skill_progress on user_skill_progress.skill_id = user_profiles.user_id;",
        "join user_skill_progress",
    ),
    Seed(
        "correlated_not_on_learner",
        OF_MANY + "select skills.id\nfrom skills\nwhere exists (\n    select from xp_events\n"
        "    where xp_events.source_id = skills.id\n);",
        "from xp_events",
    ),
    Seed(
        "correlated_not_on_learner",
        OF_MANY + "with learner as materialized (select users.id as user_id from users)\nselect learner.user_id\n"
        "from learner\nwhere exists (\n    select from xp_events\n    where xp_events.user_id = learner.user_id\n);",
        "from xp_events",
    ),
    Seed(
        "recursion_over_learners",
        OF_MANY
        + "with recursive way as (\n    select skills.id from skills\n    union\n    select way.id from way\n)\n"
        "select way.id\nfrom way\ninner join user_skill_progress on user_skill_progress.skill_id = way.id;",
        "join user_skill_progress",
    ),
    Seed(
        "grouping_sets",
        OF_MANY + "select xp_events.user_id, count(*) as n\nfrom xp_events\n"
        "group by grouping sets ((xp_events.user_id), ());",
        "grouping sets",
    ),
    Seed(
        "values_not_immutable",
        OF_MANY + "select field.what\nfrom user_profiles\ncross join\n    lateral (\n"
        "        values (to_char(user_profiles.created_at, 'YYYY'))\n    ) as field (what);",
        "to_char",
    ),
    # Locks.
    Seed(
        "advisory_lock_beside_table",
        "select pg_advisory_xact_lock(1)\nfrom skills\nwhere skills.id = %(skill_id)s;",
        "pg_advisory_xact_lock",
    ),
    Seed(
        "row_lock_across_learners",
        OF_MANY + "with idle as (\n    select user_sessions.user_id\n    from user_sessions\n"
        "    where user_sessions.is_active\n    for no key update skip locked\n)\nselect idle.user_id from idle;",
        "from user_sessions",
    ),
    Seed(
        "row_lock_beside_result",
        OF_MANY + "with gained as (select xp_events.user_id from xp_events),\n\naccount as (\n    select users.id\n"
        "    from users\n    where users.id in (select gained.user_id from gained)\n    for key share\n)\n\n"
        "select account.id from account inner join gained on gained.user_id = account.id;",
        "in (select",
    ),
    Seed(
        "locked_result_in_sub_select",
        OF_MANY + "with held as (\n    select skills.id from skills where skills.skill_tree_id = %(tree_id)s for no key"
        " update\n),\n\nchosen as (\n    select held.id from held\n    where %(skill_id)s in (\n"
        "        select each.id\n        from held as each\n    )\n)\n\nselect chosen.id from chosen;",
        "from held as each",
    ),
    Seed(
        "read_after_change",
        "with known as (\n    select count(*) as n\n    from user_scores\n"
        "    where user_scores.user_id = %(user_id)s\n),\n\nchanged as (\n"
        "    update user_scores set xp = 0 where user_scores.user_id = %(user_id)s\n"
        "    returning user_scores.user_id\n),\n\nadded as (\n"
        "    insert into user_activity_days (user_id, activity_date) select %(user_id)s, date '2026-01-01'\n"
        "    returning user_activity_days.user_id\n)\n\nselect known.n from known;",
        "from user_scores",
    ),
    Seed("table_lock", "lock table\nskills in share mode;", "skills"),
    # Modifications.
    Seed(
        "merge",
        "merge into\nusers\nusing (select %(user_id)s::uuid as id) as given on given.id = users.id\n"
        "when matched then update set is_active = false, updated_at = now();",
        "users",
    ),
    Seed(
        "view_changed",
        "update\nvisible_trees\nset name = 'x', updated_at = now()\nwhere visible_trees.id = %(tree_id)s;",
        "visible_trees",
    ),
    Seed(
        "volatile_in_update",
        "update user_scores\nset\n    xp = random()\nwhere user_scores.user_id = %(user_id)s;",
        "random()",
    ),
    Seed(
        "volatile_in_update",
        "delete from user_scores\nwhere\n    user_scores.user_id = %(user_id)s\n    and random() > 0.5;",
        "random()",
    ),
    Seed(
        "stable_on_columns",
        "with account as (select users.email from users where users.id = %(user_id)s)\n\nupdate login_attempts\n"
        "set failures = 0\nfrom account\n"
        "where login_attempts.identifier_hash = sha256(convert_to(account.email, 'UTF8'));",
        "convert_to",
    ),
    Seed(
        "stable_on_columns",
        "update user_tokens\nset\n    expires_at = user_tokens.created_at + interval '1 day'\n"
        "where user_tokens.user_id = %(user_id)s;",
        "interval",
    ),
    Seed(
        "choice_not_immutable",
        "update user_tokens\nset\n    expires_at = coalesce(user_tokens.expires_at, now())\n"
        "where user_tokens.user_id = %(user_id)s;",
        "now()",
    ),
    Seed(
        "choice_not_immutable",
        "delete from user_tokens\nwhere\n    user_tokens.user_id = %(user_id)s\n"
        "    and case when user_tokens.created_at is null then current_date is null else false end;",
        "current_date",
    ),
    Seed(
        "returning_not_immutable",
        "delete from user_tokens\nwhere user_tokens.user_id = %(user_id)s\nreturning\n    now() as deleted_at;",
        "now()",
    ),
    Seed(
        "conflict_not_immutable",
        "insert into user_activity_days (user_id, activity_date)\nvalues (%(user_id)s, '2026-01-01')\n"
        "on conflict (user_id, activity_date) do update\n"
        "    set learnt_at = now();",
        "now()",
    ),
    Seed(
        "conflict_not_immutable",
        "insert into user_activity_days (user_id, activity_date)\nvalues (%(user_id)s, '2026-01-01')\n"
        "on conflict (user_id, activity_date) do update\n"
        "    set minutes = (select 1);",
        "(select 1)",
    ),
    Seed(
        "conflict_not_immutable",
        "insert into user_tokens (user_id, email)\nvalues (%(user_id)s, 'ALL_TIME')\non conflict (user_id) do update\n"
        "    set email = excluded.email\n    where user_tokens.created_at < excluded.created_at - interval '1 minute';",
        "interval",
    ),
    Seed(
        "values_with_sub_select",
        "insert into begun_trees (skill_tree_id)\nvalues (\n    (select skills.skill_tree_id from skills limit 1)\n);",
        "(select",
    ),
    Seed(
        "copies_from_learners",
        "update achievement_backfills\nset awarded = (\n    select count(*)\n    from user_achievements\n"
        "    where user_achievements.user_id = %(user_id)s\n);",
        "from user_achievements",
    ),
    Seed(
        "copies_from_learners",
        OF_MANY + "delete from begun_trees\nusing\n    user_skill_progress\n"
        "where user_skill_progress.skill_tree_id = begun_trees.skill_tree_id;",
        "user_skill_progress",
    ),
    Seed(
        "insert_from_itself",
        "insert into users (id, email)\nselect\n    %(other_id)s::uuid,\n    users.email\nfrom users\n"
        "where users.id = %(user_id)s\nreturning users.id;",
        "from users",
    ),
    Seed(
        "updated_at_not_set",
        "update\nskills\nset name = 'x'\nwhere skills.id = %(skill_id)s;",
        "skills",
    ),
    Seed(
        "row_as_argument",
        "select\n    describe_account(users) as told\nfrom users\nwhere users.id = %(user_id)s;",
        "describe_account",
    ),
    # Sessions and messages.
    Seed("role_by_set", "set local role app_user;", "role"),
    Seed("setting_by_function", "select\n    set_config('app.current_user_id', %(user_id)s, true);", "set_config"),
    Seed("several_statements", "select 1;\n\nselect 2;", "select 1"),
]

PERSONAL = "create table notes (\n    user_id uuid not null,\n    skill_id uuid,\n    primary key (user_id, skill_id)"
TRIGGER = (
    "create function {name}() returns trigger\nlanguage plpgsql\nas $$\nbegin\n    {body}\n    return null;\nend\n$$;"
)

MIGRATIONS = [
    Seed("key_without_learner", f"{PERSONAL},\n    label text constraint label_once unique\n);", "label text", True),
    Seed(
        "key_without_learner", f"{PERSONAL}\n);\n\ncreate unique index once on notes (skill_id);", "unique index", True
    ),
    Seed(
        "copy_refers_to_learner",
        "create table picks (\n    id uuid primary key,\n    learner uuid references user_profiles (user_id)\n);",
        "references user_profiles",
        True,
    ),
    Seed(
        "reference_without_learner",
        f"{PERSONAL},\n    foreign key (skill_id) references user_skill_progress (skill_id)\n);",
        "foreign key",
        True,
    ),
    Seed(
        "column_with_constraint",
        "alter table skills\nadd column weight integer,\nadd constraint weight_range check (weight > 0);",
        "alter table skills",
        True,
    ),
    Seed(
        "policy_with_sub_select",
        "create policy own on user_scores using (\n    user_id = (select users.id from users limit 1)\n);",
        "(select",
        True,
    ),
    Seed(
        "sql_function_with_parameters",
        "create function sum_of(learner uuid) returns bigint\nlanguage sql\n"
        "as 'select sum(xp) from xp_events where user_id = learner';",
        "create function",
        True,
    ),
    Seed(
        "table_name_in_trigger",
        TRIGGER.format(name="tell", body="raise notice '%', tg_table_name;"),
        "tg_table_name",
        True,
    ),
    Seed(
        "trigger_of_copy_writes",
        TRIGGER.format(name="spread", body="update skill_trees set updated_at = now() where id = new.skill_tree_id;")
        + "\n\ncreate trigger spread after update on skills for each row execute function spread();",
        "update skill_trees",
        True,
    ),
    Seed(
        "function_asks_learners",
        "create function has_scores(learner uuid) returns boolean\nlanguage plpgsql stable\nas $$\nbegin\n"
        "    return exists (select 1 from user_scores where user_scores.user_id = learner);\nend\n$$;\n\n"
        "create view scored_users as select users.id from users where has_scores(users.id);",
        "from user_scores",
        True,
    ),
    Seed(
        "trigger_writes_copies",
        TRIGGER.format(name="count_it", body="update begun_trees set skill_tree_id = new.user_id;")
        + "\n\ncreate trigger count_it after update on user_scores for each row execute function count_it();",
        "update begun_trees",
        True,
    ),
    Seed(
        "insert_from_transition_table",
        TRIGGER.format(name="keep", body="insert into user_scores (user_id)\n    select changed.user_id from changed;")
        + "\n\ncreate trigger keep after update on user_profiles\nreferencing new table as changed\n"
        "for each statement execute function keep();",
        "insert into user_scores",
        True,
    ),
    Seed(
        "insert_from_transition_table",
        "create procedure make_trail()\nlanguage plpgsql\nas $procedure$\nbegin\n    execute $body$\n"
        "        insert into user_scores (user_id)\n        select written.user_id from written;\n    $body$;\n"
        "    execute 'create trigger t after insert on x referencing new table as written for each statement execute"
        " function t()';\nend\n$procedure$;",
        "insert into user_scores",
        True,
    ),
    Seed(
        "row_lock_in_trigger",
        TRIGGER.format(name="hold", body="perform from skills where id = new.id for update;")
        + "\n\ncreate trigger hold after update on skills for each row execute function hold();",
        "perform from skills",
        True,
    ),
    Seed(
        "table_lock",
        TRIGGER.format(name="shut", body="lock table skills in share mode;")
        + "\n\ncreate trigger shut after update on skills for each row execute function shut();",
        "lock table",
        True,
    ),
    Seed(
        "sequence_without_column",
        TRIGGER.format(name="number_it", body="perform nextval('changes_of_mine');"),
        "nextval",
        True,
    ),
    Seed(
        "setting_by_function",
        TRIGGER.format(name="become", body="perform set_config('app.actor_id', '', true);"),
        "set_config",
        True,
    ),
    Seed(
        "merge",
        TRIGGER.format(name="blend", body="merge into users using levels on false when matched then do nothing;"),
        "merge into",
        True,
    ),
]

SEEDS = [*QUERIES, *MIGRATIONS]
# Of SkillTree's own tables only, and so not of an application's.
APART = {"table_without_place"}


def subject_in(folder: Path) -> Subject:
    """Return an application with query files and migrations in a folder."""
    for name in ("queries", "migrations"):
        (folder / name).mkdir()
    return Subject(
        queries=folder / "queries",
        root=folder,
        repositories=(),
        sources=(),
        models="none",
        application=True,
        migrations=folder / "migrations",
    )


def write(subject: Subject, number: int, seed: Seed) -> Path:
    """Write a file with a mistake, and return its path."""
    folder = subject.root / ("migrations" if seed.is_migration else "queries/of")
    folder.mkdir(exist_ok=True)
    path = folder / (f"{number:04}.seed.sql" if seed.is_migration else f"q{number}.sql")
    path.write_text(seed.sql if seed.is_migration else f"-- What a caller gets.\n{seed.sql}\n")
    return path


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[Seed, tuple[Path, list[Finding]]]:
    """What is found in each file with a mistake."""
    subject = subject_in(tmp_path_factory.mktemp("seeds"))
    told = Seed(
        "",
        TRIGGER.format(name="told", body="") + "\n\ncreate function describe_account(account users)"
        " returns text\nlanguage plpgsql\nas $$ begin return account.email; end $$;",
        "",
        True,
    )
    write(subject, 1, told)
    paths = {seed: write(subject, number, seed) for number, seed in enumerate(QUERIES, start=2)}
    findings = check_citus(subject)
    result = {
        seed: (path, [each for each in findings if subject.root / each.file == path]) for seed, path in paths.items()
    }
    for number, seed in enumerate(MIGRATIONS):
        # Migrations see each other, so that each has a folder of its own.
        own = subject_in(tmp_path_factory.mktemp(f"migration{number}"))
        path = write(own, 1, seed)
        result[seed] = path, check_citus(own)
    return result


@pytest.mark.parametrize("seed", SEEDS, ids=lambda seed: f"{seed.rule}-{SEEDS.index(seed)}")
def test_a_mistake_is_found_by_file_and_line(seed: Seed, found: dict[Seed, tuple[Path, list[Finding]]]) -> None:
    path, findings = found[seed]

    [finding] = [each for each in findings if each.field == seed.rule] or pytest.fail(as_text(findings))
    assert seed.at in path.read_text().splitlines()[finding.line - 1]
    assert finding.remedy == RULES[seed.rule].instead


@pytest.mark.parametrize("seed", SEEDS, ids=lambda seed: f"{seed.rule}-{SEEDS.index(seed)}")
def test_a_mistake_breaks_one_rule_only(seed: Seed, found: dict[Seed, tuple[Path, list[Finding]]]) -> None:
    _, findings = found[seed]

    assert {each.field for each in findings} == {seed.rule}


def test_there_is_a_mistake_for_each_rule() -> None:
    assert {seed.rule for seed in SEEDS} | APART == set(RULES)


def test_the_page_lists_each_rule() -> None:
    page = (ROOT / "docs/distributed.md").read_text()
    rows = "".join(line for line in page.splitlines() if line.startswith("|"))

    assert [rule for rule in RULES if f"`{rule}`" not in rows] == []


def test_a_table_of_skilltree_needs_a_place() -> None:
    text = Text("migrations/0099.x.sql", "\ncreate table badges (id uuid primary key);")
    defined = Definitions()
    defined.add(parse_sql(text.sql)[0].stmt, text)

    [finding] = check_schema(defined, knows_places=True)

    assert (finding.field, finding.line) == ("table_without_place", 2)
    assert list(check_schema(defined, knows_places=False)) == []


def test_the_project_is_fit_for_citus() -> None:
    assert as_text(check_citus()) == ""


def test_no_file_has_an_exception() -> None:
    excused = [path for path in skilltree().queries.rglob("*.sql") if "-- @citus " in path.read_text()]

    assert excused == []


def test_no_further_cte_inserts() -> None:
    assert sum(split_statements().values()) == INSERTS_IN_CTES


GOOD = {
    "a materialized CTE before the change": "with known as materialized (select count(*) as n from user_scores"
    " where user_scores.user_id = %(user_id)s), changed as (update user_scores set xp = 0"
    " where user_scores.user_id = %(user_id)s returning user_scores.user_id), added as (insert into user_activity_days"
    " (user_id, activity_date) select %(user_id)s, date '2026-01-01' returning user_activity_days.user_id)"
    " select known.n from known;",
    "a change that is sent to one server as a whole": "with known as (select count(*) as n from user_scores"
    " where user_scores.user_id = %(user_id)s), changed as (update user_scores set xp = 0"
    " where user_scores.user_id = %(user_id)s returning user_scores.user_id) select known.n from known;",
    "a parameter in each query": "select xp_events.xp, (select count(*) from user_scores"
    " where user_scores.user_id = %(user_id)s) as n from xp_events where xp_events.user_id = %(user_id)s::uuid;",
    "an equality with a table that has it": "select xp_events.xp from user_profiles inner join xp_events"
    " on xp_events.user_id = user_profiles.user_id where user_profiles.user_id = %(user_id)s;",
    "an equality through the account": "select xp_events.xp from users inner join xp_events"
    " on xp_events.user_id = users.id where users.id = %(user_id)s;",
    "USING": "select xp_events.xp from user_profiles inner join xp_events using (user_id)"
    " where user_profiles.user_id = %(user_id)s;",
    "an outer join on the parameter": "select skills.id from skills left join user_skill_progress"
    " on user_skill_progress.user_id = %(user_id)s and user_skill_progress.skill_id = skills.id;",
    "an outer join whose other parameters may be null": "select skills.id from skills left join user_skill_progress"
    " on user_skill_progress.user_id = %(user_id)s and user_skill_progress.skill_id = (select %(skill_id)s::uuid)"
    " and (%(at)s::timestamptz is null or user_skill_progress.started_at < %(at)s);",
    "a row of columns": "select xp_events.xp from xp_events"
    " where (xp_events.user_id, xp_events.source_id) = (%(user_id)s, %(skill_id)s);",
    "recursion about one learner": "with recursive way as (select skills.id from skills union select way.id from way)"
    " select way.id from way inner join user_skill_progress on user_skill_progress.skill_id = way.id"
    " and user_skill_progress.user_id = %(user_id)s;",
    "the time where it is computed once": "update user_tokens set expires_at = now() + interval '1 day'"
    " where user_tokens.user_id = %(user_id)s;",
    "a join of many learners": OF_MANY + "select user_profiles.user_id from user_profiles left join xp_events"
    " on xp_events.user_id = user_profiles.user_id;",
    "a sub-select of the same learner": OF_MANY + "select user_profiles.user_id from user_profiles where exists"
    " (select from xp_events where xp_events.user_id = user_profiles.user_id);",
    "a temporary table": "update pg_temp.imported set id = uuidv7();",
}


@pytest.mark.parametrize("sql", GOOD.values(), ids=GOOD.keys())
def test_what_citus_runs_passes(sql: str, tmp_path: Path) -> None:
    subject = subject_in(tmp_path)
    write(subject, 1, Seed("", sql, ""))

    assert as_text(check_citus(subject)) == ""


def test_an_exception_has_a_reason_and_is_needed(tmp_path: Path) -> None:
    subject = subject_in(tmp_path)
    excused = write(subject, 1, Seed("", "-- @citus role_by_set: an operator runs it\nset local role app_user;", ""))
    unneeded = write(subject, 2, Seed("", "-- @citus merge: an operator runs it\nselect 1;", ""))
    unknown = write(subject, 3, Seed("", "-- @citus marge: an operator runs it\nselect 1;", ""))

    findings = {subject.root / each.file: each for each in check_citus(subject)}

    assert excused not in findings
    assert (findings[unneeded].line, findings[unneeded].problem) == (2, "is not needed: merge finds nothing")
    assert findings[unknown].problem == "there is no rule marge"


def test_functions_are_as_on_the_server(migrated_url: str) -> None:
    """Every form of a function that is taken as immutable is immutable, and of a volatile one volatile."""
    with psycopg.connect(migrated_url) as connection:
        rows = connection.execute(
            "select proname, provolatile = 'i', provolatile = 'v' from pg_proc"
            " where pronamespace = 'pg_catalog'::regnamespace and proname = any(%s)",
            [[*IMMUTABLE, *VOLATILE]],
        ).fetchall()

    assert {name for name, immutable, _ in rows if not immutable} & IMMUTABLE == set()
    assert {name for name, _, volatile in rows if not volatile} & VOLATILE == set()
    assert {name for name, _, _ in rows} >= IMMUTABLE


@pytest.mark.parametrize(
    "sql", ["create tabel x ();", "create function f() returns void\nlanguage plpgsql\nas $$ begin selct 1; end $$;"]
)
def test_a_migration_that_cannot_be_read_is_named(sql: str, tmp_path: Path) -> None:
    subject = subject_in(tmp_path)
    write(subject, 1, Seed("", sql, "", True))

    with pytest.raises(SkillTreeError, match=r"migrations/0001\.seed\.sql"):
        check_citus(subject)


def test_a_query_file_that_cannot_be_read_is_a_finding(tmp_path: Path) -> None:
    subject = subject_in(tmp_path)
    write(subject, 1, Seed("", "selct 1;", ""))

    [finding] = check_citus(subject)

    assert (finding.file, finding.field) == ("queries/of/q1.sql", "statement")


@pytest.mark.parametrize("form", ["text", "json", "github", "sarif", "junit"])
def test_findings_are_printed_in_each_form(form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    subject = subject_in(tmp_path)
    write(subject, 1, QUERIES[0])
    monkeypatch.setattr("skilltree.cli.gate._application", lambda: subject)
    monkeypatch.setattr("skilltree.cli.gate.CHECKS_OF_A_CHECKOUT", [])

    ran = CliRunner().invoke(app, ["check", "--target", "citus", "--format", form])

    assert ran.exit_code == 1
    assert "learner_not_given" in ran.stdout
    assert "queries/of/q1.sql" in ran.stdout
    if form in {"json", "sarif"}:
        json.loads(ran.stdout)


def test_the_command_checks_the_checkout() -> None:
    ran = CliRunner().invoke(app, ["check", "--target", "citus"])

    assert ran.exit_code == 0
    assert ran.stdout.startswith("All query files and migrations are fit for Citus.\nRun part by part")
