"""The private bucket component with all options, read back from the emulator."""

import json
from collections.abc import Callable

import pulumi_aws as aws
import pytest

from components.naming import Naming
from components.private_bucket import ArchiveTiering, LifecycleRule, PrivateBucket, PrivateBucketArgs
from local.account import ACCOUNT_ID, LocalAccount
from local.engines.in_process import Deployment, deploy
from local.errors import RegistrationError
from local.provider.provider import Created, LocalProvider
from tests.local.provider.programs.child_inputs import with_inputs

NAMING = Naming("kept", "dev")
STORAGE, LOGS = "kept-storage-dev", "kept-logs-dev"
KEY = f"arn:aws:kms:us-east-1:{ACCOUNT_ID}:key/11111111-2222-3333-4444-555555555555"
UNDER_KEY = {
    "apply_server_side_encryption_by_default": {"sse_algorithm": "aws:kms", "kms_master_key_id": KEY},
    "bucket_key_enabled": True,
}


def program() -> None:
    logs = PrivateBucket(
        "logs",
        PrivateBucketArgs(
            naming=NAMING, resource_name="logs", log_sources=["buckets", "load_balancers"], account_id=ACCOUNT_ID
        ),
    )
    storage = PrivateBucket(
        "storage",
        PrivateBucketArgs(
            naming=NAMING,
            resource_name="storage",
            access_log_bucket=logs.name,
            archive_tierings=[ArchiveTiering(name="items", prefix="items/", archive_after_days=365)],
            lifecycle_rules=[LifecycleRule(name="documents", prefix="documents/", transition_after_days=2555)],
        ),
        with_inputs({"storage-encryption": {"rules": [UNDER_KEY]}}),
    )
    aws.s3.BucketNotification("events", bucket=storage.name, eventbridge=True)


@pytest.fixture(scope="module")
def deployment(account: LocalAccount) -> Deployment:
    return deploy(program, project="kept", stack="dev", config={}, provider=LocalProvider(account, {}))


class TestPrivateBucket:
    def test_only_intelligent_tiering_is_not_applied(self, deployment: Deployment) -> None:
        recorded = {each.type for each in deployment.resources if each.state != "applied"}
        assert recorded == {"aws:s3/bucketIntelligentTieringConfiguration:BucketIntelligentTieringConfiguration"}

    @pytest.mark.usefixtures("deployment")
    def test_access_logs_are_delivered_to_allowed_bucket(self, account: LocalAccount) -> None:
        enabled = account.client("s3").get_bucket_logging(Bucket=STORAGE)["LoggingEnabled"]
        assert (enabled["TargetBucket"], enabled["TargetPrefix"]) == (LOGS, "storage/")

    @pytest.mark.usefixtures("deployment")
    def test_bucket_is_encrypted_with_its_key(self, account: LocalAccount) -> None:
        s3 = account.client("s3")
        (rule,) = s3.get_bucket_encryption(Bucket=STORAGE)["ServerSideEncryptionConfiguration"]["Rules"]
        assert rule["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": KEY}
        assert rule["BucketKeyEnabled"] is True

    @pytest.mark.usefixtures("deployment")
    def test_objects_transition_to_intelligent_tiering(self, account: LocalAccount) -> None:
        rules = account.client("s3").get_bucket_lifecycle_configuration(Bucket=STORAGE)["Rules"]
        found = {rule["ID"]: (rule["Filter"], rule.get("Transitions")) for rule in rules}
        assert found["items"] == ({"Prefix": "items/"}, [{"Days": 0, "StorageClass": "INTELLIGENT_TIERING"}])
        assert found["documents"] == ({"Prefix": "documents/"}, [{"Days": 2555, "StorageClass": "GLACIER"}])

    @pytest.mark.usefixtures("deployment")
    def test_events_are_sent_to_event_bridge(self, account: LocalAccount) -> None:
        events, sqs = account.client("events"), account.client("sqs")
        queue = sqs.create_queue(QueueName="kept-events")["QueueUrl"]
        pattern = {"source": ["aws.s3"], "detail": {"bucket": {"name": [STORAGE]}}}
        events.put_rule(Name="kept-events", EventPattern=json.dumps(pattern))
        arn = f"arn:aws:sqs:us-east-1:{ACCOUNT_ID}:kept-events"
        events.put_targets(Rule="kept-events", Targets=[{"Id": "queue", "Arn": arn}])
        account.client("s3").put_object(Bucket=STORAGE, Key="items/1", Body=b"x")
        (message,) = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=20)["Messages"]
        assert json.loads(message["Body"])["detail"]["object"]["key"] == "items/1"

    @pytest.mark.usefixtures("deployment")
    def test_owner_can_still_read_and_write(self, account: LocalAccount) -> None:
        s3 = account.client("s3")
        s3.put_object(Bucket=LOGS, Key="note", Body=b"kept")
        assert s3.get_object(Bucket=LOGS, Key="note")["Body"].read() == b"kept"


class TestBucketPolicy:
    def test_both_policy_notations_allow_log_delivery(
        self, create: Callable[..., Created], account: LocalAccount
    ) -> None:
        for number, resource in enumerate(("arn:aws:s3:::{}/*", ["arn:aws:s3:::{}/*"])):
            target, source = f"spelt-logs-{number}", f"spelt-source-{number}"
            for name in (target, source):
                create("aws:s3/bucket:Bucket", name, bucket=name)
            statement = {
                "Effect": "Allow",
                "Principal": {"Service": "logging.s3.amazonaws.com"},
                "Action": "s3:PutObject",
                "Resource": json.loads(json.dumps(resource).replace("{}", target)),
            }
            refusal = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*", "Condition": {"Bool": {}}}
            policy = json.dumps({"Version": "2012-10-17", "Statement": [refusal, statement]})
            made = create("aws:s3/bucketPolicy:BucketPolicy", f"policy-{number}", bucket=target, policy=policy)
            assert made.outputs["policy"] == policy
            create("aws:s3/bucketLogging:BucketLogging", source, bucket=source, targetBucket=target, targetPrefix="")
            assert account.client("s3").get_bucket_logging(Bucket=source)["LoggingEnabled"]["TargetBucket"] == target

    def test_invalid_policy_json_is_rejected(self, create: Callable[..., Created]) -> None:
        create("aws:s3/bucket:Bucket", "garbled", bucket="garbled")
        with pytest.raises(RegistrationError, match=r"policy: invalid JSON: "):
            create("aws:s3/bucketPolicy:BucketPolicy", "policy", bucket="garbled", policy="{not json")
