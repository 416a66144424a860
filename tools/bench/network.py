"""A simulated network between client and server: a socket that delays each packet."""

import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from queue import SimpleQueue
from threading import Thread

from psycopg.conninfo import conninfo_to_dict, make_conninfo


@contextmanager
def delayed(url: str, seconds: float) -> Iterator[str]:
    """Yield a URL of the same server, with each packet delayed by ``seconds`` in both directions."""
    known = conninfo_to_dict(url)
    with tempfile.TemporaryDirectory(prefix="delay-") as folder, socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"{folder}/.s.PGSQL.5432")
        listener.listen()
        server = (str(known.get("host") or "localhost"), int(known.get("port") or 5432))
        line = get_context("spawn").Process(target=_delay, args=(listener, server, seconds), daemon=True)
        line.start()
        try:
            yield make_conninfo(url, host=folder, port=5432)
        finally:
            line.terminate()
            line.join()


def _delay(listener: socket.socket, server: tuple[str, int], seconds: float) -> None:
    host, port = server
    while True:
        client, _ = listener.accept()
        if host.startswith("/"):
            other = socket.socket(socket.AF_UNIX)
            other.connect(f"{host}/.s.PGSQL.{port}")
        else:
            other = socket.create_connection(server)
            other.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for source, target in ((client, other), (other, client)):
            packets: SimpleQueue[tuple[float, bytes]] = SimpleQueue()
            Thread(target=_receive, args=(source, packets, seconds), daemon=True).start()
            Thread(target=_send, args=(target, packets), daemon=True).start()


def _receive(source: socket.socket, packets: SimpleQueue[tuple[float, bytes]], seconds: float) -> None:
    data = b" "
    while data:
        try:
            data = source.recv(65536)
        except OSError:
            # The other side has closed the connection.
            data = b""
        packets.put((time.perf_counter() + seconds, data))


def _send(target: socket.socket, packets: SimpleQueue[tuple[float, bytes]]) -> None:
    while True:
        due, data = packets.get()
        time.sleep(max(due - time.perf_counter(), 0))
        try:
            if not data:
                # A close alone is not enough: the other thread waits for this socket and keeps it open.
                target.shutdown(socket.SHUT_RDWR)
                return
            target.sendall(data)
        except OSError:
            # The other side has closed the connection.
            return
