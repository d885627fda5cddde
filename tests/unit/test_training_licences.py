"""Which licences are taken for permissive, in the words that packages use."""

from __future__ import annotations

import pytest

from training import licences

BSD = "Redistribution and use in source and binary forms, with or without modification"
GPL = "GNU GENERAL PUBLIC LICENSE Version 2, June 1991"


@pytest.mark.parametrize(
    "expression",
    [
        "MIT", "Expat", "BSD-3-Clause", "BSD License", "Apache-2.0", "Apache 2.0", "ISC", "PSF-2.0",
        "Apache Software License", "MIT OR GPL-3.0-only", "GPL-2 or Ruby or BSD-2-clause", "Zlib",
        "Apache-2.0 WITH LLVM-exception", "(MIT AND Zlib)", "CC0-1.0", "Unlicense", "MIT/X11",
        "Python Software Foundation License", "MIT License", "LGPL-2.1+ | MIT", "PostgreSQL",
    ],
)  # fmt: skip
def test_permissive(expression: str) -> None:
    assert licences.permits(expression)


@pytest.mark.parametrize(
    "expression",
    [
        "GPL-3.0", "LGPL-2.1+", "MIT AND GPL-2.0", "MPL-2.0", "EPL-1.0", "AGPL-3.0-or-later",
        "SEE LICENSE IN LICENSE.md", "UNLICENSED", "CC-BY-SA-4.0", "Proprietary", "BUSL-1.1",
        "GNU Lesser General Public License v2 or later (LGPLv2+)", "unknown", "", "Artistic",
        "Elastic-2.0", "SSPL-1.0", "GPL-2.0-only WITH Classpath-exception-2.0", "BSD and GPL-2+",
    ],
)  # fmt: skip
def test_not_permissive_or_not_known(expression: str) -> None:
    assert not licences.permits(expression)


def metadata(*lines: str) -> tuple[str, str]:
    return "x-1.dist-info/METADATA", "\n".join(("Name: x", *lines)) + "\n\nlong text, GPL\n"


def test_a_wheel_is_judged_by_its_metadata_and_its_licence_file() -> None:
    told = metadata("License-Expression: BSD-3-Clause")
    verdict = licences.judge([told, ("x-1.dist-info/licenses/LICENSE", BSD)])
    assert verdict.kept
    assert (verdict.declared, verdict.found) == ("BSD-3-Clause", "BSD")


def test_a_licence_file_that_names_another_licence_makes_it_mixed() -> None:
    told = metadata("Classifier: License :: OSI Approved :: MIT License")
    verdict = licences.judge([told, ("x-1.dist-info/LICENSE", f"{BSD}\n\nand parts: {GPL}")])
    assert not verdict.kept
    assert "mixed" in verdict.reason


def test_no_licence_is_no_permission() -> None:
    assert not licences.judge([metadata("Summary: a library")]).kept
    assert not licences.judge([]).kept


def test_a_licence_file_alone_is_enough() -> None:
    assert licences.judge([("LICENSE", BSD)]).kept
    assert not licences.judge([("COPYING", GPL)]).kept


def test_npm_declares_in_package_json() -> None:
    assert licences.judge([("package.json", '{"license": "MIT"}')]).kept
    assert not licences.judge([("package.json", '{"license": {"type": "GPL-3.0"}}')]).kept
    assert not licences.judge([("package.json", '{"private": true}')]).kept


DEBIAN = """Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/

Files: *
Copyright: 2020 Somebody
License: Expat

Files: debian/*
Copyright: 2021 A packager
License: GPL-2+

Files: src/sha1.c
 contrib/*
License: LGPL-2.1+
"""


def test_debian_says_it_by_file() -> None:
    verdict = licences.judge([("debian/copyright", DEBIAN)])
    assert verdict.kept
    assert verdict.declared == "Expat"
    assert licences.is_dropped("src/sha1.c", verdict.dropped)
    assert licences.is_dropped("x-1.0/contrib/a/b.c", verdict.dropped)
    assert not licences.is_dropped("src/sha2.c", verdict.dropped)


def test_debian_with_a_main_licence_that_is_not_permissive_is_dropped() -> None:
    assert not licences.judge([("debian/copyright", DEBIAN.replace("Expat", "GPL-3"))]).kept


def test_a_file_under_another_licence_than_its_package_is_seen_by_its_head() -> None:
    assert licences.file_is_restricted(
        "/* This program is free software under the GNU General Public License */\nint f;"
    )
    assert licences.file_is_restricted("// SPDX-License-Identifier: LGPL-2.1-or-later\n")
    assert not licences.file_is_restricted("// SPDX-License-Identifier: Apache-2.0\n")


def test_of_a_reviewed_package_only_the_reviewed_folders_are_read() -> None:
    assert licences.is_unread("mono", "mono/metadata/gc.c")
    assert not licences.is_unread("mono", "mcs/class/corlib/System/String.cs")
    assert not licences.is_unread("another", "anywhere/x.c")
