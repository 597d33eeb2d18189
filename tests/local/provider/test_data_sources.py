"""Data sources that programs call as `aws.get_…()`."""

import json
from typing import Any

import pytest

from local.provider.policy_document import make_policy_document
from local.provider.provider import LocalProvider


def test_identity_region_and_partition(provider: LocalProvider) -> None:
    identity = provider.invoke("aws:index/getCallerIdentity:getCallerIdentity", {})
    assert (identity["accountId"], identity["arn"]) == ("123456789012", "arn:aws:iam::123456789012:root")
    assert provider.invoke("aws:index/getRegion:getRegion", {})["region"] == "us-east-1"
    assert provider.invoke("aws:index/getRegion:getRegion", {}, region="eu-west-1")["region"] == "eu-west-1"
    assert provider.invoke("aws:index/getPartition:getPartition", {})["partition"] == "aws"


def test_availability_zones_are_those_of_the_region(provider: LocalProvider) -> None:
    zones = provider.invoke(
        "aws:index/getAvailabilityZones:getAvailabilityZones", {"state": "available"}, region="eu-west-1"
    )
    assert zones["names"] == ["eu-west-1a", "eu-west-1b", "eu-west-1c"]
    assert len(zones["zoneIds"]) == 3


def test_availability_zones_can_be_excluded(provider: LocalProvider) -> None:
    token = "aws:index/getAvailabilityZones:getAvailabilityZones"
    assert "us-east-1a" not in provider.invoke(token, {"excludeNames": ["us-east-1a"]})["names"]


def test_default_tags_are_those_of_the_provider(provider: LocalProvider) -> None:
    answer = provider.invoke("aws:index/getDefaultTags:getDefaultTags", {}, default_tags={"Project": "films"})
    assert answer["tags"] == {"Project": "films"}


def test_policy_document_is_returned_as_json(provider: LocalProvider) -> None:
    args = {"statements": [{"actions": ["s3:GetObject"], "resources": ["*"]}]}
    answer = provider.invoke("aws:iam/getPolicyDocument:getPolicyDocument", args)
    assert json.loads(answer["json"]) == json.loads(answer["minifiedJson"]) == make_policy_document(args)
    assert answer["id"] == provider.invoke("aws:iam/getPolicyDocument:getPolicyDocument", args)["id"]


class TestPolicyDocument:
    def test_statement_is_converted(self) -> None:
        document = make_policy_document(
            {
                "statements": [
                    {
                        "sid": "FromS3",
                        "effect": "Deny",
                        "actions": ["sqs:SendMessage", "sqs:GetQueueUrl"],
                        "resources": ["arn:1"],
                        "principals": [
                            {"type": "Service", "identifiers": ["s3.amazonaws.com"]},
                            {"type": "AWS", "identifiers": ["arn:2", "arn:3"]},
                        ],
                        "conditions": [
                            {"test": "ArnEquals", "variable": "aws:SourceArn", "values": ["arn:4"]},
                            {"test": "StringEquals", "variable": "aws:SourceAccount", "values": ["1", "2"]},
                        ],
                    }
                ]
            }
        )
        assert document == {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Sid": "FromS3",
                    "Effect": "Deny",
                    "Action": ["sqs:SendMessage", "sqs:GetQueueUrl"],
                    "Resource": "arn:1",
                    "Principal": {"Service": "s3.amazonaws.com", "AWS": ["arn:2", "arn:3"]},
                    "Condition": {
                        "ArnEquals": {"aws:SourceArn": "arn:4"},
                        "StringEquals": {"aws:SourceAccount": ["1", "2"]},
                    },
                }
            ],
        }

    def test_principal_for_everyone_is_a_star(self) -> None:
        statement: dict[str, Any] = {"actions": ["*"], "principals": [{"type": "*", "identifiers": ["*"]}]}
        (made,) = make_policy_document({"statements": [statement]})["Statement"]
        assert (made["Principal"], made["Effect"]) == ("*", "Allow")

    @pytest.mark.parametrize("given", ["sourcePolicyDocuments", "overridePolicyDocuments"])
    def test_documents_are_merged_by_sid(self, given: str) -> None:
        other = json.dumps({"Statement": [{"Sid": "A", "Effect": "Deny", "Action": "x:*", "Resource": "*"}]})
        own = {"sid": "A", "actions": ["s3:*"], "resources": ["*"]}
        (statement,) = make_policy_document({given: [other], "statements": [own]})["Statement"]
        assert statement["Action"] == ("s3:*" if given == "sourcePolicyDocuments" else "x:*")
