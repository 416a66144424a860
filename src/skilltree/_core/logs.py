"""The loggers. A line names query files, errors and SQLSTATEs, and never holds a value."""

import logging

# Without a handler of the application, Python would print warnings.
logging.getLogger("skilltree").addHandler(logging.NullHandler())

DATABASE = logging.getLogger("skilltree.database")
POOL = logging.getLogger("skilltree.pool")
REPLICA = logging.getLogger("skilltree.replica")
