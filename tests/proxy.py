"""A proxy that forwards the messages of client and server over a Unix socket, and counts them."""

import socket
import struct
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict, make_conninfo

# Messages that ask for an answer: simple query, Sync, Flush. The server may send part of a large result earlier.
ASKING = {b"Q", b"S", b"H"}


class Proxy:
    """Records the client's messages (``messages``: type and body) and its waits for the server (``round_trips``).

    The server answers a pipeline at its end. One pipeline is one round trip, whatever packets the client sends.
    """

    def __init__(self, url: str) -> None:
        self.messages: list[tuple[bytes, bytes]] = []
        self.round_trips = 0
        self._folder = tempfile.TemporaryDirectory(prefix="proxy-")
        given = conninfo_to_dict(url)
        self._socket = f".s.PGSQL.{given.get('port', 5432)}"
        self._server = str(Path(str(given["host"])) / self._socket)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(Path(self._folder.name) / self._socket))
        self._listener.listen()
        self._ends: list[socket.socket] = []
        self._is_asked = False
        self.url = make_conninfo(url, host=self._folder.name)
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> "Proxy":
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()
        self.cut()
        self._folder.cleanup()

    def cut(self) -> None:
        """Break every connection, as a network failure does."""
        for end in self._ends:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
        self._ends.clear()

    def stop(self) -> Callable[[], None]:
        """Break all connections and accept no new ones. Return a function that accepts connections again."""
        path = Path(self._folder.name) / self._socket
        path.rename(path.with_suffix(".away"))
        self.cut()
        return lambda: self._back(path)

    @staticmethod
    def _back(path: Path) -> None:
        path.with_suffix(".away").rename(path)

    def reset(self) -> None:
        """Set the counts back to zero."""
        self.messages.clear()
        self.round_trips = 0
        self._is_asked = False

    def statements(self) -> list[str]:
        """Return the statements that the client executed; a prepared one is ``''``."""
        found: list[str] = []
        parsed = ""
        for kind, body in self.messages:
            if kind == b"Q":
                found.append(body.rstrip(b"\0").decode())
            elif kind == b"P":
                parsed = body.split(b"\0")[1].decode()
            elif kind == b"E":
                found.append(parsed)
                parsed = ""
        return found

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            try:
                server.connect(self._server)
            except OSError:
                client.close()
                continue
            self._ends += [client, server]
            threading.Thread(target=self._from_client, args=(client, server), daemon=True).start()
            threading.Thread(target=self._from_server, args=(server, client), daemon=True).start()

    def _from_client(self, client: socket.socket, server: socket.socket) -> None:
        with client:
            read = client.makefile("rb")
            head = read.read(4)
            if len(head) == 4:  # the first message of a connection has no type
                _send(server, head + read.read(struct.unpack("!I", head)[0] - 4))
            while head := read.read(5):
                kind, (length,) = head[:1], struct.unpack("!I", head[1:])
                body = read.read(length - 4)
                self.messages.append((kind, body))
                if kind in ASKING:
                    self._is_asked = True
                _send(server, head + body)
            _end(server)

    def _from_server(self, server: socket.socket, client: socket.socket) -> None:
        with server:
            while data := _receive(server):
                if self._is_asked:
                    self._is_asked = False
                    self.round_trips += 1
                _send(client, data)
            _end(client)


def _receive(end: socket.socket) -> bytes:
    try:
        return end.recv(65536)
    except OSError:
        return b""


def _send(end: socket.socket, data: bytes) -> None:
    try:
        end.sendall(data)
    except OSError:
        return


def _end(end: socket.socket) -> None:
    try:
        end.shutdown(socket.SHUT_RDWR)
    except OSError:
        return
