"""Tags: the environment and the project on everything that can carry them, and a name where a resource has none of its own."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from local.provider.resource_types.pulumi_classes import resource_class
from stacks.environment import PROJECT
from tests.stacks.conftest import Graph


def takes(resource: Any, name: str) -> Any:
    return isinstance(getattr(resource_class(resource.type), name, None), property)


class TestTags:
    @pytest.mark.requirement("ROAD-24", "ROAD-50")
    def test_everything_is_the_tagging_providers(self, graph_of: Callable[[str], Graph], environment: str) -> None:
        graph = graph_of(environment)
        (provider,) = [each for each in graph.custom if each.type == "pulumi:providers:aws"]
        tag = {"dev": "development"}.get(environment, environment)
        assert json.loads(provider.inputs["defaultTags"]) == {"tags": {"Environment": tag, "Project": PROJECT}}
        strangers = [each.urn for each in graph.custom if each is not provider and each.provider != provider.urn]
        assert strangers == []

    def test_no_resource_overrules_the_defaults(self, graph_of: Callable[[str], Graph], environment: str) -> None:
        own = [each.inputs.get("tags") or {} for each in graph_of(environment).custom]
        assert not [tags for tags in own if {"Environment", "Project"} & set(tags)]

    @pytest.mark.requirement("ROAD-24")
    def test_what_the_provider_does_not_tag_is_tagged_by_hand(
        self, graph_of: Callable[[str], Graph], environment: str
    ) -> None:
        graph = graph_of(environment)
        # Tasks and the volumes of backups are made by AWS, which copies what it is told to copy.
        tags = {"Environment": {"dev": "development"}.get(environment, environment), "Project": PROJECT}
        for service in graph.of("Service"):
            assert (service.inputs["propagateTags"], service.inputs["enableEcsManagedTags"]) == ("SERVICE", True)
        for plan in graph.of("Plan"):
            assert [rule["recoveryPointTags"] for rule in plan.inputs["rules"]] == [tags | {"Rule": "monthly"}]
        assert graph.named("database-instance").inputs["copyTagsToSnapshot"] is True

    @pytest.mark.requirement("ROAD-24", "ROAD-17")
    def test_what_has_no_name_of_its_own_has_a_tag_for_it(
        self, graph_of: Callable[[str], Graph], environment: str
    ) -> None:
        graph = graph_of(environment)
        nameless = [
            each
            for each in graph.custom
            if each.type.startswith("aws:ec2/") and takes(each, "tags") and not takes(each, "name")
        ]
        assert nameless
        untold = [each.name for each in nameless if "Name" not in (each.inputs.get("tags") or {})]
        assert untold == []
        names = [each.inputs["tags"]["Name"] for each in nameless]
        assert [
            name for name in names if not (name.startswith(f"{PROJECT}-") and name.endswith(f"-{environment}"))
        ] == []
        assert len(set(names)) == len(names)

    @pytest.mark.requirement("ROAD-24", "ROAD-35")
    def test_only_the_production_database_is_critical(self, graph_of: Callable[[str], Graph], environment: str) -> None:
        critical = {
            each.name: each.inputs["tags"]["Backup"]
            for each in graph_of(environment).custom
            if "Backup" in (each.inputs.get("tags") or {})
        }
        assert critical == ({"database-instance": "critical"} if environment == "production" else {})


class TestNames:
    @pytest.mark.requirement("ROAD-17")
    def test_names_say_project_and_environment(self, graph_of: Callable[[str], Graph], environment: str) -> None:
        host = {"dev": "localhost", "staging": "api-staging.example.com", "production": "api.example.com"}[environment]
        otherwise = {
            # Of what belongs to one resource or one account, where nothing else could have the name.
            *(
                ("Alias", "live"),
                ("Stage", "$default"),
                ("BucketIntelligentTieringConfiguration", "archive-unread-items"),
            ),
            *(("RolePolicy", name) for name in ("own-rights", "write-flow-log", "write-measurements")),
            *(("UserGroup", name) for name in ("admin", "editor", "viewer")),
            *(("ResourceServer", PROJECT), ("Service", f"{PROJECT}-api-service")),
            # Names in DNS.
            *((kind, name) for kind in ("Certificate", "Record", "Zone") for name in (host, f"media.{host}")),
            # OpenSearch allows 28 characters.
            *((kind, f"episode-search-{environment}") for kind in ("Domain", "DomainPolicy")),
            *(
                ("LogGroup", f"/aws/OpenSearchService/domains/episode-search-{environment}/{log}")
                for log in ("index-slow", "search-slow", "application", "audit")
            ),
        }
        fields = ("name", "bucket", "identifier", "domainName", "dashboardName")
        given = {
            (each.type.rpartition(":")[2], each.inputs[field])
            for each in graph_of(environment).custom
            for field in fields
            if isinstance(each.inputs.get(field), str)
            # The names of records that prove a certificate are ACM's.
            and not each.inputs[field].endswith("-resourceRecordName")
        }
        says_both = {(kind, name) for kind, name in given if PROJECT in name and environment in name}
        # A target group's ends where AWS's 32 characters do.
        cut = {(kind, name) for kind, name in given if kind == "TargetGroup" and len(name) == 32}
        assert given - says_both - otherwise == (set() if environment == "dev" else cut)
        assert environment == "dev" or len(cut) == 1
