"""What keeps data safe: what refuses to be deleted, what is encrypted with which key, and which secrets stand nowhere."""

import fnmatch
import json
from collections.abc import Callable

import pytest

from tests.stacks.conftest import Graph

# What holds what nobody could make again: data, its keys, who signs in, and the name that others delegated to us.
STATEFUL = {
    "access-logs-bucket",
    "archives-vault",
    "cognito-secret",
    "data-key-key",
    "database-instance",
    "database-secret",
    "log-key-key",
    "search-domain",
    "storage-bucket",
    "system-secret",
    "temp-bucket",
    "thumbnails-bucket",
    "users-pool",
    "zone-zone",
}
# The logs of components that take no key: CloudWatch encrypts these with its own.
LOGS_WITHOUT_OUR_KEY = {
    "firewall-log-group",
    "search-log-application",
    "search-log-audit",
    "search-log-index-slow",
    "search-log-search-slow",
}


class TestDeletion:
    @pytest.mark.requirement("ROAD-35", "ROAD-139", "ROAD-15")
    def test_state_is_protected_where_it_is_promised(self, graph_of: Callable[[str], Graph], environment: str) -> None:
        protected = {each.name for each in graph_of(environment).custom if each.protect}
        assert protected == (STATEFUL if environment == "production" else set())

    def test_nothing_stateful_is_forgotten(self, graph_of: Callable[[str], Graph]) -> None:
        """Types of which some resource is protected are protected whole, but for what is made again from the program."""
        graph = graph_of("production")
        kinds = {each.type for each in graph.custom if each.protect}
        left_out = {each.name for each in graph.custom if each.type in kinds and not each.protect}
        # The alarms' key encrypts messages on their way.
        assert left_out == {"alarms-key"}

    @pytest.mark.requirement("ROAD-35")
    def test_aws_refuses_as_well(self, graph_of: Callable[[str], Graph], environment: str) -> None:
        graph, kept = graph_of(environment), environment == "production"
        database = graph.named("database-instance").inputs
        assert database["deletionProtection"] is kept
        assert (database["skipFinalSnapshot"], database["deleteAutomatedBackups"]) == (not kept, not kept)
        assert graph.named("users-pool").inputs["deletionProtection"] == ("ACTIVE" if kept else "INACTIVE")
        for balancer in graph.of("LoadBalancer"):
            assert balancer.inputs["enableDeletionProtection"] is kept
        for kind in ("Bucket", "Vault"):
            assert {each.inputs["forceDestroy"] for each in graph.of(kind)} <= {not kept}
        # What others put into a zone is never ours to delete.
        assert {each.inputs["forceDestroy"] for each in graph.of("Zone")} <= {False}

    def test_deleted_secrets_come_back_where_data_is_protected(
        self, graph_of: Callable[[str], Graph], environment: str
    ) -> None:
        days = {each.inputs["recoveryWindowInDays"] for each in graph_of(environment).of("Secret")}
        assert days == ({30} if environment == "production" else {0})


