from typing import Any

import pulumi
import pytest

from components import policies

QUEUE = "arn:aws:sqs:eu-west-1:123456789012:queue"


class TestArns:
    def test_account_and_sibling_follow_from_an_arn(self, register: Any) -> None:
        seen: dict[Any, Any] = {}

        def make() -> None:
            policies.account_id_of(QUEUE).apply(lambda account: seen.update(account=account))
            policies.sibling_arn(QUEUE, "lambda", "function:f").apply(lambda arn: seen.update(sibling=arn))

        register(make)
        assert seen == {"account": "123456789012", "sibling": "arn:aws:lambda:eu-west-1:123456789012:function:f"}


class TestStatements:
    def test_allow_and_deny_differ_in_effect_alone(self) -> None:
        arguments = ("Sid", ["s3:GetObject"], ["arn:aws:s3:::bucket/*"])
        allowed, denied = policies.allow(*arguments), policies.deny(*arguments)
        assert (allowed.pop("Effect"), denied.pop("Effect")) == ("Allow", "Deny")
        assert allowed == denied == {"Sid": "Sid", "Action": ["s3:GetObject"], "Resource": ["arn:aws:s3:::bucket/*"]}

    def test_document_may_hold_outputs(self, register: Any) -> None:
        seen: list[Any] = []

        def make() -> None:
            arn = pulumi.Output.from_input(QUEUE)
            policy = pulumi.Output.json_dumps(policies.document(policies.consume_queue(arn)))
            policy.apply(seen.append)

        register(make)
        assert QUEUE in seen[0]
        assert '"Version": "2012-10-17"' in seen[0]

    @pytest.mark.requirement("P2-09")
    def test_bucket_may_send_for_itself_and_its_account_only(self) -> None:
        statement = policies.allow_bucket_notifications(QUEUE, "arn:aws:s3:::bucket", "123456789012")
        assert statement == {
            "Sid": "AcceptBucketEvents",
            "Effect": "Allow",
            "Principal": {"Service": "s3.amazonaws.com"},
            "Action": ["sqs:SendMessage"],
            "Resource": [QUEUE],
            "Condition": {
                "ArnEquals": {"aws:SourceArn": "arn:aws:s3:::bucket"},
                "StringEquals": {"aws:SourceAccount": "123456789012"},
            },
        }

    def test_code_cannot_use_what_the_service_needs_of_the_network(self) -> None:
        attach, keep = policies.manage_network_interfaces("arn:aws:lambda:eu-west-1:123456789012:function:f")
        assert attach["Action"] == keep["Action"]
        assert (attach["Effect"], keep["Effect"]) == ("Allow", "Deny")
        assert keep["Condition"] == {
            "ArnEquals": {"lambda:SourceFunctionArn": "arn:aws:lambda:eu-west-1:123456789012:function:f"}
        }
