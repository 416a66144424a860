"""Studio in this process on a real socket, and a client of it."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from threading import Thread
from typing import Any
from urllib.parse import urlencode

from skilltree.studio.server import Server


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    text: str

    @property
    def statements(self) -> int:
        return int(self.headers["studio-statements"])

    @property
    def buffers(self) -> int:
        return int(self.headers["studio-buffers"])

    def hidden(self, marker: str = "<main") -> dict[str, str]:
        """Return the hidden fields of the forms after a text."""
        after = self.text[self.text.index(marker) :]
        return dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', after))


@dataclass
class Client:
    """Sends requests to Studio. With a cookie, it is inside."""

    server: Server
    cookie: str | None = None

    @property
    def port(self) -> int:
        return self.server.port

    def get(self, path: str, **params: object) -> Answer:
        return self.send(
            "GET", path + (f"?{urlencode({k.rstrip('_'): v for k, v in params.items()})}" if params else "")
        )

    def post(self, path: str, fields: dict[str, str], **headers: str) -> Answer:
        return self.send(
            "POST", path, urlencode(fields), {"Content-Type": "application/x-www-form-urlencoded", **headers}
        )

    def send(self, method: str, path: str, body: str | None = None, headers: dict[str, str] | None = None) -> Answer:
        sent = dict(headers or {})
        if self.cookie is not None:
            sent.setdefault("Cookie", self.cookie)
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body, sent)
            answer = connection.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, found, answer.read().decode())
        finally:
            connection.close()


@contextmanager
def studio(url: str, **options: Any) -> Iterator[Client]:
    """Run Studio, and yield a client that is inside."""
    server = Server(url, **options)
    thread = Thread(target=server.run)
    thread.start()
    try:
        yield Client(server, f"{server.access.cookie}={server.access.session}")
    finally:
        server.stop()
        thread.join()
