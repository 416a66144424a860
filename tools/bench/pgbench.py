"""The server's own limit: pgbench runs the query files, as ``skilltree sql --pgbench`` prints them.

They run without ``begin`` and ``rollback``, which a plain call does not send either. Completing a skill is missing: it
takes several files in one transaction, with a new learner each time, which pgbench cannot do.
"""

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from psycopg import Connection

from skilltree import embedded
from skilltree._core.queries import read
from skilltree.errors import EmbeddedServerMissing
from skilltree.explain import script
from tools.bench.data import SEARCHED, SLUG, Data
from tools.bench.statements import PAGE


def program() -> str | None:
    """Return the path of pgbench: the embedded server's, one in PATH, or Debian's."""
    try:
        places = [embedded.program("pgbench")]
    except EmbeddedServerMissing:
        places = []
    places += [shutil.which("pgbench") or "", *map(str, Path("/usr/lib/postgresql").glob("*/bin/pgbench"))]
    return next((place for place in places if os.access(place, os.X_OK)), None)


def run(url: str, connection: Connection[Any], data: Data, clients: int, seconds: int) -> dict[str, float]:
    """Return the server's seconds per query, by operation, divided by the number of clients.

    With 0 seconds, it runs each query only five times.
    """
    pgbench = program()
    if pgbench is None:
        return {}
    user, tree, skill = str(data.learner), str(data.tree_id), str(data.goal)
    # All trees have one of these tags; the sample would restrict them to fewer.
    tags = "{" + ",".join(f"tag-{n}" for n in range(11)) + "}"
    queries = {
        "get": ("trees/get", {"tree_id": tree}),
        "load": ("trees/load", {"slug": SLUG, "user_id": user}),
        "page": ("trees/list", {"any_tags": tags, "limit": str(PAGE + 1)}),
        "search": ("trees/search", {"text": SEARCHED, "limit": "20", "offset": "0"}),
        "progress": ("progress/calculate_tree_progress", {"user_id": user, "tree_id": tree}),
        "missing": ("progress/missing_prerequisites", {"user_id": user, "skill_id": skill}),
    }
    found: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="pgbench-") as folder:
        for operation, (name, given) in queries.items():
            text = script.script(connection, read(name), given, pgbench=True)
            file = Path(folder) / f"{operation}.sql"
            file.write_text(text[text.index(f"/* {name} */") :].removesuffix("rollback;\n"))
            options = ["-n", "-M", "prepared", "-c", str(clients), "-j", str(min(clients, 2))]
            options += ["-T", str(seconds)] if seconds else ["-t", "5"]
            ran = subprocess.run([pgbench, *options, "-f", str(file), url], capture_output=True, text=True, check=True)
            match = re.search(r"tps = ([\d.]+) \(without", ran.stdout)
            if match is None:
                raise ValueError(f"pgbench does not report how often it ran {name}: {ran.stdout}")
            found[operation] = 1 / float(match[1])
    return found
