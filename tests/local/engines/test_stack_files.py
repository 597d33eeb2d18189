"""Valid and invalid project and stack files."""

import json
from pathlib import Path

import pytest

from local.engines.stack_files import load_stack_config, project_name, stack_names
from local.errors import LocalPlatformError


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "Pulumi.yaml").write_text("name: films\nruntime: python\n")
    (tmp_path / "Pulumi.dev.yaml").write_text(
        "config:\n  aws:region: us-east-1\n  films:settings:\n    zones: 2\n    names: [a, b]\n"
        "  count: 3\n  flag: true\n  text: 'yes'\n"
    )
    (tmp_path / "Pulumi.production.yaml").write_text("config: {}\n")
    return tmp_path


def refusal(project: Path, stack: str = "dev") -> str:
    with pytest.raises(LocalPlatformError) as caught:
        load_stack_config(project, stack)
    return caught.value.message


def test_stack_names_are_those_with_a_file(project: Path) -> None:
    assert stack_names(project) == ("dev", "production")
    assert project_name(project) == "films"


def test_values_are_strings_and_objects_are_json(project: Path) -> None:
    config = load_stack_config(project, "dev")
    assert json.loads(config.pop("films:settings")) == {"zones": 2, "names": ["a", "b"]}
    assert config == {"aws:region": "us-east-1", "films:count": "3", "films:flag": "true", "films:text": "yes"}
    assert load_stack_config(project, "production") == {}


def test_empty_stack_file_has_no_config(project: Path) -> None:
    (project / "Pulumi.dev.yaml").write_text("")
    assert load_stack_config(project, "dev") == {}


def test_unknown_stack_lists_existing_ones(project: Path) -> None:
    assert refusal(project, "test") == "stack 'test' not found; existing stacks: dev, production"


def test_invalid_yaml_names_file_and_line(project: Path) -> None:
    file = project / "Pulumi.dev.yaml"
    file.write_text("config:\n  films:settings: {\n  other: [1\n")
    message = refusal(project)
    assert message.startswith(f"{file}, line 4: invalid YAML: ")


def test_config_must_be_an_object(project: Path) -> None:
    file = project / "Pulumi.dev.yaml"
    file.write_text("config: [1]\n")
    assert refusal(project) == f"{file}: `config` must be an object"


@pytest.mark.parametrize("value", ["{secure: v1:abc}", "{password: {secure: v1:abc}}", "[{secure: v1:abc}]"])
def test_encrypted_value_is_rejected_by_key(project: Path, value: str) -> None:
    (project / "Pulumi.dev.yaml").write_text(f"config:\n  films:settings: {value}\n")
    assert "films:settings is encrypted" in refusal(project)


def test_project_without_name_is_rejected(project: Path) -> None:
    (project / "Pulumi.yaml").write_text("runtime: python\n")
    with pytest.raises(LocalPlatformError, match="`name` is missing"):
        project_name(project)


def test_folder_without_project_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(LocalPlatformError, match="No such file"):
        project_name(tmp_path)
    with pytest.raises(LocalPlatformError, match="existing stacks: none"):
        load_stack_config(tmp_path, "dev")
