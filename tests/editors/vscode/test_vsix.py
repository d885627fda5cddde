"""What is in the extension as it is released, and what is not."""

from __future__ import annotations

import io
import json
import re
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest

from support.workbench import ROOT

_MIB = 2**20

# What may be in the wheel.
_MEANT = re.compile(
    r"wherein/(?:[a-z_]+/)*[a-z0-9_]+\.py"
    r"|wherein/indexing/queries/[a-z]+\.scm"
    r"|wherein/data/model/(?:model\.safetensors|config\.json|tokenizer\.json)"
    r"|wherein-[\d.]+\.dist-info/(?:METADATA|WHEEL|RECORD|entry_points\.txt|licenses/LICENSE)"
)
_SECRETS = re.compile(
    rb"-----BEGIN [A-Z ]*PRIVATE KEY-----"
    rb"|\bAKIA[0-9A-Z]{16}\b|\bgh[pousr]_[A-Za-z0-9]{36}|\bnpm_[A-Za-z0-9]{36}|\bpypi-[\w-]{60}"
    rb"|[a-z]+://[^\s/:@'\"<>{}$]+:[^\s/:@'\"<>{}$*]+@[\w.-]+"
)


@pytest.fixture(scope="module")
def vsix(extension: Path) -> zipfile.ZipFile:
    """The extension, opened."""
    return zipfile.ZipFile(extension)


@pytest.fixture(scope="module")
def wheel(vsix: zipfile.ZipFile) -> zipfile.ZipFile:
    """The wheel of the server in it, opened: in the .vsix it is compressed once more."""
    (name,) = [name for name in vsix.namelist() if name.endswith(".whl")]
    return zipfile.ZipFile(io.BytesIO(vsix.read(name)))


@pytest.fixture(scope="module")
def manifest(vsix: zipfile.ZipFile) -> dict[str, Any]:
    """Its package.json."""
    found: dict[str, Any] = json.loads(vsix.read("extension/package.json"))
    return found


def test_nothing_is_in_it_that_is_not_meant_to_be(vsix: zipfile.ZipFile) -> None:
    names = {name.removeprefix("extension/") for name in vsix.namelist()}
    pictures = {name for name in names if re.fullmatch(r"docs/images/[a-z]+\.png", name)}
    wheel = {
        name for name in names if re.fullmatch(r"bundled/wherein-[\d.]+-py3-none-any\.whl", name)
    }
    assert len(wheel) == 1
    assert names - pictures - wheel == {
        "extension.vsixmanifest",
        "[Content_Types].xml",
        "package.json",
        "readme.md",
        "changelog.md",
        "LICENSE.txt",
        "client-ts/dist/extension.js",
        "bundled/id",
        "bundled/requirements.lock",
        "media/icon.png",
        "media/wherein.svg",
    }


def test_it_is_small(vsix: zipfile.ZipFile) -> None:
    assert vsix.getinfo("extension/client-ts/dist/extension.js").file_size <= _MIB
    assert sum(info.compress_size for info in vsix.infolist()) <= 16 * _MIB


def test_two_can_be_made_at_once(tmp_path: Path) -> None:
    target = tmp_path / "dist" / "wherein.vsix"
    target.parent.mkdir()
    command = ["npm", "run", "--silent", "package", "--", str(target)]
    both = [subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE) for _ in range(2)]
    for one in both:
        _, said = one.communicate(timeout=300)
        assert one.returncode == 0, said.decode()[-2000:]
    assert [file.name for file in target.parent.iterdir()] == ["wherein.vsix"]
    with zipfile.ZipFile(target) as archive:
        assert archive.testzip() is None
        assert sum(name.endswith(".whl") for name in archive.namelist()) == 1


def test_nothing_of_this_machine_is_in_it(vsix: zipfile.ZipFile, wheel: zipfile.ZipFile) -> None:
    for archive in (vsix, wheel):
        for name in archive.namelist():
            data = archive.read(name)
            assert str(ROOT).encode() not in data, name
            assert str(Path.home() / ".").encode() + b"/" not in data, name


def test_no_secret_is_in_it(vsix: zipfile.ZipFile, wheel: zipfile.ZipFile) -> None:
    """By how a secret's file begins, and by how keys of well-known services are made."""
    for archive in (vsix, wheel):
        for name in archive.namelist():
            found = _SECRETS.search(archive.read(name))
            assert found is None, f"{name}: {found}"


def test_a_secret_would_be_seen() -> None:
    for secret in ("-----BEGIN RSA PRIVATE " + "KEY-----", "AKIA" + 16 * "Q", "ghp_" + 36 * "a"):
        assert _SECRETS.search(f"x = '{secret}'".encode())
    assert not _MEANT.fullmatch("wherein/.env")
    assert not _MEANT.fullmatch("wherein/lsp/server.pem")


def test_every_file_that_the_manifest_names_is_there(
    vsix: zipfile.ZipFile, manifest: dict[str, Any]
) -> None:
    text = json.dumps(manifest)
    named = set(re.findall(r'"((?:\./)?(?:media|docs|client-ts|bundled)/[^"]+)"', text))
    assert len(named) >= 4
    for name in named:
        vsix.getinfo(f"extension/{name.removeprefix('./')}")


def test_the_server_is_in_it_with_its_model_and_no_tests(
    vsix: zipfile.ZipFile, wheel: zipfile.ZipFile, manifest: dict[str, Any]
) -> None:
    (name,) = [name for name in vsix.namelist() if name.endswith(".whl")]
    assert f"-{manifest['version']}-" in name
    files = wheel.namelist()
    assert "wherein/__main__.py" in files
    assert "wherein/data/model/model.safetensors" in files
    assert [name for name in files if not _MEANT.fullmatch(name)] == []


def test_every_package_is_locked_by_hash(vsix: zipfile.ZipFile) -> None:
    text = vsix.read("extension/bundled/requirements.lock").decode()
    entries = re.split(r"\n(?=[a-z])", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE))
    packages = [entry for entry in entries if re.match(r"[\w.-]+==", entry)]
    assert len(packages) > 20
    assert all("--hash=sha256:" in entry for entry in packages)
    assert "--index-url" not in text


def test_it_reports_nothing_to_anybody(vsix: zipfile.ZipFile, manifest: dict[str, Any]) -> None:
    bundle = vsix.read("extension/client-ts/dist/extension.js").decode()
    for name in ("createTelemetryLogger", "XMLHttpRequest", "node:https", 'require("https")'):
        assert name not in bundle
    assert "telemetry" not in json.dumps(manifest["contributes"]["configuration"]).lower()
