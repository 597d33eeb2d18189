"""Single registrations: what is applied, what is rejected, and the messages."""

import re
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pulumi
import pytest

from local.account import LocalAccount
from local.errors import LocalPlatformError, ProcessFailedError, RegistrationError, UnsupportedLocallyError
from local.provider.protocol import Registration
from local.provider.provider import Created, LocalProvider
from local.provider.resource_types.table import ResourceType
from local.provider.services import TABLE

BUCKET, QUEUE, ROLE = "aws:s3/bucket:Bucket", "aws:sqs/queue:Queue", "aws:iam/role:Role"
FUNCTION, GROUP, POOL = (
    "aws:lambda/function:Function",
    "aws:cloudwatch/logGroup:LogGroup",
    "aws:cognito/userPool:UserPool",
)
TRUST = '{"Version": "2012-10-17", "Statement": []}'
Create = Callable[..., Created]


class TestRejections:
    """Each message names the resource, and the input if there is one."""

    def refused(self, create: Create, type_: str, /, **inputs: object) -> str:
        with pytest.raises(RegistrationError) as caught:
            create(type_, "thing", **inputs)
        assert caught.value.resource == f"thing ({type_})"
        return caught.value.problem

    def test_unmapped_input_is_rejected(self, create: Create) -> None:
        assert self.refused(create, QUEUE, colour="blue") == "no call accepts colour"

    def test_unknown_nested_input_is_rejected(self, create: Create) -> None:
        problem = self.refused(create, POOL, passwordPolicy={"minimumLength": 12, "colour": "blue"})
        assert problem == "passwordPolicy.colour: AWS's PasswordPolicyType has no such member"

    def test_unsupported_input_is_rejected(self, create: Create) -> None:
        assert self.refused(create, BUCKET, website={}) == "website: not supported by the local account"

    def test_value_outside_enumeration_is_rejected(self, create: Create) -> None:
        problem = self.refused(create, POOL, mfaConfiguration="MAYBE")
        assert problem == (
            "mfaConfiguration: cognito-idp.create_user_pool MfaConfiguration 'MAYBE' must be one of OFF, ON, OPTIONAL"
        )

    def test_value_not_matching_pattern_is_rejected(self, create: Create) -> None:
        problem = self.refused(create, GROUP, name="no spaces")
        assert problem.startswith("name: logs.create_log_group logGroupName 'no spaces' does not match")

    def test_value_above_maximum_is_rejected(self, create: Create) -> None:
        problem = self.refused(create, ROLE, assumeRolePolicy=TRUST, maxSessionDuration=90000)
        assert problem.endswith("MaxSessionDuration 90000 is above the maximum 43200")

    def test_missing_required_input_is_rejected(self, create: Create) -> None:
        assert self.refused(create, ROLE) == "iam.create_role AssumeRolePolicyDocument is required"

    def test_value_of_wrong_type_is_rejected(self, create: Create) -> None:
        assert self.refused(create, FUNCTION, timeout="soon") == "timeout must be a whole number"

    def test_failed_call_is_reported(self, create: Create) -> None:
        create(QUEUE, "first", name="the-one", visibilityTimeoutSeconds=30)
        problem = self.refused(create, QUEUE, name="the-one", visibilityTimeoutSeconds=60)
        assert re.fullmatch(r"sqs\.create_queue: QueueAlreadyExists: .+", problem)

    def test_unknown_operation_is_reported(self, account: LocalAccount) -> None:
        table = {QUEUE: ResourceType(QUEUE, "sqs.make_queue")}
        with pytest.raises(RegistrationError, match="sqs has no operation make_queue"):
            LocalProvider(account, {}, table=table).create(urn="u", type=QUEUE, name="q", inputs={})

    def test_unreachable_emulator_is_reported(self) -> None:
        away = LocalAccount(
            endpoint="http://127.0.0.1:1", s3_endpoint="http://127.0.0.1:1", region="eu-west-1",
            access_key_id="a", secret_access_key="b",
        )  # fmt: skip
        with pytest.raises(RegistrationError, match="Could not connect"):
            LocalProvider(away, {}).create(urn="u", type=QUEUE, name="q", inputs={})

    def test_missing_code_is_reported(self, create: Create) -> None:
        problem = self.refused(create, FUNCTION, code=pulumi.FileArchive("/no/such/folder"))
        assert problem == "/no/such/folder: no such file or directory"

    def test_sensitive_value_is_not_shown(self, create: Create) -> None:
        problem = self.refused(create, "aws:ssm/parameter:Parameter", type="SecureString", value="x" * 3, tier="Gold")
        assert "xxx" not in problem
        long = self.refused(
            create, "aws:secretsmanager/secretVersion:SecretVersion", secretId="s", secretString="y" * 65537
        )
        assert long.endswith("SecretString is above the maximum length 65536")

    def test_duplicate_urn_is_rejected(self, provider: LocalProvider) -> None:
        provider.create(urn="u", type=QUEUE, name="twice", inputs={})
        with pytest.raises(RegistrationError, match="registered twice"):
            provider.create(urn="u", type=QUEUE, name="twice", inputs={})


