import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from components.encryption_key import EncryptionKey, EncryptionKeyArgs
from components.naming import Naming

NAMING = Naming("episode-metadata", "dev")
ACCOUNT = "123456789012"
ROOT = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}


def args(**changes: Any) -> Any:
    return EncryptionKeyArgs(
        **dict[str, Any](
            {
                "naming": NAMING,
                "resource_name": "data",
                "description": "What the platform stores",
                "account_id": ACCOUNT,
                "region": "us-east-1",
            }
        )
        | changes
    )


class TestRegister:
    def test_key_rotates_and_is_hard_to_delete(self, register: Any) -> None:
        graph = register(lambda: EncryptionKey("key", args()))
        assert graph.counts == {"Key": 1, "Alias": 1}
        key = dict(graph.one("Key").inputs)
        assert key.pop("policy")
        assert key == {
            "description": "What the platform stores",
            "enableKeyRotation": True,
            "rotationPeriodInDays": 365,
            "deletionWindowInDays": 30,
        }
        alias = graph.one("Alias").inputs
        assert alias["name"] == "alias/episode-metadata-data-dev"
        assert graph.named("key-key").urn in graph.one("Alias").property_dependencies["targetKeyId"]


class TestPolicy:
    def test_account_administers_and_does_not_use(self, register: Any) -> None:
        statements = register(lambda: EncryptionKey("key", args())).statements("key-key")
        assert statements.keys() == {"AccountAdministers"}
        administers = statements["AccountAdministers"]
        assert (administers["Effect"], administers["Principal"]) == ("Allow", ROOT)
        using = ("Decrypt", "Encrypt", "GenerateDataKey", "ReEncrypt", "CreateGrant", "*")
        actions = [action.removeprefix("kms:") for action in administers["Action"]]
        assert not [action for action in actions for use in using if use.startswith(action.rstrip("*"))]
        # Whoever cannot change the policy could lock the account out: KMS refuses such a key.
        assert {"Put*", "ScheduleKeyDeletion", "CancelKeyDeletion", "Describe*", "TagResource"} <= set(actions)

    def test_roles_use_it_through_the_named_services_alone(self, register: Any) -> None:
        statements = register(lambda: EncryptionKey("key", args(services=["s3", "rds"]))).statements("key-key")
        assert statements.keys() == {"AccountAdministers", "UseThroughServices", "GrantToServices"}
        through: dict[str, Any] = {
            "kms:ViaService": ["s3.us-east-1.amazonaws.com", "rds.us-east-1.amazonaws.com"],
            "kms:CallerAccount": ACCOUNT,
        }
        use, grant = statements["UseThroughServices"], statements["GrantToServices"]
        assert use["Principal"] == grant["Principal"] == ROOT
        assert use["Condition"] == {"StringEquals": through}
        assert use["Action"] == [
            "kms:Decrypt",
            "kms:DescribeKey",
            "kms:Encrypt",
            "kms:GenerateDataKey*",
            "kms:ReEncrypt*",
        ]
        assert grant["Action"] == ["kms:CreateGrant"]
        assert grant["Condition"] == {"StringEquals": through, "Bool": {"kms:GrantIsForAWSResource": "true"}}

    def test_logs_are_those_of_the_named_groups(self, register: Any) -> None:
        chosen = args(log_groups=["/aws/lambda/episode-metadata-*-dev", "/aws/vpc/flow"])
        logs = register(lambda: EncryptionKey("key", chosen)).statements("key-key")["EncryptLogs"]
        assert logs["Principal"] == {"Service": "logs.us-east-1.amazonaws.com"}
        prefix = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:"
        assert logs["Condition"] == {
            "ArnLike": {
                "kms:EncryptionContext:aws:logs:arn": [
                    f"{prefix}/aws/lambda/episode-metadata-*-dev",
                    f"{prefix}/aws/vpc/flow",
                ]
            }
        }


class TestArgs:
    @given(
        services=st.lists(st.sampled_from(["s3", "rds", "sqs", "secretsmanager"]), unique=True),
        groups=st.lists(st.sampled_from(["/aws/lambda/*", "/aws/vpc/flow"]), unique=True),
    )
    def test_no_policy_lets_everyone(self, register: Any, services: Any, groups: Any) -> None:
        chosen = args(services=services, log_groups=groups)
        document = json.loads(register(lambda: EncryptionKey("key", chosen)).one("Key").inputs["policy"])
        assert document["Statement"]
        for statement in document["Statement"]:
            assert statement["Principal"] == ROOT or set(statement["Principal"]) == {"Service"}
            assert statement["Principal"] == ROOT or statement["Condition"]
