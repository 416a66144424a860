"""Measure what Citus costs a call: the same calls on a plain database and on a distributed one, in turns.

``python -m tools.bench.distributed PLAIN DISTRIBUTED`` takes the URLs of both, for the application's role. Both hold
the same data, in which a learner has a skill to work on, and run the same server binaries without JIT. Prints the
median times in ms, and the median of the ratios.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from skilltree import Database
from skilltree.models.ids import SkillId, UserId

_ROUNDS, _WARM_UP = 30, 5


class About(NamedTuple):
    """What the calls are about."""

    learner: UserId
    skill: SkillId
    slug: str


Call = Callable[[Any, About], object]

OF_LEARNER: dict[str, Call] = {
    "users.get_profile": lambda db, about: db.users.get_profile(about.learner),
    "trees.load": lambda db, about: db.trees.load(about.slug, about.learner),
    "progress.dashboard": lambda db, about: db.progress.dashboard(about.learner),
    "progress.record_activity": lambda db, about: db.progress.record_activity(about.learner, about.skill, minutes=1),
    "progress.record_attempt": lambda db, about: db.progress.record_attempt(about.learner, about.skill, score=10),
}
COMPLETION: dict[str, Call] = {
    "progress.complete_skill": lambda db, about: db.progress.complete_skill(about.learner, about.skill, score=100),
}
ACROSS: dict[str, Call] = {
    "leaderboards.top": lambda db, _: db.leaderboards.top(),
    "leaderboards.around": lambda db, about: db.leaderboards.around(about.learner),
}


def _timed(db: Database, name: str, call: Call, about: About) -> float:
    """Return the ms of a call in a unit of work of its own. What it completes was taken back before."""
    if name in COMPLETION:
        db.as_user(about.learner).progress.reset_skill(about.learner, about.skill)
    started = time.perf_counter()
    with db.as_service() if name in ACROSS else db.as_user(about.learner) as unit:
        call(unit, about)
    return (time.perf_counter() - started) * 1000


def measure(plain: Database, distributed: Database, rounds: int = _ROUNDS) -> None:
    """Print a line for each call, as the learner who has done most."""
    learner = plain.as_service().leaderboards.top(1)[0].user_id
    following = plain.as_user(learner).progress.next_skills(learner)[0]
    about = About(learner, following.id, plain.trees.get(following.skill_tree_id).slug)
    for name, call in {**OF_LEARNER, **COMPLETION, **ACROSS}.items():
        pairs = [[_timed(db, name, call, about) for db in (plain, distributed)] for _ in range(rounds + _WARM_UP)]
        before, after = (statistics.median(times) for times in zip(*pairs[_WARM_UP:], strict=True))
        ratio = statistics.median(there / here for here, there in pairs[_WARM_UP:])
        print(f"{name:26}{before:8.1f}{after:8.1f}{ratio:7.1f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.bench.distributed", description=__doc__.partition("\n")[0])
    parser.add_argument("plain")
    parser.add_argument("distributed")
    given = parser.parse_args()
    with Database(given.plain, max_size=1) as plain, Database(given.distributed, max_size=1) as distributed:
        measure(plain, distributed)


if __name__ == "__main__":
    main()
