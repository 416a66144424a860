"""Measure whether the time of a failed login tells existing accounts from missing ones.

One process works on one database (``DATABASE_URL``, migrated and empty), in random order. It tries a wrong password for
four kinds of addresses: an account, one whose password has a lower cost, an inactive one, and an unknown address. Each
kind is compared with the unknown address by the Mann-Whitney U test (Annals of Mathematical Statistics 18, 1947), whose
normal approximation gives z. The area is the chance that one kind takes longer than the other. An area away from 0.5
tells them apart.
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
# Exceeded with a probability of 1 in 10,000 for each of six comparisons without a real difference.
LARGEST_Z = 3.9


def mann_whitney(one: Sequence[float], other: Sequence[float]) -> tuple[float, float]:
    """Return the chance that a time of the first sample is longer than one of the second, and z."""
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
    """Return 0 if no kind can be told from an unknown address."""
    url = os.environ["DATABASE_URL"]
    with Database(url, max_size=1) as db, psycopg.connect(url, autocommit=True) as connection:
        largest = max(measure(db, connection, cost, tries) for cost, tries in COSTS.items())
    print(f"largest |z| {largest:.2f}; {LARGEST_Z} or more tells them apart")
    return int(largest > LARGEST_Z)


if __name__ == "__main__":
    sys.exit(main())
