"""Tell whether the time of a log-in that fails tells accounts that exist from those that do not.

One process, one database (``DATABASE_URL``, empty but migrated), interleaved in random order: a wrong password for an
account, for one whose password is stored at a lower cost, for one that is closed, and for nobody's address. Each kind
is compared with nobody's by the Mann-Whitney U test (Annals of Mathematical Statistics 18, 1947), whose normal
approximation gives z. Accounts that can be told apart show an area (the chance that one takes longer than the other)
away from 0.5.
"""

import math
import os
import random
import statistics
import sys
import time
from collections.abc import Sequence

import psycopg

from skilltree import Database
from skilltree.errors import InvalidCredentials

COSTS = {4: 1500, 12: 60}
LOWER = {4: 4, 12: 10}
# 1 in 10,000 for each of six comparisons of what cannot be told apart.
LARGEST_Z = 3.9


def mann_whitney(one: Sequence[float], other: Sequence[float]) -> tuple[float, float]:
    """Return the chance that one takes longer than the other, and z."""
    ranked = sorted((value, kind) for kind, values in enumerate((one, other)) for value in values)
    rank_sum = sum(rank for rank, (_, kind) in enumerate(ranked, start=1) if kind == 0)
    pairs = len(one) * len(other)
    u = rank_sum - len(one) * (len(one) + 1) / 2
    deviation = math.sqrt(pairs * (len(one) + len(other) + 1) / 12)
    return u / pairs, (u - pairs / 2) / deviation


def measure(db: Database, connection: psycopg.Connection[tuple[object, ...]], cost: int, tries: int) -> float:
    """Print how the kinds compare at one cost, and return the largest z."""
    emails = {kind: f"{kind}-{cost}@example.org" for kind in ("known", "lower", "closed", "nobody")}
    for kind in ("known", "lower", "closed"):
        made_at = LOWER[cost] if kind == "lower" else cost
        user = db.users.register(
            email=emails[kind],
            username=f"{kind}-{cost}",
            password="the right one",  # noqa: S106
            bcrypt_cost=made_at,
        )
        if kind == "closed":
            db.users.deactivate(user.id)
    times: dict[str, list[float]] = {kind: [] for kind in emails}
    order = list(emails) * (tries + 10)
    random.shuffle(order)
    for kind in order:
        connection.execute("update login_attempts set failures = 0")
        started = time.perf_counter()
        try:
            db.accounts.authenticate(emails[kind], "wrong", address="192.0.2.1", bcrypt_cost=cost)
        except InvalidCredentials:
            times[kind].append(time.perf_counter() - started)
    largest = 0.0
    for kind, taken in times.items():
        area, z = mann_whitney(taken, times["nobody"])
        largest = max(largest, abs(z))
        print(
            f"cost {cost:2}  {kind:7} {len(taken):5} tries, median {statistics.median(taken) * 1000:7.3f} ms, "
            f"area {area:.3f}, z {z:+.2f}"
        )
    return largest


def main() -> int:
    """Return 0 when no kind can be told from nobody's."""
    url = os.environ["DATABASE_URL"]
    with Database(url, max_size=1) as db, psycopg.connect(url, autocommit=True) as connection:
        largest = max(measure(db, connection, cost, tries) for cost, tries in COSTS.items())
    print(f"largest |z| {largest:.2f}, where {LARGEST_Z} would tell them apart")
    return int(largest > LARGEST_Z)


if __name__ == "__main__":
    sys.exit(main())
