"""The table of environments, compared with the graph: the database, its secrets and its backups."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.stacks.conftest import Graph
from tests.stacks.environment_table import Row, cells, count, everywhere, named, value, where_made

PRIVATE = ["network-private-1a", "network-private-1b"]


def callers(graph: Graph) -> Any:
    """Who is let into the database's group, and by what the rule names them."""
    rules = [each for each in graph.of("SecurityGroupIngressRule") if each.name.startswith("database-from-")]
    named_by: dict[int, set[Any]] = {each.inputs["fromPort"]: set() for each in rules}
    for each in rules:
        named_by[each.inputs["fromPort"]] |= set(graph.source(each, "referencedSecurityGroupId"))
        named_by[each.inputs["fromPort"]] |= {each.inputs.get("cidrIpv4")} - {None}
    return named_by


def group_name(graph: Graph) -> Any:
    name, _, suffix = graph.named("database-security-group").inputs["name"].rpartition("-")
    return name, len(suffix)


def of_instance(what: Any, field: Any, found: Any, *, documents: Any = None, because: Any = "") -> Any:
    return Row(what=what, read=value("database-instance", field), cells=found, documents=documents, because=because)


GROUPS = {f"{thing}-security-group" for thing in ("api", "maintenance", "migrate", "thumbnail-generator")}
ROWS = [
    pytest.param(
        Row(what="databases", read=count("Instance"), cells=everywhere(1)),
        marks=pytest.mark.requirement("ROAD-46", "C-22"),
    ),
    pytest.param(
        of_instance("identifier", "identifier", named("episode-metadata-db-{}")),
        marks=pytest.mark.requirement("ROAD-17", "ROAD-33"),
    ),
    pytest.param(
        of_instance("class", "instanceClass", cells("db.t3.small", "db.t3.small", "db.t3.medium")),
        marks=pytest.mark.requirement("ROAD-02", "ROAD-33", "ROAD-34", "ROAD-35", "C-22"),
    ),
    pytest.param(of_instance("engine", "engine", everywhere("postgres")), marks=pytest.mark.requirement("ROAD-33")),
    pytest.param(
        of_instance(
            "engine's version",
            "engineVersion",
            everywhere("18"),
            documents=everywhere("15.4"),
            because="RDS makes no 15.4 any more (A-01); 18 is the newest, and what runs on one machine too (C-29).",
        ),
        marks=pytest.mark.requirement("ROAD-33", "ROAD-35", "C-29", "A-01"),
    ),
    pytest.param(
        of_instance("master's name", "username", everywhere("postgres")), marks=pytest.mark.requirement("ROAD-33")
    ),
    pytest.param(
        Row(
            what="master's password in the program",
            read=lambda graph: (
                graph.named("database-instance").inputs.get("password", "made by RDS")
                if graph.named("database-instance").inputs["manageMasterUserPassword"]
                else None
            ),
            cells=everywhere("made by RDS"),
            documents=cells(
                "CHANGE_ME_DEV_PASSWORD_Min12Chars!",
                "CHANGE_ME_DEV_PASSWORD_Min12Chars!",
                "CHANGE_ME_PROD_PASSWORD_Strong!123",
            ),
            because="No password stands in a program or its state (A-10): RDS draws one, keeps it and changes it.",
        ),
        marks=pytest.mark.requirement("ROAD-45", "A-10"),
    ),
    pytest.param(
        of_instance(
            "database's name",
            "dbName",
            everywhere("episode_metadata"),
            documents=everywhere("postgres"),
            because="The database `postgres` is the administrators'; the application has one of its own.",
        ),
        marks=pytest.mark.requirement("ROAD-43"),
    ),
    # Staging may have 20 to 50 GB.
    pytest.param(
        of_instance("storage in GB", "allocatedStorage", cells(20, 20, 100)),
        marks=pytest.mark.requirement("ROAD-33", "ROAD-34", "ROAD-35"),
    ),
    pytest.param(
        of_instance("storage grows up to GB", "maxAllocatedStorage", cells(None, 50, 500)),
        marks=pytest.mark.requirement("ROAD-34", "ROAD-35"),
    ),
    pytest.param(
        of_instance("storage's type", "storageType", everywhere("gp3")),
        marks=pytest.mark.requirement("ROAD-33", "ROAD-35"),
    ),
    pytest.param(
        of_instance(
            "IOPS",
            "iops",
            everywhere(None),
            documents={"production": 3000},
            because="RDS refuses the value below 400 GB, where every gp3 volume has 3,000 (A-02).",
        ),
        marks=pytest.mark.requirement("ROAD-35", "A-02"),
    ),
    pytest.param(
        of_instance(
            "days of backups",
            "backupRetentionPeriod",
            cells(1, 1, 7),
            documents={"dev": 0},
            because="The table means a database on one's own machine; that of an AWS account has a day (C-23, ROAD-33).",
        ),
        marks=pytest.mark.requirement("ROAD-08", "ROAD-33", "ROAD-34", "ROAD-35", "C-23"),
    ),
    pytest.param(
        of_instance("backup window", "backupWindow", everywhere("03:00-04:00")),
        marks=pytest.mark.requirement("ROAD-33", "ROAD-35"),
    ),
    pytest.param(
        of_instance("maintenance window", "maintenanceWindow", everywhere("sun:04:00-sun:05:00")),
        marks=pytest.mark.requirement("ROAD-33", "ROAD-35"),
    ),
    pytest.param(
        of_instance("encrypted", "storageEncrypted", everywhere(True)),
        marks=pytest.mark.requirement("ROAD-33", "ROAD-35", "ROAD-50"),
    ),
    pytest.param(
        of_instance("in two zones", "multiAz", cells(False, False, True)),
        marks=pytest.mark.requirement("ROAD-02", "ROAD-33", "ROAD-34", "ROAD-35", "ROAD-139"),
    ),
    pytest.param(
        of_instance("refuses deletion", "deletionProtection", cells(False, False, True)),
        marks=pytest.mark.requirement("ROAD-35"),
    ),
    pytest.param(
        of_instance(
            "logs in CloudWatch",
            "enabledCloudwatchLogsExports",
            cells([], ["postgresql"], ["postgresql"]),
            documents={"staging": []},
            because="What is read in production when something is wrong, is read in staging first (ROAD-16).",
        ),
        marks=pytest.mark.requirement("ROAD-35", "ROAD-16"),
    ),
    pytest.param(
        of_instance(
            "minor versions by themselves",
            "autoMinorVersionUpgrade",
            everywhere(True),
            documents={"dev": None, "staging": None},
            because="The documents ask for production alone; a version that production gets has run in the others.",
        ),
        marks=pytest.mark.requirement("ROAD-35", "A-01"),
    ),
    pytest.param(
        of_instance("tags beside the environment's", "tags", cells(None, None, {"Backup": "critical"})),
        marks=pytest.mark.requirement("ROAD-24", "ROAD-35"),
    ),
    pytest.param(
        Row(
            what="subnet group",
            read=lambda graph: (
                graph.named("database-subnets").inputs["name"],
                graph.source(graph.named("database-subnets"), "subnetIds"),
            ),
            cells=cells(*((name, PRIVATE) for name in named("episode-metadata-db-subnet-group-{}").values())),
        ),
        marks=pytest.mark.requirement("ROAD-31"),
    ),
    pytest.param(
        Row(
            what="security group's name, and how long its suffix is",
            read=group_name,
            cells=cells(*((name, 6) for name in named("episode-metadata-db-sg-{}").values())),
            documents=cells(*((name, 0) for name in named("episode-metadata-db-sg-{}").values())),
            because="AWS can only replace a group, and a successor has to have another name beside the one that still stands.",
        ),
        marks=pytest.mark.requirement("ROAD-32"),
    ),
    pytest.param(
        Row(
            what="who may enter, by port",
            read=callers,
            cells=everywhere({5432: GROUPS}),
            documents=cells(*({5432: {f"10.{network}.10.0/24", f"10.{network}.20.0/24"}} for network in (0, 1, 2))),
            because="The groups of what has business there, not whatever stands in a private subnet: the search domain does too.",
        ),
        marks=pytest.mark.requirement("ROAD-32"),
    ),
    pytest.param(
        Row(
            what="secret of the application's role",
            read=value("database-secret", "name"),
            cells=named("episode-metadata/database-{}"),
        ),
        marks=pytest.mark.requirement("ROAD-43", "ROAD-50"),
    ),
    pytest.param(
        Row(
            what="endpoint to be looked up",
            read=lambda graph: (
                graph.named("outputs-database-endpoint").inputs["name"],
                graph.source(graph.named("outputs-database-endpoint"), "value"),
            ),
            cells=cells(
                *((name, ["database-instance"]) for name in named("/episode-metadata/{}/database_endpoint").values())
            ),
        ),
        marks=pytest.mark.requirement("ROAD-36"),
    ),
    pytest.param(
        Row(
            what="monthly archives: when, and for how many days",
            read=lambda graph: [
                (
                    rule["schedule"],
                    rule["lifecycle"]["deleteAfter"],
                    *graph.source(graph.named("archives-selection"), "resources"),
                )
                for plan in graph.of("Plan")
                for rule in plan.inputs["rules"]
            ],
            cells=cells([], [], [("cron(0 7 1 * ? *)", 365, "database-instance")]),
        ),
        marks=pytest.mark.requirement("ROAD-08", "ROAD-139"),
    ),
    pytest.param(
        Row(
            what="vault of the archives",
            read=where_made("archives-vault", "name"),
            cells=cells(None, None, "episode-metadata-backups-production"),
        ),
        marks=pytest.mark.requirement("ROAD-08", "ROAD-17"),
    ),
]


class TestDatabase:
    @pytest.mark.parametrize("row", ROWS, ids=str)
    def test_every_cell(self, row: Any, graph_of: Callable[[str], Graph], environment: str) -> None:
        assert row.read(graph_of(environment)) == row.cells[environment]
