"""Starts Studio: prints its address with the token, and serves until interrupted."""

import socket
from collections.abc import Callable

import uvicorn

from skilltree._sync.database import Database
from skilltree.errors import CannotSeeEverything, SkillTreeError
from skilltree.studio.access import Access
from skilltree.studio.application import Studio
from skilltree.studio.database import Reader
from skilltree.studio.edits import Editor
from skilltree.studio.viewpoint import Viewpoint

TIMEOUT = 10.0
"""How many seconds a statement may take."""


class PortTaken(SkillTreeError):
    """Another program listens on this port."""


def serve(
    url: str,
    *,
    address: str = "127.0.0.1",
    port: int = 8010,
    behind_tls: str | None = None,
    allow_edits: bool = False,
    timeout: float = TIMEOUT,
    announce: Callable[[str], None] = print,
) -> None:
    """Serve Studio, and announce its address once it listens. Port 0 takes a free one.

    Raises RemoteBindRefused for an address that other machines reach, unless ``behind_tls`` gives the address of a
    proxy with TLS; PortTaken.
    """
    # Refused before anything listens.
    Access(address=address, port=port, behind_tls=behind_tls)
    listening = _listen(address, port)
    with listening:
        access = Access(address=address, port=listening.getsockname()[1], behind_tls=behind_tls)
        studio = Studio(
            access,
            Reader(url, timeout=timeout),
            default_view(url),
            Editor(url, access, timeout=timeout) if allow_edits else None,
        )
        config = uvicorn.Config(
            studio.application(),
            access_log=False,
            log_level="warning",
            server_header=False,
            proxy_headers=False,
            ws="none",
            timeout_graceful_shutdown=5,
        )
        announce(access.url)
        uvicorn.Server(config).run(sockets=[listening])


def default_view(url: str) -> Viewpoint:
    """Return as whom pages read at first: the login role if it sees every row, else the service."""
    with Database(url, max_size=1) as db:
        try:
            db.doctor.require_sight()
        except CannotSeeEverything:
            return Viewpoint("service")
    return Viewpoint("owner")


def _listen(address: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    made = socket.socket(family)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((address, port))
    except OSError as error:
        made.close()
        raise PortTaken(
            f"Studio cannot listen on {address}:{port}: {error.strerror}. Choose another --port."
        ) from error
    return made