class TestEncryption:
    @pytest.mark.parametrize("environment", ["staging", "production"])
    def test_data_is_under_our_key(self, graph_of: Callable[[str], Graph], environment: str) -> None:
        graph = graph_of(environment)
        under = {
            (each.name, field)
            for each in graph.custom
            for field, urns in each.property_dependencies.items()
            if [graph.by_urn[urn].name for urn in urns] == ["data-key-key"]
        }
        archives = {("archives-vault", "kmsKeyArn")} if environment == "production" else set()
        assert under == archives | {
            ("cognito-secret", "kmsKeyId"),
            ("data-key-alias", "targetKeyId"),
            ("database-instance", "kmsKeyId"),
            ("database-instance", "masterUserSecretKmsKeyId"),
            ("database-instance", "performanceInsightsKmsKeyId"),
            ("database-secret", "kmsKeyId"),
            ("search-domain", "encryptAtRest"),
            ("system-secret", "kmsKeyId"),
        }

    @pytest.mark.parametrize("environment", ["staging", "production"])
    def test_logs_are_under_the_other(self, graph_of: Callable[[str], Graph], environment: str) -> None:
        graph = graph_of(environment)
        groups = {each.name: graph.source(each, "kmsKeyId") for each in graph.of("LogGroup")}
        assert {name for name, keys in groups.items() if keys != ["log-key-key"]} == LOGS_WITHOUT_OUR_KEY
        assert not [name for name in LOGS_WITHOUT_OUR_KEY if groups[name]]

    @pytest.mark.parametrize("environment", ["staging", "production"])
    def test_the_logs_key_admits_every_group_that_uses_it(
        self, graph_of: Callable[[str], Graph], environment: str
    ) -> None:
        # CloudWatch refuses to make a group whose key does not let it.
        graph = graph_of(environment)
        (encrypt,) = [each for each in graph.statements("log-key-key") if each["Sid"] == "EncryptLogs"]
        (pattern,) = encrypt["Condition"]["ArnLike"]["kms:EncryptionContext:aws:logs:arn"]
        used = [each.inputs["name"] for each in graph.of("LogGroup") if each.inputs.get("kmsKeyId")]
        arns = [f"arn:aws:logs:us-east-1:123456789012:log-group:{name}" for name in used]
        assert used
        assert [arn for arn in arns if not fnmatch.fnmatchcase(arn, pattern)] == []

    def test_nothing_of_development_is_under_a_key_that_costs(self, graph_of: Callable[[str], Graph]) -> None:
        graph = graph_of("dev")
        assert not [each.name for each in graph.custom if any("kms" in field.lower() for field in each.inputs)]

    @pytest.mark.requirement("ROAD-27", "ROAD-33", "P2-02", "NOVA-49", "LX-59")
    def test_what_is_stored_is_encrypted(self, graph_of: Callable[[str], Graph], environment: str) -> None:
        graph = graph_of(environment)
        assert graph.named("database-instance").inputs["storageEncrypted"] is True
        assert {each.inputs["sqsManagedSseEnabled"] for each in graph.of("Queue")} == {True}
        encrypted = {
            graph.source(each, "bucket")[0]: each.inputs for each in graph.of("BucketServerSideEncryptionConfiguration")
        }
        assert encrypted.keys() == {each.name for each in graph.of("Bucket")}
        for each in encrypted.values():
            (rule,) = each["rules"]
            assert rule["applyServerSideEncryptionByDefault"] == {"sseAlgorithm": "AES256"}


class TestSecrets:
    @pytest.mark.requirement("A-10", "ROAD-43", "ROAD-45")
    def test_no_password_stands_in_the_graph(self, graph_of: Callable[[str], Graph], environment: str) -> None:
        graph = graph_of(environment)
        database = graph.named("database-instance").inputs
        assert database["manageMasterUserPassword"] is True
        about = {field for each in graph.custom for field in each.inputs if "password" in field.lower()}
        # That RDS makes the one, and what users' have to be like.
        assert about == {"manageMasterUserPassword", "passwordPolicy"}

    def test_secrets_hold_what_aws_made_and_nothing_of_ours(
        self, graph_of: Callable[[str], Graph], environment: str
    ) -> None:
        graph = graph_of(environment)
        values = {each.name: set(json.loads(each.inputs["secretString"])) for each in graph.of("SecretVersion")}
        assert values == {
            "cognito-secret-value": {"user_pool_id", "client_id"},
            "system-secret-value": {"client_id", "client_secret", "scope", "token_url"},
        }
        # Cognito draws the machine's secret itself; the program only passes it on.
        system = graph.named("system-secret-value")
        assert graph.source(system, "secretString") == ["system-client", "system-domain", "system-resource-server"]
        passed_on = json.loads(system.inputs["secretString"])["client_secret"]
        assert passed_on == graph.output("system-client", "clientSecret")
        assert graph.named("system-client").inputs["generateSecret"] is True

    def test_the_databases_secret_is_left_to_the_migration(
        self, graph_of: Callable[[str], Graph], environment: str
    ) -> None:
        graph = graph_of(environment)
        filled = {name for each in graph.of("SecretVersion") for name in graph.source(each, "secretId")}
        assert {each.name for each in graph.of("Secret")} - filled == {"database-secret"}

    @pytest.mark.requirement("C-41", "A-10")
    def test_code_is_told_where_secrets_are_and_never_what(
        self, graph_of: Callable[[str], Graph], environment: str
    ) -> None:
        graph = graph_of(environment)
        for program in graph.programs:
            variables = graph.variables(program)
            assert not [name for name in variables if "PASSWORD" in name or "ACCESS_KEY" in name]
            assert all(value.startswith("arn:") for name, value in variables.items() if "SECRET" in name)
        assert (graph.container or {"secrets": []})["secrets"] == []
