"""What comes from npm: pinned, hashed, from no named place, and never needed."""

import json
import re
from pathlib import Path

import pytest

from benchmarks import node_packages
from benchmarks.node_packages import SOURCES, NodeUnavailableError

MANIFEST = json.loads((SOURCES / "package.json").read_text())
PACKAGES = json.loads((SOURCES / "package-lock.json").read_text())["packages"]


class TestLock:
    def test_every_package_has_a_hash(self) -> None:
        packages = {path: package for path, package in PACKAGES.items() if path}
        assert packages
        assert [path for path, package in packages.items() if not package["integrity"].startswith("sha512-")] == []

    def test_lock_contains_no_url(self) -> None:
        assert "://" not in (SOURCES / "package-lock.json").read_text()

    def test_locked_versions_are_those_of_the_manifest(self) -> None:
        dependencies = MANIFEST["dependencies"]
        assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in dependencies.values())
        assert {name: PACKAGES[f"node_modules/{name}"]["version"] for name in dependencies} == dependencies


class TestInstall:
    def test_missing_node_raises_error(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setenv("PATH", str(tmp_path))
        with pytest.raises(NodeUnavailableError, match="not on PATH"):
            node_packages.install()

    def test_failure_of_npm_raises_error_with_its_output(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        for name, script in (("node", "exit 0"), ("npm", "echo 'npm error no network' >&2; exit 1")):
            (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
            (tmp_path / name).chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        with pytest.raises(NodeUnavailableError, match="npm error no network"):
            node_packages.install()

    def test_incomplete_installation_is_none(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        for name, status in (("node", 0), ("npm", 1)):
            (tmp_path / name).write_text(f"#!/bin/sh\nexit {status}\n")
            (tmp_path / name).chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        (node_packages._folder() / "node_modules").mkdir(parents=True)
        assert node_packages.find() is None
