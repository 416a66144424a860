"""The process of one checkout in ``tools.bench.before``: it times the calls that standard input names.

It runs with the library of another checkout, so it imports only what earlier versions have, too.
"""

import json
import sys
from contextlib import ExitStack

import psycopg

from skilltree import Database
from tools.bench.data import Data
from tools.bench.measure import Loop, atimed, timed
from tools.bench.operations import OPERATIONS
from tools.bench.ours import Skilltree

WAYS = ("sync", "async", "as_user")


def serve(url: str) -> None:
    """Load the data into a migrated, empty database. For each line with an operation and a way, print the seconds."""
    known = {each.name: each for each in OPERATIONS}
    loop = Loop()
    with ExitStack() as stack:
        stack.callback(loop.close)
        db = stack.enter_context(Database(url))
        connection = stack.enter_context(psycopg.connect(url, autocommit=True))
        data = Data(db, connection)
        peers = dict(
            zip(
                WAYS,
                (
                    Skilltree(url, 1, is_async=False),
                    Skilltree(url, 1, is_async=True),
                    Skilltree(url, 1, is_async=False, as_user=data.learner),
                ),
                strict=True,
            )
        )
        stack.enter_context(loop.opened(list(peers.values())))
        print(json.dumps("ready"), flush=True)
        for line in sys.stdin:
            name, way = line.split()
            operation, peer = known[name], peers[way]
            batch = [operation.arguments(data) for _ in range(operation.batch)]
            call = operation.call(peer)
            taken = loop.finish(atimed(call, batch)) if peer.is_async else timed(call, batch)
            print(json.dumps(taken / operation.batch), flush=True)


if __name__ == "__main__":
    serve(sys.argv[1])
