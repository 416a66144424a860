"""Count the buffers that operations of one learner touch while the number of learners grows.

The tree stays the same. The program fills one database (``DATABASE_URL``, migrated and empty) to 1,000, 100,000 and
1,000,000 learners, or to the numbers given as arguments. Each learner has work in a tree of 40 skills. Prints a table
of the buffers per call from the server's own counters, which include triggers and foreign keys.
"""

import os
import statistics
import sys
from collections.abc import Callable, Iterable
from functools import partial

import psycopg
from psycopg.conninfo import make_conninfo

from skilltree import Database, seed
from skilltree.budgets.dataset import count_leaderboards
from skilltree.models.ids import SkillId, TreeId, UserId
from skilltree.models.trees import LoadedTree

SIZES = (1_000, 100_000, 1_000_000)
CALLS = 25

# Learner n has completed three skills without other prerequisites; two are open. XP are spread over 20,000 values.
FILL = """
with new_user as materialized (
    insert into users (email, username, password_hash)
    select 'u' || n || '@example.org', 'u' || n, '$2b$04$' || repeat('a', 53)
    from generate_series(%(first)s::integer, %(last)s::integer) as n
    returning id
),
new_profile as (
    insert into user_profiles (
        user_id, total_xp, current_streak, max_streak, last_activity_on, last_activity_at, skills_completed,
        trees_started
    )
    select id, 5 + 5 * (abs(hashtext(id::text)) %% 20000), 1, 1, current_date, now(), 3, 1 from new_user
    returning user_id, total_xp
),
worked as (
    insert into user_skill_progress (
        user_id, skill_id, skill_tree_id, status, progress_percent, unlocked_at, started_at, last_activity_at,
        completed_at
    )
    select
        new_user.id, skill_id, %(tree)s,
        case when place <= 3 then 'COMPLETED' else 'AVAILABLE' end::skill_progress_status,
        case when place <= 3 then 100 else 0 end, now(), now(), now(), case when place <= 3 then now() end
    from new_user, unnest(%(skills)s::uuid[]) with ordinality as worked (skill_id, place)
),
begun as (
    insert into user_skill_tree_progress (
        user_id, skill_tree_id, status, progress_percent, skills_completed, total_skills, started_at, last_activity_at
    )
    select id, %(tree)s, 'IN_PROGRESS', 300.0 / 35, 3, 35, now(), now() from new_user
),
day as (
    insert into user_activity_days (user_id, activity_date) select id, current_date from new_user
),
paid as (
    insert into xp_events (user_id, source_kind, source_id, xp, granted_on, skill_tree_id, difficulty, skill_type)
    select new_profile.user_id, 'SKILL', skill_id, case place when 1 then total_xp else 0 end, current_date, %(tree)s,
        'BEGINNER', 'KNOWLEDGE'
    from new_profile, unnest(%(skills)s::uuid[]) with ordinality as worked (skill_id, place)
    where place <= 3
)
insert into user_scores (user_id, board, starts_on, xp, reached_at, is_listed)
select user_id, board::leaderboard, starts_on, total_xp, now(), true
from new_profile, (values
    ('ALL_TIME', date 'epoch'), ('WEEK', date_trunc('week', now() at time zone 'UTC')::date),
    ('MONTH', date_trunc('month', now() at time zone 'UTC')::date)) as period (board, starts_on)
"""


def fill(connection: psycopg.Connection[tuple[object, ...]], first: int, last: int, params: dict[str, object]) -> None:
    """Add learners with triggers switched off, and count them for the leaderboards."""
    connection.execute("set session_replication_role = replica")
    for start in range(first, last + 1, 50_000):
        connection.execute(FILL, params | {"first": start, "last": min(start + 49_999, last)})
    connection.execute("truncate leaderboard_counts")
    count_leaderboards(connection)
    connection.execute("set session_replication_role = origin")
    connection.execute("vacuum analyze")


def buffers(db: Database, observer: psycopg.Connection[tuple[int]], calls: Iterable[Callable[[], object]]) -> float:
    """Return the median number of buffers that a call touches, from the database's counters."""
    taken = []
    for call in calls:
        before = _touched(db, observer)
        call()
        taken.append(_touched(db, observer) - before)
    return statistics.median(taken)


def _touched(db: Database, observer: psycopg.Connection[tuple[int]]) -> int:
    with db._pool.connection() as connection:
        connection.execute("select pg_stat_force_next_flush()")
    with db._pool.connection() as connection:
        connection.execute("select 1")
    row = observer.execute(
        "select blks_hit + blks_read from pg_stat_database where datname = current_database()"
    ).fetchone()
    assert row is not None  # noqa: S101 (tells the type)
    return row[0]


def operations(db: Database, tree: TreeId, skill: SkillId) -> dict[str, Callable[[UserId], object]]:
    """Return the measured operations by name."""
    return {
        "complete_skill": lambda learner: db.progress.complete_skill(learner, skill),
        "trees.load": lambda learner: db.trees.load("practical-postgresql", learner),
        "dashboard": db.progress.dashboard,
        "next_skills": lambda learner: db.progress.next_skills(learner, tree_id=tree),
        "rank": db.leaderboards.rank,
        "around": db.leaderboards.around,
    }


def chosen(tree: LoadedTree) -> list[SkillId]:
    """Return three skills that can be learnt first, one after the other, and two that are then open."""
    found: list[SkillId] = []
    for _ in range(5):
        done = set(found[:3])
        open_now = (skill.id for skill in tree.skills if set(skill.dependencies) <= done and skill.id not in found)
        found.append(next(open_now))
    return found


def main() -> int:
    """Fill, measure, fill more, measure again."""
    sizes = [int(size) for size in sys.argv[1:]] or SIZES
    url = os.environ["DATABASE_URL"]
    table: dict[str, list[float]] = {}
    with Database(url) as owner:
        for _ in seed.seed(owner):
            pass
    # Under row-level security, like an application; the owner may get other plans.
    with (
        Database(make_conninfo(url, options="-c role=app_service"), max_size=1) as db,
        psycopg.connect(url, autocommit=True) as connection,
        psycopg.connect(url, autocommit=True) as observer,
    ):
        tree = db.trees.load("practical-postgresql")
        skills = chosen(tree)
        done = 0
        for size in sizes:
            fill(connection, done + 1, size, {"tree": tree.id, "skills": skills})
            done = size
            learners = [
                UserId(row[0])
                for row in connection.execute(
                    """select user_id from user_profiles where skills_completed = 3
                    order by md5(user_id::text) limit %s""",
                    [CALLS * 2],
                )
            ]
            for name, operation in operations(db, tree.id, skills[3]).items():
                for learner in learners[:CALLS]:
                    operation(learner)
                nothing = buffers(db, observer, [lambda: None] * CALLS)
                calls = [partial(operation, learner) for learner in learners[CALLS:]]
                table.setdefault(name, []).append(buffers(db, observer, calls) - nothing)
    print("| buffers of | " + " | ".join(f"{size:,} learners" for size in sizes) + " |")
    print("|---|" + "---:|" * len(sizes))
    for name, counted in table.items():
        print(f"| {name} | " + " | ".join(f"{count:,.0f}" for count in counted) + " |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
