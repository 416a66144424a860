"""The layout of the tables on which the run tests: plain, or with the option ``--partitioned`` in partitions."""

import os

from skilltree.migrate.partition import partition

ASKED = "SKILLTREE_TEST_PARTITIONED"


def lay_out(url: str) -> None:
    """Give a migrated database the layout that the run asks for."""
    if os.environ.get(ASKED):
        partition(url, parts=4)
