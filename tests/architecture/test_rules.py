"""The rules of the house that a machine can check."""

import ast
import re
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("stacks", "components", "runtime", "lambda_src", "local", "operations")
MOST_LINES = 320
MOST_FILES = 12
# Flat on purpose: one file for each component, slice, service of AWS, or revision.
FLAT = {"components", "stacks", "local/provider/services", "runtime/migrations/versions"}


def sources(*rooms: str) -> Iterator[Path]:
    for room in rooms or ROOMS:
        yield from sorted((ROOT / room).rglob("*.py"))


def tracked() -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


def imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.split(".")[0])
    return names


class TestImports:
    def test_contracts_hold(self) -> None:
        done = subprocess.run(
            [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout

    @pytest.mark.parametrize(
        ("contract", "listed", "left_out"),
        [
            ("stacks meet the application only in its settings, object keys and roles", "forbidden_modules", set()),
            ("operations speak to platforms over HTTP and AWS APIs only", "forbidden_modules", set()),
            ("boto3 in the runtime only behind the adapters", "source_modules", {"runtime.adapters"}),
        ],
    )
    def test_contracts_know_every_part_of_the_runtime(self, contract: str, listed: str, left_out: set[str]) -> None:
        contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
        (found,) = [each for each in contracts if each["name"] == contract]
        parts = {f"runtime.{path.parent.name}" for path in (ROOT / "runtime").glob("*/__init__.py")}
        assert "runtime.mechanisms" in parts
        assert parts - set(found[listed]) == left_out

    def test_imports_for_type_checking_count(self) -> None:
        # Otherwise they could hide a circle from the contracts.
        options = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
        assert "exclude_type_checking_imports" not in options

    @pytest.mark.parametrize(
        ("package", "allowed"), [("boto3", ("runtime/adapters/", "local/", "operations/")), ("moto", ("local/",))]
    )
    def test_package_stays_behind_its_doors(self, package: str, allowed: tuple[str, ...]) -> None:
        where = [path.relative_to(ROOT).as_posix() for path in sources() if package in imported(path)]
        assert [path for path in where if not path.startswith(allowed)] == []

    def test_pulumi_programs_evaluate_their_annotations(self) -> None:
        # Pulumi's component analyzer crashes on postponed annotations.
        offenders = [
            str(path)
            for path in sources("components", "stacks")
            if "from __future__ import annotations" in path.read_text()
        ]
        assert offenders == []

    def test_feature_packages_are_empty(self) -> None:
        # A worker imports repositories through these packages and must not load a web framework by that.
        packages = list((ROOT / "runtime" / "features").rglob("__init__.py"))
        assert packages
        assert [str(path) for path in packages if path.read_text().strip()] == []


# Functions and values that components share.
NO_COMPONENTS = {"__init__", "arguments", "choices", "naming", "placement", "policies", "security_groups"}


class TestNames:
    def test_no_folder_or_file_without_a_subject(self) -> None:
        vague = {"utils", "helpers", "common", "base", "util", "helper", "misc"}
        assert [str(path) for path in sources() if vague & {*path.relative_to(ROOT).with_suffix("").parts}] == []

    def test_no_standard_library_name_in_stacks(self) -> None:
        # A Pulumi host may put that folder first on the import path.
        names = {path.stem for path in sources("stacks")} - {"__init__", "__main__"}
        assert names & set(sys.stdlib_module_names) == set()

    def test_a_component_is_one_file_one_class_one_token(self) -> None:
        for path in sources("components"):
            classes = [node for node in ast.parse(path.read_text()).body if isinstance(node, ast.ClassDef)]
            components = [
                node.name for node in classes if any("ComponentResource" in ast.unparse(base) for base in node.bases)
            ]
            if path.stem in NO_COMPONENTS or path.stem.endswith(("_rules", "_policies", "_permissions")):
                assert components == [], path
                continue
            expected = "".join(word.capitalize() for word in path.stem.split("_"))
            assert components == [expected], path
            assert f'"episode-metadata:index:{expected}"' in path.read_text(), path
            assert f"{expected}Args" in {node.name for node in classes}, path
            assert (ROOT / "tests" / "components" / f"test_{path.stem}.py").exists(), path


class TestFiles:
    def test_files_stay_readable(self) -> None:
        long = {
            str(path.relative_to(ROOT)): n
            for path in sources()
            if (n := len(path.read_text().splitlines())) > MOST_LINES
        }
        assert long == {}

    def test_folders_stay_readable(self) -> None:
        folders = Counter(path.parent.relative_to(ROOT).as_posix() for path in sources() if path.name != "__init__.py")
        assert {folder: files for folder, files in folders.items() if files > MOST_FILES and folder not in FLAT} == {}

    def test_environments_differ_in_values_not_in_code(self) -> None:
        names = {"dev", "staging", "production", "development", "local"}
        offenders = []
        for path in sources("components", "stacks"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Compare):
                    literals = {
                        part.value
                        for part in ast.walk(node)
                        if isinstance(part, ast.Constant) and isinstance(part.value, str)
                    }
                    offenders += [f"{path}:{node.lineno}"] if literals & names else []
        assert offenders == []

    def test_no_machine_and_no_registry_is_named(self) -> None:
        hosts = [
            "py" + "pi.org",
            "python" + "hosted",
            "registry." + "npmjs",
            "deb.debian" + ".org",
            "/ro" + "ot/",
            "/wo" + "rk/",
        ]
        offenders = []
        for name in tracked():
            path = ROOT / name
            if path.suffix not in {".jpg", ".png"}:
                text = path.read_text(errors="replace")
                offenders += [f"{name}: {host}" for host in hosts if host in text]
        assert offenders == []

    def test_nothing_generated_is_kept(self) -> None:
        assert [name for name in tracked() if re.search(r"(__pycache__|\.pyc$|\.platform/|\.env$)", name)] == []


class TestLocks:
    @pytest.mark.parametrize("lock", sorted((ROOT / "locks").glob("*.txt")), ids=lambda path: path.name)
    def test_every_package_is_pinned_with_hashes(self, lock: Path) -> None:
        entries = re.split(
            r"\n(?=\S)",
            "\n" + "\n".join(line for line in lock.read_text().splitlines() if not line.lstrip().startswith("#")),
        )
        packages = [entry for entry in entries if entry.strip()]
        assert packages
        assert [entry.splitlines()[0] for entry in packages if "==" not in entry or "--hash=sha256:" not in entry] == []
        assert "://" not in lock.read_text()

    def test_bundles_are_what_was_tested(self) -> None:
        def pins(name: str) -> set[str]:
            return set(
                re.findall(r"^([a-z0-9\-\[\],]+==\S+)", (ROOT / "locks" / f"{name}.txt").read_text(), re.MULTILINE)
            )

        assert pins("development")
        for bundle in ("api", "container", "thumbnails", "maintenance", "migrate"):
            assert pins(bundle) <= pins("development"), bundle

    def test_workers_carry_no_web_framework_and_no_pulumi(self) -> None:
        for bundle in ("thumbnails", "maintenance", "migrate"):
            text = (ROOT / "locks" / f"{bundle}.txt").read_text()
            assert not re.search(r"^(fastapi|starlette|mangum|pulumi|moto)==", text, re.MULTILINE), bundle
