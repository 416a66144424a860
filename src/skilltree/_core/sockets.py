"""A look at a connection's socket."""

import select


def has_something_to_say(descriptor: int) -> bool:
    """Tell whether a socket can be read. On an idle connection that means news from the server, or its end."""
    if hasattr(select, "poll"):
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        return bool(poll.poll(0))
    return bool(select.select([descriptor], [], [], 0)[0])
