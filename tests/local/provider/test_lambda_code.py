"""Function code: string assets are sent, a zip file on this machine is replaced by a description."""

import base64
import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import botocore.client
import pulumi
import pytest

from local.account import LocalAccount
from local.provider.provider import Created
from local.provider.services.lambda_ import DESCRIPTION

FUNCTION = "aws:lambda/function:Function"
Create = Callable[..., Created]


@pytest.fixture
def role(account: LocalAccount) -> str:
    iam = account.client("iam")
    if "code" not in {role["RoleName"] for role in iam.list_roles()["Roles"]}:
        iam.create_role(RoleName="code", AssumeRolePolicyDocument="{}")
    arn: str = iam.get_role(RoleName="code")["Role"]["Arn"]
    return arn


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The zip files sent to the emulator."""
    zips: list[bytes] = []
    call = botocore.client.BaseClient._make_api_call  # type: ignore[attr-defined]  # botocore's own seam

    def watched(self: Any, operation: str, parameters: Any) -> Any:
        if operation == "CreateFunction":
            zips.append(parameters["Code"]["ZipFile"])
        return call(self, operation, parameters)

    monkeypatch.setattr(botocore.client.BaseClient, "_make_api_call", watched)
    return zips


def inside(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


class TestZip:
    @pytest.fixture
    def file(self, tmp_path: Path) -> Path:
        made = tmp_path / "api.zip"
        with zipfile.ZipFile(made, "w") as archive:
            archive.writestr("worker.py", "#" * 100_000)
        return made

    def function(self, create: Create, name: str, role: str, code: pulumi.Archive) -> Created:
        return create(FUNCTION, name, name=name, code=code, handler="worker.handle", runtime="python3.13", role=role)

    def test_zip_code_is_replaced_by_description(
        self, create: Create, role: str, file: Path, sent: list[bytes]
    ) -> None:
        self.function(create, "described", role, pulumi.FileArchive(str(file)))
        (content,) = sent
        assert len(content) < 1000
        (described,) = inside(content).items()
        assert described[0] == DESCRIPTION
        assert json.loads(described[1]) == {
            "path": str(file.resolve()),
            "CodeSha256": base64.b64encode(hashlib.sha256(file.read_bytes()).digest()).decode(),
            "CodeSize": file.stat().st_size,
        }

    def test_outputs_are_those_of_the_zip_file(self, create: Create, role: str, file: Path) -> None:
        for content in ("first", "second"):
            with zipfile.ZipFile(file, "a") as archive:
                archive.writestr(content, content)
            outputs = self.function(create, f"zip-{content}", role, pulumi.FileArchive(str(file))).outputs
            digest = hashlib.sha256(file.read_bytes()).digest()
            assert outputs["codeSha256"] == base64.b64encode(digest).decode()
            assert outputs["sourceCodeSize"] == file.stat().st_size

    def test_string_assets_are_sent_unchanged(
        self, create: Create, role: str, sent: list[bytes], account: LocalAccount
    ) -> None:
        code = pulumi.AssetArchive({"worker.py": pulumi.StringAsset("def handle(event, context): ...")})
        outputs = self.function(create, "texts", role, code).outputs
        assert inside(sent[0]) == {"worker.py": b"def handle(event, context): ..."}
        known = account.client("lambda").get_function_configuration(FunctionName="texts")
        assert (outputs["codeSha256"], outputs["sourceCodeSize"]) == (known["CodeSha256"], known["CodeSize"])
        assert known["CodeSize"] == len(sent[0])
