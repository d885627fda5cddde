"""The lock file: every archive that may be read, with its version and hash.

One line an archive, tab-separated: registry, suite, package, version, file name, sha256, bytes.
Registries: pypi (a wheel), npm, deb (a binary package of Debian), src (files of a source package).
"""

from __future__ import annotations

from pathlib import Path

import attrs

LOCK = Path(__file__).parent / "packages.lock"
# The evaluation packages, of which only fingerprints are taken.
EVALUATION = Path(__file__).parent / "evaluation.lock"
REGISTRIES = ("pypi", "npm", "deb", "src")


@attrs.frozen
class Archive:
    """One file to download."""

    name: str
    sha256: str
    size: int


@attrs.frozen
class Package:
    """One package of a registry; a source package has several archives."""

    registry: str
    suite: str
    name: str
    version: str
    files: tuple[Archive, ...]

    @property
    def key(self) -> str:
        """A name for files about this package."""
        return f"{self.registry}-{self.name.replace('/', '+')}"


def read(path: Path = LOCK) -> list[Package]:
    """Return the packages of a lock file, in its order."""
    packages: dict[tuple[str, str, str, str], list[Archive]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        registry, suite, name, version, file, sha256, size = line.split("\t")
        packages.setdefault((registry, suite, name, version), []).append(
            Archive(file, sha256, int(size))
        )
    return [Package(*key, tuple(files)) for key, files in packages.items()]


def write(packages: list[Package], path: Path = LOCK) -> None:
    """Write a lock file, sorted."""
    lines = ["# registry\tsuite\tpackage\tversion\tfile\tsha256\tbytes"]
    for one in sorted(packages, key=lambda one: (one.registry, one.name, one.version)):
        lines += [
            "\t".join((one.registry, one.suite, one.name, one.version, *_cells(file)))
            for file in sorted(one.files, key=lambda file: file.name)
        ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _cells(file: Archive) -> tuple[str, str, str]:
    return file.name, file.sha256, str(file.size)
