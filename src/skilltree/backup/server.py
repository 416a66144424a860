"""A private server on restored files: only this user reaches it, through a socket, with settings of its own."""

import re
import shlex
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg.conninfo import make_conninfo

from skilltree import embedded
from skilltree.backup import programs
from skilltree.backup.failures import ProgramFailed, TargetUnreachable
from skilltree.backup.folder import Facts

# Whatever the source has set: nobody else is to reach this server, and it depends on nothing outside of its folder.
_SETTINGS = {
    "listen_addresses": "",
    "port": "5432",
    "ssl": "off",
    "shared_preload_libraries": "",
    "archive_mode": "off",
    "synchronous_standby_names": "",
    "primary_conninfo": "",
    "logging_collector": "off",
    "log_destination": "stderr",
    "lc_messages": "C",
    "autovacuum": "off",
    "max_wal_senders": "10",
}
# What recovery needs at least as large as on the source, as pg_controldata names it.
_AT_LEAST = {
    "max_connections": "max_connections",
    "max_worker_processes": "max_worker_processes",
    "max_wal_senders": "max_wal_senders",
    "max_prepared_xacts": "max_prepared_transactions",
    "max_locks_per_xact": "max_locks_per_transaction",
}
_SECONDS_BETWEEN_LOOKS = 0.05
_FAULT = re.compile(r"(?:FATAL|PANIC):\s+(.*)")
_LAST_COMMIT = re.compile(r"last completed transaction was at log time (.*)")


def restoring_from(wal: Path) -> dict[str, str]:
    """Return the settings that make recovery read a folder of received log."""
    # Every % of the folder's name is doubled, because the server replaces %f and %p.
    name = shlex.quote(str(wal)).replace("%", "%%")
    return {"restore_command": f'cp {name}/%f "%p" 2>/dev/null || cp {name}/%f.partial "%p" 2>/dev/null'}


@contextmanager
def running(
    data: Path, facts: Facts, settings: Mapping[str, str], *, is_paused: bool = False, sync: bool = True
) -> Iterator[str]:
    """Start a server on the files in ``data``, wait until its recovery has ended or pauses, and yield its URL.

    Raises TargetUnreachable if the log ends before the target, and ProgramFailed if the server does not start.
    """
    user = programs.server_user()
    with tempfile.TemporaryDirectory(prefix="skilltree-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        (folder / "postgresql.conf").touch()
        (folder / "pg_hba.conf").write_text("local all all trust\n")
        (folder / "pg_ident.conf").touch()
        log = folder / "log"
        log.touch()
        programs.give(folder, user)
        chosen = {
            **_SETTINGS,
            **_needed(data, facts.version),
            "hba_file": str(folder / "pg_hba.conf"),
            "ident_file": str(folder / "pg_ident.conf"),
            "unix_socket_directories": name,
            "hot_standby": "on" if is_paused else "off",
            **({} if sync else {"fsync": "off", "full_page_writes": "off"}),
            **settings,
        }
        command = [programs.exact("postgres", version=facts.version), "-D", str(data)]
        command += ["-c", f"config_file={folder / 'postgresql.conf'}"]
        command += [word for key, value in chosen.items() for word in ("-c", f"{key}={value}")]
        with log.open("ab") as stream:
            child = subprocess.Popen(  # noqa: S603 (PostgreSQL's)
                command,
                stdout=stream,
                stderr=stream,
                stdin=subprocess.DEVNULL,
                cwd="/",
                user=user.uid if user else None,
                group=user.gid if user else None,
                extra_groups=[] if user else None,
            )
        guard = embedded.guarded(child.pid, name)
        try:
            url = make_conninfo("", host=name, port="5432", user=facts.superuser, dbname=facts.database)
            _wait(child, url, log, is_paused=is_paused)
            yield url
        finally:
            if child.poll() is None:
                # A paused recovery looks only once a second whether it is to stop. What it has replayed is kept.
                child.send_signal(signal.SIGQUIT if is_paused else signal.SIGINT)
                child.wait()
            embedded.dismiss(guard)


def _needed(data: Path, version: int) -> dict[str, str]:
    """Return the settings of the source that recovery checks."""
    printed = programs.run([programs.exact("pg_controldata", version=version), str(data)])
    found = dict(re.findall(r"^(\w+) setting:\s+(\S+)$", printed, re.MULTILINE))
    return {setting: found[name] for name, setting in _AT_LEAST.items()}


def _wait(child: "subprocess.Popen[bytes]", url: str, log: Path, *, is_paused: bool) -> None:
    """Wait until the server can be used. Recovery takes as long as it takes."""
    while True:
        ended = child.poll()
        try:
            with psycopg.connect(url, autocommit=True, connect_timeout=5) as connection:
                [[state]] = connection.execute(
                    "select case when pg_is_in_recovery() then pg_get_wal_replay_pause_state() else 'ended' end"
                ).fetchall()
            if state == "paused" or (state == "ended" and not is_paused):
                return
            if state == "ended":
                raise TargetUnreachable("recovery ended before the moment at which the tables were counted")
        except psycopg.OperationalError as error:
            if ended is not None:
                raise _fault(log.read_text(errors="replace")) from error
        time.sleep(_SECONDS_BETWEEN_LOOKS)


def _fault(printed: str) -> TargetUnreachable | ProgramFailed:
    faults = _FAULT.findall(printed)
    told = faults[0] if faults else printed.strip()[-500:]
    if "before configured recovery target was reached" in printed:
        last = _LAST_COMMIT.findall(printed)
        return TargetUnreachable(
            "the write-ahead log ends before this moment"
            + (f": its last transaction was committed at {last[-1]}" if last else "")
        )
    return ProgramFailed(f"the restored server did not start: {told}")