class TestRecordedOnly:
    def test_unknown_type_is_recorded_with_reason(self, create: Create) -> None:
        created = create("aws:dax/cluster:Cluster", "cache", nodeType="dax.r4.large")
        assert (created.id, created.outputs, created.state) == ("cache", {"nodeType": "dax.r4.large"}, "recorded-only")
        assert created.reason

    def test_unsupported_type_is_recorded_with_reason(self, account: LocalAccount) -> None:
        table = {QUEUE: ResourceType(QUEUE, "sqs.create_queue", recorded_only="the emulator has no CreateQueue")}
        created = LocalProvider(account, {}, table=table).create(
            urn="u", type=QUEUE, name="q", inputs={"name": "never-made"}
        )
        assert (created.state, created.reason) == ("recorded-only", "the emulator has no CreateQueue")
        assert not account.client("sqs").list_queues(QueueNamePrefix="never-made").get("QueueUrls")

    def test_unsupported_type_with_runner_is_applied(self, account: LocalAccount) -> None:
        table = {QUEUE: ResourceType(QUEUE, "sqs.create_queue", recorded_only="the emulator has no CreateQueue")}
        provider = LocalProvider(account, {QUEUE: lambda _: {"url": "http://127.0.0.1"}}, table=table)
        created = provider.create(urn="u", type=QUEUE, name="q", inputs={"name": "not-made-either"})
        assert (created.state, created.outputs["url"]) == ("applied", "http://127.0.0.1")
        assert not account.client("sqs").list_queues(QueueNamePrefix="not-made-either").get("QueueUrls")

    def test_invocation_without_runner_is_recorded_only(self, create: Create) -> None:
        assert create("aws:lambda/invocation:Invocation", "run", functionName="f", input="{}").state == "recorded-only"


class TestNames:
    def test_automatic_name_has_seven_digits_of_urn_hash(self, account: LocalAccount) -> None:
        first, second = (
            LocalProvider(account, {}).create(urn="urn:1", type=GROUP, name="Work", inputs=inputs).id
            for inputs in ({}, {"namePrefix": "other-"})
        )
        assert re.fullmatch(r"Work-[0-9a-f]{7}", first)
        assert second == f"other-{first[-7:]}"

    def test_automatic_bucket_name_is_lower_case(self, create: Create) -> None:
        assert create(BUCKET, "Photos").id.startswith("photos-")

    def test_automatic_fifo_queue_name_has_suffix(self, create: Create) -> None:
        assert create(QUEUE, "ordered", fifoQueue=True).outputs["name"].endswith(".fifo")

    def test_automatic_key_alias_has_prefix(self, create: Create) -> None:
        key = create("aws:kms/key:Key", "key")
        assert create("aws:kms/alias:Alias", "key", targetKeyId=key.id).id.startswith("alias/key-")


