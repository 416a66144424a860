"""Requirements for the server and the database, checked before anything is written."""

from typing import Protocol

from skilltree.errors import CannotSeeEverything, UnfitDatabase

OLDEST = 15


class _Info(Protocol):
    @property
    def server_version(self) -> int: ...

    @property
    def dbname(self) -> str: ...

    def parameter_status(self, param_name: str) -> str | None: ...


def refuse_unfit(info: _Info) -> None:
    """Raise UnfitDatabase for a server that is too old, or a database whose encoding is not UTF8.

    The server sends this information when a connection is made, so that no query is needed.
    """
    if info.server_version // 10000 < OLDEST:
        version = info.parameter_status("server_version") or str(info.server_version)
        raise UnfitDatabase(f"the server is PostgreSQL {version}; SkillTree needs {OLDEST} or newer")
    encoding = info.parameter_status("server_encoding")
    if encoding not in {"UTF8", None}:
        raise UnfitDatabase(
            f"the database {info.dbname} has the encoding {encoding}, but SkillTree needs UTF8. Create another one:"
            " create database … encoding 'UTF8' template template0"
        )


def refuse_replica(*, is_replica: bool) -> None:
    """Raise UnfitDatabase for a session with triggers switched off, because triggers enforce the data's rules."""
    if is_replica:
        raise UnfitDatabase(
            "session_replication_role is set, so that no trigger runs: reset it (alter database … or alter role …"
            " reset session_replication_role)"
        )


def refuse_blind(spots: list[str]) -> None:
    """Raise CannotSeeEverything if there is anything that the role does not see."""
    if spots:
        raise CannotSeeEverything(
            f"this role does not see every row, so it cannot tell whether the data is correct: {'; '.join(spots)}",
            sqlstate="42501",
        )
