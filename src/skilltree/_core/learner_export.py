"""Builds the JSON document of a learner's export while its rows are read."""

from pydantic_core import to_json

from skilltree._core.messages import shown
from skilltree.errors import RowMismatch
from skilltree.models.users import HeldItem

_OBJECTS = ("account", "profile")
_LISTS = (
    "achievements",
    "activity_days",
    "audit_trail",
    "authored_skills",
    "authored_trees",
    "log_ins",
    "scores",
    "sessions",
    "skill_progress",
    "tokens",
    "tree_progress",
    "xp_events",
)
_CHUNK = 65_536


class HeldDocument:
    """Joins items, sorted by section, into the text of one JSON object. An empty section becomes an empty list."""

    def __init__(self) -> None:
        self._section: str | None = None
        self._missing = list(_LISTS)
        self._pieces: list[str] = []
        self._size = 0
        self._own: set[str] = set()

    @property
    def is_empty(self) -> bool:
        """Whether no item was added."""
        return self._section is None

    def add(self, held: HeldItem) -> str:
        """Add an item. Returns a chunk of the text once it is large enough, else an empty string."""
        if held.section == self._section:
            self._write(",\n")
        else:
            self._begin(held.section)
        self._write(held.item)
        return self._taken() if self._size >= _CHUNK else ""

    def add_own(self, held: HeldItem, file: str) -> str:
        """Add an item of an application's query file. Raises RowMismatch if its section is taken."""
        if held.section != self._section:
            if held.section in self._own or held.section in (*_OBJECTS, *_LISTS):
                raise RowMismatch(
                    f"{file}: the section {shown(held.section)} of the export is there already;"
                    " choose another name, and order the rows by section"
                )
            self._own.add(held.section)
            self._missing.append(held.section)
        return self.add(held)

    def end(self) -> str:
        """Return the rest of the text."""
        self._close()
        for section in self._missing:
            self._write(f',\n"{section}": []')
        self._write("}\n")
        return self._taken()

    def _begin(self, section: str) -> None:
        self._close()
        self._write("{" if self._section is None else ",\n")
        self._section = section
        if section in _OBJECTS:
            self._write(f'"{section}": ')
        else:
            self._missing.remove(section)
            self._write(f"{to_json(section).decode()}: [\n")

    def _close(self) -> None:
        if self._section is not None and self._section not in _OBJECTS:
            self._write("\n]")

    def _write(self, piece: str) -> None:
        self._pieces.append(piece)
        self._size += len(piece)

    def _taken(self) -> str:
        text = "".join(self._pieces)
        self._pieces.clear()
        self._size = 0
        return text
