"""An example application in a process of its own, and a client that can break off in the middle of a request."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any

EXAMPLES = Path(__file__).parents[1] / "examples"


@dataclass
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Server:
    port: int
    process: subprocess.Popen[str]
    output: list[str] = field(default_factory=list)

    def ask(self, method: str, path: str, body: object = None, *, token: str | None = None, **headers: str) -> Reply:
        """Send one request, and wait for the whole answer."""
        return request(self.port, method, path, body, token=token, **headers)

    def stop(self) -> int:
        """End the server as an operator would, and return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        out, _ = self.process.communicate(timeout=30)
        self.output.append(out)
        return self.process.returncode


def request(
    port: int, method: str, path: str, body: object = None, *, token: str | None = None, **headers: str
) -> Reply:
    """Send one request, and wait for the whole answer."""
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(method, path, encoded(body), headers_of(body, token) | headers)
        answer: HTTPResponse = connection.getresponse()
        found = {name.lower(): value for name, value in answer.getheaders()}
        return Reply(answer.status, found, answer.read())
    finally:
        connection.close()


def encoded(body: object) -> bytes | None:
    return None if body is None else json.dumps(body).encode()


def headers_of(body: object, token: str | None) -> dict[str, str]:
    found = {} if body is None else {"Content-Type": "application/json"}
    return found if token is None else {**found, "Authorization": f"Bearer {token}"}


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextmanager
def serving(command: Sequence[str], *, folders: Sequence[Path], url: str, **environment: str) -> Iterator[Server]:
    """Run ``python -m command`` with ``{port}`` replaced, and yield the server once it answers."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-W", "error::DeprecationWarning:skilltree", "-m"]
        + [part.format(port=port) for part in command],
        env=os.environ
        | {
            "DATABASE_URL": url,
            "PYTHONPATH": os.pathsep.join(map(str, folders)),
            "PYTHONUNBUFFERED": "1",
            "BCRYPT_COST": "4",
            **environment,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    server = Server(port, process)
    try:
        _wait(server)
        yield server
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()


def _wait(server: Server) -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        if server.process.poll() is not None:
            raise AssertionError(server.process.communicate()[0])
        try:
            if server.ask("GET", "/health/live").status == 200:
                return
        except OSError:
            time.sleep(0.05)
    server.process.kill()
    raise AssertionError(f"the server does not answer: {server.process.communicate()[0]}")


# --- a client of many requests ----------------------------------------------------------------------------------------


async def ask(port: int, method: str, path: str, body: object = None, *, token: str | None = None) -> Reply:
    """Send one request on a connection of its own."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(_raw(method, path, body, token))
        await writer.drain()
        return _read(await reader.read())
    finally:
        writer.close()


async def break_off(port: int, method: str, path: str, body: object, token: str | None, after: float) -> None:
    """Send a share of a request, up to all of it, and go away without reading the answer."""
    raw = _raw(method, path, body, token)
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(raw[: max(1, round(len(raw) * after))])
    await writer.drain()
    # So that the server sometimes is at work already.
    await asyncio.sleep(0.02 * (after == 1))
    writer.transport.abort()


def _raw(method: str, path: str, body: object, token: str | None) -> bytes:
    content = encoded(body) or b""
    headers = {
        "Host": "127.0.0.1",
        "Connection": "close",
        "Content-Length": str(len(content)),
        **headers_of(body, token),
    }
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    return "\r\n".join(lines).encode() + content


def _read(raw: bytes) -> Reply:
    head, _, body = raw.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    if headers.get("transfer-encoding") == "chunked":
        body = _unchunked(body)
    return Reply(int(first.split()[1]), headers, body)


def _unchunked(body: bytes) -> bytes:
    parts = []
    while body:
        size, _, body = body.partition(b"\r\n")
        parts.append(body[: int(size, 16)])
        body = body[int(size, 16) + 2 :]
    return b"".join(parts)
