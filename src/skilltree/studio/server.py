"""Serves Studio: the socket, the access, the application."""

import socket
from pathlib import Path

import uvicorn

from skilltree._sync.database import Database
from skilltree.errors import CannotSeeEverything, ScopeMissing, SkillTreeError
from skilltree.studio.access import Access
from skilltree.studio.application import Studio
from skilltree.studio.database import Reader
from skilltree.studio.edits import Editor
from skilltree.studio.viewpoint import Viewpoint

TIMEOUT = 10.0
"""How many seconds a statement may take."""


class PortTaken(SkillTreeError):
    """Another program listens on this port."""


class Server:
    """Studio on a socket that already listens. Port 0 takes a free port.

    Raises RemoteBindRefused for an address that other machines reach, unless ``behind_tls`` gives the address of a
    proxy with TLS; PortTaken; what opening the database raises. ``queries`` is the folder of an application's query
    files.
    """

    def __init__(
        self,
        url: str,
        *,
        address: str = "127.0.0.1",
        port: int = 0,
        behind_tls: str | None = None,
        allow_edits: bool = False,
        timeout: float = TIMEOUT,
        queries: Path | None = None,
    ) -> None:
        # Refused before anything listens.
        Access(address=address, port=port, behind_tls=behind_tls)
        view = default_view(url)
        self._socket = _listen(address, port)
        self.port: int = self._socket.getsockname()[1]
        self.access = Access(address=address, port=self.port, behind_tls=behind_tls)
        editor = Editor(url, self.access, timeout=timeout) if allow_edits else None
        studio = Studio(self.access, Reader(url, timeout=timeout), view, editor, queries)
        self._server = uvicorn.Server(
            uvicorn.Config(
                studio.application(),
                access_log=False,
                log_level="warning",
                server_header=False,
                proxy_headers=False,
                ws="none",
                timeout_graceful_shutdown=5,
            )
        )

    def run(self) -> None:
        """Serve until interrupted or stopped."""
        with self._socket:
            self._server.run(sockets=[self._socket])

    def stop(self) -> None:
        """Let ``run`` return, from another thread."""
        self._server.should_exit = True


def default_view(url: str) -> Viewpoint:
    """Return as whom pages read at first: the login role if it sees every row, else the service."""
    with Database(url, max_size=1) as db:
        try:
            db.doctor.require_sight()
        except (CannotSeeEverything, ScopeMissing):
            return Viewpoint("service")
    return Viewpoint("owner")


def _listen(address: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    made = socket.socket(family)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((address, port))
        made.listen()
    except OSError as error:
        made.close()
        raise PortTaken(
            f"Studio cannot listen on {address}:{port}: {error.strerror}. Choose another --port."
        ) from error
    return made
