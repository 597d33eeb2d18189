from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.arguments import ArgumentError
from components.naming import Naming
from components.postgres_database import PostgresDatabase, PostgresDatabaseArgs

NAMING = Naming("episode-metadata", "dev")


def args(**changes: Any) -> Any:
    return PostgresDatabaseArgs(
        **dict[str, Any](
            {
                "naming": NAMING,
                "vpc_id": "vpc-1",
                "subnet_ids": ["subnet-1", "subnet-2"],
                "database_name": "episode_metadata",
                "instance_class": "db.t3.small",
                "storage_gb": 20,
            }
        )
        | changes
    )


PLAIN = {"SecurityGroup": 1, "SubnetGroup": 1, "ParameterGroup": 1, "Instance": 1}


class TestRegister:
    @pytest.mark.requirement("ROAD-31", "ROAD-33", "A-01", "A-10", "C-29")
    def test_instance_is_private_encrypted_and_keeps_its_own_password(self, register: Any) -> None:
        graph = register(lambda: PostgresDatabase("db", args()))
        assert graph.counts == PLAIN
        registered = graph.one("Instance")
        assert registered.property_dependencies["vpcSecurityGroupIds"] == (graph.one("SecurityGroup").urn,)
        instance: dict[str, Any] = {
            name: value for name, value in registered.inputs.items() if name != "vpcSecurityGroupIds"
        }
        assert instance == {
            "identifier": "episode-metadata-db-dev",
            "engine": "postgres",
            "engineVersion": "18",
            "autoMinorVersionUpgrade": True,
            "instanceClass": "db.t3.small",
            "dbName": "episode_metadata",
            "port": 5432,
            "username": "postgres",
            "manageMasterUserPassword": True,
            "iamDatabaseAuthenticationEnabled": False,
            "caCertIdentifier": "rds-ca-rsa2048-g1",
            "storageType": "gp3",
            "allocatedStorage": 20,
            "storageEncrypted": True,
            "multiAz": False,
            "publiclyAccessible": False,
            "dbSubnetGroupName": "episode-metadata-db-subnet-group-dev",
            "parameterGroupName": graph.one("ParameterGroup").inputs["name"],
            "backupRetentionPeriod": 1,
            "backupWindow": "03:00-04:00",
            "maintenanceWindow": "sun:04:00-sun:05:00",
            "copyTagsToSnapshot": True,
            "enabledCloudwatchLogsExports": [],
            "databaseInsightsMode": "standard",
            "performanceInsightsEnabled": True,
            "performanceInsightsRetentionPeriod": 7,
            "monitoringInterval": 0,
            "deletionProtection": False,
            "deleteAutomatedBackups": True,
            "skipFinalSnapshot": True,
        }
        assert graph.one("SubnetGroup").inputs["subnetIds"] == ["subnet-1", "subnet-2"]

    @pytest.mark.requirement("ROAD-35", "A-02")
    def test_production_survives_a_zone_and_a_deletion(self, register: Any) -> None:
        graph = register(
            lambda: PostgresDatabase(
                "db",
                args(
                    instance_class="db.t3.medium",
                    storage_gb=100,
                    storage_limit_gb=500,
                    multi_az=True,
                    backup_retention_days=7,
                    log_exports=("postgresql",),
                    log_retention_days=365,
                    protected=True,
                    tags={"Backup": "critical"},
                ),
            )
        )
        assert graph.counts == PLAIN | {"LogGroup": 1}
        registered = graph.one("Instance")
        wanted: dict[str, Any] = {
            "instanceClass": "db.t3.medium",
            "allocatedStorage": 100,
            "maxAllocatedStorage": 500,
            "multiAz": True,
            "backupRetentionPeriod": 7,
            "deletionProtection": True,
            "deleteAutomatedBackups": False,
            "skipFinalSnapshot": False,
            "finalSnapshotIdentifier": "episode-metadata-db-dev-final",
            "enabledCloudwatchLogsExports": ["postgresql"],
            "tags": {"Backup": "critical"},
        }
        assert {name: registered.inputs[name] for name in wanted} == wanted
        assert "iops" not in registered.inputs
        assert registered.protect
        log = graph.one("LogGroup").inputs
        assert log == {"name": "/aws/rds/instance/episode-metadata-db-dev/postgresql", "retentionInDays": 365}
        assert graph.depends("db-instance", "db-log-postgresql")

    def test_only_tls_and_slow_statements_and_connections_are_logged(self, register: Any) -> None:
        group = register(lambda: PostgresDatabase("db", args(max_connections=300))).one("ParameterGroup").inputs
        assert group["family"] == "postgres18"
        assert {each["name"]: (each["value"], each["applyMethod"]) for each in group["parameters"]} == {
            "rds.force_ssl": ("1", "immediate"),
            "log_min_duration_statement": ("1000", "immediate"),
            "log_statement": ("ddl", "immediate"),
            "log_parameter_max_length": ("0", "immediate"),
            "log_parameter_max_length_on_error": ("0", "immediate"),
            "log_connections": ("1", "immediate"),
            "log_disconnections": ("1", "immediate"),
            "idle_in_transaction_session_timeout": ("60000", "immediate"),
            "max_connections": ("300", "pending-reboot"),
        }

    def test_key_encrypts_storage_measurements_and_the_master_s_secret(self, register: Any) -> None:
        key = "arn:aws:kms:us-east-1:123456789012:key/1"
        chosen = args(key_arn=key, log_key_arn="log-key", log_exports=("postgresql",))
        graph = register(lambda: PostgresDatabase("db", chosen))
        instance = graph.one("Instance").inputs
        keys = ("kmsKeyId", "masterUserSecretKmsKeyId", "performanceInsightsKmsKeyId")
        assert [instance[name] for name in keys] == [key] * 3
        assert graph.one("LogGroup").inputs["kmsKeyId"] == "log-key"

    def test_all_is_measured_for_fifteen_months(self, register: Any) -> None:
        instance = register(lambda: PostgresDatabase("db", args(insights="advanced"))).one("Instance").inputs
        assert (instance["databaseInsightsMode"], instance["performanceInsightsRetentionPeriod"]) == ("advanced", 465)

    def test_nothing_is_measured(self, register: Any) -> None:
        chosen = args(insights="off", key_arn="key")
        instance = register(lambda: PostgresDatabase("db", chosen)).one("Instance").inputs
        assert instance["performanceInsightsEnabled"] is False
        assert not {name for name in instance if name.startswith(("databaseInsights", "performanceInsights"))} - {
            "performanceInsightsEnabled"
        }

    @pytest.mark.requirement("P2-09")
    def test_operating_system_is_measured_by_a_role_for_this_instance_alone(self, register: Any) -> None:
        graph = register(lambda: PostgresDatabase("db", args(monitoring_interval_seconds=60)))
        assert graph.counts == PLAIN | {"Role": 1, "RolePolicy": 1}
        instance = graph.one("Instance")
        assert instance.inputs["monitoringInterval"] == 60
        assert graph.named("db-monitoring-role").urn in instance.property_dependencies["monitoringRoleArn"]
        assert graph.depends("db-instance", "db-monitoring-policy")
        trust = graph.statements("db-monitoring-role", "assumeRolePolicy")["ServiceAssumesRole"]
        assert trust["Principal"] == {"Service": "monitoring.rds.amazonaws.com"}
        assert trust["Condition"] == {
            "StringEquals": {
                "aws:SourceAccount": "123456789012",
                "aws:SourceArn": "arn:aws:rds:us-east-1:123456789012:db:episode-metadata-db-dev",
            }
        }
        rights = graph.statements("db-monitoring-policy")
        group = "arn:aws:logs:us-east-1:123456789012:log-group:RDS*"
        assert {sid: statement["Resource"] for sid, statement in rights.items()} == {
            "KeepGroup": [group],
            "WriteMeasurements": [f"{group}:log-stream:*"],
        }

    def test_endpoint_and_master_secret_are_known(self, register: Any) -> None:
        seen: dict[Any, Any] = {}

        def make() -> None:
            database = PostgresDatabase("db", args())
            database.endpoint.apply(lambda endpoint: seen.update(endpoint=endpoint))
            database.master_secret_arn.apply(lambda arn: seen.update(secret=arn))

        register(make)
        assert seen["endpoint"].endswith(":5432")
        assert seen["secret"].startswith("arn:aws:")


class TestArgs:
    @given(start=st.integers(0, 23), length=st.integers(1, 6), offset=st.integers(0, 5))
    def test_overlapping_windows_are_refused(self, start: Any, length: Any, offset: Any) -> None:
        inside = (start + min(offset, length - 1)) % 24
        with pytest.raises(ArgumentError, match="maintenance_window"):
            args(
                backup_window=f"{start:02}:00-{(start + length) % 24:02}:00",
                maintenance_window=f"tue:{inside:02}:15-tue:{inside:02}:45",
            )
