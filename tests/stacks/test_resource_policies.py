"""What the policies of buckets, queues, keys, topics, endpoints and logs say: each statement, exactly."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.stacks.conftest import Graph

ACCOUNT = "123456789012"
ROOT = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
OWN_ACCOUNT = {"aws:SourceAccount": ACCOUNT}
ADMINISTRATION = [
    "CancelKeyDeletion", "CreateAlias", "Delete*", "Describe*", "Disable*", "Enable*", "Get*", "List*", "Put*", "Revoke*",
    "RotateKeyOnDemand", "ScheduleKeyDeletion", "TagResource", "UntagResource", "Update*",
]  # fmt: skip
USE = ["Decrypt", "DescribeKey", "Encrypt", "GenerateDataKey*", "ReEncrypt*"]
PREFIXES = ("episodes", "items", "posts", "profiles")


def statement(effect: Any, principal: Any, actions: Any, resources: Any, **condition: Any) -> Any:
    found = {"Effect": effect, "Principal": principal, "Action": sorted(actions), "Resource": sorted(resources)}
    return found | ({"Condition": condition} if condition else {})


def service(name: str) -> Any:
    return {"Service": f"{name}.amazonaws.com"}


def arn(of: Any, resource: Any) -> Any:
    return f"arn:aws:{of}:us-east-1:{ACCOUNT}:{resource}"


def said(graph: Graph, name: str, field: Any = "policy") -> Any:
    """The statements of a policy by their names, with what is listed in one order."""
    found = graph.statements(name, field)
    plain = {each["Sid"]: {key: value for key, value in each.items() if key != "Sid"} for each in found}
    assert len(plain) == len(found)
    for each in plain.values():
        each |= {"Action": sorted(each["Action"]), "Resource": sorted(each["Resource"])}
    return plain


def refusals(bucket: Any) -> Any:
    resources = [bucket, f"{bucket}/*"]
    old = {"StringNotEquals": {"s3:signatureversion": "AWS4-HMAC-SHA256"}}
    # A service that delivers logs signs in a way of its own.
    people = {"BoolIfExists": {"aws:PrincipalIsAWSService": "false"}}
    return {
        "RefusePlainTransport": statement("Deny", "*", ["s3:*"], resources, Bool={"aws:SecureTransport": "false"}),
        "RefuseOldSignatures": statement("Deny", "*", ["s3:*"], resources, **old, **people),
    }


def bucket_policies(graph: Graph, environment: str) -> Any:
    """What is to stand on each bucket, by the name of its policy."""
    arns = {
        thing: f"arn:aws:s3:::episode-metadata-{thing}-{environment}"
        for thing in ("storage", "temp", "thumbnails", "access-logs")
    }
    found = {f"{thing}-policy": refusals(bucket) for thing, bucket in arns.items()}
    distribution = graph.output("media-distribution", "arn")
    shown = [f"{arns['thumbnails']}/{prefix}/*" for prefix in PREFIXES]
    found["thumbnails-policy"]["ServeThroughDistribution"] = statement(
        "Allow", service("cloudfront"), ["s3:GetObject"], shown, StringEquals={"aws:SourceArn": distribution}
    )
    logs = arns["access-logs"]
    found["access-logs-policy"] |= {
        "ReceiveBucketLogs": statement(
            "Allow",
            service("logging.s3"),
            ["s3:PutObject"],
            [f"{logs}/*"],
            ArnLike={"aws:SourceArn": f"arn:*:s3:::episode-metadata-*-{environment}*"},
            StringEquals=OWN_ACCOUNT,
        ),
        "ReceiveLoadBalancerLogs": statement(
            "Allow", service("logdelivery.elasticloadbalancing"), ["s3:PutObject"], [f"{logs}/*AWSLogs/{ACCOUNT}/*"]
        ),
        "ReceiveDistributionLogs": statement(
            "Allow",
            service("delivery.logs"),
            ["s3:PutObject"],
            [f"{logs}/AWSLogs/{ACCOUNT}/*"],
            StringEquals=OWN_ACCOUNT | {"s3:x-amz-acl": "bucket-owner-full-control"},
            ArnLike={"aws:SourceArn": arn("logs", "delivery-source:*")},
        ),
    }
    if environment == "dev":
        del found["access-logs-policy"]
    return found


class TestBuckets:
    @pytest.mark.requirement("P2-09", "C-34", "C-35", "LX-62", "NOVA-42")
    def test_policies_say_exactly_this(self, graph_of: Callable[[str], Graph], environment: str) -> None:
        graph = graph_of(environment)
        found = {each.name: said(graph, each.name) for each in graph.of("BucketPolicy")}
        assert found == bucket_policies(graph, environment)

    def test_each_bucket_has_one_and_no_other_way_in(self, graph_of: Callable[[str], Graph], environment: str) -> None:
        graph = graph_of(environment)
        buckets = sorted(each.name for each in graph.of("Bucket"))
        for kind in ("BucketPolicy", "BucketPublicAccessBlock", "BucketOwnershipControls"):
            assert sorted(name for each in graph.of(kind) for name in graph.source(each, "bucket")) == buckets, kind
        for block in graph.of("BucketPublicAccessBlock"):
            switches = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
            assert [block.inputs[switch] for switch in switches] == [True] * 4
        assert graph.of("BucketAcl") == []

    @pytest.mark.requirement("C-35", "NOVA-39")
    def test_the_distribution_is_the_one_that_is_let_in(
        self, graph_of: Callable[[str], Graph], environment: str
    ) -> None:
        graph = graph_of(environment)
        assert "media-distribution" in graph.source(graph.named("thumbnails-policy"), "policy")
        distribution = graph.named("media-distribution")
        (origin,) = distribution.inputs["origins"]
        assert origin["domainName"] == f"episode-metadata-thumbnails-{environment}.s3.us-east-1.amazonaws.com"
        assert graph.source(distribution, "origins") == ["media-origin-access"]
        access = graph.named("media-origin-access").inputs
        assert (access["signingBehavior"], access["signingProtocol"]) == ("always", "sigv4")
        assert [each["pathPattern"] for each in distribution.inputs["orderedCacheBehaviors"]] == [
            f"/{prefix}/*" for prefix in ("episodes", "posts", "items", "profiles")
        ]


class TestQueues:
    @pytest.mark.requirement("P2-09", "C-33")
    def test_the_storage_bucket_alone_may_send(self, graph_of: Callable[[str], Graph], environment: str) -> None:
        graph = graph_of(environment)
        queue, dead = (arn("sqs", f"episode-metadata-thumbnail-{thing}-{environment}") for thing in ("queue", "dlq"))
        plain = {"aws:SecureTransport": "false"}
        assert {each.name: said(graph, each.name) for each in graph.of("QueuePolicy")} == {
            "thumbnail-queue-policy": {
                "RefusePlainTransport": statement("Deny", "*", ["sqs:*"], [queue], Bool=plain),
                "AcceptBucketEvents": statement(
                    "Allow",
                    service("s3"),
                    ["sqs:SendMessage"],
                    [queue],
                    ArnEquals={"aws:SourceArn": f"arn:aws:s3:::episode-metadata-storage-{environment}"},
                    StringEquals=OWN_ACCOUNT,
                ),
            },
            "thumbnail-queue-dead-letter-policy": {
                "RefusePlainTransport": statement("Deny", "*", ["sqs:*"], [dead], Bool=plain)
            },
        }
        assert len(graph.of("Queue")) == 2


class TestKeys:
    @pytest.mark.parametrize("environment", ["staging", "production"])
    def test_they_are_used_through_these_services_alone(
        self, graph_of: Callable[[str], Graph], environment: str
    ) -> None:
        graph = graph_of(environment)
        administer = statement("Allow", ROOT, [f"kms:{action}" for action in ADMINISTRATION], ["*"])
        services = [f"{name}.us-east-1.amazonaws.com" for name in ("rds", "secretsmanager", "es", "backup")]
        through = {"StringEquals": {"kms:ViaService": services, "kms:CallerAccount": ACCOUNT}}
        use, publishers = [f"kms:{action}" for action in USE], ("cloudwatch", "budgets", "costalerts")
        for_aws = {"Bool": {"kms:GrantIsForAWSResource": "true"}}
        groups = {"kms:EncryptionContext:aws:logs:arn": [arn("logs", f"log-group:*episode-metadata*{environment}*")]}
        assert {each.name: said(graph, each.name) for each in graph.of("Key")} == {
            "data-key-key": {
                "AccountAdministers": administer,
                "UseThroughServices": statement("Allow", ROOT, use, ["*"], **through),
                "GrantToServices": statement("Allow", ROOT, ["kms:CreateGrant"], ["*"], **through, **for_aws),
            },
            "log-key-key": {
                "AccountAdministers": administer,
                "EncryptLogs": statement("Allow", service("logs.us-east-1"), use, ["*"], ArnLike=groups),
            },
            "alarms-key": {
                "AccountDecides": statement("Allow", ROOT, ["kms:*"], ["*"]),
                "AlarmPublishersUseKey": statement(
                    "Allow",
                    {"Service": [f"{name}.amazonaws.com" for name in publishers]},
                    ["kms:GenerateDataKey*", "kms:Decrypt"],
                    ["*"],
                    StringEquals=OWN_ACCOUNT,
                ),
            },
        }

    def test_development_has_none(self, graph_of: Callable[[str], Graph]) -> None:
        assert graph_of("dev").of("Key") == []


class TestTopics:
    @pytest.mark.parametrize("environment", ["staging", "production"])
    def test_this_accounts_alarms_and_costs_may_publish(
        self, graph_of: Callable[[str], Graph], environment: str
    ) -> None:
        graph = graph_of(environment)
        (topic,) = graph.of("Topic")
        assert graph.source(topic, "kmsMasterKeyId") == ["alarms-key"]
        on, publish = [arn("sns", f"episode-metadata-alarms-{environment}")], ["sns:Publish"]
        alarms = {"ArnLike": {"aws:SourceArn": arn("cloudwatch", "alarm:*")}}
        budgets = {"ArnLike": {"aws:SourceArn": f"arn:aws:budgets::{ACCOUNT}:*"}}
        own = {"StringEquals": OWN_ACCOUNT}
        assert {each.name: said(graph, each.name) for each in graph.of("TopicPolicy")} == {
            "alarms-topic-policy": {
                "RefusePlainTransport": statement("Deny", "*", publish, on, Bool={"aws:SecureTransport": "false"}),
                "AcceptCloudwatch": statement("Allow", service("cloudwatch"), publish, on, **own, **alarms),
                "AcceptBudgets": statement("Allow", service("budgets"), publish, on, **own, **budgets),
                "AcceptCostalerts": statement("Allow", service("costalerts"), publish, on, **own),
            }
        }


class TestEndpoints:
    def test_this_accounts_callers_pass_and_nobody_elses(
        self, graph_of: Callable[[str], Graph], environment: str
    ) -> None:
        graph = graph_of(environment)
        caller = {"aws:PrincipalAccount": ACCOUNT}
        layers = ["arn:aws:s3:::prod-us-east-1-starport-layer-bucket/*"]
        own = {"OwnCallers": statement("Allow", "*", ["*"], ["*"], StringEquals=caller)}
        # The search domain's address is looked up where there is one.
        looked_up = {} if environment == "dev" else {"network-endpoint-ssm": own}
        assert {each.name: said(graph, each.name) for each in graph.of("VpcEndpoint")} == {
            "network-endpoint-s3": {
                "OwnCallersToOwnBuckets": statement(
                    "Allow", "*", ["s3:*"], ["*"], StringEquals=caller | {"aws:ResourceAccount": ACCOUNT}
                ),
                "LayersOfImages": statement("Allow", "*", ["s3:GetObject"], layers),
            },
            "network-endpoint-secretsmanager": own,
            **looked_up,
        }


class TestSearch:
    @pytest.mark.requirement("P2-09")
    @pytest.mark.parametrize("environment", ["staging", "production"])
    def test_three_roles_may_send_requests(self, graph_of: Callable[[str], Graph], environment: str) -> None:
        graph = graph_of(environment)
        (policy,) = graph.of("DomainPolicy")
        sources = ["api-task-task-role", "maintenance-role", "migrate-role", "search-domain"]
        assert graph.source(policy, "accessPolicies") == sources
        roles = [graph.output(name, "arn") for name in ("migrate-role", *sources[:2])]
        assert said(graph, policy.name, "accessPolicies") == {
            "Write": statement(
                "Allow", {"AWS": roles}, ["es:ESHttp*"], [arn("es", f"domain/episode-search-{environment}/*")]
            )
        }
        # Inside, the administrator decides: the role of the function that prepares it, and no password.
        security = graph.named("search-domain").inputs["advancedSecurityOptions"]
        assert security["internalUserDatabaseEnabled"] is False
        assert graph.source(graph.named("search-domain"), "advancedSecurityOptions") == ["migrate-role"]


class TestLogs:
    @pytest.mark.parametrize("environment", ["staging", "production"])
    def test_the_search_domain_writes_its_own(self, graph_of: Callable[[str], Graph], environment: str) -> None:
        graph = graph_of(environment)
        domain = f"episode-search-{environment}"
        groups = [
            arn("logs", f"log-group:/aws/OpenSearchService/domains/{domain}/{log}:*")
            for log in ("index-slow", "search-slow", "application", "audit")
        ]
        (policy,) = graph.of("LogResourcePolicy")
        assert said(graph, policy.name, "policyDocument") == {
            "DeliverDomainLogs": statement(
                "Allow",
                service("es"),
                ["logs:PutLogEvents", "logs:PutLogEventsBatch", "logs:CreateLogStream"],
                groups,
                StringEquals=OWN_ACCOUNT,
                ArnEquals={"aws:SourceArn": arn("es", f"domain/{domain}")},
            )
        }

    def test_no_other_resource_has_a_policy(self, graph_of: Callable[[str], Graph], environment: str) -> None:
        """Where access can be granted on a resource itself, the tests above say what stands there."""
        known = {
            "BucketPolicy",
            "QueuePolicy",
            "TopicPolicy",
            "LogResourcePolicy",
            "DomainPolicy",
            "RolePolicy",
            "Policy",
        }
        kinds = {each.type.rpartition(":")[2] for each in graph_of(environment).custom}
        granting = {kind for kind in kinds if kind.endswith(("Policy", "Permission"))}
        # What is cached and added at the edge, and who may send to the dead letters; the gateway may invoke its function.
        other = {"CachePolicy", "ResponseHeadersPolicy", "RedriveAllowPolicy"}
        assert granting <= known | other | {"Permission"}
        for permission in graph_of(environment).of("Permission"):
            assert permission.inputs["principal"] == "apigateway.amazonaws.com"
            assert permission.inputs["sourceArn"].endswith("/$default/$default")
