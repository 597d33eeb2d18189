"""The image repository component, read back from the emulator."""

import json
from collections.abc import Callable

import pytest

from components.image_repository import ImageRepository, ImageRepositoryArgs
from local.account import LocalAccount
from local.engines.in_process import deploy
from local.errors import RegistrationError
from local.provider.provider import Created, LocalProvider
from tests.local.provider.programs.child_inputs import with_inputs

REPOSITORY = "aws:ecr/repository:Repository"
KEY = "arn:aws:kms:us-east-1:123456789012:key/1"
UNDER_KEY = {"encryption_type": "KMS", "kms_key": KEY}
Create = Callable[..., Created]


class TestImageRepository:
    def test_component_is_stored_as_registered(self, provider: LocalProvider, account: LocalAccount) -> None:
        def program() -> None:
            ImageRepository(
                "images",
                ImageRepositoryArgs(name="kept/api", reader_account_ids=["111122223333"]),
                with_inputs({"images-repository": {"encryption_configurations": [UNDER_KEY]}}),
            )

        deployment = deploy(program, project="films", stack="dev", config={}, provider=provider)
        assert {each.state for each in deployment.resources} == {"applied"}
        ecr = account.client("ecr")
        (read,) = ecr.describe_repositories(repositoryNames=["kept/api"])["repositories"]
        assert read["imageTagMutability"] == "IMMUTABLE_WITH_EXCLUSION"
        assert read["imageScanningConfiguration"] == {"scanOnPush": True}
        assert read["encryptionConfiguration"] == {"encryptionType": "KMS", "kmsKey": KEY}
        lifecycle = json.loads(ecr.get_lifecycle_policy(repositoryName="kept/api")["lifecyclePolicyText"])
        assert [rule["selection"]["countNumber"] for rule in lifecycle["rules"]] == [14, 100]
        policy = json.loads(ecr.get_repository_policy(repositoryName="kept/api")["policyText"])
        assert [each["Principal"] for each in policy["Statement"]] == [{"AWS": ["111122223333"]}]

        repository = next(each for each in deployment.resources if each.type == REPOSITORY)
        assert (repository.id, repository.outputs["arn"]) == ("kept/api", read["repositoryArn"])
        assert repository.outputs["repositoryUrl"] == read["repositoryUri"]
        assert repository.outputs["registryId"] == "123456789012"


class TestRejections:
    @pytest.mark.parametrize(
        ("changes", "problem"),
        [
            ({"name": "Films"}, "repositoryName 'Films' does not match"),
            ({"imageTagMutability": "SOMETIMES"}, "imageTagMutability 'SOMETIMES' must be one of"),
            ({"encryptionConfigurations": [{"encryptionType": "ROT13"}]}, "encryptionType 'ROT13' must be one of"),
            ({"colour": "blue"}, "no call accepts colour"),
        ],
    )
    def test_invalid_inputs_are_rejected(self, create: Create, changes: dict[str, object], problem: str) -> None:
        with pytest.raises(RegistrationError, match=problem):
            create(REPOSITORY, "bad", **{"name": "films", **changes})
