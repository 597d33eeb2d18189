from typing import Any

import pytest

from components.naming import Naming
from components.search_domain import SearchDomain
from local.engines.monitor import ProgramMonitor
from tests.components.examples.search_domain import ROLE, SUBNETS, args

PLAIN = {"SecurityGroup": 1, "LogGroup": 4, "LogResourcePolicy": 1, "Domain": 1}
LOGS = {
    "INDEX_SLOW_LOGS": "index-slow",
    "SEARCH_SLOW_LOGS": "search-slow",
    "ES_APPLICATION_LOGS": "application",
    "AUDIT_LOGS": "audit",
}


@pytest.fixture
def requests(monkeypatch: pytest.MonkeyPatch) -> Any:
    """What the engine is asked besides inputs, by the resource's name."""
    seen, take = {}, ProgramMonitor.RegisterResource

    def spy(monitor: Any, request: pytest.FixtureRequest) -> Any:
        seen[request.name] = request
        return take(monitor, request)

    monkeypatch.setattr(ProgramMonitor, "RegisterResource", spy)
    return seen


class TestRegister:
    @pytest.mark.requirement("P2-03", "A-12")
    def test_domain_is_private_encrypted_and_as_large_as_asked(self, register: Any) -> None:
        graph = register(lambda: SearchDomain("search", args()))
        assert graph.counts == PLAIN
        registered = graph.one("Domain")
        domain = dict(registered.inputs)
        logs = domain.pop("logPublishingOptions")
        network = domain.pop("vpcOptions")
        assert domain == {
            "domainName": "episode-metadata-search-dev",
            "engineVersion": "OpenSearch_3.5",
            "clusterConfig": {
                "instanceType": "t3.small.search",
                "instanceCount": 1,
                "dedicatedMasterEnabled": False,
                "zoneAwarenessEnabled": False,
            },
            "ebsOptions": {"ebsEnabled": True, "volumeType": "gp3", "volumeSize": 100},
            "encryptAtRest": {"enabled": True},
            "nodeToNodeEncryption": {"enabled": True},
            "domainEndpointOptions": {"enforceHttps": True, "tlsSecurityPolicy": "Policy-Min-TLS-1-2-PFS-2023-10"},
            "advancedSecurityOptions": {
                "enabled": True,
                "internalUserDatabaseEnabled": False,
                "masterUserOptions": {"masterUserArn": f"{ROLE}administrator"},
            },
            "softwareUpdateOptions": {"autoSoftwareUpdateEnabled": True},
            "offPeakWindowOptions": {
                "enabled": True,
                "offPeakWindow": {"windowStartTime": {"hours": 2, "minutes": 0}},
            },
        }
        assert network["subnetIds"] == ["subnet-1"]
        assert registered.property_dependencies["vpcOptions"] == (graph.one("SecurityGroup").urn,)
        assert {each["logType"]: each["enabled"] for each in logs} == dict.fromkeys(LOGS, True)
        assert not registered.protect

    @pytest.mark.requirement("P2-04")
    def test_an_hour_of_provisioning_is_waited_for_and_nothing_else(self, register: Any, requests: Any) -> None:
        graph = register(lambda: SearchDomain("search", args()))
        waits = requests["search-domain"].customTimeouts
        assert (waits.create, waits.update, waits.delete) == ("90m", "180m", "90m")
        # It begins as soon as its own group and logs are there; nothing waits for it but what is told its endpoint.
        own = {"search-security-group", "search-log-policy", *(f"search-log-{log}" for log in LOGS.values())}
        assert set(graph.one("Domain").dependencies) <= {graph.named(name).urn for name in own}
        assert not [each for each in graph.custom if graph.one("Domain").urn in each.dependencies]

    def test_large_one_stands_in_three_zones_with_masters_of_its_own(self, register: Any, requests: Any) -> None:
        graph = register(
            lambda: SearchDomain(
                "search",
                args(
                    subnet_ids=[*SUBNETS, "subnet-4"],
                    instance_type="m6g.large.search",
                    instance_count=6,
                    volume_gb=500,
                    dedicated_master_type="m6g.large.search",
                    key_arn="arn:aws:kms:us-east-1:123456789012:key/one",
                    log_retention_days=365,
                    protected=True,
                ),
            )
        )
        registered = graph.one("Domain")
        assert registered.inputs["clusterConfig"] == {
            "instanceType": "m6g.large.search",
            "instanceCount": 6,
            "dedicatedMasterEnabled": True,
            "dedicatedMasterType": "m6g.large.search",
            "dedicatedMasterCount": 3,
            "zoneAwarenessEnabled": True,
            "zoneAwarenessConfig": {"availabilityZoneCount": 3},
        }
        assert registered.inputs["vpcOptions"]["subnetIds"] == SUBNETS
        assert registered.inputs["encryptAtRest"]["kmsKeyId"] == "arn:aws:kms:us-east-1:123456789012:key/one"
        assert {each.inputs["retentionInDays"] for each in graph.of("LogGroup")} == {365}
        assert registered.protect
        assert requests["search-domain"].retainOnDelete

    @pytest.mark.parametrize(
        ("subnets", "count", "zones"), [(1, 1, 1), (2, 2, 2), (2, 4, 2), (3, 2, 2), (3, 3, 3), (3, 4, 2), (3, 6, 3)]
    )
    def test_nodes_are_spread_evenly(self, subnets: Any, count: Any, zones: Any) -> None:
        assert args(subnet_ids=SUBNETS[:subnets], instance_count=count).zones == zones

    def test_service_may_write_these_logs_for_this_domain_alone(self, register: Any) -> None:
        graph = register(lambda: SearchDomain("search", args()))
        groups = {each.inputs["name"].rpartition("/")[2]: each.inputs for each in graph.of("LogGroup")}
        assert set(groups) == set(LOGS.values())
        assert groups["audit"] == {
            "name": "/aws/OpenSearchService/domains/episode-metadata-search-dev/audit",
            "retentionInDays": 30,
        }
        (statement,) = graph.statements("search-log-policy", "policyDocument").values()
        prefix = (
            "arn:aws:logs:us-east-1:123456789012:log-group:/aws/OpenSearchService/domains/episode-metadata-search-dev"
        )
        assert statement == {
            "Sid": "DeliverDomainLogs",
            "Effect": "Allow",
            "Principal": {"Service": "es.amazonaws.com"},
            "Action": ["logs:PutLogEvents", "logs:PutLogEventsBatch", "logs:CreateLogStream"],
            "Resource": [f"{prefix}/{log}:*" for log in LOGS.values()],
            "Condition": {
                "StringEquals": {"aws:SourceAccount": "123456789012"},
                "ArnEquals": {"aws:SourceArn": "arn:aws:es:us-east-1:123456789012:domain/episode-metadata-search-dev"},
            },
        }
        assert graph.named("search-log-policy").inputs["policyName"] == "episode-metadata-search-dev-logs"
        assert graph.depends("search-domain", "search-log-policy")

    def test_writers_and_the_administrator_send_requests(self, register: Any) -> None:
        graph = register(lambda: SearchDomain("search", args()).grant_access([f"{ROLE}indexer"]))
        assert graph.counts == PLAIN | {"DomainPolicy": 1}
        policy = graph.one("DomainPolicy")
        assert policy.inputs["domainName"] == "episode-metadata-search-dev"
        assert policy.property_dependencies["accessPolicies"] == (graph.one("Domain").urn,)
        (write,) = graph.statements("search-policy", "accessPolicies").values()
        assert write.pop("Resource")[0].endswith("/*")
        assert write == {
            "Sid": "Write",
            "Effect": "Allow",
            "Principal": {"AWS": [f"{ROLE}administrator", f"{ROLE}indexer"]},
            "Action": ["es:ESHttp*"],
        }

    def test_second_policy_is_refused(self, register: Any) -> None:
        def make() -> None:
            domain = SearchDomain("search", args())
            domain.grant_access([f"{ROLE}api"])
            with pytest.raises(ValueError, match="search: the domain already has an access policy"):
                domain.grant_access([f"{ROLE}indexer"])

        assert register(make).counts == PLAIN | {"DomainPolicy": 1}

    def test_service_role_outlives_the_program(self, register: Any, requests: Any) -> None:
        graph = register(lambda: SearchDomain("search", args(create_service_role=True)))
        assert graph.counts == PLAIN | {"ServiceLinkedRole": 1}
        assert graph.one("ServiceLinkedRole").inputs == {
            "awsServiceName": "opensearchservice.amazonaws.com",
            "description": "Attaches OpenSearch domains to their VPCs",
        }
        assert graph.depends("search-domain", "search-service-role")
        assert requests["search-service-role"].retainOnDelete


class TestName:
    @pytest.mark.parametrize(
        ("project", "environment", "name"),
        [
            ("episode-metadata", "dev", "episode-metadata-search-dev"),
            ("episode-metadata", "staging", "episode-search-staging"),
            ("episode-metadata", "production", "episode-search-production"),
            ("a-b-c-d", "production", "a-b-c-d-search-production"),
        ],
    )
    def test_project_loses_its_last_words_where_the_name_is_too_long(
        self, project: Any, environment: str, name: Any
    ) -> None:
        assert args(naming=Naming(project, environment)).domain_name == name

    def test_every_name_is_the_shortened_one(self, register: Any) -> None:
        graph = register(lambda: SearchDomain("search", args(naming=Naming("episode-metadata", "production"))))
        assert graph.one("Domain").inputs["domainName"] == "episode-search-production"
        assert all("/episode-search-production/" in each.inputs["name"] for each in graph.of("LogGroup"))
        condition = graph.statements("search-log-policy", "policyDocument")["DeliverDomainLogs"]["Condition"]
        assert condition["ArnEquals"]["aws:SourceArn"].endswith(":domain/episode-search-production")
