"""The search domain component, read back from the emulator."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from components.naming import Naming
from components.search_domain import SearchDomain, SearchDomainArgs
from local.account import LocalAccount
from local.engines.in_process import Deployment, deploy
from local.errors import RegistrationError
from local.provider.provider import Created, LocalProvider

DOMAIN = "aws:opensearch/domain:Domain"
ROLE = "arn:aws:iam::123456789012:role/"
NAME = "films-search-dev"
REGION = "eu-central-1"
KEY = f"arn:aws:kms:{REGION}:123456789012:key/one"
ARN = f"arn:aws:es:{REGION}:123456789012:domain/{NAME}"
Create = Callable[..., Created]


@pytest.fixture(scope="module")
def frankfurt(account: LocalAccount) -> LocalAccount:
    """The same account in a region that only this module uses."""
    return replace(account, region=REGION, _clients={})


@pytest.fixture(scope="module")
def deployment(account: LocalAccount, frankfurt: LocalAccount) -> Deployment:
    ec2 = frankfurt.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    caller = ec2.create_security_group(GroupName="api", Description="Callers", VpcId=vpc)["GroupId"]

    def program() -> None:
        domain = SearchDomain(
            "search",
            SearchDomainArgs(
                naming=Naming("films", "dev"),
                vpc_id=vpc,
                subnet_ids=["subnet-a", "subnet-b"],
                administrator_role_arn=f"{ROLE}administrator",
                instance_type="m6g.large.search",
                instance_count=4,
                dedicated_master_type="m6g.large.search",
                key_arn=KEY,
                create_service_role=True,
            ),
        )
        domain.allow_from("api", caller)
        domain.grant_access([f"{ROLE}indexer"])

    config = {"aws:region": REGION, "aws:defaultTags": json.dumps({"tags": {"Project": "films"}})}
    return deploy(program, project="films", stack="dev", config=config, provider=LocalProvider(account, {}))


@pytest.fixture(scope="module")
def domain(deployment: Deployment, frankfurt: LocalAccount) -> Any:
    return frankfurt.client("opensearch").describe_domain(DomainName=NAME)["DomainStatus"]


class TestSearchDomain:
    @pytest.mark.requirement("P2-03")
    def test_resource_is_stored_as_registered(
        self, deployment: Deployment, domain: Any, frankfurt: LocalAccount
    ) -> None:
        assert {resource.state for resource in deployment.resources} == {"applied"}
        group = next(each.id for each in deployment.resources if each.name == "search-security-group")
        assert domain["EngineVersion"] == "OpenSearch_3.5"
        assert {name: domain["ClusterConfig"][name] for name in ("InstanceType", "InstanceCount")} == {
            "InstanceType": "m6g.large.search",
            "InstanceCount": 4,
        }
        assert domain["ClusterConfig"]["ZoneAwarenessConfig"] == {"AvailabilityZoneCount": 2}
        assert domain["ClusterConfig"]["DedicatedMasterCount"] == 3
        assert domain["EBSOptions"] == {"EBSEnabled": True, "VolumeType": "gp3", "VolumeSize": 100}
        assert domain["VPCOptions"] == {"SubnetIds": ["subnet-a", "subnet-b"], "SecurityGroupIds": [group]}
        assert domain["EncryptionAtRestOptions"] == {"Enabled": True, "KmsKeyId": KEY}
        assert domain["NodeToNodeEncryptionOptions"] == {"Enabled": True}
        assert domain["DomainEndpointOptions"]["EnforceHTTPS"] is True
        # The emulator returns the whole request; AWS omits the administrator.
        assert domain["AdvancedSecurityOptions"]["Enabled"] is True
        assert domain["AdvancedSecurityOptions"]["InternalUserDatabaseEnabled"] is False
        assert domain["OffPeakWindowOptions"]["OffPeakWindow"]["WindowStartTime"] == {"Hours": 2, "Minutes": 0}
        assert domain["SoftwareUpdateOptions"] == {"AutoSoftwareUpdateEnabled": True}
        tags = frankfurt.client("opensearch").list_tags(ARN=ARN)["TagList"]
        assert tags == [{"Key": "Project", "Value": "films"}]

    def test_log_groups_allow_the_domain_to_write(self, domain: Any, frankfurt: LocalAccount) -> None:
        published = domain["LogPublishingOptions"]
        assert {kind: option["CloudWatchLogsLogGroupArn"].rpartition("/")[2] for kind, option in published.items()} == {
            "INDEX_SLOW_LOGS": "index-slow",
            "SEARCH_SLOW_LOGS": "search-slow",
            "ES_APPLICATION_LOGS": "application",
            "AUDIT_LOGS": "audit",
        }
        assert all(option["Enabled"] for option in published.values())
        policies = frankfurt.client("logs").describe_resource_policies()["resourcePolicies"]
        (policy,) = [each for each in policies if each["policyName"] == f"{NAME}-logs"]
        (statement,) = json.loads(policy["policyDocument"])["Statement"]
        assert statement["Condition"]["ArnEquals"] == {"aws:SourceArn": ARN}

    def test_access_policy_names_the_roles(self, domain: Any) -> None:
        statements = {each["Sid"]: each for each in json.loads(domain["AccessPolicies"])["Statement"]}
        assert statements["Write"]["Principal"] == {"AWS": [f"{ROLE}administrator", f"{ROLE}indexer"]}
        assert statements["Write"]["Resource"] == [f"{ARN}/*"]

    def test_service_role_carries_the_tags(self, deployment: Deployment, frankfurt: LocalAccount) -> None:
        (role,) = [each for each in deployment.resources if each.name == "search-service-role"]
        assert ":role/aws-service-role/opensearchservice.amazonaws.com/" in role.id
        tags = frankfurt.client("iam").list_role_tags(RoleName=role.outputs["name"])["Tags"]
        assert tags == [{"Key": "Project", "Value": "films"}]


class TestDomain:
    def make(self, create: Create, account: LocalAccount, **inputs: object) -> Created:
        created = create(DOMAIN, "plain", domainName="plain", **inputs)
        account.client("opensearch").delete_domain(DomainName="plain")
        return created

    def test_endpoint_is_a_host_name_with_and_without_vpc(self, create: Create, account: LocalAccount) -> None:
        host = "plain.us-east-1.es.amazonaws.com"
        assert self.make(create, account).outputs["endpoint"] == host
        inside = self.make(create, account, vpcOptions={"subnetIds": ["subnet-a"]})
        assert inside.outputs["endpoint"] == host
        assert inside.id == inside.outputs["arn"] == "arn:aws:es:us-east-1:123456789012:domain/plain"

    def test_domain_without_name_gets_automatic_name(self, create: Create, account: LocalAccount) -> None:
        created = create(DOMAIN, "Films")
        assert created.outputs["domainName"].startswith("films-")
        account.client("opensearch").delete_domain(DomainName=created.outputs["domainName"])

    def test_log_publishing_is_enabled_by_default(self, create: Create, account: LocalAccount) -> None:
        arn = "arn:aws:logs:us-east-1:123456789012:log-group:/one"
        create(
            DOMAIN,
            "logs",
            domainName="logs",
            logPublishingOptions=[
                {"logType": "AUDIT_LOGS", "cloudwatchLogGroupArn": arn},
                {"logType": "SEARCH_SLOW_LOGS", "cloudwatchLogGroupArn": arn, "enabled": False},
            ],
            autoTuneOptions={"desiredState": "DISABLED", "rollbackOnDisable": "NO_ROLLBACK"},
        )
        client = account.client("opensearch")
        assert client.describe_domain(DomainName="logs")["DomainStatus"]["LogPublishingOptions"] == {
            "AUDIT_LOGS": {"CloudWatchLogsLogGroupArn": arn, "Enabled": True},
            "SEARCH_SLOW_LOGS": {"CloudWatchLogsLogGroupArn": arn, "Enabled": False},
        }
        client.delete_domain(DomainName="logs")

    @pytest.mark.parametrize(
        ("inputs", "problem"),
        [
            ({"domainName": "a-name-of-more-than-28-letters"}, "is above the maximum length 28"),
            ({"domainName": "bad", "engineVersion": "Solr_9"}, "does not match"),
            ({"domainName": "bad", "clusterConfig": {"instanceType": "t3.small"}}, "'t3.small' must be one of"),
            (
                {"domainName": "bad", "domainEndpointOptions": {"tlsSecurityPolicy": "Policy-Min-SSL-3"}},
                "'Policy-Min-SSL-3' must be one of",
            ),
            ({"domainName": "bad", "vpcOptions": {"vpcId": "vpc-1"}}, r"vpcOptions\.vpcId: .* has no such member"),
            (
                {"domainName": "bad", "logPublishingOptions": [{"logType": "POETRY", "cloudwatchLogGroupArn": "arn"}]},
                "'POETRY' must be one of",
            ),
        ],
    )
    def test_invalid_inputs_are_rejected(self, create: Create, inputs: dict[str, object], problem: str) -> None:
        with pytest.raises(RegistrationError, match=problem):
            create(DOMAIN, "refused", **inputs)


def test_log_policy_for_one_resource_has_its_arn_as_id(create: Create) -> None:
    arn = "arn:aws:logs:us-east-1:123456789012:log-group:/one"
    document = '{"Version": "2012-10-17", "Statement": []}'
    kind = "aws:cloudwatch/logResourcePolicy:LogResourcePolicy"
    assert create(kind, "named", policyName="of-all", policyDocument=document).id == "of-all"
    assert create(kind, "bound", policyName=None, resourceArn=arn, policyDocument=document).id == arn
