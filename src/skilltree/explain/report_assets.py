"""The scripts and styles of the page of plans: pev2, Vue and Bootstrap, fetched once from npm.

They are not part of this project. Each package has a fixed version and is checked against the checksum that npm
publishes. It is kept in the user's cache; a finished page needs no network.
"""

import base64
import hashlib
import os
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import NamedTuple

from skilltree.errors import SkillTreeError


class _Package(NamedTuple):
    name: str
    version: str
    sha512: str

    @property
    def archive(self) -> str:
        return f"{self.name}-{self.version}.tgz"


_PEV2 = _Package(
    "pev2", "1.21.0", "FZ3dLNh8L4nycV5VRSunlD1EL5vgFEABssFIvQ89xQNkzEUq13r9RK7haEgazioOCttmvddSpwdiko8quldtFQ=="
)
_VUE = _Package(
    "vue", "3.5.45", "3cvsib8m9c0vB24+MDKsgcW4+Da4xaBl9Z/5Tbm2pmSIsRPxcil4cdXjXlVsmJ2g64XJo5h+IRd7rsdGT9pZaw=="
)
_BOOTSTRAP = _Package(
    "bootstrap", "5.3.9", "20cU0rcfw8WdxtVbmfU+xT2EjvVTw9Ror/h1Qvd7DXCujRg8OO9mdBCsmTHdJFf3BuadmBNJtgIuUXsBqSkk/w=="
)

_FILES = {
    "pev2.js": (_PEV2, "package/dist/pev2.umd.js"),
    "pev2.css": (_PEV2, "package/dist/pev2.css"),
    "vue.js": (_VUE, "package/dist/vue.runtime.global.prod.js"),
    "bootstrap.css": (_BOOTSTRAP, "package/dist/css/bootstrap.min.css"),
}


def assets() -> dict[str, str]:
    """Return the scripts and styles by name. Raises SkillTreeError if one cannot be fetched or fails its checksum."""
    return {name: _member(package, path) for name, (package, path) in _FILES.items()}


def licences() -> str:
    """Return the licences of the packages, which must go with every copy."""
    return "\n\n".join(_member(package, "package/LICENSE") for package in (_PEV2, _VUE, _BOOTSTRAP))


def cache() -> Path:
    """Return the folder in which the packages are cached."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "skilltree"


def _member(package: _Package, path: str) -> str:
    with tarfile.open(_archive(package)) as archive:
        member = archive.extractfile(path)
        if member is None:
            raise SkillTreeError(f"{package.archive} has no file {path}")
        return member.read().decode()


def _archive(package: _Package) -> Path:
    kept = cache() / package.archive
    if not kept.exists():
        cache().mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache()) as folder:
            fetched = _fetched(package, Path(folder))
            _check(package, fetched)
            fetched.replace(kept)
    _check(package, kept)
    return kept


def _fetched(package: _Package, folder: Path) -> Path:
    npm = shutil.which("npm")
    what = f"{package.name}@{package.version}"
    if npm is None:
        raise SkillTreeError(
            f"the page of the plans needs {what}: install npm, or put {package.archive} into {cache()}"
        )
    command = [npm, "pack", "--silent", what]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603 (npm)
    if done.returncode:
        raise SkillTreeError(f"npm could not fetch {what} for the page of the plans: {done.stderr.strip()}")
    return folder / package.archive


def _check(package: _Package, path: Path) -> None:
    if base64.b64encode(hashlib.sha512(path.read_bytes()).digest()).decode() != package.sha512:
        raise SkillTreeError(f"{path} is not the published {package.name} {package.version}; remove it")
