"""The encryption key component, read back from the emulator."""

import json

import pulumi

from components.encryption_key import EncryptionKey, EncryptionKeyArgs
from components.naming import Naming
from local.account import ACCOUNT_ID, LocalAccount
from local.engines.in_process import deploy
from local.provider.provider import LocalProvider


def program() -> None:
    key = EncryptionKey(
        "key",
        EncryptionKeyArgs(
            naming=Naming("kept", "dev"),
            resource_name="data",
            description="What is kept",
            account_id=ACCOUNT_ID,
            region="us-east-1",
            services=["s3", "sqs"],
            log_groups=["/aws/lambda/*"],
        ),
    )
    pulumi.export("key", key.arn)


class TestEncryptionKey:
    def test_resource_is_stored_as_registered(self, account: LocalAccount) -> None:
        deployment = deploy(program, project="kept", stack="dev", config={}, provider=LocalProvider(account, {}))
        assert {each.state for each in deployment.resources} == {"applied"}
        kms, key = account.client("kms"), deployment.outputs["key"]
        assert kms.get_key_rotation_status(KeyId=key)["KeyRotationEnabled"] is True
        described = kms.describe_key(KeyId="alias/kept-data-dev")["KeyMetadata"]
        assert (described["Arn"], described["Description"]) == (key, "What is kept")
        document = json.loads(kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"])
        assert [statement["Sid"] for statement in document["Statement"]] == [
            "AccountAdministers",
            "UseThroughServices",
            "GrantToServices",
            "EncryptLogs",
        ]
