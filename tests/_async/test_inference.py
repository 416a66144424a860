"""What can be inferred from one answer of the analytics: the value of a hidden count must stay uncertain.

One tree holds every combination of work of a few learners. Nobody can distinguish combinations that look the same in
the answer. Among them, each hidden count must have several possible values.
"""

from collections import defaultdict
from itertools import product

from _async.factories import add_skills, rows
from _async.test_analytics import LONG_AGO, NOW, add_work, learners, statistics_of

__all__ = ["learners"]

MIN_GROUP = 3


async def add_combinations(db, connection, keys, work, *, needs=None):
    """Add a tree of these skills and work on them: (learner, key, status, last activity, minutes, score)."""
    report = await db.trees.import_tree(
        {
            "slug": "ways",
            "name": "Ways",
            "category": "Programming",
            "skills": [{"key": key, "name": key, "dependencies": (needs or {}).get(key, [])} for key in keys],
        }
    )
    await connection.execute(
        "insert into user_skill_progress (user_id, skill_id, skill_tree_id, status, started_at, last_activity_at,"
        " completed_at, time_spent_minutes, completion_score)"
        " select given.user_id, skills.id, skills.skill_tree_id, given.status::skill_progress_status, given.at,"
        " given.at, case when given.status = 'COMPLETED' then given.at end, given.minutes, given.score"
        " from unnest(%s::uuid[], %s::text[], %s::text[], %s::timestamptz[], %s::int[], %s::float8[])"
        " as given (user_id, key, status, at, minutes, score)"
        " inner join skills on skills.key = given.key",
        [list(column) for column in zip(*work, strict=True)],
    )
    await connection.execute("analyze user_skill_progress")
    return report.tree_id


def certain_answers(classes, count, few):
    """Return the answers that leave only one possible value for a count of a small group."""
    found = []
    for told, ways in classes.items():
        possible = {count(way) for way in ways}
        if len(possible) == 1 and few(*possible):
            found.append((told, ways))
    return found


def is_few(number):
    return 0 < number < MIN_GROUP


async def test_no_hidden_count_of_a_skill_can_be_inferred(db, connection, learners):
    # How many learners have completed a skill, stopped at it, or still work on it. Each takes a minute more.
    ways = [way for way in product(range(9), repeat=3) if sum(way) <= 8]
    work = []
    for number, (completed, stopped, at_it) in enumerate(ways):
        states = ["COMPLETED"] * completed + ["STOPPED"] * stopped + ["AT_IT"] * at_it
        for place, state in enumerate(states):
            status = "COMPLETED" if state == "COMPLETED" else "IN_PROGRESS"
            # A learner stops only at their last skill, so each combination has learners of its own.
            work.append((str(number), status, LONG_AGO if state == "STOPPED" else NOW, 60 + place, None))
    users = await rows(
        connection,
        "insert into users (email, username, password_hash)"
        " select 'w' || n || '@example.org', 'w' || n, '$2b$04$' || repeat('a', 53)"
        " from generate_series(1, %s) as n returning id",
        len(work),
    )
    work = [(user_id, *rest) for (user_id,), rest in zip(users, work, strict=True)]
    tree_id = await add_combinations(db, connection, [str(number) for number in range(len(ways))], work)

    answers = {each.key: each for each in await db.analytics.skills(tree_id, min_group=MIN_GROUP)}

    classes = defaultdict(list)
    for number, way in enumerate(ways):
        told = answers[str(number)].model_dump(exclude={"id", "key", "name"})
        # The medians depend on which learner it was, so only their presence is compared.
        told |= {"median_minutes": told["median_minutes"] is None, "median_attempts": told["median_attempts"] is None}
        classes[tuple(told.items())].append(way)
    hidden = {told: possible for told, possible in classes.items() if None in dict(told).values()}
    assert len(hidden) > 5
    for count in (
        sum,
        lambda way: way[0],
        lambda way: way[1] + way[2],
        lambda way: way[1],
        lambda way: way[2],
        lambda way: way[0] + way[2],
    ):
        assert certain_answers(classes, count, is_few) == []


async def test_a_median_of_a_hidden_count_is_a_whole_number(db, connection, tree, learners):
    even, odd = await add_skills(db, tree, "even", "odd")
    for skill, completed in ((even, 10), (odd, 11)):
        await add_work(
            connection,
            skill,
            learners[:completed],
            time_spent_minutes=[10] * 5 + [11] * (completed - 5),
            attempts_count=[1] * 5 + [2] * (completed - 5),
        )
        await add_work(connection, skill, learners[completed:12], "IN_PROGRESS")

    of_even, of_odd = [await statistics_of(db, skill) for skill in (even, odd)]

    assert (of_even.started, of_even.completed) == (of_odd.started, of_odd.completed) == (12, None)
    assert (of_even.median_minutes, of_even.median_attempts) == (10, 1)
    assert (of_odd.median_minutes, of_odd.median_attempts) == (11, 2)


SCORES = (None, 10.0, 60.0)


async def test_no_hidden_count_of_a_band_can_be_inferred(db, connection, learners):
    # In each of three bands, how many learners have completed the skill and how many have not.
    ways = [way for way in product(range(8), repeat=6) if sum(way) <= 7]
    work = []
    for number, way in enumerate(ways):
        place = 0
        for band, score in enumerate(SCORES):
            for status, count in (("COMPLETED", way[2 * band]), ("IN_PROGRESS", way[2 * band + 1])):
                for _ in range(count):
                    work.append((learners[place], f"s{number}", status, NOW, 0, None))
                    if score is not None:
                        work.append((learners[place], f"p{number}", "COMPLETED", NOW, 0, score))
                    place += 1
    keys = [f"{kind}{number}" for kind in "ps" for number in range(len(ways))]
    needs = {f"s{number}": [f"p{number}"] for number in range(len(ways))}
    tree_id = await add_combinations(db, connection, keys, work, needs=needs)

    effects = {each.skill_key: each for each in await db.analytics.prerequisites(tree_id, min_group=MIN_GROUP)}
    skills = {each.key: each for each in await db.analytics.skills(tree_id, min_group=MIN_GROUP)}

    classes = defaultdict(list)
    told_bands = 0
    for number, way in enumerate(ways):
        bands = tuple((band.learners, band.completed) for band in effects[f"s{number}"].bands[:3])
        told_bands += sum(learners is not None for learners, _ in bands)
        # The sums are known from other answers.
        classes[bands, skills[f"s{number}"].started, skills[f"s{number}"].completed].append(way)
    assert told_bands > 500
    for band in (0, 2, 4):
        for count in (
            lambda way, band=band: way[band],
            lambda way, band=band: way[band + 1],
            lambda way, band=band: way[band] + way[band + 1],
        ):
            assert certain_answers(classes, count, is_few) == []
