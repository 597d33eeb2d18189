"""The patches of the emulator. If a test still passes without its patch, moto has fixed the difference itself."""

import io
import json
import sys
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from uuid import uuid4

import pytest
from moto.sqs.models import Message, Queue

from local.account import LocalAccount
from local.emulator.server import CODE_DESCRIPTION, _delete_message_locked
from local.provider.services.lambda_ import DESCRIPTION

RDS = {"DBInstanceClass": "db.t3.small", "Engine": "postgres", "AllocatedStorage": 20, "MasterUsername": "postgres"}


class TestBucketPolicy:
    def test_conditional_deny_is_ignored(self, account: LocalAccount) -> None:
        s3 = account.client("s3")
        s3.create_bucket(Bucket="policy-conditions")
        condition = {"Bool": {"aws:SecureTransport": "false"}}
        statement = {
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": "arn:aws:s3:::policy-conditions/*",
        }
        s3.put_bucket_policy(
            Bucket="policy-conditions",
            Policy=json.dumps({"Version": "2012-10-17", "Statement": [{**statement, "Condition": condition}]}),
        )
        s3.put_object(Bucket="policy-conditions", Key="k", Body=b"v")
        kept = json.loads(s3.get_bucket_policy(Bucket="policy-conditions")["Policy"])
        assert kept["Statement"][0]["Condition"] == condition

    def test_unconditional_deny_still_denies(self, account: LocalAccount) -> None:
        s3 = account.client("s3")
        s3.create_bucket(Bucket="policy-deny")
        statement = {
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:PutObject",
            "Resource": "arn:aws:s3:::policy-deny/*",
        }
        s3.put_bucket_policy(
            Bucket="policy-deny", Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        )
        with pytest.raises(s3.exceptions.ClientError) as refused:
            s3.put_object(Bucket="policy-deny", Key="k", Body=b"v")
        assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


class TestDatabaseWindows:
    def test_adjacent_windows_are_accepted(self, account: LocalAccount) -> None:
        made = account.client("rds").create_db_instance(
            DBInstanceIdentifier="adjoining",
            MasterUserPassword="not-a-secret",
            PreferredBackupWindow="03:00-04:00",
            PreferredMaintenanceWindow="sun:04:00-sun:05:00",
            **RDS,
        )
        assert made["DBInstance"]["PreferredMaintenanceWindow"] == "sun:04:00-sun:05:00"

    def test_overlapping_windows_are_rejected(self, account: LocalAccount) -> None:
        rds = account.client("rds")
        with pytest.raises(rds.exceptions.ClientError, match="must not overlap"):
            rds.create_db_instance(
                DBInstanceIdentifier="overlapping",
                MasterUserPassword="not-a-secret",
                PreferredBackupWindow="03:00-04:01",
                PreferredMaintenanceWindow="sun:04:00-sun:05:00",
                **RDS,
            )


class TestManagedPolicy:
    POLICY = "arn:aws:iam::aws:policy/service-role/AWSBackupServiceRolePolicyForBackup"

    def test_managed_policy_is_attached(self, account: LocalAccount) -> None:
        iam = account.client("iam")
        iam.create_role(RoleName="saves", AssumeRolePolicyDocument='{"Version": "2012-10-17", "Statement": []}')
        iam.attach_role_policy(RoleName="saves", PolicyArn=self.POLICY)
        (attached,) = iam.list_attached_role_policies(RoleName="saves")["AttachedPolicies"]
        assert attached["PolicyArn"] == self.POLICY

    def test_unknown_managed_policy_is_rejected(self, account: LocalAccount) -> None:
        iam = account.client("iam")
        iam.create_role(RoleName="saves-not", AssumeRolePolicyDocument='{"Version": "2012-10-17", "Statement": []}')
        with pytest.raises(iam.exceptions.NoSuchEntityException):
            iam.attach_role_policy(RoleName="saves-not", PolicyArn=f"{self.POLICY}NorThis")


class TestQueue:
    @pytest.fixture(autouse=True)
    def frequent_thread_switches(self) -> Iterator[None]:
        """Make thread switches frequent, so that a race condition occurs."""
        interval = sys.getswitchinterval()
        sys.setswitchinterval(1e-6)
        yield
        sys.setswitchinterval(interval)

    def test_message_sent_during_deletions_is_kept(self) -> None:
        """Use the class itself: over HTTP, the race condition is too rare."""
        make_queue: Callable[..., Queue] = Queue  # moto leaves an abstract property in the class that it instantiates
        queue = make_queue("any", "us-east-1", "123456789012")
        done = [self.message(f"done {number}") for number in range(1_500)]
        for message in done:
            queue.add_message(message)
            message.mark_received(visibility_timeout=600)
        sent = [self.message(f"sent {number}") for number in range(3_000)]
        with ThreadPoolExecutor(4) as threads:
            threads.map(queue.add_message, sent[::2])
            threads.map(partial(_delete_message_locked, queue), [message.receipt_handle for message in done])
            threads.map(queue.add_message, sent[1::2])
        assert {message.id for message in queue._messages} == {message.id for message in sent}

    def message(self, body: str) -> Message:
        return Message(str(uuid4()), body)


class TestFunctionCode:
    def create(self, account: LocalAccount, name: str, file: str) -> dict[str, str | int]:
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w") as archive:
            archive.writestr(file, json.dumps({"CodeSha256": "cXVpdGUgYW5vdGhlcg==", "CodeSize": 31_000_000}))
        client, role = account.client("lambda"), name
        arn = account.client("iam").create_role(RoleName=role, AssumeRolePolicyDocument="{}")["Role"]["Arn"]
        code = {"ZipFile": content.getvalue()}
        client.create_function(FunctionName=name, Role=arn, Runtime="python3.13", Handler="a.b", Code=code)
        known = client.get_function(FunctionName=name)["Configuration"]
        return {"CodeSha256": known["CodeSha256"], "CodeSize": known["CodeSize"]}

    def test_described_code_has_described_digest(self, account: LocalAccount) -> None:
        assert CODE_DESCRIPTION == DESCRIPTION
        known = self.create(account, "code-described", DESCRIPTION)
        assert known == {"CodeSha256": "cXVpdGUgYW5vdGhlcg==", "CodeSize": 31_000_000}

    def test_other_code_has_its_own_digest(self, account: LocalAccount) -> None:
        known = self.create(account, "code-itself", "worker.json")
        assert known["CodeSha256"] != "cXVpdGUgYW5vdGhlcg=="
        assert 100 < int(known["CodeSize"]) < 1000
