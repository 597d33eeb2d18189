"""What the documents fix for each environment, compared with what the program registers."""

import json
import re

import pytest


class TestNames:
    @pytest.mark.requirement("P2-01", "ROAD-04", "ROAD-28", "C-15", "ROAD-46")
    def test_three_buckets(self, graph_of, environment):
        names = [each.inputs["bucket"] for each in graph_of(environment).of("Bucket")]
        assert names == [f"episode-metadata-{thing}-{environment}" for thing in ("storage", "temp", "thumbnails")]

    @pytest.mark.requirement("A-15")
    def test_suffix_makes_other_bucket_names(self, evaluated, settings_of):
        graph = evaluated(settings_of("dev", buckets__name_suffix="acme"))
        assert [each.inputs["bucket"] for each in graph.of("Bucket")] == [
            f"episode-metadata-{thing}-dev-acme" for thing in ("storage", "temp", "thumbnails")
        ]

    @pytest.mark.requirement("ROAD-41", "ROAD-42", "ROAD-120", "ROAD-05", "ROAD-43", "ROAD-44", "ROAD-17")
    def test_documented_names(self, graph_of, environment):
        graph = graph_of(environment)
        names = {each.inputs["name"] for each in graph.custom if "name" in each.inputs}
        assert names >= {
            f"episode-metadata-thumbnail-queue-{environment}",
            f"episode-metadata-thumbnail-dlq-{environment}",
            f"episode-metadata-thumbnail-generator-{environment}",
            f"episode-metadata-migrate-{environment}",
            f"episode-metadata-users-{environment}",
            f"episode-metadata-api-client-{environment}",
            f"episode-metadata-db-subnet-group-{environment}",
            f"episode-metadata/database-{environment}",
            f"episode-metadata/cognito-{environment}",
        }
        assert graph.named("network-vpc").inputs["tags"] == {"Name": f"episode-metadata-vpc-{environment}"}

    def test_security_groups_say_what_aws_accepts(self, graph_of, environment):
        allowed = re.compile(r"[a-zA-Z0-9 ._\-:/()#,@\[\]+=&;{}!$*]{1,255}")
        graph = graph_of(environment)
        described = [
            each.inputs["description"]
            for kind in ("SecurityGroup", "SecurityGroupIngressRule", "SecurityGroupEgressRule")
            for each in graph.of(kind)
        ]
        assert [text for text in described if not allowed.fullmatch(text)] == []


# What the documents fix for each environment, cell by cell.
CELLS = {
    "dev": {
        "cidr": "10.0.0.0/16", "nat": 1, "class": "db.t3.small", "gb": 20, "limit": None, "backup": 1,
        "multi_az": False, "mfa": "OPTIONAL", "protected": False, "exports": [],
    },
    "staging": {
        "cidr": "10.1.0.0/16", "nat": 1, "class": "db.t3.small", "gb": 20, "limit": 50, "backup": 1,
        "multi_az": False, "mfa": "OPTIONAL", "protected": False, "exports": ["postgresql"],
    },
    "production": {
        "cidr": "10.2.0.0/16", "nat": 2, "class": "db.t3.medium", "gb": 100, "limit": 500, "backup": 7,
        "multi_az": True, "mfa": "ON", "protected": True, "exports": ["postgresql"],
    },
}  # fmt: skip


class TestEnvironmentTable:
    @pytest.mark.requirement("ROAD-02", "ROAD-08", "ROAD-19", "ROAD-22", "ROAD-33", "ROAD-34", "ROAD-35", "ROAD-37")
    def test_every_cell(self, graph_of, environment):
        graph = graph_of(environment)
        database, pool = graph.named("database-instance").inputs, graph.named("users-pool").inputs
        assert CELLS[environment] == {
            "cidr": graph.named("network-vpc").inputs["cidrBlock"],
            "nat": len(graph.of("NatGateway")),
            "class": database["instanceClass"],
            "gb": database["allocatedStorage"],
            "limit": database.get("maxAllocatedStorage"),
            "backup": database["backupRetentionPeriod"],
            "multi_az": database["multiAz"],
            "mfa": pool["mfaConfiguration"],
            "protected": database["deletionProtection"],
            "exports": database["enabledCloudwatchLogsExports"],
        }
        assert (database["engineVersion"], database["storageType"]) == ("18", "gp3")
        assert (database["backupWindow"], database["maintenanceWindow"]) == ("03:00-04:00", "sun:04:00-sun:05:00")

    @pytest.mark.requirement("ROAD-41", "ROAD-42", "ROAD-120", "ROAD-121", "A-04")
    def test_queue_and_worker(self, graph_of, environment):
        graph = graph_of(environment)
        queue, worker = graph.named("thumbnail-queue-queue").inputs, graph.named("thumbnail-generator-function").inputs
        assert (queue["visibilityTimeoutSeconds"], queue["messageRetentionSeconds"]) == (300, 1_209_600)
        assert json.loads(queue["redrivePolicy"])["maxReceiveCount"] == 3
        assert (worker["memorySize"], worker["timeout"]) == (1024, 50)
        assert graph.named("thumbnail-consumer-mapping").inputs["batchSize"] == 10

    @pytest.mark.requirement("ROAD-29", "P2-53", "ROAD-06")
    def test_pages_may_use_storage_and_temp(self, graph_of, environment):
        origins = {
            "dev": ["http://localhost:3000", "http://localhost:3001", "http://localhost:5173"],
            "staging": ["https://api-staging.example.com"],
            "production": ["https://api.example.com"],
        }
        rules = {each.name: each.inputs["corsRules"] for each in graph_of(environment).of("BucketCorsConfiguration")}
        assert rules.keys() == {"storage-cors", "temp-cors"}
        for (rule,) in rules.values():
            assert rule["allowedOrigins"] == origins[environment]
            assert (rule["allowedMethods"], rule["maxAgeSeconds"]) == (["GET", "PUT", "POST", "DELETE"], 3000)

    @pytest.mark.requirement("ROAD-30", "C-16", "C-17")
    def test_lifecycle(self, graph_of, environment):
        graph = graph_of(environment)

        def rules(bucket):
            return {rule["id"]: rule for rule in graph.named(f"{bucket}-lifecycle").inputs["rules"]}

        assert rules("temp")["expire"]["expiration"] == {"days": 1}
        assert rules("temp")["tidy"]["noncurrentVersionExpiration"] == {"noncurrentDays": 1}
        assert rules("thumbnails")["tidy"]["noncurrentVersionExpiration"] == {"noncurrentDays": 30}
        moved = {
            name: rule["transitions"][0]["days"] for name, rule in rules("storage").items() if "transitions" in rule
        }
        assert moved == ({"archive-raw": 90, "archive-tagged": 180} if environment == "production" else {})

    def test_state_is_protected_where_it_is_promised(self, graph_of, environment):
        stateful = {
            "database-instance", "storage-bucket", "temp-bucket", "thumbnails-bucket", "users-pool",
            "database-secret", "cognito-secret",
        }  # fmt: skip
        protected = {each.name for each in graph_of(environment).custom if each.protect}
        assert protected == (stateful if environment == "production" else set())