class TestProviderOptions:
    def test_own_tags_override_provider_default_tags(self, provider: LocalProvider, account: LocalAccount) -> None:
        created = provider.create(
            urn="u",
            type=QUEUE,
            name="tagged",
            inputs={"tags": {"Team": "films", "Kind": "work"}},
            default_tags={"Team": "platform", "Environment": "development"},
        )
        assert created.outputs["tags"] == {"Team": "films", "Kind": "work"}
        expected = {"Team": "films", "Kind": "work", "Environment": "development"}
        assert created.outputs["tagsAll"] == expected
        assert account.client("sqs").list_queue_tags(QueueUrl=created.id)["Tags"] == expected

    def test_type_without_tags_gets_no_tags(self, provider: LocalProvider, create: Create) -> None:
        queue = create(QUEUE, "plain")
        policy = "aws:sqs/queuePolicy:QueuePolicy"
        created = provider.create(
            urn="p", type=policy, name="p", inputs={"queueUrl": queue.id, "policy": TRUST}, default_tags={"A": "b"}
        )
        assert created.state == "applied"

    def test_provider_region_is_used(
        self, provider: LocalProvider, other_region: LocalAccount, account: LocalAccount
    ) -> None:
        created = provider.create(urn="u", type=BUCKET, name="far", inputs={}, region="eu-west-1")
        assert created.outputs["region"] == "eu-west-1"
        place = account.client("s3").get_bucket_location(Bucket=created.id)
        assert place["LocationConstraint"] == "eu-west-1"
        queue = provider.create(urn="v", type=QUEUE, name="far", inputs={"region": "eu-west-1"})
        assert queue.outputs["arn"].startswith("arn:aws:sqs:eu-west-1:")
        assert other_region.client("sqs").get_queue_url(QueueName=queue.outputs["name"])["QueueUrl"] == queue.id


class TestRunners:
    def with_runner(self, account: LocalAccount, runner: Callable[[Registration], Mapping[str, Any]]) -> Created:
        return LocalProvider(account, {POOL: runner}).create(urn="u", type=POOL, name="users", inputs={})

    def test_runner_outputs_override_aws_outputs(self, account: LocalAccount) -> None:
        created = self.with_runner(account, lambda pool: {"endpoint": f"127.0.0.1:1/{pool.id}"})
        assert created.outputs["endpoint"] == f"127.0.0.1:1/{created.id}"

    def test_runner_gets_id_and_outputs(self, account: LocalAccount) -> None:
        seen: list[Registration] = []

        def runner(pool: Registration) -> Mapping[str, Any]:
            seen.append(pool)
            return {}

        created = self.with_runner(account, runner)
        (pool,) = seen
        assert (pool.id, pool.name, pool.type) == (created.id, "users", POOL)
        assert pool.inputs["name"] == pool.outputs["name"]

    def test_runner_failure_names_the_resource(self, account: LocalAccount) -> None:
        def fail(_: Registration) -> Mapping[str, Any]:
            raise ProcessFailedError("postgres ended with status 1")

        with pytest.raises(RegistrationError, match=r"users \(.*UserPool\): postgres ended with status 1"):
            self.with_runner(account, fail)

    def test_resource_unsupported_by_runner_is_recorded_with_reason(self, account: LocalAccount) -> None:
        def absent(_: Registration) -> Mapping[str, Any]:
            raise UnsupportedLocallyError("there is no Java", outputs={"endpoint": ""})

        created = self.with_runner(account, absent)
        assert (created.state, created.reason) == ("recorded-only", "there is no Java")
        # The rest is as AWS has it: what depends on the resource finds it.
        assert created.outputs["endpoint"] == ""
        assert created.outputs["arn"].endswith(created.id)
        assert account.client("cognito-idp").describe_user_pool(UserPoolId=created.id)["UserPool"]["Id"] == created.id

    def test_runner_output_of_wrong_type_is_rejected(self, account: LocalAccount) -> None:
        with pytest.raises(RegistrationError, match="the output endpoint cannot be a int"):
            self.with_runner(account, lambda _: {"endpoint": 5432})


class TestThreads:
    def test_concurrent_creations_succeed(self, provider: LocalProvider) -> None:
        def make(number: int) -> str:
            return provider.create(urn=f"urn:{number}", type=QUEUE, name=f"many-{number}", inputs={}).id

        with ThreadPoolExecutor(8) as pool:
            assert len(set(pool.map(make, range(40)))) == 40

    def test_concurrent_creations_of_one_urn_succeed_once(self, provider: LocalProvider) -> None:
        def make(_: int) -> str:
            try:
                return provider.create(urn="one", type=QUEUE, name="one", inputs={}).state
            except RegistrationError:
                return "refused"

        with ThreadPoolExecutor(8) as pool:
            assert sorted(pool.map(make, range(8))) == ["applied", *["refused"] * 7]


def test_unknown_data_source_lists_supported_ones(provider: LocalProvider) -> None:
    with pytest.raises(LocalPlatformError, match=r"getAmi: unsupported data source; supported are .*getRegion"):
        provider.invoke("aws:ec2/getAmi:getAmi", {})


def test_table_keys_are_type_tokens() -> None:
    assert all(token == kind.token for token, kind in TABLE.items())
