"""Checks a connection's socket."""

import select


def has_input(descriptor: int) -> bool:
    """Return whether a socket has input. On an idle connection, this is a message of the server or its end."""
    if hasattr(select, "poll"):
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        return bool(poll.poll(0))
    return bool(select.select([descriptor], [], [], 0)[0])
