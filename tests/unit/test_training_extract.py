"""A package is read when its licence permits it, and only the files that may be read."""

from __future__ import annotations

import hashlib
import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from training import audit, extract, fetch, lock, pairs
from training.lock import Archive, Package

CODE = '''def {name}(path):
    """Reads the {name} of a shop's customers."""
    with open(path) as file:
        return file.read()
'''
METADATA = "Name: shop\nLicense-Expression: {licence}\n\n# Shop\n\nSells things.\n"


def wheel(folder: Path, name: str = "shop", licence: str = "MIT") -> Package:
    path = folder / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("shop/orders.py", CODE.format(name="orders"))
        archive.writestr("shop/_vendor/debts.py", CODE.format(name="debts"))
        archive.writestr("shop/requests/api.py", CODE.format(name="replies"))
        archive.writestr(
            "shop/gifts.py", "# GNU General Public License\n" + CODE.format(name="gifts")
        )
        archive.writestr("shop-1.0.dist-info/METADATA", METADATA.format(licence=licence))
    return package(path, "pypi", name)


def package(path: Path, registry: str, name: str) -> Package:
    data = path.read_bytes()
    archive = Archive(path.name, hashlib.sha256(data).hexdigest(), len(data))
    return Package(registry, "", name, "1.0", (archive,))


def names(out: Path, one: Package) -> list[str]:
    path = out / f"{one.key}.jsonl"
    return [pair.name for pair in pairs.read(path) if pair.kind == "doc"] if path.exists() else []


def test_only_the_files_that_may_be_read_are_read(tmp_path: Path) -> None:
    one = wheel(tmp_path)
    report = extract.extract_once(one, tmp_path, tmp_path)
    assert report.verdict.kept
    assert names(tmp_path, one) == ["orders"]


def test_a_package_whose_licence_does_not_permit_it_gives_nothing(tmp_path: Path) -> None:
    one = wheel(tmp_path, licence="GPL-3.0-only")
    report = extract.extract_once(one, tmp_path, tmp_path)
    assert not report.verdict.kept
    assert report.counts == {}
    assert names(tmp_path, one) == []


def test_a_package_that_is_kept_out_is_not_even_opened(tmp_path: Path) -> None:
    one = wheel(tmp_path, name="django-shop")
    (tmp_path / one.files[0].name).unlink()
    report = extract.extract_once(one, tmp_path, tmp_path)
    assert "kept out" in report.verdict.reason
    assert names(tmp_path, one) == []


def test_a_damaged_archive_is_reported_and_nothing_else(tmp_path: Path) -> None:
    one = wheel(tmp_path)
    (tmp_path / one.files[0].name).write_bytes(b"no archive")
    report = extract.extract_once(one, tmp_path, tmp_path)
    assert report.verdict.reason.startswith("unreadable")


def test_what_was_read_is_not_read_again(tmp_path: Path) -> None:
    one = wheel(tmp_path)
    first = extract.extract_once(one, tmp_path, tmp_path)
    (tmp_path / one.files[0].name).unlink()
    assert extract.extract_once(one, tmp_path, tmp_path) == first
    newer = Package("pypi", "", "shop", "2.0", one.files)
    assert "unreadable" in extract.extract_once(newer, tmp_path, tmp_path).verdict.reason


@pytest.mark.parametrize("registry", ["npm", "src"])
def test_tar_archives_are_read_without_their_top_folder(tmp_path: Path, registry: str) -> None:
    path = tmp_path / "shop-1.0.tgz"
    with tarfile.open(path, "w:gz") as archive:
        for name, text in (
            ("package/package.json", '{"name": "shop", "license": "MIT"}'),
            ("package/LICENSE", "Permission is hereby granted, free of charge, to any person"),
            ("package/lib/orders.py", CODE.format(name="orders")),
        ):
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text.encode()))
    one = package(path, registry, "shop")
    assert extract.extract_once(one, tmp_path, tmp_path).verdict.kept
    (pair,) = [p for p in pairs.read(tmp_path / f"{one.key}.jsonl") if p.kind == "doc"]
    assert pair.file == ("shop/lib/orders.py" if registry == "npm" else "lib/orders.py")


def test_the_same_archive_gives_the_same_pairs(tmp_path: Path) -> None:
    one = wheel(tmp_path)
    found = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        extract.extract_once(one, tmp_path, tmp_path / name)
        found.append((tmp_path / name / f"{one.key}.jsonl").read_bytes())
    assert found[0] == found[1]


def test_the_audit_lists_every_package_with_its_verdict(tmp_path: Path) -> None:
    good = extract.extract_once(wheel(tmp_path), tmp_path, tmp_path)
    bad = extract.extract_once(wheel(tmp_path, "other", "GPL-2.0"), tmp_path, tmp_path)
    table = audit.table([bad, good])
    assert "1 packages of 2 were taken" in table
    rows = [row for row in table.splitlines() if row.startswith(("| shop", "| other"))]
    assert "| shop | 1.0 | pypi | MIT |" in rows[0]
    assert "| taken |" in rows[0]
    assert "dropped: declared licence is not permissive or not known" in rows[1]


def test_a_lock_file_survives_being_written(tmp_path: Path) -> None:
    packages = [
        Package(
            "src", "trixie", "b", "1:2-3", (Archive("b.dsc", "aa", 1), Archive("b.tar", "bb", 2))
        ),
        Package("npm", "", "@a/b", "1", (Archive("a.tgz", "cc", 3),)),
    ]
    lock.write(packages, tmp_path / "lock")
    assert sorted(lock.read(tmp_path / "lock"), key=lambda one: one.name) == packages[::-1]


def test_an_archive_that_was_changed_is_not_taken_for_the_locked_one(tmp_path: Path) -> None:
    (tmp_path / "pypi").mkdir()
    one = wheel(tmp_path / "pypi")
    assert fetch.is_there(one, tmp_path)
    path = tmp_path / "pypi" / one.files[0].name
    path.write_bytes(path.read_bytes()[:-1])
    assert not fetch.is_there(one, tmp_path)
    path.write_bytes(b"x" * one.files[0].size)
    (path.parent / f"{path.name}.ok").unlink()
    assert not fetch.is_there(one, tmp_path)
